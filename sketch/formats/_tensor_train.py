"""Tensor trains: frozen containers with their algebra."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

from .._checks import Ranks, checked_tol, each_bond, require_rank_or_tol, warn_missed
from ..backend.array import (
    Array,
    accumulator_dtype,
    dtype_name,
    is_complex,
    namespace,
    silent,
    unit_roundoff,
    widened,
)
from ..errors import ShapeError
from ..numerics.index_keys import Points
from ..numerics.linalg import finite_factor, multiple, plain_number
from ._axes import with_axes
from ._rounding import rounded
from ._seeded import carrying_seeds
from ._sum import Summable, TensorSum, is_number, refuse_product
from ._train_algebra import (
    constant,
    hadamard,
    representable,
    transposed,
)
from ._train_entries import entries, sliced
from ._train_forms import TrainForms
from ._train_modes import TrainModes
from ._train_storage import TrainStorage
from ._train_sweeps import distance, orthogonalized, train_norm


@carrying_seeds(
    *("orthogonalize", "round", "hadamard", "T", "conj"),
    *("__getitem__", "__add__", "__sub__", "__mul__", "__truediv__"),
)
class TensorTrain(TrainForms, TrainStorage, TrainModes):
    """A tensor train: a chain of small cores, one for each mode.

    ``T[i_1, ..., i_d] = G_1[:, i_1, :] G_2[:, i_2, :] ... G_d[:, i_d, :]``.

    Sums and differences of trains are trains, with ranks that add; with anything else they are
    lazy (`TensorSum`).

    Parameters
    ----------
    cores : sequence of array, shapes (r_{j-1}, n_j, r_j)
        With ``r_0 = r_d = 1``.

    Attributes
    ----------
    cores : list of array
    error : ErrorEstimate or None
        Of the Frobenius norm of (data - train), where the train came from data.

    Raises
    ------
    ShapeError
        If the cores do not fit together.

    Notes
    -----
    ``sum_k r_{k-1} n_k r_k`` numbers. For d modes of size n and ranks r, an entry costs at most
    ``O(d r^2)`` operations, an inner product or a norm ``O(d n r^3)``, and rounding from rank R to
    r ``O(d n R^2 (R + r))``. Sums put cores side by side when they are needed.

    References
    ----------
    .. [1] I. Oseledets, "Tensor-train decomposition", SIAM J. Sci. Comput. 33 (2011) 2295-2317,
       doi:10.1137/090752286.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> tt = sketch.TensorTrain([np.ones((1, 3, 2)), np.ones((2, 4, 1))])
    >>> tt.shape, tt.ranks, float(tt[0, 1])
    ((3, 4), (2,), 2.0)
    """

    # ---- entries ----------------------------------------------------------------------------

    def __getitem__(self, index: object) -> Any:
        """Return an entry for integers, a train of the slices otherwise."""
        found = sliced(self.cores, index)
        return TensorTrain(found) if isinstance(found, list) else found

    def _at_points(self, points: Points) -> Array:
        return entries(self.cores, points)

    # ---- algebra ----------------------------------------------------------------------------

    @overload
    def __add__(self, other: TensorTrain | complex) -> TensorTrain: ...  # type: ignore[overload-overlap]
    @overload
    def __add__(self, other: object) -> TensorSum: ...
    def __add__(self, other: object) -> Summable:
        if not isinstance(other, TensorTrain):
            return super().__add__(other)
        self._check_shape(other)
        return TensorTrain._sum(self._parts + other._parts)

    @overload
    def __sub__(self, other: TensorTrain | complex) -> TensorTrain: ...  # type: ignore[overload-overlap]
    @overload
    def __sub__(self, other: object) -> TensorSum: ...
    def __sub__(self, other: object) -> Summable:
        if isinstance(other, TensorTrain):
            return self + -1.0 * other
        return super().__sub__(other)

    @silent
    def __mul__(self, factor: object) -> TensorTrain:
        if not is_number(factor):
            refuse_product(factor)
            return NotImplemented
        number = finite_factor(factor)
        first, *others = self.cores
        cores, error = [multiple(first, number), *others], self.error
        if error is not None:
            error = error.scaled(number)
            if dtype_name(first.dtype) != accumulator_dtype(dtype_name(first.dtype)):
                exact = [multiple(widened(first), number), *others]
                error = error.rounded(distance(exact, cores))
        return TensorTrain(cores, error=error)

    def __rmul__(self, factor: object) -> TensorTrain:
        return self * factor

    def __truediv__(self, divisor: object) -> TensorTrain:
        return self * (1 / plain_number(divisor)) if is_number(divisor) else NotImplemented

    def _constant(self, number: complex) -> TensorTrain:
        return TensorTrain(constant(self.cores, number))

    def _chains(self) -> list[Sequence[Array]]:
        return [self.cores]

    @property
    def T(self) -> TensorTrain:
        """The transpose: the modes in the opposite order; its error is the same."""
        flipped = TensorTrain(transposed(self.cores), error=self.error)
        return with_axes(flipped, None if self._axes is None else self._axes.reversed)

    def conj(self) -> TensorTrain:
        """Return the complex conjugate; its error is the same.

        Examples
        --------
        >>> import sketch
        >>> x = 1j * sketch.TensorTrain.ones((3, 4))
        >>> x.conj().sum()
        -12j
        """
        if not is_complex(dtype_name(self.dtype)):
            return self
        xp = namespace(self.cores[0])
        flipped = TensorTrain([xp.conj(core) for core in self.cores], error=self.error)
        return with_axes(flipped, self._axes)

    @silent
    def hadamard(self, other: TensorTrain) -> TensorTrain:
        """Return the entrywise product; ranks multiply.

        Parameters
        ----------
        other : TensorTrain
            Of the same shape.

        Raises
        ------
        ShapeError
            If it has another one.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> x = sketch.TensorTrain.random((3, 4, 5), rank=2)
        >>> x.hadamard(x).ranks
        (4, 4)
        """
        self._check_shape(other)
        return TensorTrain(hadamard(self.cores, other.cores))

    @silent
    def norm(self) -> float:
        """Return the Frobenius norm by orthogonalisation, accurate however small.

        Raises
        ------
        NonFiniteError
            If the value is beyond the range of doubles; the message has its logarithm.
        """
        return _norm(*train_norm(self.cores))

    @silent
    def orthogonalize(self, mode: int) -> TensorTrain:
        """Return the train with orthogonal cores on both sides of a mode, which carries the norm.

        Parameters
        ----------
        mode : int
            Negative modes count from the end.

        Raises
        ------
        ShapeError
            If there is no such mode.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> x = sketch.TensorTrain.random((3, 4, 5), rank=2).orthogonalize(1)
        >>> bool(np.isclose(np.linalg.norm(x.cores[1]), x.norm()))
        True
        """
        done = TensorTrain(orthogonalized(self.cores, *self._modes(mode)))
        if self.error is None:
            return done
        return done.with_error(self.error.rounded(self._roundoff * self.norm()))

    @overload
    def round(self, rank: Ranks | None, tol: float | None = None) -> TensorTrain: ...
    @overload
    def round(self, *, tol: float | None) -> TensorTrain: ...
    @silent
    def round(self, rank: Ranks | None = None, tol: float | None = None) -> TensorTrain:
        """Return a train of smaller ranks, by truncated SVDs of thin matrices.

        Its error is widened by what was lost. Much smaller ranks are found faster by
        ``sketch.tensor_train(tt, rank, method="tt-hmt")``.

        Parameters
        ----------
        rank : int or sequence of d - 1 int, optional
            At most these ranks.
        tol : float, optional
            Relative error to stay within: each bond may lose ``tol / sqrt(d - 1)``, and what those
            before it left over.

        Raises
        ------
        RankError
            If neither is given, or ranks are not positive.
        ToleranceError
            If `tol` is negative or no number.
        NonFiniteError
            If the cores hold NaN or infinity.

        Warns
        -----
        ToleranceWarning
            If the ranks are too small for `tol`.
        """
        require_rank_or_tol(rank, tol)
        limits, tol = None, checked_tol(tol)
        if rank is not None:
            limits = each_bond(rank, self.ndim - 1, "rank")
        short = RoundedTrain.of(self, limits, tol)
        if tol is not None and short.lost > max(tol, self._roundoff):
            warn_missed(tol, short.lost, f"rank {limits}")
        return short.with_error()

    @property
    def _roundoff(self) -> float:
        """What a sweep of decompositions loses to rounding, relative to the norm."""
        widest = max(self.ranks, default=1)
        return 10 * math.sqrt(self.ndim * widest) * unit_roundoff(dtype_name(self.dtype))

    def _check_shape(self, other: object) -> None:
        shape = tuple(getattr(other, "shape", ()))
        if self.shape != shape:
            raise ShapeError(f"the shapes {self.shape} and {shape} differ")


@dataclass(frozen=True)
class RoundedTrain:
    """A train that was rounded, without an error as yet.

    Attributes
    ----------
    train, before : TensorTrain
    lost : float
        The distance relative to the norm, found by orthogonal factors.
    size : (float, int) or None
        The norm before as ``value * 2**exponent``, where rounding found it.
    """

    train: TensorTrain
    before: TensorTrain
    lost: float = 0.0
    size: tuple[float, int] | None = None

    @classmethod
    def of(cls, tt: TensorTrain, ranks: Sequence[int] | None, tol: float | None) -> RoundedTrain:
        """Round like `TensorTrain.round`, to checked ranks and without a word."""
        if tt.ndim == 1:
            return cls(tt, tt)
        cores, lost, size = rounded(tt.cores, ranks, tol)
        return cls(TensorTrain(cores), tt, lost, size)

    @cached_property
    def norm_before(self) -> float:
        """The norm of the train before."""
        return self.before.norm() if self.size is None else _norm(*self.size)

    @property
    @silent
    def norm(self) -> float:
        """The norm of the train after."""
        return self.norm_before * math.sqrt((1 - self.lost) * (1 + self.lost))

    def with_error(self) -> TensorTrain:
        """Return the train with its error, where that before is known."""
        return self.train.with_error(self.error_after(self.before.error))

    def error_after(self, error: Any) -> Any:
        """Return the error after rounding, from that before."""
        if error is None:
            return None
        roundoff = self.before._roundoff * self.norm_before
        return error.widened(self.lost * self.norm_before).rounded(roundoff)


def _norm(value: float, exponent: int) -> float:
    return float(representable(value, exponent, "the norm"))
