"""Gram-Nyström: principal components of a row stream in memory that does not grow with it."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from .. import _archive
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
from .._linalg import adjoint, frobenius_norm, plain_number, rescaled, scale_exponent
from ..errors import (
    DtypeError,
    NonFiniteError,
    ShapeError,
    SpectrumWarning,
    ToleranceWarning,
    warn,
)
from ..finalize import Eigenpairs, ShiftedSums, gram_eigenpairs, gram_nystrom, no_shift
from ..maps import DrawnMatrix, FixedMatrix, TestMatrixFamily
from ..results import ErrorEstimate, PrincipalComponents
from ..sources import CentredBlock, MatrixBlock, MatrixSource, RowsSource, as_matrix_source, centred
from ._base import Products, refuse_nonfinite
from ._finish import check_request
from ._part import Part
from ._spec import MatrixSpec, checked_size, common_fields
from ._stream import StreamedSketch

_FAR = 4.0  # spreads between a block and the shift at hand from which it gets one of its own
_FLOORS = 2.0  # of an eigenvalue, in the error of the squares of all of them together
_LIKELY = 0.125  # of the floor, which is a bound: rounding errors that are to be warned of
_UNKNOWN = 32.0  # roundoffs of products in states that do not say
_PARTS = ("gram", "total", "energy", "count")
_REST = ("exponent", "rounding", "total_rounding")


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

    def sketch(self, chunk: Any, at: Any = None) -> GramNystrom:
        """Return the sketch of one chunk: the form for any map over a cluster."""
        sketch = GramNystrom.from_spec(self)
        sketch.update(chunk, at)
        return sketch


class GramNystrom(StreamedSketch):
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

    def _set_up(self, spec: Any, device: Any = None) -> None:
        super()._set_up(spec, device)
        self._shift: Array | None = None  # (n,), in double precision
        self._rest: dict[str, Any] = {}  # what the sums know beside: exponent and rounding errors
        self._near: tuple[Array, float] | None = None  # a shift to take, and the spread about it

    def _test_matrices(self) -> dict[str, DrawnMatrix]:
        if self.spec.exact:
            return {}
        return {"range": self.spec.draw("range", self.spec.range_size)}

    def _as_source(self, chunk: Any) -> MatrixSource:
        return RowsSource(as_matrix_source(chunk))

    def _part_axis(self, name: str) -> int | None:
        return 1 if name in ("gram", "total") else None

    def _bytes_needed(self, shape: tuple[int, ...]) -> int:
        return 8 * self.spec.dof_each * 6 * self.spec.range_size * shape[1]

    @property
    def _sums(self) -> ShiftedSums | None:
        """The sums as one value, None before there are any."""
        if not self._parts:
            return None
        gram, total, energy, count = (self._parts[name].values for name in _PARTS)
        return ShiftedSums(
            gram, total, float(energy[0, 0]), float(count[0, 0]), self._shift, **self._rest
        )

    def _hold(self, sums: ShiftedSums) -> None:
        """Put sums in the place of those held."""
        zero = namespace(sums.gram).zeros((1, 1), **beside(sums.gram, "float64"))
        values = (sums.gram, sums.total, zero + sums.energy, zero + sums.count)
        self._parts = {name: Part(x) for name, x in zip(_PARTS, values, strict=True)}
        self._shift, self._rest = sums.shift, {name: getattr(sums, name) for name in _REST}

    # ---- rows in ----------------------------------------------------------------------------

    def _products(self, block: MatrixBlock, at: tuple[int, ...]) -> Products:
        raise NotImplementedError("rows are summed about a shift of their own")

    def _take(self, block: Any, at: tuple[int, ...], check_finite: bool) -> None:
        self._check_inside(at, block.shape)
        with quiet():  # overflow shows in the sums, which are checked
            sums = self._sums_of(block)
        if self._home is not None:
            sums = sums.moved_beside(self._home)
        if check_finite:
            refuse_nonfinite(block, {"gram": sums.gram}, at)
        self._include(sums)
        self._dtype = self._joint_dtype(block.dtype)
        self._seen = list(map(max, self._seen, map(operator.add, at, block.shape)))

    def _sums_of(self, block: MatrixBlock) -> ShiftedSums:
        """Return the sums of a block, about its own mean where the shift at hand is far from it.

        Far is what would cost two bits or more of the precision of its products.
        """
        if self._near is None or not self.spec.center:
            return self._sums_about(centred(block))
        shift, spread = self._near
        sums = self._sums_about(centred(block, shift))
        if sums.count and sums.offset > _FAR * max(sums.spread, spread):
            return self._sums_about(centred(block))
        return sums

    def _sums_about(self, rows: CentredBlock) -> ShiftedSums:
        block, matrix = rows.block, self._matrix
        m, n = block.shape
        like = rows.shift
        if matrix is None:
            y = block.right(FixedMatrix(_identity(n, like)).rows(0, n))
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
            rows.roundoff * rows.norm**2,
            rows.roundoff * math.sqrt(m) * rows.norm,
        )

    @property
    def _matrix(self) -> DrawnMatrix | None:
        return self._maps.get("range")

    def _check_inside(self, at: tuple[int, ...], size: tuple[int, ...]) -> None:
        super()._check_inside(at, size)
        if size[1] != self.spec.shape[1]:
            raise ShapeError(
                f"principal components need whole rows of {self.spec.shape[1]} entries, got a "
                f"chunk of shape {size}"
            )

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
        rows = self._fresh()
        rows.update(chunk)
        self._absorb(rows._scaled(-1.0))

    # ---- sums of sketches -------------------------------------------------------------------

    def _fresh(self) -> Self:
        new, sums = super()._fresh(), self._sums
        if sums is not None and sums.count > 0:
            new._near = sums.shift, sums.spread
        return new

    def _scaled(self, factor: Any) -> Self:
        weight = plain_number(factor)
        if isinstance(weight, complex):
            raise DtypeError(f"rows are weighted by real numbers, got {factor}")
        new = super()._scaled(weight)
        if (sums := self._sums) is not None:
            new._hold(sums.scaled(weight))
        return new

    def _fade(self, factor: float) -> None:
        if (sums := self._sums) is not None:
            self._hold(sums.scaled(factor))

    def _absorb(self, other: Self) -> None:
        parts, other._parts = other._parts, {}
        super()._absorb(other)
        other._parts = parts
        if (sums := other._sums) is not None:
            self._include(sums)

    def _include(self, sums: ShiftedSums) -> None:
        """Add sums, and move the shift to the mean where that has drifted away by the spread."""
        if (held := self._sums) is not None:
            Part(held.gram).check_namespace(sums.gram)
            sums = held.plus(sums, self._matrix)
            if self.spec.center and sums.count > 0 and sums.offset > sums.spread:
                sums = sums.about_mean(self._matrix)
        self._hold(sums)

    # ---- result -----------------------------------------------------------------------------

    def finalize(self, rank: int | None = None, tol: float | None = None) -> PrincipalComponents:
        """Return the principal components; the stream may go on afterwards.

        Parameters
        ----------
        rank : int, optional
            How many, by default the spec's.
        tol : float, optional
            The fewest whose relative error is at most `tol`.

        Returns
        -------
        PrincipalComponents

        Raises
        ------
        ShapeError
            If there are no rows.
        RankError
            If `rank` is more than the sketch holds.
        NonFiniteError
            If the sums are not finite.

        Warns
        -----
        SpectrumWarning
            If components are smaller than rounding errors: of the sums, or of the data.
        ToleranceWarning
            If `tol` is not met.
        """
        keep = check_request(rank, tol, self.spec)
        sums = self._sums
        if sums is None or not sums.count > 0:
            raise ShapeError("there are no rows; update the sketch with some first")
        whole = self._whole(sums)
        if tol is not None:
            fits = (k for k in range(keep + 1) if whole.truncate(k).error.relative <= tol)
            keep = next(fits, min(keep, whole.rank))
        short = whole.truncate(min(keep, whole.rank))
        if tol is not None and not short.error.relative <= tol:
            warn(
                f"tol={tol:g} is out of reach: {short.rank} components have a relative error of "
                f"{short.error.relative:.3g}; take more, and a sketch_rank above their number",
                ToleranceWarning,
            )
        self._warn_of_rounding(short)
        return short.astype(self._result_dtype)

    def _whole(self, sums: ShiftedSums) -> PrincipalComponents:
        """Return all components that sums hold."""
        mean = sums.mean if self.spec.center else no_shift(sums.shift)
        sums = sums.moved_to(mean, self._matrix)
        pairs = self._eigenpairs(sums)
        xp = namespace(pairs.values)
        explained = float(xp.sum(pairs.values))
        energy = max(0.0, sums.energy, explained)
        divisor = max(sums.count - 1, 1.0)

        def sized(square: float) -> float:
            return float(rescaled(math.sqrt(square), sums.exponent))

        def variance(square: float) -> float:
            return sized(square / divisor) * sized(square / divisor)  # inf where ** would raise

        return PrincipalComponents(
            adjoint(pairs.vectors),
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
                floor=sized(_FLOORS * pairs.floor),
                one_sided=True,
            ),
            sized(pairs.floor),
        )

    def _eigenpairs(self, sums: ShiftedSums) -> Eigenpairs:
        """Return what the sums know of the squares of the rows about their mean."""
        y = adjoint(sums.gram)
        if not (math.isfinite(sums.energy) and math.isfinite(frobenius_norm(y))):
            raise NonFiniteError(
                "the sums hold NaN or infinity: of data that were let through, or of weights that "
                "are too large"
            )
        exponent = scale_exponent(y)
        y, rounding = rescaled(y, -exponent), rescaled(sums.rounding, -exponent)
        if self._matrix is None:
            pairs = gram_eigenpairs(y, rounding)
        else:
            omega = self._matrix.rows(0, int(y.shape[0])).array(y)
            pairs = gram_nystrom(y, omega, rounding)
        return Eigenpairs(
            pairs.vectors, rescaled(pairs.values, exponent), rescaled(pairs.floor, exponent)
        )

    def _warn_of_rounding(self, found: PrincipalComponents) -> None:
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
        dtype = self._result_dtype
        farthest = float(namespace(found.mean).max(namespace(found.mean).abs(found.mean)))
        spacing = unit_roundoff(dtype) * farthest * math.sqrt(max(1.0, found.n_samples))
        if values and found.floor < values[0] <= spacing:
            warn(
                f"the rows lie so far from zero, at {farthest:.3g}, that numbers of {dtype} are "
                "further apart there than the rows; subtract a constant before they are rounded",
                SpectrumWarning,
            )

    # ---- state ------------------------------------------------------------------------------

    def _state(self) -> tuple[_archive.Header, dict[str, Array]]:
        header, arrays = super()._state()
        if self._shift is None:
            return header, arrays
        return header | {"sums": self._rest}, {**arrays, "shift": self._shift}

    def _restore(self, header: _archive.Header, arrays: _archive.Arrays) -> None:
        super()._restore(header, arrays)
        self._shift, self._rest = arrays.get("shift"), dict(header.get("sums", {}))
        sums = self._sums
        if "sums" not in header and sums is not None:  # of a version that did not follow it
            roundoff = _UNKNOWN * self._roundoff
            size = roundoff * abs(sums.energy)
            length = roundoff * math.sqrt(abs(sums.energy * sums.count))
            self._rest = {"exponent": 0, "rounding": size, "total_rounding": length}


def default_width(rank: int, n_columns: int) -> int:
    """Return how wide a sketch is by default: exact where that is no more than twice as much."""
    width = 4 * rank + 20
    return n_columns if 2 * width >= n_columns else width


def _identity(n: int, like: Array) -> Array:
    return namespace(like).eye(n, **beside(like, "float64"))
