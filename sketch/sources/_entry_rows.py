"""Whole rows of entries that come in another order: sorted piece by piece, then merged."""

from __future__ import annotations

import bisect
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..backend.array import HostArray

_HELD_BYTES = 500_000_000  # where no limit is given; more goes to a temporary folder
_BLOCK_BYTES = 64_000_000

Run = tuple[HostArray, HostArray, HostArray]  # rows, in order, columns and values


def whole_rows(
    pieces: Iterator[object], shape: tuple[int, int], nbytes: int, limit: int | None
) -> Iterator[tuple[int, object]]:
    """Yield ``(first row, csr_array)``, all rows in order, each once.

    What exceeds the limit waits on disk, where `tempfile` puts it, in as many bytes as the entries
    take in memory.

    Parameters
    ----------
    pieces : iterator of coo_array
        All of the whole shape.
    shape : tuple of int
    nbytes : int
        About what the entries take together.
    limit : int, optional
        Bytes that a block may take.
    """
    with tempfile.TemporaryDirectory(prefix="sketch-rows-") as folder:
        runs = []
        for number, piece in enumerate(pieces):
            run = _sorted(piece)
            on_disk = nbytes > (_HELD_BYTES if limit is None else limit)
            runs.append(_moved(run, Path(folder, str(number))) if on_disk else run)
        most = _BLOCK_BYTES if limit is None else limit
        start = 0
        while start < shape[0]:
            stop = _cut(runs, start, shape[0], max(1, most // 32))
            yield start, _merged(runs, start, stop, shape[1])
            start = stop
        del runs  # maps of files that go away now


def _sorted(piece: Any) -> Run:
    rows, columns = piece.coords
    order = np.argsort(rows, kind="stable")
    return rows[order], columns[order], piece.data[order]


def _moved(run: Run, path: Path) -> Run:
    """Return the same arrays as maps of files."""
    names = [path.with_suffix(f".{k}.npy") for k in range(3)]
    for name, array in zip(names, run, strict=True):
        np.save(name, array)
    rows, columns, values = (np.load(name, mmap_mode="r") for name in names)
    return rows, columns, values


def _cut(runs: list[Run], start: int, end: int, entries: int) -> int:
    """Return where to end a block that begins at a row so that it holds so many entries or less.

    It has one row at least, and no more rows than entries.
    """
    first = [int(np.searchsorted(rows, start)) for rows, _, _ in runs]

    def held(stop: int) -> int:
        up_to = (int(np.searchsorted(rows, stop)) for rows, _, _ in runs)
        return sum(b - a for a, b in zip(first, up_to, strict=True))

    stops = range(start + 1, min(end, start + entries) + 1)
    return stops[max(0, bisect.bisect_right(stops, entries, key=held) - 1)]


def _merged(runs: list[Run], start: int, stop: int, width: int) -> object:
    """Return the rows of all runs together."""
    import scipy.sparse

    parts = []
    for rows, columns, values in runs:
        a, b = np.searchsorted(rows, [start, stop])
        parts.append((np.array(rows[a:b]) - start, columns[a:b], values[a:b]))
    if not parts:
        return scipy.sparse.csr_array((stop - start, width))
    row, column, value = map(np.concatenate, zip(*parts, strict=True))
    return scipy.sparse.csr_array((value, (row, column)), shape=(stop - start, width))
