"""STTA: a tensor train from one pass over the data, linear and mergeable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .._array import Array, dtype_name, namespace, unit_roundoff
from .._linalg import rescaled, scale_exponent
from ..finalize import assemble_train
from ..formats import TensorTrain
from ..maps import TestTensorFamily
from ..sources import TensorBlock
from ._base import Products
from ._tensor_sketch import TensorSketch
from ._tensor_spec import TensorSpec, tensor_fields


@dataclass(frozen=True, kw_only=True)
class STTASpec(TensorSpec):
    """Spec of an `STTA` sketch; see `TensorSpec`."""

    method: ClassVar[str] = "stta"

    def sketch(self, chunk: Any, at: Any = None) -> STTA:
        """Return the sketch of one chunk: the form for any map over a cluster."""
        sketch = STTA.from_spec(self)
        sketch.update(chunk, at)
        return sketch


class STTA(TensorSketch):
    """Streaming tensor-train approximation of Kressner, Vandereycken and Voorhaar.

    Keeps what every mode sees between a left and a right test tensor, and what every bond sees:
    ``Psi_k`` and ``Omega_k``. Linear: sketches of the same spec add, subtract and scale; chunks
    may be blocks at any place, in any mix of formats.

    Parameters
    ----------
    shape : sequence of int or None
        Sizes of the d modes; one may be None and grows as chunks are appended.
    rank : int or sequence of d - 1 int
        Ranks of the result. The sketch is wider and is rounded at `finalize`.
    sketch_rank, corange_rank : int or sequence, optional
        Sizes of the left and right test tensors by hand: by default ``max(rank + 10, 2 rank)`` and
        1.5 times that, trimmed to what each unfolding can hold.
    seed : int or None
        Fixes the test tensors; None draws a fresh one, which the spec records.
    dtype : optional
        Of the data; by default the sketch follows them.
    error_probes : int, optional
        Independent test tensors that estimate the error: 16 up to order 10, 8 up to order 25, 4
        above. With 0 the result has no estimate.
    test_tensor : TestTensorFamily or str
        Distribution of the test tensors: `StackedTrains` by default, or `KhatriRao`.
    device : str or array, optional
        Where the sketch lives, see `GeneralizedNystrom`.

    Raises
    ------
    RankError, ShapeError
        If the sizes make no sense.

    Notes
    -----
    One pass; for a dense tensor of N entries about ``2 N (l + r)`` operations for sizes l and r,
    and ``4 N P`` more for P probes; ``sum_k l n_k r`` numbers. A train of rank R costs about
    ``n R (R + q) (l + r)`` operations a mode, with q the rank of each test train, a CP tensor of R
    terms ``n R (q (l + r) + l r)``, a sparse tensor ``nnz (q (l + r) + l r)``, and so much less as
    its entries share leading indices.

    On flat tensors of high order the result can be worse than zero; its error estimate says so.

    References
    ----------
    .. [1] D. Kressner, B. Vandereycken, R. Voorhaar, "Streaming tensor train approximation", 2022,
       arXiv:2208.02600.

    Examples
    --------
    >>> import numpy as np, sketch
    >>> i, j, k = np.ogrid[:6, :7, :8]
    >>> t = 1.0 / (1 + i + j + k)
    >>> sk = sketch.STTA((None, 7, 8), rank=5)
    >>> for time_slice in t:
    ...     sk.update(time_slice[None])
    >>> tt = sk.finalize()
    >>> tt.shape, tt.ranks, bool(np.linalg.norm(tt.to_array() - t) < 1e-4)
    ((6, 7, 8), (5, 5), True)
    """

    spec_type = STTASpec

    spec: STTASpec

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
        self._set_up(STTASpec(**fields), device)

    def _products(self, block: TensorBlock, at: tuple[int, ...]) -> Products:
        xp = namespace(block.like())
        contraction = block.between(self._cores("right", block, at))
        products = {}
        for mode, (psi, omega) in enumerate(self._both_sides(block, at, contraction)):
            products[f"psi_{mode}"] = xp.permute_dims(psi, (0, 2, 1))
            if omega is not None:
                products[f"omega_{mode}"] = omega
        if self.spec.error_probes:
            products["probe"] = self._probed(block, at)
        return products

    def finalize(self, rank: Any = None, tol: float | None = None) -> TensorTrain:
        """Return the tensor train with its error; the stream may go on afterwards.

        Parameters
        ----------
        rank : int or sequence, optional
            Ranks of the result, by default the spec's; no more than the sketch holds.
        tol : float, optional
            Round as far as the estimated relative error stays at most `tol`.

        Returns
        -------
        TensorTrain

        Raises
        ------
        RankError
            If a rank is more than the sketch holds.

        Warns
        -----
        ToleranceWarning
            If the sketch is not wide enough for `tol`.
        """
        ranks = self._checked_ranks(rank, tol)
        psis, omegas = self._sums()
        exponent = scale_exponent(*psis, *omegas)
        psis = [rescaled(psi, -exponent) for psi in psis]
        omegas = [rescaled(omega, -exponent) for omega in omegas]
        precision = unit_roundoff(dtype_name(omegas[0].dtype)) if omegas else 0.0
        whole = TensorTrain(assemble_train(psis, omegas, max(precision, self._roundoff)))
        return self._rounded(whole, ranks, tol, exponent)

    def _sums(self) -> tuple[list[Array], list[Array]]:
        """Return all Psi_k (l, n_k, r) and Omega_k (l, r)."""
        spec = self.spec
        left, right = (1, *spec.left_sizes), (*spec.right_sizes, 1)
        psis = []
        for mode in range(spec.order):
            total = self._total(f"psi_{mode}", left[mode], right[mode])
            psis.append(namespace(total).permute_dims(total, (0, 2, 1)))
        bonds = zip(spec.left_sizes, spec.right_sizes, strict=True)
        omegas = [
            self._parts[f"omega_{bond}"].values
            if self._parts
            else namespace(psis[0]).zeros(sizes, dtype=psis[0].dtype)
            for bond, sizes in enumerate(bonds)
        ]
        return psis, omegas
