"""Gram-Nyström: principal components of a row stream in memory that does not grow with it."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .._checks import checked_size
from ..backend.array import (
    Array,
    accumulator_dtype,
    beside,
    cast,
    dtype_name,
    is_array,
    moved,
    namespace,
    quiet,
    to_host,
    unit_roundoff,
)
from ..errors import (
    ArgumentError,
    DtypeError,
    NonFiniteError,
    ShapeError,
    SpectrumWarning,
    warn,
)
from ..finalize import Eigenpairs, ShiftedSums, gram_eigenpairs, gram_nystrom, no_shift
from ..maps import DrawnMatrix, FixedMatrix, MatrixFamilyName, TestMatrixFamily
from ..numerics.linalg import adjoint, frobenius_norm, plain_number, rescaled, scale_exponent
from ..results import Bound, ErrorEstimate, LeftOut, PrincipalComponents
from ..sources import (
    CentredBlock,
    DenseSource,
    MatrixBlock,
    MatrixSource,
    RowsSource,
    as_matrix_source,
    centred,
)
from ._base import Sketch
from ._finish import check_request, phases
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
    scale : bool
        Whether the columns are divided by their standard deviations, or by numbers that the state
        holds.
    """

    method: ClassVar[str] = "gram-nystrom"

    center: bool
    exact: bool = False
    scale: bool = False

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
            **({"squares": Sum(1, (1,))} if self.scale else {}),
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
            return self._sums_about(centred(block), matrix)
        shift, spread = run.hint
        sums = self._sums_about(centred(block, shift), matrix)
        if sums.count and sums.offset > _FAR * max(sums.spread, spread):
            return self._sums_about(centred(block), matrix)
        return sums

    def _sums_about(self, rows: CentredBlock, matrix: DrawnMatrix | None) -> ShiftedSums:
        """Return the sums of a block, with those of the squares of columns where these scale."""
        sums = _sums_about(rows, matrix)
        if not self.scale:
            return sums
        squares = cast(rows.block.column_squares(), "float64")
        return dataclasses.replace(sums, squares=moved(squares, sums.gram)[None, :])

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
        if self.scale and weight < 0:
            raise ArgumentError(
                "rows cannot be taken away from a sketch that scales columns: what is left of "
                "their rounding errors would be scaled up; sketch the rows that stay, or give "
                "scale=False"
            )
        sums = shifted_sums(state)
        window = tuple(self.times(chunk, weight) for chunk in state.window)
        state = state.having(window=window)
        return state if sums is None else _holding(state, sums.scaled(weight))

    # ---- result -----------------------------------------------------------------------------

    def finish(self, sums: Sums, rank: Any, tol: float | None) -> PrincipalComponents:
        """Return the principal components."""
        keep = check_request(rank, tol, self)
        whole = self.whole(sums)
        short = whole.truncate(min(keep, whole.rank), tol)
        _warn_of_rounding(short, sums.dtype)
        return short.astype(sums.dtype)

    def whole(self, held: Sums) -> PrincipalComponents:
        """Return all components that sums hold, in double precision."""
        sums, matrix = shifted_sums(held.state), held.maps.get("range")
        if sums is None or not sums.count > 0:
            raise ShapeError("there are no rows; update the sketch with some first")
        scale = self._scale_of(held, sums)
        if self.center:
            sums = sums.about_mean(matrix)
        else:
            sums = sums.moved_to(no_shift(sums.shift), matrix)
        mean = sums.shift
        if self.scale:
            sums = sums.in_units(scale, self.exact)
        pairs = _eigenpairs(sums, matrix, scale if self.scale else None)
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

        components = adjoint(pairs.vectors)
        return PrincipalComponents(
            xp.conj(phases(components))[:, None] * components,
            rescaled(xp.sqrt(pairs.values), sums.exponent),
            mean,
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
            scale,
            left_out=self._left_out(pairs, sums, variance),
        )

    def _left_out(
        self, pairs: Eigenpairs, sums: ShiftedSums, variance: Callable[[float], float]
    ) -> LeftOut | None:
        """Return what leaving out columns of the sketch tells of the variances."""
        if not math.isfinite(pairs.left_out):
            return None
        xp = namespace(pairs.values)
        known = [variance(float(value)) for value in pairs.values]
        values = xp.asarray(known, **beside(pairs.values))
        return LeftOut(values, variance(pairs.left_out), self.range_size * self.dof_each)

    def _scale_of(self, held: Sums, sums: ShiftedSums) -> Array:
        """Return by what columns are divided."""
        given = held.kept.get("scale")
        if given is not None:
            return moved(given, sums.shift)
        if self.scale:
            return sums.deviations()
        return namespace(sums.shift).ones(sums.shift.shape, **beside(sums.shift, "float64"))

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
    facts: dict[str, Any] = dict(state.facts)
    if "squares" in state.parts:
        facts["squares"] = state.parts["squares"].values
    return ShiftedSums(gram, total, float(energy[0, 0]), float(count[0, 0]), state.shift, **facts)


def _holding(state: State, sums: ShiftedSums) -> State:
    """Return a state with other sums."""
    zero = namespace(sums.gram).zeros((1, 1), **beside(sums.gram, "float64"))
    values = (sums.gram, sums.total, zero + sums.energy, zero + sums.count)
    arrays = dict(zip(_PARTS, values, strict=True))
    if sums.squares is not None:
        arrays["squares"] = sums.squares
    return state.having(
        parts={name: Part.of(x) for name, x in arrays.items()},
        shift=sums.shift,
        facts={name: getattr(sums, name) for name in _FACTS},
    )


