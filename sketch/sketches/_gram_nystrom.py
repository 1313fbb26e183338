"""Gram-Nyström: principal components of a row stream in memory that does not grow with it."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .._array import (
    Array,
    accumulator_dtype,
    beside,
    cast,
    dtype_name,
    namespace,
    quiet,
    unit_roundoff,
)
from .._checks import checked_size
from .._linalg import adjoint, frobenius_norm, plain_number, rescaled, scale_exponent
from ..errors import (
    DtypeError,
    NonFiniteError,
    ShapeError,
    SpectrumWarning,
    warn,
)
from ..finalize import Eigenpairs, ShiftedSums, gram_eigenpairs, gram_nystrom, no_shift
from ..maps import DrawnMatrix, FixedMatrix, TestMatrixFamily
from ..results import Bound, ErrorEstimate, PrincipalComponents, warn_unmet
from ..sources import CentredBlock, MatrixBlock, MatrixSource, RowsSource, as_matrix_source, centred
from ._base import Sketch
from ._finish import check_request
from ._method import Products, Sum
from ._part import Part
from ._running import Run, refuse_nonfinite
from ._spec import MatrixSpec, common_fields
from ._state import Passes, State
from ._sums import Sums

_FAR = 4.0  # spreads between a block and the shift at hand from which it gets one of its own
_FLOORS = 2.0  # of an eigenvalue, in the error of the squares of all of them together
_LIKELY = 0.125  # of the floor, which is a bound: rounding errors that are to be warned of
_UNKNOWN = 32.0  # roundoffs of products in states that do not say
_SPACING = 2e-323  # some of the least numbers there are, in which very small ones are rounded
_PARTS = ("gram", "total", "energy", "count")
_FACTS = ("exponent", "rounding", "total_rounding", "count_rounding")


@dataclass(frozen=True, kw_only=True)
class GramNystromSpec(MatrixSpec):
    """Spec of a `GramNystrom` sketch; see `MatrixSpec`.

    Attributes
    ----------
    center : bool
        Whether the mean of the rows is subtracted.
    exact : bool
        Whether the sketch is as wide as the rows: it then holds all their squares, and the test
        matrix is the identity.
    """

    method: ClassVar[str] = "gram-nystrom"

    center: bool
    exact: bool = False

    def maps(self) -> dict[str, DrawnMatrix]:
        """Return Omega, where it is not the identity."""
        return {} if self.exact else {"range": self.draw("range", self.range_size)}

    def as_source(self, chunk: Any) -> MatrixSource:
        """Return the adapter of a chunk of whole rows."""
        source = RowsSource(as_matrix_source(chunk))
        if source.shape[1] != self.shape[1]:
            raise ShapeError(
                f"principal components need whole rows of {self.shape[1]} entries, got a "
                f"chunk of shape {source.shape}"
            )
        return source

    def bytes_needed(self, shape: tuple[int, ...], maps: Mapping[str, Any]) -> int:
        """Return about how many bytes sums, bases and factors take."""
        return 8 * self.dof_each * 6 * self.range_size * shape[1]

    # ---- rows in ----------------------------------------------------------------------------

    def sums(self, passes: Passes) -> dict[str, Sum]:
        """Return the sums over rows, all of them about a shift."""
        return {
            "gram": Sum(1, (self.range_size,)),
            "total": Sum(1, (1,)),
            "energy": Sum(None, (1, 1)),
            "count": Sum(None, (1, 1)),
        }

    def products(self, run: Run, block: MatrixBlock, at: tuple[int, ...]) -> Products:
        """Return nothing: rows are summed about a shift of their own."""
        return {}

    def hint(self, state: State) -> tuple[Array, float] | None:
        """Return a shift to take, and the spread about it."""
        sums = shifted_sums(state)
        return (sums.shift, sums.spread) if sums is not None and sums.count > 0 else None

    def taken(
        self, run: Run, state: State, block: Any, at: tuple[int, ...], check_finite: bool
    ) -> State:
        """Return a state with the rows of one more block."""
        with quiet():  # overflow shows in the sums, which are checked
            sums = self._sums_of(run, block)
            if run.home is not None:
                sums = sums.moved_beside(run.home)
            if check_finite:
                refuse_nonfinite(block, {"gram": sums.gram}, at)
            rows = _holding(state.having(parts={}, n_updates=0), sums).having(
                seen=tuple(map(operator.add, at, block.shape)), dtype=block.dtype
            )
            return self.total(state, rows)

    def _sums_of(self, run: Run, block: MatrixBlock) -> ShiftedSums:
        """Return the sums of a block, about its own mean where the shift at hand is far from it.

        Far is what would cost two bits or more of the precision of its products.
        """
        matrix = run.maps.get("range")
        if run.hint is None or not self.center:
            return _sums_about(centred(block), matrix)
        shift, spread = run.hint
        sums = _sums_about(centred(block, shift), matrix)
        if sums.count and sums.offset > _FAR * max(sums.spread, spread):
            return _sums_about(centred(block), matrix)
        return sums

    def total(
        self, ours: State, theirs: State, *, disjoint: bool = False, spent: bool = False
    ) -> State:
        """Return the state of both rows, about their mean where it has drifted by the spread."""
        window = tuple(map(self.total, ours.window, theirs.window)) or ours.window
        dtype = self.joint_dtype(ours.dtype, theirs.dtype)
        held, sums = shifted_sums(ours), shifted_sums(theirs)
        both = ours.having(parts={}).plus(theirs.having(parts={}), dtype).having(window=window)
        if held is None or sums is None:
            only = sums if held is None else held
            return both if only is None else _holding(both, only)
        matrix = self.maps().get("range")
        ours.parts["gram"].check_library(sums.gram)
        total = held.plus(sums, matrix)
        if self.center and total.count > 0 and total.offset > total.spread:
            total = total.about_mean(matrix)
        return _holding(both, total)

    def times(self, state: State, factor: Any) -> State:
        """Return the state of rows whose weights are multiplied by a number."""
        weight = plain_number(factor)
        if isinstance(weight, complex):
            raise DtypeError(f"rows are weighted by real numbers, got {factor}")
        sums = shifted_sums(state)
        window = tuple(self.times(chunk, weight) for chunk in state.window)
        state = state.having(window=window)
        return state if sums is None else _holding(state, sums.scaled(weight))

    # ---- result -----------------------------------------------------------------------------

    def finish(self, sums: Sums, rank: Any, tol: float | None) -> PrincipalComponents:
        """Return the principal components."""
        keep = check_request(rank, tol, self)
        rows = shifted_sums(sums.state)
        if rows is None or not rows.count > 0:
            raise ShapeError("there are no rows; update the sketch with some first")
        whole = self._whole(rows, sums.maps.get("range"))
        if tol is not None:
            fits = (k for k in range(keep + 1) if whole.truncate(k).error.relative <= tol)
            keep = next(fits, min(keep, whole.rank))
        short = whole.truncate(min(keep, whole.rank))
        warn_unmet(short.error, tol, f"rank {short.rank}")
        _warn_of_rounding(short, sums.dtype)
        return short.astype(sums.dtype)

    def _whole(self, sums: ShiftedSums, matrix: DrawnMatrix | None) -> PrincipalComponents:
        """Return all components that sums hold."""
        if self.center:
            sums = sums.about_mean(matrix)
        else:
            sums = sums.moved_to(no_shift(sums.shift), matrix)
        pairs = _eigenpairs(sums, matrix)
        xp = namespace(pairs.values)
        explained = float(xp.sum(pairs.values))
        energy = max(0.0, sums.energy, explained)
        divisor = max(sums.count - 1, 1.0)

        def sized(square: float) -> float:
            return float(rescaled(math.sqrt(square), sums.exponent))

        def floor(square: float) -> float:
            return sized(square) + (_SPACING if square else 0.0)

        def variance(square: float) -> float:
            return sized(square / divisor) * sized(square / divisor)  # inf where ** would raise

        return PrincipalComponents(
            adjoint(pairs.vectors),
            rescaled(xp.sqrt(pairs.values), sums.exponent),
            sums.shift,
            variance(energy),
            sums.count,
            variance(energy - explained),
            ErrorEstimate(
                residual=sized(energy - explained),
                norm=sized(energy),
                kind="conservative",
                method="trace of what was missed",
                floor=floor(_FLOORS * pairs.floor),
                law=Bound(),
            ),
            floor(pairs.floor),
        )

    # ---- of files that were written by earlier versions -------------------------------------

    def renewed(self, state: State) -> State:
        """Return a state that says what rounding errors are in it."""
        sums = shifted_sums(state)
        if sums is None or state.facts:
            return state
        roundoff = _UNKNOWN * (state.roundoff or unit_roundoff("float64"))
        length = roundoff * math.sqrt(abs(sums.energy * sums.count))
        facts = {
            "exponent": 0,
            "rounding": roundoff * abs(sums.energy),
            "total_rounding": length,
        }
        return state.having(facts=facts)


def shifted_sums(state: State) -> ShiftedSums | None:
    """Return the sums of a state as one value, None before there are any."""
    if not state.parts:
        return None
    gram, total, energy, count = (state.parts[name].values for name in _PARTS)
    facts: Mapping[str, Any] = state.facts
    return ShiftedSums(gram, total, float(energy[0, 0]), float(count[0, 0]), state.shift, **facts)


def _holding(state: State, sums: ShiftedSums) -> State:
    """Return a state with other sums."""
    zero = namespace(sums.gram).zeros((1, 1), **beside(sums.gram, "float64"))
    values = (sums.gram, sums.total, zero + sums.energy, zero + sums.count)
    return state.having(
        parts={name: Part.of(x) for name, x in zip(_PARTS, values, strict=True)},
        shift=sums.shift,
        facts={name: getattr(sums, name) for name in _FACTS},
    )


def _sums_about(rows: CentredBlock, matrix: DrawnMatrix | None) -> ShiftedSums:
    """Return the sums of a block of rows about its shift."""
    block, like = rows.block, rows.shift
    m, n = block.shape
    if matrix is None:
        identity = namespace(like).eye(n, **beside(like, "float64"))
        y = block.right(FixedMatrix(identity).rows(0, n))
    else:
        y = block.right(matrix.rows(0, n))
    xp = namespace(y)
    ones = xp.ones((1, m), **beside(y))
    both = block.left(FixedMatrix(xp.concat([y, ones], axis=0).T).rows(0, m))
    wide = accumulator_dtype(dtype_name(both.dtype))
    return ShiftedSums(
        cast(both[:-1, :], wide),
        cast(both[-1:, :], wide),
        rows.norm**2,
        float(m),
        rows.shift,
        rows.exponent,
        rows.roundoff * rows.norm**2 + (2 * rows.norm + rows.rounding) * rows.rounding,
        (rows.roundoff * rows.norm + rows.rounding) * math.sqrt(m),
    )


def _eigenpairs(sums: ShiftedSums, matrix: DrawnMatrix | None) -> Eigenpairs:
    """Return what the sums know of the squares of the rows about their mean."""
    y = adjoint(sums.gram)
    if not (math.isfinite(sums.energy) and math.isfinite(frobenius_norm(y))):
        raise NonFiniteError(
            "the sums hold NaN or infinity: of data that were let through, or of weights that "
            "are too large"
        )
    exponent = scale_exponent(y)
    y, rounding = rescaled(y, -exponent), rescaled(sums.rounding, -exponent)
    if matrix is None:
        pairs = gram_eigenpairs(y, rounding)
    else:
        omega = matrix.rows(0, int(y.shape[0])).array(y)
        pairs = gram_nystrom(y, omega, rounding)
    return Eigenpairs(
        pairs.vectors, rescaled(pairs.values, exponent), rescaled(pairs.floor, exponent)
    )


def _warn_of_rounding(found: PrincipalComponents, dtype: str) -> None:
    """Warn where components are below what squares can resolve, or the data's precision."""
    values = [float(x) for x in found.singular_values]
    likely = _LIKELY * found.floor
    below = sum(x <= likely for x in values) if likely else 0
    if below:
        warn(
            f"the last {below} of {found.rank} components have singular values below "
            f"{likely:.3g}, where sums of squares hold rounding errors only; keep fewer, "
            "sketch again without the rows that were removed, or use GeneralizedNystrom or HMT "
            "on centred rows",
            SpectrumWarning,
        )
    spacings = unit_roundoff(dtype) * namespace(found.mean).abs(found.components * found.mean)
    hidden = sum(
        found.floor < value <= frobenius_norm(spacings[k : k + 1, :]) * math.sqrt(found.n_samples)
        for k, value in enumerate(values)
    )
    if hidden:
        warn(
            f"the rows lie so far from zero that {hidden} of {found.rank} components are below "
            f"the rounding of the data to {dtype} there; subtract a constant before rounding, or "
            "keep the data in float64",
            SpectrumWarning,
        )


