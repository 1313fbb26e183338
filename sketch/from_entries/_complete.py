"""Completion in one call: a stream that finds columns, and a reading that solves for the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from .._checks import Ranks
from ..errors import PassError, RankError, ShapeError
from ..formats import TensorTrain, with_passes
from ..results import Completed
from ..sketches import Completion, default_sample, fed
from ..sources import as_known_source, with_axes_of
from ._complete_train import complete_train

_SAMPLE = 2**22  # entries that are kept whole and so are fitted together


@overload
def complete(
    a: object,
    /,
    rank: int | Sequence[int],
    *,
    ridge: float | None = None,
    passes: int | None = None,
    biases: bool = True,
    holdout: float = 0.01,
    seed: int | None = 0,
    memory: int | str | None = None,
    progress: bool = False,
) -> Completed: ...


@overload
def complete(
    points: object,
    values: object,
    /,
    *,
    shape: Sequence[int],
    rank: Ranks | None = None,
    tol: float | None = None,
    seed: int | None = 0,
    holdout: float | None = None,
) -> TensorTrain: ...


def complete(
    a: object, second: Any = None, /, *, shape: Sequence[int] | None = None, **options: Any
) -> Any:
    """Return the low-rank completion of a matrix with missing entries, or of scattered ones.

    ``complete(points, values, shape=shape)`` is `complete_train`: a tensor train from the entries
    of a tensor at multi-indices. What follows is of matrices.

    Parameters
    ----------
    a : array, masked array, sparse matrix, path, stored dataset, Dask array, or iterable of chunks
        Of shape (m, n). Known are the stored entries of a sparse matrix, explicit zeros too, and
        of other data the entries that are not NaN and not masked.
    rank : int or sequence of int
        Of the factors; of several ones the best at held-out entries.
    ridge, biases, holdout, seed
        See `Completion`.
    passes : int, optional
        Readings of the data before the one that solves for the rows, by default 1: see
        `Completion`. An iterator is read once; the result then has no factors of rows.
    memory : int or str, optional
        Bytes to stay within beside what the process holds already, as a number or ``"2GB"``.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Completed
        Which predicts any entry, fills gaps, and knows its error.

    Raises
    ------
    RankError, ArgumentError
        If the rank, the ridge or the share that is held out makes no sense.
    ShapeError, DtypeError, NonFiniteError, MemoryBudgetError
        If the data cannot be completed: infinity is no entry.
    PassError
        If an iterator shall be read several times.

    Notes
    -----
    Up to some four million known entries are fitted together by alternating least squares; of more,
    the first ones give a start and the others are followed in a stream.

    References
    ----------
    .. [1] Y. Zhou, D. Wilkinson, R. Schreiber, R. Pan, "Large-scale parallel collaborative
       filtering for the Netflix prize", AAIM 2008, LNCS 5034, 337-348,
       doi:10.1007/978-3-540-68880-8_32.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> a = np.outer(np.arange(1.0, 31), np.arange(1.0, 21))
    >>> a[::7, ::3] = np.nan
    >>> found = sketch.complete(a, rank=1)
    >>> round(float(found.predict([7], [3])[0]), 3)
    32.0
    """
    if shape is not None:
        return complete_train(a, second, shape, **options)
    if second is None and "rank" not in options:
        raise RankError("complete needs a rank, or several to choose from: complete(a, rank=20)")
    if getattr(getattr(second, "dtype", None), "kind", "") in ("f", "c"):
        raise ShapeError(
            "complete(points, values) of scattered entries needs the shape of their tensor: "
            "complete(points, values, shape=(20, 20, 20))"
        )
    return _complete_matrix(a, *([] if second is None else [second]), **options)


def _complete_matrix(
    a: object,
    rank: int | Sequence[int],
    *,
    ridge: float | None = None,
    passes: int | None = None,
    biases: bool = True,
    holdout: float = 0.01,
    seed: int | None = 0,
    memory: int | str | None = None,
    progress: bool = False,
) -> Completed:
    """Return the completion of a matrix, see `complete`."""
    source = as_known_source(a)
    passes = 1 if passes is None else passes
    if source.single_use and passes > 1:
        raise PassError(
            f"an iterator can be read once, and passes={passes} were asked for; give a list or "
            "another object that can be iterated again, or passes=1"
        )
    sk = Completion(
        (None, source.shape[1]),
        rank,
        ridge=ridge,
        passes=passes,
        biases=biases,
        holdout=holdout,
        seed=seed,
        dtype=None if source.widens else source.dtype,
        sample=max(_SAMPLE, default_sample(source.shape[1], rank)),
    )
    found = fed(sk, source, check_finite=True, memory=memory, progress=progress).finalize()
    if found.rows is None and not source.single_use:
        found = with_passes(found.of(source), found.n_passes + 1)
    return with_axes_of(a, found)
