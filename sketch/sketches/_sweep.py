"""Sweeps over the modes: one orthogonal core a pass, from the first mode to the last."""

from __future__ import annotations

from typing import Any

from .._array import Array, moved, namespace
from .._cores import FixedCore
from .._linalg import orthonormal_basis, rescaled, scale_exponent
from ..formats import TensorTrain
from ..sources import Contraction, TensorBlock
from ._base import Products
from ._multi_pass import MultiPassSketch
from ._tensor_sketch import TensorSketch


class SweepSketch(MultiPassSketch, TensorSketch):
    """Pass k accumulates what mode k sees between the cores found so far and a right test tensor.

    The data are read once for each mode. Blocks that live on from pass to pass (tensors in memory)
    keep their interfaces, so that a sweep over them costs one contraction from each side.
    """

    def _set_up(self, spec: Any, device: Any = None) -> None:
        super()._set_up(spec, device)
        self._sweep = Sweep()

    @property
    def n_passes(self) -> int:
        """Passes over the data: one for each mode."""
        return self.spec.order

    def _fresh(self) -> Any:
        new = super()._fresh()
        new._sweep = self._sweep
        return new

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        del state["_sweep"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._sweep = Sweep()

    def _core(self, mode: int) -> Array:
        return self._kept[f"core_{mode}"]

    def _products(self, block: TensorBlock, at: tuple[int, ...]) -> Products:
        xp, mode = namespace(block.like()), self._pass
        known = block.begun.get(self._sweep)
        if known is None or known[0] > mode:
            known = 0, block.between(self._cores("right", block, at))
        done, contraction = known
        for before in range(done, mode):
            window = self._core(before)[:, at[before] : at[before] + block.shape[before], :]
            window = moved(window, block.like())
            contraction.advance(FixedCore(xp.conj(window)))
        block.begun[self._sweep] = mode, contraction
        seen = contraction.seen()[:, :, : (*self.spec.right_sizes, 1)[mode]]
        products = {f"psi_{mode}": xp.permute_dims(seen, (0, 2, 1))}
        return products if mode else products | self._first_products(block, at, contraction)

    def _first_products(
        self, block: TensorBlock, at: tuple[int, ...], contraction: Contraction
    ) -> Products:
        """Return what the first pass adds beside Psi."""
        return {"probe": self._probed(block, at)} if self.spec.error_probes else {}

    def _psi(self) -> Array:
        """Return Psi of this pass, shape (l, n, r)."""
        before = int(self._core(self._pass_mode - 1).shape[2]) if self._pass_mode else 1
        size = (*self.spec.right_sizes, 1)[self._pass_mode]
        total = self._total(f"psi_{self._pass_mode}", before, size)
        return namespace(total).permute_dims(total, (0, 2, 1))

    @property
    def _pass_mode(self) -> int:
        return min(self._pass, self.n_passes - 1)

    def _keep(self) -> dict[str, Array]:
        psi = self._psi()
        xp = namespace(psi)
        before, n, behind = psi.shape
        seen = self._reduced(xp.reshape(psi, (before * n, behind)))
        core = orthonormal_basis(seen)
        kept = {f"core_{self._pass}": xp.reshape(core, (before, n, -1))}
        if self._pass == 0 and self.spec.error_probes:
            kept["probe"] = self._total("probe", self.spec.error_probes * self.spec.error_rank)
        return kept

    def _reduced(self, seen: Array) -> Array:
        """Return the columns whose span becomes the next core."""
        return seen

    def _check_pass(self) -> None:
        """Nothing shows before the end: the error estimate compares the result with pass one."""

    def _probe_data(self) -> Array:
        if "probe" in self._kept:
            return self._kept["probe"]
        return super()._probe_data()

    def finalize(self, rank: Any = None, tol: float | None = None) -> TensorTrain:
        """Return the tensor train with its error, after the last pass.

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
        PassError
            If passes are missing.
        RankError
            If a rank is more than the sketch holds.

        Warns
        -----
        ToleranceWarning
            If the sketch is not wide enough for `tol`.
        """
        ranks = self._checked_ranks(rank, tol)
        self._check_complete()
        last = self._psi()
        exponent = scale_exponent(last)
        cores = [self._core(mode) for mode in range(self.spec.order - 1)]
        whole = TensorTrain([*cores, rescaled(last, -exponent)])
        return self._rounded(whole, ranks, tol, exponent)


class Sweep:
    """What a block files its contraction under, from pass to pass of one sketch."""
