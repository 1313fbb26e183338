"""STTA: a tensor train from one pass over the data, linear and mergeable."""

from __future__ import annotations

from dataclasses import dataclass

from .._checks import Ranks
from ..backend.array import Array, Device, dtype_name, namespace, unit_roundoff
from ..errors import RankError
from ..finalize import assemble_train
from ..formats import TensorTrain
from ..maps import TensorFamilyName, TensorTrainMap, TestTensorFamily
from ..numerics.linalg import frobenius_norm, rescaled, scale_exponent
from ..running.reading import Reading
from ..sources import TensorBlock
from ._base import Sketch
from ._method import Method, Products, Sum
from ._running import TensorRun
from ._state import Passes
from ._sums import Sums
from ._tensor_spec import TensorSpec, tensor_fields
from ._tensor_steps import both_sides, checked_ranks, cores_of, probed_by, rounded
from ._train_widening import FurtherColumns, widened_train


@dataclass(frozen=True, kw_only=True)
class STTASpec(TensorSpec, Method[TensorBlock, TensorTrainMap]):
    """Spec of an `STTA` sketch; see `TensorSpec`."""

    def sums(self, passes: Passes) -> dict[str, Sum]:
        """Return Psi_k (l_{k-1}, r_k, n_k), Omega_k (l_k, r_k) and what the probes see."""
        sides = zip((1, *self.left_sizes), (*self.right_sizes, 1), strict=True)
        modes = {f"psi_{mode}": Sum(mode, sizes) for mode, sizes in enumerate(sides)}
        return modes | self.bond_sums() | self.probe_sums()

    def products(self, run: TensorRun, block: TensorBlock, at: tuple[int, ...]) -> Products:
        """Return what a block adds to each sum."""
        xp = namespace(block.like())
        sides = ["right", "error"] if self.error_probes else ["right"]
        tests = [cores_of(run.maps, side, block, at) for side in sides]
        contraction, *probes = block.between_each(tests)
        products = {}
        if probes:
            products["probe"] = probed_by(tests[1], probes[0])
        left, right = run.maps["left"], run.maps["right"]
        cores, modes = cores_of(run.maps, "left", block, at), range(self.order)
        for mode, psi, omega in both_sides(left, right, cores, contraction, modes):
            products[f"psi_{mode}"] = xp.permute_dims(psi, (0, 2, 1))
            if omega is not None:
                products[f"omega_{mode}"] = omega
        return products

    def finish(self, sums: Sums, rank: object, tol: float | None) -> TensorTrain:
        """Return the train ``Psi_1 Omega_1^+ ... Psi_d`` with its error."""
        ranks = checked_ranks(self, rank, tol)
        psis = [_modes_last(sums.whole(f"psi_{mode}")) for mode in range(self.order)]
        omegas = [sums.whole(f"omega_{bond}") for bond in range(self.order - 1)]
        exponent = scale_exponent(*psis, *omegas)
        psis = [rescaled(psi, -exponent) for psi in psis]
        omegas = [rescaled(omega, -exponent) for omega in omegas]
        precision = unit_roundoff(dtype_name(psis[0].dtype))
        size = frobenius_norm(psis[0]) / (psis[0].shape[2] ** 0.5)
        cut = max(precision, sums.roundoff(rescaled(size, exponent)))
        whole = TensorTrain(assemble_train(psis, omegas, cut))
        data = sums.whole("probe") if self.error_probes else None
        return rounded(sums, whole, data, ranks, tol, exponent)


def _modes_last(psi: Array) -> Array:
    """Return Psi_k as (l_{k-1}, n_k, r_k)."""
    return namespace(psi).permute_dims(psi, (0, 2, 1))


class STTA(Sketch[TensorTrain]):
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
        self._set_up(STTASpec(**fields), device)

    def widen(
        self,
        data: object,
        rank: Ranks,
        *,
        check_finite: bool = True,
        memory: int | str | None = None,
        progress: bool = False,
    ) -> STTA:
        """Return a wider sketch of the same data, which are read for the new columns alone.

        Parameters
        ----------
        data : array, sparse, CP, Tucker or train tensor, stored dataset, or sum of these
            All that the sketch has seen.
        rank : int or sequence of d - 1 int
            Of the wider sketch, whose test tensors are as wide as by default. The first columns
            stay what they were.
        check_finite, memory, progress
            See `update`.

        Returns
        -------
        STTA
            Of the same seed; the old one stays as it is.

        Raises
        ------
        RankError
            If that is not wider at any bond.
        PassError
            If the data are others than those of the sketch.

        Notes
        -----
        For a dense tensor of N entries about ``2 N (l + r)`` operations for l and r further columns
        on the left and right. Of other formats what all columns meet from the right is made anew,
        which costs as much as a sketch made anew, without the products of known columns.

        Examples
        --------
        >>> import numpy as np, sketch
        >>> i, j, k = np.ogrid[:30, :31, :32]
        >>> t = np.exp(-abs(i - j) / 30 - abs(j - k) / 30)
        >>> sk = sketch.STTA(t.shape, rank=4)
        >>> sk.update(t)
        >>> wide = sk.widen(t, rank=8)
        >>> sk.spec.left_sizes, wide.spec.left_sizes
        ((14, 14), (18, 18))
        """
        wide = self.spec.widened(rank)
        if not any(map(any, wide.panel_sizes[-1])):
            raise RankError(
                f"rank={rank} takes no more columns than the {self.spec.left_sizes} that the "
                "sketch has; begin anew"
            )
        how: Reading = {"check_finite": check_finite, "memory": memory, "progress": progress}
        new, more = type(self).from_spec(wide), FurtherColumns.of(self.spec, wide)
        new.accumulator = widened_train(self.accumulator, data, more, wide, **how)
        return new
