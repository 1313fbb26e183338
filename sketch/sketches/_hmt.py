"""HMT: the randomized SVD in a few linear passes, each of them fed chunk by chunk."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

from .. import _archive
from .._array import Array, namespace
from .._linalg import (
    adjoint,
    frobenius_norm,
    leading_basis,
    orthonormal_basis,
    rescaled,
    scale_exponent,
)
from ..errors import ArgumentError
from ..finalize import hmt, identity_error, leave_one_out, leave_one_out_error, probe_error
from ..maps import DrawnMatrix, FixedMatrix, ProbedMatrix, TestMatrixFamily
from ..results import ErrorEstimate, LowRank
from ..sources import MatrixBlock
from ._base import Products
from ._finish import check_request, lifted, truncated
from ._matrix_sketch import MatrixSketch
from ._multi_pass import MultiPassSketch, refuse_other_data
from ._spec import MatrixSpec, checked_iterations, checked_width, common_fields


@dataclass(frozen=True, kw_only=True)
class HMTSpec(MatrixSpec):
    """Spec of an `HMT` sketch; see `MatrixSpec`.

    Attributes
    ----------
    power_iters : float
        Steps of subspace iteration, two passes each; a multiple of one half.
    start_size : int or None
        Columns of the first pass's test matrix, where they are not `range_size`.
    """

    method: ClassVar[str] = "hmt"
    filled_axes: ClassVar[dict[str, int]] = {"range": 1, "corange": 0}

    power_iters: float
    start_size: int | None = None

    @property
    def n_passes(self) -> int:
        """Passes over the data."""
        return 2 + round(2 * self.power_iters)

    @property
    def begins_left(self) -> bool:
        """Whether the first pass multiplies from the left; the last one always does."""
        return self.n_passes % 2 == 1

    @property
    def probed_pass(self) -> int:
        """The pass that the error probes go with: the first one that multiplies by few columns."""
        return 1 if self.begins_left or self.start_size else 0

    @property
    def first_width(self) -> int:
        """Columns of the first pass's test matrix."""
        return self.start_size or self.range_size

    def sketch(self, chunk: Any, at: Any = None) -> HMT:
        """Return the first pass over one chunk: the form for any map over a cluster."""
        sketch = HMT.from_spec(self)
        sketch.update(chunk, at)
        return sketch


