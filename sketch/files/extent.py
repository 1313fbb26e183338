"""Files that shrink while they are read: they are refused, where a map would end the process."""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import StateFileError

_REFUSAL = (
    "has shrunk since it was opened, and what was cut off cannot be read; open it again once "
    "whoever writes it is done"
)


class Extent:
    """How long a file was when it was opened.

    A folder, and a file that is removed or replaced by another, which stays whole for those that
    have it open, are left alone.
    """

    def __init__(self, path: str) -> None:
        self._path, self._opened = path, os.stat(path)

    def check(self) -> None:
        """Refuse a file that is shorter than it was.

        Raises
        ------
        StateFileError
        """
        try:
            now = os.stat(self._path)
        except OSError:
            return
        if now.st_size < self._opened.st_size and os.path.samestat(now, self._opened):
            raise StateFileError(f"{self._path}: {_REFUSAL}")


@contextlib.contextmanager
def watched(extent: Extent | None) -> Iterator[None]:
    """Refuse a file that is shorter than it was, before it is read and after."""
    if extent is not None:
        extent.check()
    yield
    if extent is not None:
        extent.check()


def read_mapped(mapped: Any, window: tuple[slice, ...]) -> NDArray[Any]:
    """Return a copy of a part of a `numpy.memmap`.

    Raises
    ------
    StateFileError
        If its file has shrunk.
    """
    lies: mmap.mmap | None = getattr(mapped, "_mmap", None)  # none after operations
    start = mapped.offset - mapped.offset % mmap.ALLOCATIONGRANULARITY
    if lies is not None and lies.size() < start + len(lies):
        raise StateFileError(f"{mapped.filename}: {_REFUSAL}")
    return np.array(mapped[window])
