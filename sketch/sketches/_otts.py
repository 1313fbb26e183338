"""OTTS: orthogonal cores from two-sided sketches of every mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .._array import Array, dtype_name, namespace, unit_roundoff
from .._linalg import adjoint, pivoted_qr
from ..maps import TestTensorFamily
from ..sources import Contraction, TensorBlock
from ._base import Products
from ._sweep import SweepSketch
from ._tensor_spec import TensorSpec, tensor_fields


@dataclass(frozen=True, kw_only=True)
class OTTSSpec(TensorSpec):
    """Spec of an `OTTS` sketch; see `TensorSpec`."""

    method: ClassVar[str] = "otts"


class OTTS(SweepSketch):
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
    seed : int or None
        Fixes the test tensors; None draws a fresh one, which the spec records.
    dtype : optional
        Of the data; by default the sketch follows them.
    error_probes : int, optional
        Independent test tensors that estimate the error, see `STTA`.
    test_tensor : TestTensorFamily or str
        Distribution of the test tensors, see `STTA`.
    device : str or array, optional
        Where the sketch lives, see `GeneralizedNystrom`.

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

    def __init__(
        self,
        shape: Any,
        rank: Any,
        *,
        sketch_rank: Any = None,
        corange_rank: Any = None,
        seed: int | None = 0,
        dtype: Any = None,
        error_probes: int | None = None,
        test_tensor: TestTensorFamily | str = "stacked-trains",
        device: Any = None,
    ) -> None:
        fields = tensor_fields(
            shape, rank, sketch_rank, corange_rank, seed, dtype, error_probes, test_tensor
        )
        self._set_up(OTTSSpec(**fields), device)

    def _first_products(
        self, block: TensorBlock, at: tuple[int, ...], contraction: Contraction
    ) -> Products:
        products = super()._first_products(block, at, contraction)
        for bond, (_, omega) in enumerate(self._both_sides(block, at, contraction.fork())):
            if omega is not None:
                products[f"omega_{bond}"] = omega
        return products

    def _keep(self) -> dict[str, Array]:
        kept = super()._keep()
        if self._pass == 0:
            kept |= {name: part.values for name, part in self._parts.items() if "omega" in name}
        return kept

    def _reduced(self, seen: Array) -> Array:
        """Return ``Psi_k Omega_k^+``."""
        name = f"omega_{self._pass}"
        sums = self._parts if self._pass == 0 else {}
        omega = sums[name].values if name in sums else self._kept.get(name)
        if omega is None:
            return seen[:, :1]
        precision = max(unit_roundoff(dtype_name(omega.dtype)), self._roundoff)
        q, r, rows = pivoted_qr(adjoint(omega), precision)
        if not rows:
            return seen[:, :1]
        return adjoint(namespace(seen).linalg.solve(r, adjoint(seen @ q)))