def default_width(rank: int, n_columns: int) -> int:
    """Return how wide a sketch is by default: exact where that is no more than twice as much."""
    width = 4 * rank + 20
    return n_columns if 2 * width >= n_columns else width


class GramNystrom(Sketch[PrincipalComponents]):
    """Principal components of rows from one pass, whatever their number.

    Keeps ``Omega^* G`` for the Gram matrix ``G = sum (a - c)^* (a - c)`` of rows a about a
    provisional shift c near their mean, with their sum, number and energy, and a bound of the
    rounding errors in them. The shift is replaced by the mean at `finalize`, and exactly so: data
    whose mean is a million times their spread are safe in float32. Linear in G: sketches of
    different rows add up, ``a - b`` removes the rows of b, and ``0.9 * a`` weights all rows by 0.9.

    Parameters
    ----------
    n_columns : int
        Length of the rows.
    rank : int
        Number of principal components.
    sketch_rank : int, optional
        Columns of Omega, by default ``4 rank + 20``, or `n_columns` where that is no more than
        twice as many. With `n_columns` Omega is the identity, and the components are exact.
    center : bool
        Whether to subtract the mean.
    test_matrix : TestMatrixFamily or str
        ``"gaussian"``, ``"sign"``, ``"sparse-sign"`` or an instance.
    seed : int or None
        Fixes the test matrix; None draws a fresh one, which the spec records.
    dtype : optional
        Of the data; by default the sketch follows them.
    device : str or array, optional
        Where the sketch lives, see `GeneralizedNystrom`.

    Raises
    ------
    RankError, ShapeError
        If the sizes make no sense.

    Notes
    -----
    One pass, ``4 m n k`` operations and ``n k`` numbers for a sketch of k columns, in double
    precision whatever that of the data. Squares are summed, so that directions of less than
    ``1e-7`` of the largest singular value are lost, or of what was removed again; a warning says
    where. `GeneralizedNystrom` and `HMT` keep them.

    References
    ----------
    .. [1] J. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Fixed-rank approximation of a positive
       semidefinite matrix from streaming data", NIPS 2017, arXiv:1706.05736.
    .. [2] T. Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample variance", Amer.
       Statist. 37 (1983) 242-247 (the shift).

    Examples
    --------
    >>> import numpy as np, sketch
    >>> rows = np.random.default_rng(0).standard_normal((600, 5)) * [8, 4, 1, 1, 1]
    >>> sk = sketch.GramNystrom(5, rank=2)
    >>> for chunk in np.split(rows, 6):
    ...     sk.update(chunk)
    >>> sk.remove(rows[:100])
    >>> found = sk.finalize()
    >>> found.n_samples, bool(abs(found.components[0, 0]) > 0.99)
    (500.0, True)
    """

    spec_type = GramNystromSpec

    spec: GramNystromSpec

    def __init__(
        self,
        n_columns: int,
        rank: int,
        *,
        sketch_rank: int | None = None,
        center: bool = True,
        test_matrix: TestMatrixFamily | str = "gaussian",
        seed: int | None = 0,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        fields = common_fields((None, n_columns), rank, test_matrix, seed, dtype, 0)
        n = fields["shape"][1]
        width = default_width(fields["rank"], n) if sketch_rank is None else sketch_rank
        width = checked_size(width, "sketch_rank", least=min(n, max(1, fields["rank"])))
        fields |= {"rank": min(fields["rank"], n), "range_size": min(width, n)}
        self._set_up(GramNystromSpec(**fields, center=center, exact=width >= n), device)

    def remove(self, chunk: Any) -> None:
        """Take rows away again that were added before.

        Parameters
        ----------
        chunk : array, sparse matrix, stored dataset
            The rows.

        Notes
        -----
        Exact up to rounding of the largest sums ever held, which the bounds of the result allow
        for.
        """
        rows = self._contribution(chunk, None, True, None, False)
        self._commit(self._times(rows, -1.0))
