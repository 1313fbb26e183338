"""Sweeps over the modes: one orthogonal core a pass, from the first mode to the last.

Pass k accumulates what mode k sees between the cores found so far and a right test tensor. The data
are read once for each mode. Blocks that live on from pass to pass (tensors in memory) keep their
interfaces, so that a sweep over them costs one contraction from each side.
"""

from __future__ import annotations

from collections.abc import Callable

from ..backend.array import Array, moved, namespace
from ..formats import TensorTrain
from ..numerics.cores import FixedCore
from ..numerics.factorizations import orthonormal_basis
from ..numerics.linalg import rescaled, scale_exponent
from ..sources import Contraction, TensorBlock
from ._method import Sum
from ._running import TensorRun
from ._state import Kept, Passes
from ._sums import Sums
from ._tensor_spec import TensorSpec
from ._tensor_steps import checked_ranks, cores_of, rounded


def sweep_sums(spec: TensorSpec, passes: Passes) -> dict[str, Sum]:
    """Return Psi (l, r, n) of the mode of a pass, and in the first what the probes see."""
    mode = _mode(spec, passes)
    before = int(passes.kept[f"core_{mode - 1}"].shape[2]) if mode else 1
    psi = {f"psi_{mode}": Sum(mode, (before, (*spec.right_sizes, 1)[mode]))}
    return psi if mode else psi | spec.probe_sums()


def sweep_products(
    spec: TensorSpec, run: TensorRun, block: TensorBlock, at: tuple[int, ...]
) -> tuple[dict[str, Array], Contraction]:
    """Return what a block adds to Psi of a pass, and the contraction that gave it."""
    mode = run.passes.done
    contraction = _between_cores(run, block, at)
    seen = contraction.seen()[:, :, : (*spec.right_sizes, 1)[mode]]
    return {f"psi_{mode}": namespace(seen).permute_dims(seen, (0, 2, 1))}, contraction


def _between_cores(run: TensorRun, block: TensorBlock, at: tuple[int, ...]) -> Contraction:
    """Return the contraction of a block with the cores found so far, from that of an earlier pass.

    It is kept with the block by its place, and holds as long as the cores are the same.
    """
    xp, mode = namespace(block.like()), run.passes.done
    cores = [run.passes.kept[f"core_{before}"] for before in range(mode)]
    begun = block.begun.setdefault(run.memo, {})
    used, contraction = begun.pop(at, ([], None))  # spoiled if this is interrupted
    if contraction is None or any(x is not y for x, y in zip(used, cores, strict=False)):
        used, contraction = [], block.between(cores_of(run.maps, "right", block, at))
    for before in range(len(used), mode):
        window = cores[before][:, at[before] : at[before] + block.shape[before], :]
        contraction.advance(FixedCore(xp.conj(moved(window, block.like()))))
    begun[at] = cores, contraction
    return contraction


def sweep_keep(spec: TensorSpec, sums: Sums, reduced: Callable[[Array], Array]) -> Kept:
    """Return the core that a pass finds, and of the first one what the probes saw.

    `reduced` turns what the mode saw into the columns whose span becomes the core.
    """
    psi = _psi(sums)
    xp = namespace(psi)
    before, n, behind = psi.shape
    seen = xp.reshape(rescaled(psi, -scale_exponent(psi)), (before * n, behind))
    core = orthonormal_basis(reduced(seen)) if before * n else seen[:, :1]
    kept = {f"core_{sums.number}": xp.reshape(core, (before, n, core.shape[1]))}
    if sums.number == 0 and spec.error_probes:
        kept["probe"] = sums.whole("probe")
    return kept


def sweep_finish(spec: TensorSpec, sums: Sums, rank: object, tol: float | None) -> TensorTrain:
    """Return the train of all cores with its error."""
    ranks = checked_ranks(spec, rank, tol)
    last = _psi(sums)
    exponent = scale_exponent(last)
    cores = [sums.kept[f"core_{mode}"] for mode in range(spec.order - 1)]
    whole = TensorTrain([*cores, rescaled(last, -exponent)])
    data = None
    if spec.error_probes:
        data = sums.kept["probe"] if "probe" in sums.kept else sums.whole("probe")
    return rounded(sums, whole, data, ranks, tol, exponent)


def _psi(sums: Sums) -> Array:
    """Return Psi of a pass, shape (l, n, r)."""
    total = sums.whole(f"psi_{sums.number}")
    return namespace(total).permute_dims(total, (0, 2, 1))


def _mode(spec: TensorSpec, passes: Passes) -> int:
    return min(passes.done, spec.order - 1)
