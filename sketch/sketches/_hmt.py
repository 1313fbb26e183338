"""HMT: the randomized SVD in a few linear passes, each of them fed chunk by chunk."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

from .. import _archive
from .._array import Array, namespace
from .._linalg import adjoint, frobenius_norm, orthonormal_basis, rescaled, scale_exponent
from ..errors import PassError
from ..finalize import hmt, identity_error, leave_one_out, leave_one_out_error, probe_error
from ..maps import DrawnMatrix, FixedMatrix, ProbedMatrix, TestMatrixFamily
from ..results import ErrorEstimate, LowRank
from ..sources import MatrixBlock
from ._base import Products
from ._finish import check_request, lifted, truncated
from ._matrix_sketch import MatrixSketch
from ._multi_pass import MultiPassSketch
from ._spec import MatrixSpec, checked_size, common_fields


@dataclass(frozen=True, kw_only=True)
class HMTSpec(MatrixSpec):
    """Spec of an `HMT` sketch; see `MatrixSpec`.

    Attributes
    ----------
    power_iters : int
        Steps of subspace iteration, two passes each.
    """

    method: ClassVar[str] = "hmt"

    power_iters: int

    @property
    def n_passes(self) -> int:
        """Passes over the data."""
        return 2 + 2 * self.power_iters

    def sketch(self, chunk: Any, at: Any = None) -> HMT:
        """Return the first pass over one chunk: the form for any map over a cluster."""
        sketch = HMT.from_spec(self)
        sketch.update(chunk, at)
        return sketch


class HMT(MultiPassSketch, MatrixSketch):
    """Randomized SVD of Halko, Martinsson and Tropp, for data that can be read again.

    The first pass accumulates ``Y = A Omega``; the last one ``B = Q^* A`` with Q a basis of Y.
    Power iterations insert two passes each, re-orthonormalised in between. Every pass takes the
    same chunks, in any order and partition, and is ended by `end_pass`.

    Parameters
    ----------
    shape : (int or None, int or None)
        Shape of the data; one axis may be None and grows in the first pass.
    rank : int
        Rank of the result. The sketch is 10 columns wider.
    power_iters : int
        0 for spectra that fall fast, 1 or 2 for slow ones.
    sketch_rank : int, optional
        Width of Omega by hand.
    test_matrix : TestMatrixFamily or str
        ``"gaussian"``, ``"sign"``, ``"sparse-sign"`` or an instance.
    seed : int
        Fixes the test matrices.
    dtype : optional
        Of the data; by default the sketch follows them.
    error_probes : int
        Gaussian columns held out in the first pass, from which the error is estimated at any size.
        With 0 the estimate is made by leaving out columns of Omega, and conservative.
    device : str or array, optional
        Where the sketch lives, see `GeneralizedNystrom`.

    Notes
    -----
    ``2 + 2 power_iters`` passes of ``2 m n (rank + 10)`` operations each. Within a pass sketches of
    one spec can be merged; adding data to a pass that others have left is refused at its end, when
    the products of the passes are compared.

    References
    ----------
    .. [1] N. Halko, P.-G. Martinsson, J. Tropp, "Finding structure with randomness", SIAM Rev. 53
       (2011) 217-288, arXiv:0909.4061.

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
    part_axes: ClassVar[dict[str, int]] = {"range": 0, "corange": 1, "error": 0}

    spec: HMTSpec

    def __init__(
        self,
        shape: Any,
        rank: int,
        *,
        power_iters: int = 0,
        sketch_rank: int | None = None,
        test_matrix: TestMatrixFamily | str = "gaussian",
        seed: int = 0,
        dtype: Any = None,
        error_probes: int = 10,
        device: Any = None,
    ) -> None:
        fields = common_fields(shape, rank, test_matrix, seed, dtype, error_probes)
        width = fields["rank"] + 10 if sketch_rank is None else sketch_rank
        width = checked_size(width, "sketch_rank", least=max(1, fields["rank"]))
        power_iters = checked_size(power_iters, "power_iters")
        self._set_up(HMTSpec(**fields, range_size=width, power_iters=power_iters), device)

    def _set_up(self, spec: MatrixSpec, device: Any = None) -> None:
        super()._set_up(spec, device)
        self._norm: float | None = 0.0  # of the data; None where updates may have overlapped

    def _test_matrices(self) -> dict[str, DrawnMatrix]:
        spec = self.spec
        omega = spec.draw("range", spec.range_size)
        if not spec.error_probes:
            return {"range": omega}
        probes = spec.draw("error", spec.error_probes)
        if spec.test_matrix.sparse:
            return {"range": omega, "error": probes}
        return {"range": ProbedMatrix(**_init_fields(omega), probes=probes)}

    @property
    def n_passes(self) -> int:
        """Passes over the data that the method needs."""
        return self.spec.n_passes

    # ---- one pass ---------------------------------------------------------------------------

    def _products(self, block: MatrixBlock, at: tuple[int, ...]) -> Products:
        (row, col), (m, n) = at, block.shape
        if self._pass == 0:
            return {
                name: block.right(matrix.rows(col, col + n)) for name, matrix in self._maps.items()
            }
        basis = FixedMatrix(self._kept["basis"])
        if self._pass % 2:
            return {"corange": block.left(basis.rows(row, row + m))}
        return {"range": block.right(basis.rows(col, col + n))}

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
        if self._pass == 0:
            spec = self.spec
            widths = {"range": spec.range_size + spec.error_probes}
            if "error" in self._maps:
                widths = {"range": spec.range_size, "error": spec.error_probes}
            totals = {name: self._total(name, width) for name, width in widths.items()}
            y, probes = split_probes(totals, spec.range_size)
            basis = orthonormal_basis(y.T)
            kept = {"basis": basis, "probes": probes * 1.0}  # a copy lets go of the sums
            if not self.spec.error_probes:  # the estimate of last resort
                e = scale_exponent(y)
                left_out = rescaled(leave_one_out(basis, rescaled(y.T, -e)), e)
                kept["left_out"] = namespace(basis).asarray(left_out)
            return kept
        if self._pass % 2:
            return {"basis": orthonormal_basis(adjoint(self._corange()))}
        width = int(self._kept["basis"].shape[1])
        return {"basis": orthonormal_basis(self._total("range", width).T)}

    def _corange(self) -> Array:
        """Return ``Q^* A`` of an odd pass."""
        return self._total("corange", int(self._kept["basis"].shape[1]))

    def _check_pass(self) -> None:
        """Refuse an odd pass that saw other data than the first."""
        if self._pass % 2 == 0 or not self.spec.error_probes:
            return
        seen = self._kept["probes"]
        inside = adjoint(self._kept["basis"]) @ seen.T
        refuse_other_data(self, inside, self._corange(), frobenius_norm(seen), self._roundoff)

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
        b, q = self._corange(), self._kept["basis"]
        exponent = scale_exponent(b, self._kept["probes"])
        b = rescaled(b, -exponent)
        core = truncated(hmt(b, self._estimate(b, q, exponent)), keep, tol)
        return lifted(q, core, exponent, self._result_dtype)

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
        seen = rescaled(self._kept["probes"].T, -exponent)  # A G
        return probe_error(
            seen - q @ (adjoint(q) @ seen),
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


def split_probes(sums: dict[str, Array], width: int) -> tuple[Array, Array]:
    """Return ``(A Omega)^T`` and ``(A G)^T`` from the sums of the first pass."""
    both = sums["range"]
    return both[:width, :], sums["error"] if "error" in sums else both[width:, :]


def refuse_other_data(sketch: HMT, inside: Array, b: Array, size: float, roundoff: float) -> None:
    """Compare ``Q^* (A G)`` of the first pass with ``(Q^* A) G`` of a later one.

    Parameters
    ----------
    sketch : HMT
    inside : array, shape (k, p)
        ``Q^* (A G)``.
    b : array, shape (k, n)
        ``Q^* A``.
    size : float
        Norm of ``A G``.
    roundoff : float

    Raises
    ------
    PassError
        If they differ.
    """
    probes = sketch.spec.draw("error", sketch.spec.error_probes)
    now = adjoint(probes.adjoint_product(adjoint(b)))
    gap = frobenius_norm(inside - now)
    if gap > math.sqrt(roundoff) * size:
        raise PassError(
            "a later pass saw other data than the first: their products differ by "
            f"{gap / size if size else math.inf:.2g} of the whole. Feed the same chunks in every "
            "pass, each of them once"
        )
