"""Completion: low-rank factors of a matrix with missing entries, from a stream of its rows."""

from __future__ import annotations

import contextlib
import math
import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._checks import as_number, checked_flag, checked_size
from ..backend.array import Device, compute_dtype, is_complex
from ..errors import ArgumentError, DtypeError, PassError, RankError, ShapeError
from ..numerics.seeds import checked_seed
from ..results import Completed
from ._accumulator import Accumulator
from ._base import Sketch
from ._completion_merge import merged
from ._completion_spec import CompletionSpec
from ._multi_pass import MultiPass
from ._spec import checked_axes, named_dtype
from ._state import State, Stream, remembered

_LEAST_SAMPLE = 2**18  # entries of the rows that are kept whole


class CompletionAccumulator(Accumulator):
    """The state of a stream, whose rows are solved for with what those before have left.

    Of several passes the first draws a sample, and the others are sums like those of any sketch.
    """

    spec: CompletionSpec

    def placing(self, at: object) -> contextlib.AbstractContextManager[object]:
        """Keep other threads out of a stream, wherever a chunk goes."""
        return super().placing(None if self.spec.passes == 1 else at)

    def commit(self, delta: State, *, fading: float = 1.0, stream: Stream | None = None) -> None:
        """Put the state after further rows in the place of the one before."""
        if self.spec.passes > 1:
            super().commit(delta, fading=fading, stream=stream)
            return
        with self._committing:
            before = self.state
            after = delta if delta.facts else before.having(seen=delta.seen, dtype=delta.dtype)
            after = after if fading == 1.0 else self.times(after, fading)
            self.state = after.having(
                n_updates=before.n_updates + 1,
                columns=before.joint_columns(delta),
                shares=before.shares or frozenset([secrets.token_hex(8)]),
                stream=stream or before.stream,
            )

    def add(self, theirs: State) -> None:
        """Add a stream of other rows, its factors turned to ours.

        Raises
        ------
        IncompatibleSketchError
            If they cannot be turned.
        PassError
            If a pass was ended.
        """
        with self._committing:
            ours = self.state
            if self.spec.passes > 1 and ours.passes.done:
                super().add(theirs)
                return
            if ours.passes.done or theirs.passes.done:
                raise PassError("a first pass that was ended can no longer be merged")
            if self.spec.passes == 1:
                total = merged(self.spec, ours, theirs)
            else:
                total = self.spec.total(ours, theirs)
            self.state = total.having(
                n_updates=ours.n_updates + theirs.n_updates,
                columns=ours.joint_columns(theirs),
                shares=remembered(ours.shares | theirs.shares),
                stream=ours.stream,
            )