class HMT(MultiPassSketch, MatrixSketch):
    """Randomized SVD of Halko, Martinsson and Tropp, for data that can be read again.

    The first pass accumulates ``Y = A Omega``; the last one ``B = Q^* A`` with Q a basis of Y.
    Power iterations insert two passes each, re-orthonormalised in between; half an iteration
    inserts one, so that the first pass comes from the left, ``Psi^* A`` [2]_. Every pass takes the
    same chunks, in any order and partition, and is ended by `end_pass`.

    Parameters
    ----------
    shape : (int or None, int or None)
        Shape of the data; one axis may be None and grows in the first pass.
    rank : int
        Rank of the result. The sketch is 10 columns wider.
    power_iters : float
        0 for spectra that fall fast, 1 or 2 for slow ones, or halves in between.
    sketch_rank : int, optional
        Width of the products by hand. No width exceeds the shorter axis.
    start_rank : int, optional
        Width of the first pass's test matrix, of whose products only the `sketch_rank` leading
        directions are kept. With sparse signs a wide start costs less than a narrow Gaussian one
        and takes away most of what the error is above the best one (from 1.47 times to 1.11 at rank
        50 and singular values 1/i): ``4 rank + 20`` is a good choice.
    test_matrix : TestMatrixFamily or str
        ``"gaussian"``, ``"sign"``, ``"sparse-sign"`` or an instance.
    seed : int or None
        Fixes the test matrices; None draws a fresh one, which the spec records.
    dtype : optional
        Of the data; by default the sketch follows them.
    error_probes : int
        Gaussian columns held out in the first pass from the right, from which the error is
        estimated at any size. With 0 the estimate is made by leaving out columns of the first
        test matrix, and conservative.
    device : str or array, optional
        Where the sketch lives, see `GeneralizedNystrom`.

    Notes
    -----
    ``2 + 2 power_iters`` passes of ``2 m n (rank + 10)`` operations each; a first pass with sparse
    signs takes ``16 m n``. The wide products of a start are shorter on the side of the fewer rows
    or columns: begin a tall matrix from the left, by a half iteration or by its transpose. Within a
    pass sketches of one spec can be merged; adding data to a pass that others have left is refused
    at its end, when the products of the passes are compared.

    References
    ----------
    .. [1] N. Halko, P.-G. Martinsson, J. Tropp, "Finding structure with randomness", SIAM Rev. 53
       (2011) 217-288, arXiv:0909.4061.
    .. [2] E. Bjarkason, "Pass-efficient randomized algorithms for low-rank matrix approximation
       using any number of views", SISC 41 (2019) A2355-A2383, arXiv:1804.07531.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> a = np.diag(0.5 ** np.arange(30.0))
    >>> sk = sketch.HMT((30, 30), rank=4)
    >>> for _ in range(sk.n_passes):
    ...     for row in range(0, 30, 10):
    ...         sk.update(a[row : row + 10], at=row)
    ...     sk.end_pass()
    >>> res = sk.finalize()
    >>> [round(float(s), 6) for s in res.s]
    [1.0, 0.5, 0.25, 0.125]
    """

    spec_type = HMTSpec

    spec: HMTSpec

    def __init__(
        self,
        shape: Any,
        rank: int,
        *,
        power_iters: float = 0,
        sketch_rank: int | None = None,
        start_rank: int | None = None,
        test_matrix: TestMatrixFamily | str = "gaussian",
        seed: int | None = 0,
        dtype: Any = None,
        error_probes: int = 10,
        device: Any = None,
    ) -> None:
        fields = common_fields(shape, rank, test_matrix, seed, dtype, error_probes)
        width = fields["rank"] + 10 if sketch_rank is None else sketch_rank
        width = checked_width(width, "sketch_rank", fields["rank"], fields["shape"])
        if start_rank is not None:
            start_rank = checked_width(start_rank, "start_rank", width, fields["shape"])
            if not fields["error_probes"]:
                raise ArgumentError(
                    "a sketch with a start_rank estimates its error by probes, got error_probes=0"
                )
        power_iters = checked_iterations(power_iters)
        spec = HMTSpec(**fields, range_size=width, power_iters=power_iters, start_size=start_rank)
        self._set_up(spec, device)

    def _set_up(self, spec: MatrixSpec, device: Any = None) -> None:
        super()._set_up(spec, device)
        self._norm: float | None = 0.0  # of the data; None where updates may have overlapped

    def _test_matrices(self) -> dict[str, DrawnMatrix]:
        spec = self.spec
        name = "corange" if spec.begins_left else "range"
        maps = {"first": spec.draw(name, spec.first_width)}
        if spec.error_probes:
            maps["error"] = spec.draw("error", spec.error_probes)
            maps["both"] = ProbedMatrix(**_init_fields(maps["first"]), probes=maps["error"])
        return maps

    @property
    def n_passes(self) -> int:
        """Passes over the data that the method needs."""
        return self.spec.n_passes

    # ---- one pass ---------------------------------------------------------------------------

    @property
    def _number(self) -> int:
        """The pass whose sums are held, from 0: the last one after its end."""
        return min(self._pass, self.n_passes - 1)

    def _is_left(self, number: int) -> bool:
        """Whether a pass multiplies from the left, as the last one does."""
        return (self.n_passes - number) % 2 == 1

    @property
    def _sum_name(self) -> str:
        return "corange" if self._is_left(self._number) else "range"

    def _part_axis(self, name: str) -> int:
        return 1 if self._is_left(self._number) else 0

    @property
    def _width(self) -> int:
        """Columns that this pass multiplies by, the probes left out."""
        return int(self._kept["basis"].shape[1]) if self._number else self.spec.first_width

    def _products(self, block: MatrixBlock, at: tuple[int, ...]) -> Products:
        name, width = self._sum_name, self._width
        probes = self._maps.get("error") if self._pass == self.spec.probed_pass else None
        apart = block.sparse or (self._pass == 0 and self.spec.test_matrix.sparse)
        if probes is None or apart:
            products = {name: self._product(block, at, self._factor(None))}
            return (
                products
                if probes is None
                else {**products, "error": self._product(block, at, probes)}
            )
        both = self._product(block, at, self._factor(probes))  # one product serves both
        return {name: both[:width, :], "error": both[width:, :]}

    def _factor(self, probes: DrawnMatrix | None) -> DrawnMatrix | FixedMatrix:
        """Return what this pass multiplies by, the probes beside it."""
        if self._pass:
            return FixedMatrix(self._kept["basis"], probes)
        first: DrawnMatrix = self._maps["first" if probes is None else "both"]
        return first

    def _product(
        self, block: MatrixBlock, at: tuple[int, ...], matrix: DrawnMatrix | FixedMatrix
    ) -> Array:
        """Return the product of a block with the matrix, from the side of this pass."""
        (row, col), (m, n) = at, block.shape
        if self._is_left(self._pass):
            return block.left(matrix.rows(row, row + m))
        return block.right(matrix.rows(col, col + n))

    def _fresh(self) -> HMT:
        new = super()._fresh()
        new._norm = 0.0 if self.n_updates == 0 else None
        return new

    def _take(self, block: MatrixBlock, at: tuple[int, ...], check_finite: bool) -> None:
        super()._take(block, at, check_finite)
        if self._norm is not None:
            norm = block.norm()
            self._norm = None if norm is None else math.hypot(self._norm, norm)

    def _absorb(self, other: HMT) -> None:
        if self._pass == 0 and other.n_updates:
            self._norm = other._norm if self.n_updates == 0 else None
        super()._absorb(other)

    def _join(self, other: HMT) -> None:
        both = (self._norm, other._norm)
        self._norm = None if None in both else math.hypot(*both)  # type: ignore[arg-type]
        super()._join(other)

    def _keep(self) -> dict[str, Array]:
        panel = self._panel()
        basis = orthonormal_basis(panel) if self._pass else leading_basis(panel, self.range_size)
        kept = {"basis": basis}
        if self._pass == self.spec.probed_pass:
            kept["probes"] = self._probed() * 1.0  # a copy lets go of the other sums
        elif self._pass == 0:
            kept["inside"] = adjoint(basis) @ panel
        if self._pass == 0 and not self.spec.error_probes:  # the estimate of last resort
            e = scale_exponent(panel)
            whole = self.range_size >= min(self.shape)  # leaves nothing out
            left_out = 0.0 if whole else rescaled(leave_one_out(basis, rescaled(panel, -e)), e)
            kept["left_out"] = namespace(basis).asarray(left_out)
        return kept

    def _panel(self) -> Array:
        """Return the tall product of this pass: ``A Z``, or ``A^* Q`` from the left."""
        total = self._total(self._sum_name, self._width)
        return adjoint(total) if self._is_left(self._number) else total.T

    def _probed(self) -> Array:
        """Return the tall product with the probes: ``A G``, or ``A^* G`` from the left."""
        if self._number != self.spec.probed_pass:
            return self._kept["probes"]
        total = self._total("error", self.spec.error_probes)
        return adjoint(total) if self._is_left(self._number) else total.T

    def _check_pass(self) -> None:
        """Refuse a pass that saw other data than an earlier one did from the other side."""
        number, probed = self._number, self.spec.probed_pass
        if number == probed == 1:
            refuse_other_data(self, self._maps["first"], self._kept["inside"], self._panel())
        elif (number - probed) % 2 and number and "error" in self._maps:
            inside = adjoint(self._kept["basis"]) @ self._kept["probes"]
            refuse_other_data(self, self._maps["error"], inside, self._panel())

    # ---- result -----------------------------------------------------------------------------

    def finalize(self, rank: int | None = None, tol: float | None = None) -> LowRank:
        """Return the approximation with its error, after the last pass.

        Parameters
        ----------
        rank : int, optional
            Of the result, at most the sketch's width; by default the spec's.
        tol : float, optional
            Return the smallest rank whose estimated relative error is at most `tol`.

        Returns
        -------
        LowRank

        Raises
        ------
        PassError
            If passes are missing, or the last one saw other data than the first.
        RankError
            If `rank` is negative or more than the sketch holds.

        Warns
        -----
        ToleranceWarning
            If no rank that the sketch holds meets `tol`.
        """
        keep = check_request(rank, tol, self.spec)
        self._check_complete()
        b, q = self._total("corange", self._width), self._kept["basis"]
        exponent = scale_exponent(b, self._probed())
        b = rescaled(b, -exponent)
        core = truncated(hmt(b, self._estimate(b, q, exponent)), keep, tol)
        return lifted(q @ core.U, core, exponent, self._result_dtype)

    def _estimate(self, b: Array, q: Array, exponent: int) -> ErrorEstimate:
        """Return the sharpest estimate at hand: the identity, hold-out columns, leave-one-out."""
        if self._norm is not None:
            exact = identity_error(rescaled(self._norm, -exponent), b, self._roundoff)
            if exact is not None:
                return exact
        captured = frobenius_norm(b)
        if not self.spec.error_probes:
            left_out = rescaled(float(self._kept["left_out"]), -exponent)
            return leave_one_out_error(left_out, captured, self.spec.range_size, self._roundoff)
        seen = rescaled(self._probed(), -exponent)
        if self._is_left(self.spec.probed_pass):
            residual = adjoint(seen) - self._maps["error"].adjoint_product(q) @ b  # G^* (A - Q B)
        else:
            residual = seen - q @ (adjoint(q) @ seen)  # (A - Q Q^* A) G
        return probe_error(
            residual,
            captured=captured,
            columns=self.spec.range_size,
            probes=self.spec.error_probes,
            dof_each=self.spec.dof_each,
            roundoff=self._roundoff,
        )

    # ---- the norm of the data, beside the sums ----------------------------------------------

    def _scaled(self, factor: Any) -> HMT:
        new = super()._scaled(factor)
        new._norm = None if self._norm is None else self._norm * abs(factor)
        return new

    def _state(self) -> tuple[_archive.Header, dict[str, Array]]:
        header, arrays = super()._state()
        return {**header, "norm": self._norm}, arrays

    def _restore(self, header: _archive.Header, arrays: _archive.Arrays) -> None:
        super()._restore(header, arrays)
        self._norm = header["norm"]


def _init_fields(matrix: DrawnMatrix) -> dict[str, Any]:
    return {f.name: getattr(matrix, f.name) for f in dataclasses.fields(matrix) if f.init}
