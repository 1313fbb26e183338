"""The heaps in which HDF5 keeps texts, checked before its library follows them.

Damaged, they can send the library around for ever, or out of its memory.

References
----------
The HDF Group, HDF5 File Format Specification, version 3.0, section III.E: the global heap.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from struct import Struct
from typing import Any

from ..errors import StateFileError
from ._found import needed

_MARK = b"GCOL\x01\x00\x00\x00"
_HEAD = 16  # bytes before the first object, and before the content of each
_CHECKED_BYTES = 64_000_000  # of a file; larger ones would have to be read for it
_LARGEST = 2**30  # of a heap
_SIZE, _OBJECT = Struct("<Q"), Struct("<H6xQ")  # of a heap, and the number and size of an object


def open_hdf5(path: str) -> Any:
    """Return an HDF5 file that is open for reading.

    Raises
    ------
    StateFileError
        If h5py is not installed, or a heap in it is damaged.
    """
    h5py = needed("h5py", path)
    if 0 < os.path.getsize(path) <= _CHECKED_BYTES:
        damaged = _damaged_heap(path)
        if damaged is not None:
            raise StateFileError(f"{path}: cannot be read: the texts at byte {damaged} are damaged")
    return h5py.File(path, "r")


def _damaged_heap(path: str) -> int | None:
    """Return where the first damaged heap begins, None if all are sound."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return next((at for at in _heaps(content) if not _is_sound(content, at)), None)


def _heaps(content: mmap.mmap) -> Iterator[int]:
    """Yield where heaps begin."""
    start = content.find(_MARK)
    while start >= 0:
        yield start
        start = content.find(_MARK, start + 1)


def _is_sound(content: mmap.mmap, start: int) -> bool:
    """Whether the objects of a heap follow each other up to its end."""
    if len(content) - start < _HEAD:
        return False
    (size,) = _SIZE.unpack_from(content, start + 8)
    if size > min(_LARGEST, len(content) - start):
        return False
    heap, place = content[start : start + size], _HEAD
    while size - place >= _HEAD:
        index, taken = _OBJECT.unpack_from(heap, place)
        if index:  # the rest that is free counts its own head
            taken = _HEAD + -(-taken // 8) * 8
        if not 0 < taken <= size - place:
            return False
        place += taken
    return True