class Completion(MultiPass, Sketch[Completed]):
    """Low-rank completion of a matrix with missing entries, whose rows come in chunks.

    Finds factors of the columns, and biases, that rows follow of which only some entries are known:
    those that are stored in sparse chunks, explicit zeros too, or that are neither NaN nor masked
    in dense ones. Each row is solved for as it comes; what is held does not grow with their number.
    A share of the known entries is held out: the error of the result is measured there, and ridge
    and rank are chosen by it.

    Parameters
    ----------
    shape : (int or None, int)
        Of all rows; the first is None where their number is not known.
    rank : int or sequence of int
        Of the factors; of several ones the best for the first rows.
    ridge : float, optional
        Weight lambda of ``sum n_i |u_i|^2 + sum m_j |v_j|^2`` beside the squared errors, for rows
        and columns with n_i and m_j known entries; it grows with the scale of the data. By default
        the best of a series, for the first rows. 0 is for data of that rank without noise: those of
        the first rows are found to rounding.
    passes : int
        1 follows a stream: columns are solved for again and again on the way. More are alternating
        least squares in as many readings, of which the first finds a start, and in each of which
        the columns stay what they are: parts can be merged, and chunks of a Dask array worked on in
        parallel, to the same result. Call `end_pass` after each.
    biases : bool
        Whether a level, biases of rows and of columns are taken off what the factors explain.
    holdout : float
        Share of the known entries that is held out, drawn by hashing (seed, row, column): the same
        entries on every machine, in every pass and in any chunks.
    sample : int, optional
        Entries of the rows that are kept whole, at most: by default the largest of ``2^18``,
        ``4 n`` and ``n rank^2 / 6``. The first rows give a start, a sample of all measures the
        error.
    seed : int or None
        Fixes the start and what is held out; None draws a fresh one, which the spec records.
    dtype : optional
        Of the data; by default the sketch follows them. Sums are in double precision.

    Raises
    ------
    RankError, ShapeError, ArgumentError
        If the sizes or shares make no sense.

    Notes
    -----
    For each known entry ``(rank + 1)^2`` multiplications and additions, and ``rank^3 / 3`` for each
    row; ``4 n (rank + 1) (rank + 4)`` bytes beside the sample, whatever the number of rows. All of
    it on the host.

    References
    ----------
    .. [1] Y. Zhou, D. Wilkinson, R. Schreiber, R. Pan, "Large-scale parallel collaborative
       filtering for the Netflix prize", AAIM 2008, LNCS 5034, 337-348.
    .. [2] Y. Chi, Y. Eldar, R. Calderbank, "PETRELS: parallel subspace estimation and tracking by
       recursive least squares from partial observations", IEEE Trans. Signal Process. 61 (2013),
       arXiv:1207.6353.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> rng = np.random.default_rng(0)
    >>> a = rng.standard_normal((300, 3)) @ rng.standard_normal((3, 40))
    >>> rows = np.where(rng.random(a.shape) < 0.5, a, np.nan)
    >>> sk = sketch.Completion((None, 40), rank=3)
    >>> for chunk in np.split(rows, 3):
    ...     sk.update(chunk)
    >>> found = sk.finalize()
    >>> found.rmse.value < 1e-3, bool(np.allclose(found.fill(rows[:5]), a[:5], atol=1e-3))
    (True, True)
    """

    spec_type = CompletionSpec

    spec: CompletionSpec

    def __init__(
        self,
        shape: object,
        rank: int | Sequence[int],
        *,
        ridge: float | None = None,
        passes: int = 1,
        biases: bool = True,
        holdout: float = 0.01,
        sample: int | None = None,
        seed: int | None = 0,
        dtype: object = None,
    ) -> None:
        m, n = _checked_shape(shape)
        ranks = _checked_ranks(rank, n)
        spec = CompletionSpec(
            shape=(m, n),
            ranks=ranks,
            ridge=None if ridge is None else _checked_share(ridge, "ridge", math.inf),
            passes=checked_size(passes, "passes", least=1),
            biases=checked_flag(biases, "biases"),
            holdout=_checked_share(holdout, "holdout", 0.5),
            sample=default_sample(n, rank)
            if sample is None
            else checked_size(sample, "sample", least=1),
            seed=checked_seed(seed),
            dtype=None if dtype is None else _checked_dtype(dtype),
        )
        self._set_up(spec)

    def _set_up(self, spec: Any, device: Device = None) -> None:
        self.spec = spec
        self.accumulator = CompletionAccumulator(spec, None)

    @property
    def nbytes(self) -> int:
        """Bytes held: by the sums, the columns and the rows kept whole."""
        kept = self.accumulator.state.passes.kept.values()
        return super().nbytes + sum(int(array.nbytes) for array in kept)


def default_sample(n: int, rank: int | Sequence[int]) -> int:
    """Return how many entries are kept whole: about half of what the equations take."""
    return max(_LEAST_SAMPLE, 4 * n, n * max(_checked_ranks(rank, n)) ** 2 // 6)


def _checked_shape(shape: object) -> tuple[int | None, int]:
    sizes = checked_axes(shape)
    if len(sizes) != 2 or not sizes[1]:
        raise ShapeError(
            f"completion needs a shape (m, n) or (None, n) with n columns, got {shape!r}"
        )
    return sizes[0], sizes[1]


def _checked_ranks(rank: object, n: int) -> tuple[int, ...]:
    rank = rank.tolist() if isinstance(rank, np.ndarray) else rank
    given = rank if isinstance(rank, Sequence) and not isinstance(rank, str) else [rank]
    ranks = tuple(sorted({min(n, checked_size(each, "rank", least=1)) for each in given}))
    if not ranks:
        raise RankError("give a rank, or several to choose from")
    return ranks


def _checked_dtype(dtype: object) -> str:
    name = compute_dtype(named_dtype(dtype))
    if is_complex(name):
        raise DtypeError("completion is for real entries; complete real and imaginary parts apart")
    return name


def _checked_share(value: object, name: str, most: float) -> float:
    share = as_number(value)
    if not 0 <= share < most:
        raise ArgumentError(f"{name} must be a number from 0 to below {most:g}, got {value!r}")
    return share
