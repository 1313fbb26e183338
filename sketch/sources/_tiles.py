"""Tiles: how an array that is read in pieces is cut, along the chunks it is stored in."""

from __future__ import annotations

import itertools
import math
import mmap
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np

from ..backend.array import (
    Array,
    cast,
    compute_dtype,
    cuts,
    gathered,
    is_array,
    is_dask,
)
from ..backend.plain import plain
from ..backend.protocols import Stored
from ..errors import ShapeError
from ..files.extent import read_mapped

BLOCK_BYTES = 32_000_000
"""Size of the pieces in which data are converted or read, unless a memory budget asks for less."""


def is_stored(x: object) -> bool:
    """Whether `x` can be sliced into arrays: it has a shape, a dtype and items."""
    return all(hasattr(x, name) for name in ("shape", "dtype", "__getitem__"))


class StoredArray:
    """An array that is not multiplied in place but read by slicing, converted tile by tile.

    Files (mapped, HDF5, Zarr), Dask arrays, integers, foreign byte order, strided views.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
        In which tiles come.
    nbytes : int
        Bytes that are read, for progress.
    on_disk : bool
        Whether reading takes its time.
    """

    def __init__(self, stored: Stored) -> None:
        if any(size != size for size in stored.shape):  # NaN: chunks of unknown size
            raise ShapeError(
                f"the shape {stored.shape} is unknown; call compute_chunk_sizes() first"
            )
        self.stored = self._cuttable = stored
        if is_dask(stored):  # of some sparse formats slices are not there
            meta: object = getattr(stored, "_meta", None)
            self._cuttable = stored.map_blocks(in_slices, dtype=stored.dtype, meta=meta)
        self.shape = tuple(int(n) for n in stored.shape)
        self.dtype = compute_dtype(stored.dtype)
        self.nbytes = math.prod(self.shape) * int(getattr(stored.dtype, "itemsize", 8))
        self.on_disk = isinstance(stored, np.memmap) or not is_array(stored)

    def tiles(
        self, limit: int, whole: Sequence[int] = ()
    ) -> Iterator[tuple[tuple[int, ...], Array]]:
        """Yield offsets and tiles of at most so many bytes, ready to be multiplied."""
        return self._tiles(self.tile_shape(limit, whole))

    def tiles_along(
        self, axis: int, limit: int, most: int
    ) -> Iterator[tuple[tuple[int, ...], Array]]:
        """Yield tiles like `tiles`, along the whole of an axis where no chunk is cut for it.

        That is where the chunks along it fit into `most` bytes. Arrays that are not stored in
        chunks are read in their own order.
        """
        chunks = _chunks(self.stored)
        strip = [min(n, c) for n, c in zip(self.shape, chunks, strict=True)]
        strip[axis] = self.shape[axis]
        size = math.prod(strip) * np.dtype(self.dtype).itemsize
        if math.prod(chunks) == 1 or size > most:
            return self._tiles(self.tile_shape(limit))
        return self._tiles(self.tile_shape(max(limit, size), (axis,)))

    def _tiles(self, steps: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Array]]:
        for window in itertools.product(*map(cuts, self.shape, steps)):
            yield tuple(cut.start for cut in window), self.window(window)

    def window(self, window: tuple[slice, ...]) -> Array:
        """Return what lies within slices of all axes, ready to be multiplied."""
        tile = converted(self._read(window), self.dtype)
        _forget_pages(self.stored)
        return tile

    def tile_shape(self, limit: int, whole: Sequence[int] = ()) -> tuple[int, ...]:
        """Return the shape of tiles along the chunks; the axes named in `whole` are not cut."""
        entries = max(1, limit // np.dtype(self.dtype).itemsize)
        chunks, order = list(_chunks(self.stored)), _fastest_first(self.stored)
        for axis in whole:
            chunks[axis] = self.shape[axis]
            order = [axis, *(k for k in order if k != axis)]
        return tile_shape(self.shape, chunks, order, entries)

    def column_chunk(self) -> int:
        """Return how many whole columns of a matrix lie together, 0 where they do not.

        Any one column does in memory, where whole rows would have to be converted many at a time.
        """
        m, n = self.shape
        chunks = _chunks(self.stored)
        if math.prod(chunks) > 1:
            return chunks[1] if chunks[0] >= m and chunks[1] < n else 0
        in_memory = type(self.stored) is np.ndarray
        return int(in_memory or _fastest_first(self.stored)[0] == 0)

    def whole(self) -> Array:
        """Return the whole array."""
        ((_, array),) = self.tiles(sys.maxsize)
        return array

    def _read(self, window: tuple[slice, ...]) -> Array:
        if isinstance(self.stored, np.memmap):  # a copy, since a view would be read when it is used
            return read_mapped(self.stored, window)
        tile = gathered(self._cuttable[window])
        for dense in ("toarray", "todense"):
            tile = getattr(tile, dense)() if hasattr(tile, dense) else tile
        tile = tile if is_array(tile) else np.asarray(tile)
        kind = getattr(self.stored, "kind", type(self.stored).__name__)
        block: Array = plain(tile, [cut.start for cut in window], kind)
        if tuple(block.shape) != tuple(cut.stop - cut.start for cut in window):
            raise ShapeError(
                f"a slice {window} of a {type(self.stored).__name__} of shape {self.shape} is an "
                f"array of shape {tuple(block.shape)}; give an object whose slices are arrays"
            )
        return block


def in_slices(chunk: Any) -> Any:
    """Return a chunk of a Dask array that slices can be taken of, and joined."""
    is_scipy = hasattr(chunk, "tocsr") and not hasattr(chunk, "fill_value")
    return chunk.tocsr() if is_scipy else chunk


def converted(block: Array, dtype: str) -> Array:
    """Return a block that BLAS can read: plain memory, native order, the computing dtype."""
    if isinstance(block, np.ndarray):
        order: Literal["F", "C"] = "F" if _fastest_first(block)[:1] == [0] else "C"
        return np.asarray(block).astype(dtype, order=order, copy=False)
    return cast(block, dtype)


def tile_shape(
    shape: Sequence[int], chunks: Sequence[int], fastest: Sequence[int], entries: int
) -> tuple[int, ...]:
    """Return the shape of tiles of at most so many entries.

    As many whole chunks as fit, along the fastest axis first. A chunk that is too large itself is
    cut along its slowest axes.

    Parameters
    ----------
    shape, chunks : sequence of int
        Of the array, and of the chunks it is stored in.
    fastest : sequence of int
        The axes, from the one whose entries lie closest.
    entries : int
        At most so many, exceeded only by a single entry.
    """
    sizes = [max(1, min(n, c)) for n, c in zip(shape, chunks, strict=True)]
    for axis in reversed(fastest):
        sizes[axis] = max(1, min(sizes[axis], entries * sizes[axis] // math.prod(sizes)))
    for axis in fastest:
        more = max(1, entries // math.prod(sizes))
        sizes[axis] = max(1, min(shape[axis], sizes[axis] * more))
    return tuple(sizes)


def _chunks(stored: Stored) -> tuple[int, ...]:
    """Return the chunks in which an array is stored, single entries where it is not."""
    chunks: Any = getattr(stored, "chunksize", None) or getattr(stored, "chunks", None)
    whole = isinstance(chunks, tuple) and all(isinstance(n, int) for n in chunks)
    fits = whole and len(chunks) == len(stored.shape)
    return tuple(chunks) if fits else (1,) * len(stored.shape)


def _fastest_first(stored: Stored) -> list[int]:
    """Return the axes, from the one whose entries lie closest; row order where nothing is known."""
    strides = getattr(stored, "strides", None) or [0] * len(stored.shape)
    return sorted(range(len(strides)), key=lambda axis: (abs(strides[axis]), -axis))


def _forget_pages(stored: Any) -> None:
    """Let go of the pages of a mapped file that were read, which would count as ours."""
    mapped = getattr(stored, "_mmap", None)
    if mapped is not None and stored.mode in ("r", "r+") and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
