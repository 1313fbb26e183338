"""State of a sketch in files and pickles: the spec, the sums, and proof that both still fit."""

from __future__ import annotations

import hashlib
import os
from typing import Any, Self

import numpy as np

from .. import _archive
from .._array import Array, namespace, to_host
from .._random import TRANSFORM_VERSION
from ..errors import StateFileError
from ._base import Sketch
from ._part import Part


class SavedSketch(Sketch):
    """A sketch with pickling, `save`, and the way back."""

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        del state["_maps"]  # they follow from the spec
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._maps = self._test_matrices()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the running sketch to a file; `sketch.load` resumes it, on any machine.

        The file appears whole or not at all, whenever the process is killed.
        """
        header, arrays = self._state()
        held = {name: to_host(array) for name, array in arrays.items()}
        axes = {name: _memory_order(array) for name, array in held.items()}
        laid = {name: array.transpose(axes[name]) for name, array in held.items()}
        _archive.write(path, header | {"axes": axes}, laid)

    def _state(self) -> tuple[_archive.Header, dict[str, Array]]:
        header = {
            "kind": type(self).__name__,
            "spec": self.spec.to_header(),
            "n_updates": self.n_updates,
            "seen": self._seen,
            "dtype": self._dtype,
            "starts": {name: part.start for name, part in self._parts.items()},
            "transform_version": TRANSFORM_VERSION,
            "draw_digest": self._draw_digest(),
        }
        return header, {name: part.values for name, part in self._parts.items()}

    @classmethod
    def from_archive(cls, header: _archive.Header, arrays: _archive.Arrays) -> Self:
        """Rebuild a sketch from what `save` wrote.

        Raises
        ------
        StateFileError
            If this installation would draw other test matrices, or the state is inconsistent.
        """
        sketch = cls.from_spec(cls.spec_type.from_header(header["spec"]))
        if header["draw_digest"] != sketch._draw_digest():
            raise StateFileError(
                "the file was written by an installation that draws other test matrices "
                f"(transformation {header['transform_version']}, here {TRANSFORM_VERSION}); finish "
                "the stream with the version that began it"
            )
        axes = header.get("axes", {})
        sketch._restore(header, {k: _laid_back(a, axes.get(k)) for k, a in arrays.items()})
        return sketch

    def _restore(self, header: _archive.Header, arrays: _archive.Arrays) -> None:
        self.n_updates = int(header["n_updates"])
        self._seen = [int(size) for size in header["seen"]]
        self._dtype = header["dtype"]
        for name, start in header["starts"].items():
            axis = self._part_axis(name)
            part = Part(arrays[name], int(start), None if axis is None else self.spec.shape[axis])
            if axis is not None and (part.start < 0 or part.stop > self.shape[axis]):
                raise StateFileError(f"part {name!r} of the state reaches beyond its shape")
            self._parts[name] = part

    def _draw_digest(self) -> str:
        """Return a digest of a few drawn rows, rounded so that a last bit does not matter."""
        digest = hashlib.sha256()
        for name in sorted(self._maps):
            sample = np.asarray(self._maps[name].sample())
            digest.update(np.round(sample, 6).astype("<c16").tobytes())
        return digest.hexdigest()[:16]


def _memory_order(array: np.ndarray[Any, Any]) -> list[int]:
    """Return the axes of an array from the longest stride to the shortest.

    A resumed sketch lays its arrays out as they were: the last bits of products depend on it.
    """
    return sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))


def _laid_back(array: Array, axes: list[int] | None) -> Array:
    """Return an array whose axes were put in the order of `axes` as it was before."""
    return array if axes is None else namespace(array).permute_dims(array, tuple(np.argsort(axes)))
