"""Orthogonal blocks of sparse signs: test matrices that cost no more than reading the data."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..backend.array import HostArray
from ..numerics.grouped_rows import GROUP, GroupedRows
from ..numerics.kernels import HashedRows
from ..numerics.random import raw_rows
from ._family import SparseFamily

WINDOW = 1024  # positions that are permuted among themselves
_POWERS_OF_I = np.array([1, -1, 1j, -1j])


@dataclass(frozen=True)
class BlockSign(SparseFamily):
    """Rows with 8 random signs, orthogonal in groups of 8 that share a Hadamard transform.

    A dense matrix A (m, n) is multiplied in ``4 m n`` additions whatever the width, where numba is
    installed: about as fast as it is read from memory. Row t of a group is
    ``s_t H[t, h] s'_h sqrt(width / 8)`` in column ``b_h``, h = 1..8, with random signs s and s' and
    the Hadamard matrix H; the columns of a group are drawn one from each eighth of all, counted
    from a random one. Below a width of 8 all entries are signs.

    Which rows form a group is drawn too, within windows of 1024 rows: two groups of neighbours that
    share one column would lose a direction of data whose energy is there.

    Raises
    ------
    ArgumentError
        Of a name that is not known, where ``"block-sign"`` was meant.

    Notes
    -----
    ``4 m n`` additions for a dense matrix, of any width; two words of random bits for a row. Where
    numba is not installed, rows are made dense, and a product costs ``2 m n`` operations for each
    column.

    References
    ----------
    .. [1] O. Balabanov, M. Beaupère, L. Grigori, V. Lederer, "Block subsampled randomized Hadamard
       transform for low-rank approximation on distributed architectures", ICML 2023,
       arXiv:2210.11295 (a relative).
    .. [2] C. Camaño, E. Epperly, R. Meyer, J. Tropp, "Faster linear algebra algorithms with
       structured random matrices", 2025, arXiv:2508.21189 (why rows with 8 signs suffice).

    Examples
    --------
    >>> import sketch
    >>> sketch.BlockSign()
    BlockSign()
    """

    name: ClassVar[str] = "block-sign"
    gaussian_like: ClassVar[bool] = True
    least_width: ClassVar[int] = 24

    def hashed(
        self, seed: int, stream: int, start: int, stop: int, width: int, *, field: str
    ) -> HashedRows:
        """Draw rows ``start:stop`` one by one."""
        return self.structured(seed, stream, start, stop, width, field=field).hashed()

    def structured(
        self, seed: int, stream: int, start: int, stop: int, width: int, *, field: str
    ) -> GroupedRows:
        """Draw rows ``start:stop`` with the groups they are in.

        Each position of a window has two words. The first is what the window is sorted by, which
        permutes it, and its lowest bits are the sign of the row. The second one makes an output of
        a group: its high half the column, its lowest bit the sign, and in the first output of each
        group the bits between where the columns are counted from.
        """
        first, last = start // WINDOW, -(-stop // WINDOW)
        drawn = _recent_windows if last - first == 1 else _windows
        places, low, outputs, columns = drawn(seed, stream, first, last, width)
        signs: HostArray = _signs(low)
        if field == "complex":
            signs = _POWERS_OF_I[(low & np.uint64(3)).astype(np.intp)]
        members = places + (np.arange(first, last)[:, None] * WINDOW - start)
        members[(members < 0) | (members >= stop - start)] = -1
        members = members.reshape(-1, GROUP)
        size = np.sqrt(max(width, GROUP) / GROUP)  # which makes a mean square of 1 in each column
        return GroupedRows(
            members=members,
            signs=signs,
            columns=np.minimum(columns, width - 1),
            scales=np.where(columns < width, size * _signs(outputs), 0.0),
            rows=stop - start,
            width=width,
            window=WINDOW // GROUP,
        )


def _windows(
    seed: int, stream: int, first: int, last: int, width: int
) -> tuple[NDArray[np.intp], NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int32]]:
    """Draw windows: their permutations, the keys in that order, the outputs and their columns."""
    words = raw_rows(seed, stream, first * WINDOW, last * WINDOW, 2)
    keys = words[:, 0].reshape(-1, WINDOW)
    places = np.argsort(keys, axis=1, kind="stable")
    low = np.take_along_axis(keys, places, axis=1).reshape(-1, GROUP)
    outputs = words[:, 1].reshape(-1, GROUP)
    return places, low, outputs, _columns(outputs, width)


_recent_windows = functools.lru_cache(maxsize=16)(_windows)  # that small chunks share, 60 kB each


def _signs(words: NDArray[np.uint64]) -> HostArray:
    return np.where(words & np.uint64(1), -1.0, 1.0)


def _columns(words: NDArray[np.uint64], width: int) -> NDArray[np.int32]:
    """Return 8 columns for each 8 words, sorted, each of them equally often."""
    if width < GROUP:  # all, and those that are none
        return np.tile(np.minimum(np.arange(GROUP, dtype=np.int32), width), (len(words), 1))
    edges = np.arange(GROUP + 1, dtype=np.uint64) * np.uint64(width) // np.uint64(GROUP)
    middle = (words[:, :1] & np.uint64(0xFFFFFFFF)) >> np.uint64(1)
    begin = (middle * np.uint64(width)) >> np.uint64(31)
    within = ((words >> np.uint64(32)) * np.diff(edges)) >> np.uint64(32)
    columns: NDArray[np.int32] = ((begin + edges[:-1] + within) % np.uint64(width)).astype(np.int32)
    columns.sort(axis=1)
    return columns
