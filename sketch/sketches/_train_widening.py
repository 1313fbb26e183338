"""Wider sketches of tensors that are read again: what further columns see, on either side."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal, Unpack

from ..backend.array import Array, moved, namespace
from ..maps import TensorTrainMap
from ..numerics.cores import absorb_right, side_by_side
from ..running.reading import Reading
from ..sources import TensorBlock
from ._accumulator import Accumulator
from ._method import AnyMethod, Method, Products, Sum
from ._part import Part
from ._running import TensorRun
from ._state import Passes
from ._sums import Sums
from ._tensor_spec import Sizes, TensorSpec
from ._tensor_steps import behind, both_sides, cores_of
from ._widening import refuse_others

Side = Literal["left", "right"]
_TESTS: dict[Side, tuple[str, str]] = {
    "right": ("left", "further right"),
    "left": ("further left", "right"),
}


@dataclass(frozen=True, kw_only=True)
class FurtherColumns(TensorSpec, Method[TensorBlock, TensorTrainMap]):
    """What the sums of a wide sketch hold beside those of a narrower one.

    Its left test tensor consists of L, which was known, and further columns M; the right one of R
    and S. Each of the sums is made of what they see between them::

        [ L..R   L..S ]      "right" here: what all columns on the left see with S
        [ M..R   M..S ]      "left":       what M sees with R

    Attributes
    ----------
    known : TensorSpec
        Of the narrower sketch.
    """

    known: TensorSpec

    @classmethod
    def of(cls, known: TensorSpec, wide: TensorSpec) -> FurtherColumns:
        """Return the spec of what a wide sketch holds more than a known one."""
        fields = {f.name: getattr(wide, f.name) for f in dataclasses.fields(TensorSpec)}
        return cls(**fields, known=known)

    def maps(self) -> dict[str, TensorTrainMap]:
        """Return the left test tensor, the known right one, and the further panels."""
        left, right = self.stacked("left"), self.stacked("right")
        return {
            "left": left,
            "right": self.known.stacked("right"),
            "further left": left.last_panel(),
            "further right": right.last_panel(),
        }

    def modes(self, side: Side) -> range:
        """Return the modes that see something of the further columns on a side.

        On the left but the first, where the known Psi tells it: see `known_mode`.
        """
        grown = self._grown(side)
        if not grown:
            return range(0)
        if side == "right":
            return range(grown[-1] + 1)
        return range(grown[0] + (self.known_mode is not None), self.order)

    @property
    def known_mode(self) -> int | None:
        """The mode before the first further columns, where nothing on its left is left out."""
        grown = self._grown("left")
        return grown[0] if grown and self.stacked("left").bonds[grown[0]].whole else None

    def _grown(self, side: Side) -> list[int]:
        return [bond for bond, size in enumerate(self.panel_sizes[-1][side == "right"]) if size]

    def sums(self, passes: Passes) -> dict[str, Sum]:
        """Return the blocks of every Psi and Omega."""
        further_left, further_right = self.panel_sizes[-1]
        blocks: dict[Side, tuple[Sizes, Sizes]] = {
            "right": ((1, *self.left_sizes), (*further_right, 0)),
            "left": ((0, *further_left), (*self.known.right_sizes, 1)),
        }
        sums = {}
        for side, (before, after) in blocks.items():
            for mode, sizes in enumerate(zip(before, after, strict=True)):
                sums[f"psi_{mode} {side}"] = Sum(mode, sizes)
            for bond, sizes in enumerate(zip(before[1:], after[:-1], strict=True)):
                sums[f"omega_{bond} {side}"] = Sum(None, sizes)
        return sums

    def products(self, run: TensorRun, block: TensorBlock, at: tuple[int, ...]) -> Products:
        """Return what a block adds to each of them."""
        products: Products = {}
        for side, (before, after) in _TESTS.items():
            modes = self.modes(side)
            if not modes:
                continue
            cores = cores_of(run.maps, before, block, at)
            contraction = block.between_some(cores_of(run.maps, after, block, at), modes)
            left, right = run.maps[before], run.maps[after]
            for mode, psi, omega in both_sides(left, right, cores, contraction, modes):
                products[f"psi_{mode} {side}"] = namespace(psi).permute_dims(psi, (0, 2, 1))
                if omega is not None:
                    products[f"omega_{mode} {side}"] = omega
        return products

    def finish(self, sums: Sums, rank: object, tol: float | None) -> Sums:
        """Return the sums, of which those of a wider sketch are made."""
        return sums


def widened_train(
    ours: Accumulator,
    data: object,
    further: FurtherColumns,
    wide: AnyMethod,
    **how: Unpack[Reading],
) -> Accumulator:
    """Return the sums of a wider spec from those at hand and a reading for the rest.

    Parameters
    ----------
    ours : Accumulator
    data : whatever `Sketch.update` takes
        The same data, all of them.
    further : FurtherColumns
    wide : Method
        The spec of all columns.
    **how
        Of `Sketch.update`.

    Raises
    ------
    PassError
        If the data are others.
    """
    theirs = Accumulator(further, ours.home)
    theirs.commit(theirs.contribution(data, **how))
    before, after = ours.sums(), theirs.sums()
    corner = _corner(before, after)
    parts = dict(ours.state.parts)
    for name in before.spec.sums(before.state.passes):
        if name == "probe":
            continue
        known, right = before.whole(name), after.whole(f"{name} right")
        left = corner.get(name, after.whole(f"{name} left"))
        right, left = moved(right, known), moved(left, known)  # corners come from maps, on the host
        xp, rows = namespace(known), known.shape[0]
        above = xp.concat([known, right[:rows, ...]], axis=1)
        below = xp.concat([left, right[rows:, ...]], axis=1)
        parts[name] = Part.of(xp.concat([above, below], axis=0))
    return Accumulator(wide, ours.home, ours.state.having(parts=parts))


def _corner(before: Sums, after: Sums) -> dict[str, Array]:
    """Return the first Omega that further columns on the left see, made of the Psi before it.

    To the left of this Psi nothing was left out, so that it knows all of it. That is compared with
    what the data say now.

    Raises
    ------
    PassError
        If these are others.
    """
    mode, further, right = after.spec.known_mode, after.maps["further left"], after.maps["right"]
    if mode is None:
        return {}
    psi = _mode_inside(before.whole(f"psi_{mode}"))
    core = further.whole_core(mode, before.shape, psi)
    corner = further.wanted(behind(psi, core), mode + 1, 0)
    there = _seen_from_right(right, after, mode + 1)
    refuse_others(corner[:, : there.shape[1]], there, before, after)
    return {f"omega_{mode}": corner}


def _seen_from_right(right: TensorTrainMap, after: Sums, mode: int) -> Array:
    """Return the first columns of the Omega before a mode, as far as what makes them was kept.

    A sketch leaves out some columns of the last train that it meets.
    """
    psi = _mode_inside(after.whole(f"psi_{mode} left"))
    xp, (rows, n, _), inner = namespace(psi), psi.shape, right.bonds[mode + 1]
    blocks = 1 if inner.whole else right.sizes[0][mode] // inner.rank
    split = xp.reshape(psi[:, :, : blocks * inner.rank], (rows, n, blocks, inner.rank))
    core = right.whole_core(mode, after.shape, psi).array()
    trains = core if inner.whole else core[:blocks, ...]
    seen = side_by_side(absorb_right(xp.permute_dims(split, (2, 0, 1, 3)), trains))
    return seen[:, : right.sizes[0][mode - 1]]


def _mode_inside(psi: Array) -> Array:
    """Return Psi as (l, n, r)."""
    return namespace(psi).permute_dims(psi, (0, 2, 1))