def _sums_about(rows: CentredBlock, matrix: DrawnMatrix | None) -> ShiftedSums:
    """Return the sums of a block of rows about its shift."""
    block = rows.block
    m = block.shape[0]
    both = _all_squares(block, rows.shift) if matrix is None else _squares(block, matrix)
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


def _squares(block: MatrixBlock, matrix: DrawnMatrix | FixedMatrix) -> Array:
    """Return ``(A Omega)^* A``, and the sum of the rows below it."""
    m, n = block.shape
    y = block.right(matrix.rows(0, n))
    xp = namespace(y)
    ones = xp.ones((1, m), **beside(y))
    return block.left(FixedMatrix(xp.concat([y, ones], axis=0).T).rows(0, m))


def _all_squares(block: MatrixBlock, like: Array) -> Array:
    """Return ``A^* A``, and the sum of the rows below it.

    Dense rows are not multiplied by the identity, and of the product of a real NumPy array with its
    own transpose BLAS takes one half.
    """
    if not isinstance(block, DenseSource):
        xp = namespace(like)
        return _squares(block, FixedMatrix(xp.eye(block.shape[1], **beside(like, "float64"))))
    a = block.array
    xp = namespace(a)
    return xp.concat([adjoint(a) @ a, xp.sum(a, axis=0)[None, :]], axis=0)


def _eigenpairs(
    sums: ShiftedSums, matrix: DrawnMatrix | None, scale: Array | None = None
) -> Eigenpairs:
    """Return what the sums know of the squares of the rows about their mean, in given units."""
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
        omega = omega if scale is None else omega * scale[:, None]
        pairs = gram_nystrom(y, omega, rounding)
    known = scale is None and matrix is not None and matrix.family.gaussian_like
    return Eigenpairs(
        pairs.vectors,
        rescaled(pairs.values, exponent),
        rescaled(pairs.floor, exponent),
        rescaled(pairs.left_out, exponent) if known else math.inf,
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


def checked_scale(scale: Any, n_columns: int) -> Array | None:
    """Return the numbers that columns are divided by, None where they are to be found or none.

    Raises
    ------
    ShapeError
        If there are not as many as columns.
    ArgumentError
        If they are no positive numbers.
    """
    if isinstance(scale, bool | np.bool_):
        return None
    try:
        given = np.array(to_host(scale) if is_array(scale) else scale, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"scale must be True, False or a vector of {n_columns} numbers, got {scale!r}"
        ) from None
    if given.shape != (n_columns,):
        raise ShapeError(
            f"scale needs one number for each of {n_columns} columns, got shape {given.shape}; "
            "scale=True divides by the standard deviations"
        )
    bad = np.flatnonzero(~((given > 0) & np.isfinite(given)))
    if bad.size:
        raise ArgumentError(
            f"scale must be positive and finite, got {given[bad[0]]} for column {bad[0]}; give 1 "
            "for a column that stays as it is"
        )
    return given


def default_width(rank: int, n_columns: int, more: int = 20) -> int:
    """Return how wide a sketch is by default: exact where that is no more than twice as much."""
    width = 4 * rank + more
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
    scale : bool or array_like, shape (n_columns,)
        True divides each column by its standard deviation, as `finalize` finds it, constant ones by
        1; or the numbers to divide by.
    test_matrix : TestMatrixFamily or str
        ``"gaussian"``, ``"sign"``, ``"sparse-sign"``, ``"block-sign"`` or an instance.
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
        scale: Any = False,
        test_matrix: TestMatrixFamily | MatrixFamilyName = "gaussian",
        seed: int | None = 0,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        fields = common_fields((None, n_columns), rank, test_matrix, seed, dtype, 0)
        n = fields["shape"][1]
        width = default_width(fields["rank"], n) if sketch_rank is None else sketch_rank
        width = checked_size(width, "sketch_rank", least=min(n, max(1, fields["rank"])))
        fields |= {"rank": min(fields["rank"], n), "range_size": min(width, n)}
        given = checked_scale(scale, n)
        scales = given is not None or bool(scale)
        spec = GramNystromSpec(**fields, center=center, exact=width >= n, scale=scales)
        self._set_up(spec, device)
        if given is not None:
            mine = self._accumulator
            mine.state = mine.state.having(passes=Passes(kept={"scale": given}))

    def whole(self) -> PrincipalComponents:
        """Return all components that the sketch holds, in double precision, without a warning.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> sk = sketch.GramNystrom(4, rank=1)
        >>> sk.update(np.eye(5, 4))
        >>> sk.whole().rank
        4
        """
        with quiet():
            return self.spec.whole(self._accumulator.sums())

    def remove(self, chunk: Any) -> None:
        """Take rows away again that were added before.

        Parameters
        ----------
        chunk : array, sparse matrix, stored dataset
            The rows.

        Raises
        ------
        ShapeError, DtypeError, NonFiniteError
            If these cannot be rows of the data; the sketch stays as it was.

        Notes
        -----
        Exact up to rounding of the largest sums ever held, which the bounds of the result allow
        for.
        """
        mine = self._accumulator
        mine.commit(mine.times(mine.contribution(chunk), -1.0))
