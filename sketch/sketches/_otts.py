"""OTTS: orthogonal cores from two-sided sketches of every mode."""

from __future__ import annotations

from dataclasses import dataclass

from .._checks import Ranks
from ..backend.array import Array, Device, dtype_name, namespace, unit_roundoff
from ..formats import TensorTrain
from ..maps import TensorFamilyName, TensorTrainMap, TestTensorFamily
from ..numerics.factorizations import pivoted_qr
from ..numerics.linalg import adjoint, frobenius_norm, rescaled, scale_exponent
from ..sources import TensorBlock
from ._base import Sketch
from ._method import Method, Products, Sum
from ._multi_pass import MultiPass
from ._running import TensorRun
from ._state import Kept, Passes
from ._sums import Sums
from ._sweep import sweep_finish, sweep_keep, sweep_products, sweep_sums
from ._tensor_spec import TensorSpec, tensor_fields
from ._tensor_steps import both_sides, cores_of, probed


@dataclass(frozen=True, kw_only=True)
class OTTSSpec(TensorSpec, Method[TensorBlock, TensorTrainMap]):
    """Spec of an `OTTS` sketch; see `TensorSpec`."""

    @property
    def n_passes(self) -> int:
        """Passes over the data: one for each mode."""
        return self.order

    def sums(self, passes: Passes) -> dict[str, Sum]:
        """Return Psi of a pass; in the first pass all Omega_k as well."""
        psi = sweep_sums(self, passes)
        return psi if passes.done and self.order > 1 else psi | self.bond_sums()

    def products(self, run: TensorRun, block: TensorBlock, at: tuple[int, ...]) -> Products:
        """Return what a block adds to each sum."""
        products, contraction = sweep_products(self, run, block, at)
        if run.passes.done:
            return products
        if self.error_probes:
            products["probe"] = probed(run.maps, block, at)
        left, right = run.maps["left"], run.maps["right"]
        cores, modes = cores_of(run.maps, "left", block, at), range(self.order - 1)
        for bond, _, omega in both_sides(left, right, cores, contraction.fork(), modes):
            if omega is not None:
                products[f"omega_{bond}"] = omega
        return products

    def keep(self, sums: Sums) -> Kept:
        """Return the core of a pass, the basis of ``Psi_k Omega_k^+``, and all Omega_k."""
        bonds = range(self.order - 1)
        omegas = dict(sums.kept)
        if sums.number == 0:
            omegas = {f"omega_{bond}": sums.whole(f"omega_{bond}") for bond in bonds}
        omega = omegas[f"omega_{sums.number}"]
        kept = sweep_keep(self, sums, lambda seen: _reduced(seen, omega, sums))
        return kept | (omegas if sums.number == 0 else {})

    def finish(self, sums: Sums, rank: object, tol: float | None) -> TensorTrain:
        """Return the train of all cores with its error."""
        return sweep_finish(self, sums, rank, tol)


def _reduced(seen: Array, omega: Array, sums: Sums) -> Array:
    """Return ``Psi_k Omega_k^+``."""
    size = frobenius_norm(omega) / (omega.shape[0] * omega.shape[1]) ** 0.5
    precision = max(unit_roundoff(dtype_name(omega.dtype)), sums.roundoff(size))
    omega = rescaled(omega, -scale_exponent(omega))  # of which the span does not depend
    q, r, rows = pivoted_qr(adjoint(omega), precision)
    if not rows:
        return seen[:, :1]
    return adjoint(namespace(seen).linalg.solve(r, adjoint(seen @ q)))


class OTTS(MultiPass, Sketch[TensorTrain]):
    """Orthogonal tensor-train sketch of Kressner, Vandereycken and Voorhaar.

    Like `TTHMT`, but each range is first reduced by a second, left test tensor, which amounts to
    half a step of subspace iteration: the most accurate method at a given rank.

    Parameters
    ----------
    shape : sequence of int or None
        Sizes of the d modes; one may be None and grows in the first pass.
    rank : int or sequence of d - 1 int
        Ranks of the result. The sketch is wider and is rounded at `finalize`.
    sketch_rank, corange_rank : int or sequence, optional
        Sizes of the left and right test tensors by hand, see `STTA`.
    seed, dtype, error_probes, test_tensor, device : optional
        See `STTA`.

    Raises
    ------
    RankError, ShapeError
        If the sizes make no sense.

    Notes
    -----
    d passes, each of them ended by `end_pass`.

    References
    ----------
    .. [1] D. Kressner, B. Vandereycken, R. Voorhaar, "Streaming tensor train approximation", 2022,
       arXiv:2208.02600.

    Examples
    --------
    >>> import sketch
    >>> sk = sketch.OTTS((20, 20, 20, 20), rank=5)
    >>> sk.n_passes, sk.spec.left_sizes, sk.spec.right_sizes
    (4, (15, 15, 15), (23, 23, 20))
    """

    spec_type = OTTSSpec

    spec: OTTSSpec

    def __init__(
        self,
        shape: object,
        rank: Ranks,
        *,
        sketch_rank: Ranks | None = None,
        corange_rank: Ranks | None = None,
        seed: int | None = 0,
        dtype: object = None,
        error_probes: int | None = None,
        test_tensor: TestTensorFamily | TensorFamilyName = "stacked-trains",
        device: Device = None,
    ) -> None:
        fields = tensor_fields(
            shape, rank, sketch_rank, corange_rank, seed, dtype, error_probes, test_tensor
        )
        self._set_up(OTTSSpec(**fields), device)
