"""Gram-Nyström: principal components of a row stream in memory that does not grow with it."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from .. import _archive
from .._array import (
    Array,
    accumulator_dtype,
    beside,
    cast,
    dtype_name,
    is_complex,
    moved,
    namespace,
)
from .._linalg import adjoint, frobenius_norm, product, rescaled, scale_exponent
from ..errors import RankError, ShapeError, SpectrumWarning
from ..finalize import gram_nystrom
from ..maps import DrawnMatrix, FixedMatrix, TestMatrixFamily
from ..results import ErrorEstimate, PrincipalComponents, rounding_floor
from ..sources import DenseSource, MatrixBlock, MatrixSource, RowsSource, as_matrix_source
from ._base import Products
from ._spec import MatrixSpec, checked_size, common_fields
from ._stream import StreamedSketch

_STEEPEST = 1e-7  # ratio of singular values below which the Gram matrix has lost them


@dataclass(frozen=True, kw_only=True)
class GramNystromSpec(MatrixSpec):
    """Spec of a `GramNystrom` sketch; see `MatrixSpec`.

    Attributes
    ----------
    center : bool
        Whether the mean of the rows is subtracted.
    """

    method: ClassVar[str] = "gram-nystrom"

    center: bool

    def sketch(self, chunk: Any, at: Any = None) -> GramNystrom:
        """Return the sketch of one chunk: the form for any map over a cluster."""
        sketch = GramNystrom.from_spec(self)
        sketch.update(chunk, at)
        return sketch


class GramNystrom(StreamedSketch):
    """Principal components of rows from one pass, whatever their number.

    Keeps ``Omega^* G`` for the Gram matrix ``G = sum (a - c)^* (a - c)`` of rows a about a
    provisional shift c, the mean of the first block, with their sum, number and energy. The shift
    is replaced by the mean at `finalize`, and exactly so: data whose mean is a million times their
    spread are safe in float32. Linear in G: sketches of different rows add up, ``a - b`` removes
    the rows of b, and ``0.9 * a`` weights all rows by 0.9.

    Parameters
    ----------
    n_columns : int
        Length of the rows.
    rank : int
        Number of principal components.
    sketch_rank : int, optional
        Columns of Omega, by default ``4 rank + 20``.
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
    One pass, ``4 m n k`` operations and ``n k`` numbers for a sketch of k columns. Squares are
    summed, so that directions of less than ``1e-7`` of the largest singular value are lost; a
    warning says where. `GeneralizedNystrom` and `HMT` keep them.

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
        width = 4 * fields["rank"] + 20 if sketch_rank is None else sketch_rank
        width = checked_size(width, "sketch_rank", least=max(1, min(n, fields["rank"])))
        fields["rank"] = min(fields["rank"], n)
        self._set_up(
            GramNystromSpec(**fields, range_size=min(width, max(1, n)), center=center), device
        )

    def _set_up(self, spec: Any, device: Any = None) -> None:
        super()._set_up(spec, device)
        self._shift: Array | None = None  # (n,), in double precision

    def _test_matrices(self) -> dict[str, DrawnMatrix]:
        return {"range": self.spec.draw("range", self.spec.range_size)}

    def _as_source(self, chunk: Any) -> MatrixSource:
        return RowsSource(as_matrix_source(chunk))

    def _part_axis(self, name: str) -> int | None:
        return 1 if name in ("gram", "total") else None

    def _bytes_needed(self, shape: tuple[int, ...]) -> int:
        return 8 * self.spec.dof_each * 6 * self.spec.range_size * shape[1]

    # ---- rows in ----------------------------------------------------------------------------

    def _products(self, block: MatrixBlock, at: tuple[int, ...]) -> Products:
        omega = self._maps["range"].rows(0, block.shape[1])
        if isinstance(block, DenseSource):
            if self._shift is None:
                self._shift = self._at_home(self._first_shift(block.array))
            shift = moved(self._shift, block.array)
            near = cast(shift, dtype_name(block.array.dtype))
            block = DenseSource(block.array - near)
            rest = cast(near, dtype_name(shift.dtype)) - shift
            return self._rebased(self._sums(block, block.right(omega)), rest)
        y = block.right(omega)
        if self._shift is None:
            xp = namespace(y)
            self._shift = self._at_home(xp.zeros(block.shape[1], **beside(y, "float64")))
        return self._rebased(self._sums(block, y), -self._shift)

    def _at_home(self, shift: Array) -> Array:
        return shift if self._home is None else moved(shift, self._home)

    def _first_shift(self, rows: Array) -> Array:
        """Return the mean of a block in its own precision, which is exact to subtract from it."""
        xp = namespace(rows)
        narrow = dtype_name(rows.dtype)
        wide = accumulator_dtype(narrow)
        if not self.spec.center or not rows.shape[0]:
            return xp.zeros(rows.shape[1], **beside(rows, wide))
        mean = xp.sum(rows, axis=0, dtype=getattr(xp, wide)) / rows.shape[0]
        return cast(cast(mean, narrow), wide)

    def _sums(self, block: MatrixBlock, y: Array) -> Products:
        """Return the sums over the rows x of a block, given ``y = (X Omega)^T``."""
        xp = namespace(y)
        ones = xp.ones((1, block.shape[0]), **beside(y))
        both = block.left(FixedMatrix(xp.concat([y, ones], axis=0).T).rows(0, block.shape[0]))
        energy = (block.norm() or 0.0) ** 2
        return {
            "gram": both[:-1, :],
            "total": both[-1:, :],
            "energy": xp.asarray([[energy]], **beside(y, "float64")),
            "count": xp.asarray([[float(block.shape[0])]], **beside(y, "float64")),
        }

    def _rebased(self, sums: Products, d: Array) -> Products:
        """Return the sums over rows ``x + d`` from those over rows x."""
        total, count = sums["total"], float(sums["count"][0, 0])
        xp, d = namespace(total), moved(d, total)
        if not bool(xp.any(d != 0)):
            return sums
        d = cast(d, dtype_name((total[0, :] + d).dtype))[None, :]
        omega = self._maps["range"].rows(0, int(d.shape[1])).array(d)
        d_omega, total_omega = adjoint(product(d, omega)), adjoint(product(total, omega))
        cross = xp.sum(adjoint(total)[:, 0] * d[0, :])
        cross = float(xp.real(cross) if is_complex(dtype_name(cross.dtype)) else cross)
        return {
            "gram": sums["gram"] + total_omega * d + d_omega * (total + count * d),
            "total": total + count * d,
            "energy": sums["energy"] + 2 * cross + count * frobenius_norm(d) ** 2,
            "count": sums["count"],
        }

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
        Exact up to rounding of the largest sums ever held.
        """
        rows = self._fresh()
        rows.update(chunk)
        self._absorb(rows._scaled(-1.0))

    # ---- sums of sketches -------------------------------------------------------------------

    def _fresh(self) -> Self:
        new = super()._fresh()
        new._shift = self._shift
        return new

    def _scaled(self, factor: Any) -> Self:
        new = super()._scaled(factor)
        new._shift = self._shift
        return new

    def _absorb(self, other: Self) -> None:
        if self._shift is None:
            self._shift = other._shift
        elif other._parts and other._shift is not self._shift:
            lighter, heavier = sorted((self, other), key=lambda sk: abs(sk._count))
            lighter._move(heavier._shift)  # at less of a rounding error than the other way round
        super()._absorb(other)
        self._follow_mean()

    def _move(self, shift: Array) -> None:
        """Take the sums about another shift."""
        if not self._parts:
            self._shift = shift
            return
        rebased = self._rebased(self._values(), self._shift - shift)
        self._parts = {name: type(self._parts[name])(values) for name, values in rebased.items()}
        self._shift = shift

    def _follow_mean(self) -> None:
        """Move the shift to the mean where the mean has drifted away from it by the spread."""
        if not (self.spec.center and self._parts):
            return
        sums = self._values()
        energy = float(sums["energy"][0, 0])
        if 2 * frobenius_norm(sums["total"]) ** 2 > self._count * energy > 0:
            self._move(self._shift + sums["total"][0, :] / sums["count"][0, 0])

    @property
    def _count(self) -> float:
        """Rows, as they are weighted."""
        return float(self._parts["count"].values[0, 0]) if self._parts else 0.0

    def _values(self) -> Products:
        return {name: part.values for name, part in self._parts.items()}

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

        Warns
        -----
        SpectrumWarning
            If components are smaller than rounding errors.
        """
        spec = self.spec
        keep = spec.range_size if rank is None and tol is not None else rank
        keep = spec.rank if keep is None else checked_size(keep, "rank")
        if keep > spec.range_size:
            raise RankError(
                f"rank={keep} was asked for, but the sketch is {spec.range_size} columns wide"
            )
        if self._count <= 0:
            raise ShapeError("there are no rows; update the sketch with some first")
        whole = self._whole(*self._centred())
        if tol is not None:
            fits = (k for k in range(keep + 1) if whole.truncate(k).error.relative <= tol)
            keep = next(fits, keep)
        short = whole.truncate(keep)
        _warn_steep(short)
        return short.astype(self._result_dtype)

    def _centred(self) -> tuple[Products, Array]:
        """Return the sums about the mean, and the mean."""
        sums, shift = self._values(), self._shift
        offset = sums["total"][0, :] / sums["count"][0, 0]
        if not self.spec.center:
            return self._rebased(sums, shift), 0 * offset
        return self._rebased(sums, -offset), moved(shift, offset) + offset

    def _whole(self, sums: Products, mean: Array) -> PrincipalComponents:
        """Return all components that the sketch holds."""
        y, count = adjoint(sums["gram"]), float(sums["count"][0, 0])
        exponent = scale_exponent(y)
        omega = self._maps["range"].rows(0, int(y.shape[0])).array(y)
        vectors, squares = gram_nystrom(rescaled(y, -exponent), omega)
        squares = rescaled(squares, exponent)
        energy = max(0.0, float(sums["energy"][0, 0]))
        missed = max(0.0, energy - float(namespace(y).sum(squares)))
        divisor = max(count - 1, 1.0)
        norm = math.sqrt(energy)
        error = ErrorEstimate(
            residual=math.sqrt(missed),
            norm=norm,
            kind="conservative",
            method="trace of what was missed",
            floor=math.sqrt(rounding_floor(1.0, self.spec.range_size, self._roundoff)) * norm,
            one_sided=True,
        )
        return PrincipalComponents(
            adjoint(vectors),
            squares / divisor,
            mean,
            energy / divisor,
            count,
            missed / divisor,
            error,
        )

    # ---- state ------------------------------------------------------------------------------

    def _state(self) -> tuple[_archive.Header, dict[str, Array]]:
        header, arrays = super()._state()
        return header, arrays if self._shift is None else {**arrays, "shift": self._shift}

    def _restore(self, header: _archive.Header, arrays: _archive.Arrays) -> None:
        super()._restore(header, arrays)
        self._shift = arrays.get("shift")


def _warn_steep(found: PrincipalComponents) -> None:
    """Warn where the smallest component is below what squares can resolve."""
    values = found.explained_variance
    if found.rank and float(values[-1]) < _STEEPEST**2 * float(values[0]):
        below = sum(float(v) < _STEEPEST**2 * float(values[0]) for v in values)
        warnings.warn(
            f"the last {below} of {found.rank} components have singular values below "
            f"{_STEEPEST:g} of the first, where sums of squares hold rounding errors only; keep "
            "fewer, or use GeneralizedNystrom or HMT on centred rows",
            SpectrumWarning,
            stacklevel=3,
        )
