"""Sketches of several passes: each is linear, an orthogonalisation lies between them."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, Self

from .. import _archive
from .._array import Array, namespace
from .._linalg import adjoint, frobenius_norm
from ..errors import IncompatibleSketchError, PassError
from ..maps import DrawnMatrix
from ._stream import StreamedSketch


class MultiPassSketch(StreamedSketch):
    """A sketch that takes the same chunks several times, with `end_pass` after each time."""

    def _set_up(self, spec: Any, device: Any = None) -> None:
        super()._set_up(spec, device)
        self._pass = 0  # passes ended so far
        self._settled: tuple[int, ...] | None = None  # the shape that the first pass saw
        self._kept: dict[str, Array] = {}  # what the passes that were ended leave behind

    @property
    @abstractmethod
    def n_passes(self) -> int:
        """Passes over the data that the method needs."""

    @abstractmethod
    def _keep(self) -> dict[str, Array]:
        """Return what to carry into the next pass, made from the sums of this one."""

    @abstractmethod
    def _check_pass(self) -> None:
        """Refuse a pass that saw other data than the first, where that shows."""

    @property
    def passes_done(self) -> int:
        """Passes that were ended."""
        return self._pass

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the data; settled by the first pass where an axis grows."""
        return super().shape if self._settled is None else self._settled

    def end_pass(self) -> None:
        """End a pass: orthonormalise what it gathered, and make ready for the next one.

        Raises
        ------
        PassError
            If all passes are done, or this one saw other data than the first.
        """
        if self._pass >= self.n_passes:
            raise PassError(f"all {self.n_passes} passes are done; finalize")
        self._check_pass()
        if self._pass + 1 < self.n_passes:
            kept = self._keep()
            self._settled, self._kept = self.shape, {**self._kept, **kept}
            self._parts, self._seen, self.position = {}, [0] * len(self._seen), 0
        self._pass += 1

    def _fade(self, factor: float) -> None:
        raise PassError(
            f"a {type(self).__name__} sketch reads the data several times and cannot forget in "
            "between; use a one-pass sketch"
        )

    def _check_complete(self) -> None:
        """Refuse to finalize before the last pass."""
        if self._pass < self.n_passes - 1:
            raise PassError(
                f"{self._pass} of {self.n_passes} passes are done: update with all chunks, call "
                "end_pass(), and feed them again"
            )
        if self._pass == self.n_passes - 1:
            self._check_pass()

    def _check_inside(self, at: tuple[int, ...], size: tuple[int, ...]) -> None:
        if self._pass >= self.n_passes:
            raise PassError(f"all {self.n_passes} passes are done; finalize, or begin a new sketch")
        super()._check_inside(at, size)
        if self._settled is not None and any(
            a + s > known for a, s, known in zip(at, size, self._settled, strict=True)
        ):
            raise PassError(
                f"pass {self._pass + 1} got a chunk of shape {size} at {at}, beyond the data of "
                f"shape {self._settled} that the first pass saw; feed the same chunks"
            )

    def _fresh(self) -> Self:
        new = super()._fresh()
        new._pass, new._settled, new._kept = self._pass, self._settled, dict(self._kept)
        return new

    def merge(self, other: Self) -> None:
        """Add another sketch of the same spec that is in the same pass, after equal ones.

        Raises
        ------
        IncompatibleSketchError
            If the specs differ, or the passes so far.
        """
        self._check_compatible(other)
        if other._pass != self._pass or not _equal(self._kept, other._kept):
            raise IncompatibleSketchError(
                f"sketches can be merged within one pass only: these are in pass {self._pass + 1} "
                f"and {other._pass + 1}, or have ended the pass before with other data. Merge all "
                "parts, call end_pass() once, and hand out copies"
            )
        super().merge(other)

    def _scaled(self, factor: Any) -> Self:
        if self._pass and factor != 1:
            raise PassError(
                f"a {type(self).__name__} sketch can be scaled in its first pass only; scale the "
                "result instead"
            )
        return super()._scaled(factor)

    def _state(self) -> tuple[_archive.Header, dict[str, Array]]:
        header, arrays = super()._state()
        header |= {"pass": self._pass, "settled": self._settled, "kept": list(self._kept)}
        return header, {**arrays, **{f"kept_{name}": x for name, x in self._kept.items()}}

    def _restore(self, header: _archive.Header, arrays: _archive.Arrays) -> None:
        self._pass = int(header["pass"])
        if header["settled"] is not None:
            self._settled = tuple(int(size) for size in header["settled"])
        self._kept = {name: arrays[f"kept_{name}"] for name in header["kept"]}
        super()._restore(header, arrays)


def refuse_other_data(
    sketch: MultiPassSketch, matrix: DrawnMatrix, inside: Array, panel: Array
) -> None:
    """Compare products with the data from both sides, ``Q^* (A G)`` and ``(Q^* A) G``.

    Parameters
    ----------
    sketch : MultiPassSketch
    matrix : DrawnMatrix
        G, which an earlier pass multiplied by.
    inside : array, shape (k, p)
        ``Q^* (A G)`` of that pass, with the basis Q that this pass multiplies by.
    panel : array, shape (n, k)
        ``A^* Q`` of this pass.

    Raises
    ------
    PassError
        If they differ.
    """
    gap = frobenius_norm(inside - adjoint(matrix.adjoint_product(panel)))
    size = frobenius_norm(inside)
    if gap > math.sqrt(sketch._roundoff) * size:
        raise PassError(
            "a later pass saw other data than an earlier one: their products differ by "
            f"{gap / size if size else math.inf:.2g} of the whole. Feed the same chunks in every "
            "pass, each of them once"
        )


def _equal(x: dict[str, Array], y: dict[str, Array]) -> bool:
    return x.keys() == y.keys() and all(_same_array(x[name], y[name]) for name in x)


def _same_array(x: Array, y: Array) -> bool:
    return x is y or (x.shape == y.shape and bool(namespace(x).all(x == y)))
