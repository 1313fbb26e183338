"""Products of dense matrices with grouped rows, compiled by numba. Imported only where it pays."""

from __future__ import annotations

import numba
import numpy as np

from .grouped_rows import LINE
from .numba_kernels import Kernel
from .vector_code import add_transformed, fetch_line, transpose_line

_LINES = 16  # of rows that a thread takes at once
_AHEAD_BYTES = 1024  # of each row that are asked for together


@Kernel
def rows_of_dense(a, a_at, signs, out, out_at, scales, stripe):  # type: ignore[no-untyped-def]
    """``out += X^T A`` with rows of A that lie in memory as such, a stripe of columns each.

    Row t of group g begins ``a_at[g, t]`` bytes into A, and row h of what it is added to
    ``out_at[g, h]`` bytes into `out`. The next group, whose rows no processor could foresee, is
    asked for meanwhile.
    """
    n = a.shape[1]
    groups = len(signs)
    step = _AHEAD_BYTES // a.itemsize
    for part in numba.prange((n + stripe - 1) // stripe):
        last = min(n, (part + 1) * stripe)
        for g in range(groups):
            for first in range(part * stripe, last, step):
                count = min(step, last - first)
                for at in range(first * a.itemsize, (first + count) * a.itemsize, LINE):
                    for t in range(8):
                        fetch_line(a, a_at[min(g + 1, groups - 1), t] + at)
                add_transformed(a, a_at, signs, out, out_at, scales, g, first, count)


@numba.njit(fastmath={"contract"}, nogil=True)
def _add_line(  # type: ignore[no-untyped-def]
    a, rows_at, begin, slots, slots_at, signs, sums, sums_at, scales, group
):  # fmt: skip
    """Add what the groups of a window make of the slots, from a group on.

    The same columns of the next rows, from `begin` on, are asked for meanwhile: of so many groups,
    each for 8 lines.
    """
    items = slots.shape[1]
    row, at = items, begin * a.itemsize
    for g in range(len(slots) // 8):
        for _ in range(8):
            fetch_line(a, rows_at[row] + at)
            row += 1
            if row == 2 * items:
                row, at = items, at + LINE
        add_transformed(slots, slots_at, signs, sums, sums_at, scales, group + g, 0, items)


@Kernel
def columns_of_dense(a, edges, places, slots_at, signs, out, sums_at, scales):  # type: ignore[no-untyped-def]
    """``out += (A X)^T`` with rows of A that lie in memory as such, a line of rows each.

    A window, columns ``edges[w]:edges[w + 1]`` of A, is transposed into cache, where column j is
    line ``places[j]``, next to the others of its group: row t of group g begins ``slots_at[g, t]``
    bytes into it, and row h of what it is added to ``sums_at[g, h]`` bytes into the sums. The next
    line of rows is asked for meanwhile.
    """
    m = a.shape[0]
    width = out.shape[0]
    items = LINE // a.itemsize
    windows = len(edges) - 1
    groups = len(signs) // windows
    for part in numba.prange((m + _LINES * items - 1) // (_LINES * items)):
        slots = np.empty((8 * groups, items), a.dtype)
        sums = np.empty((width, items), a.dtype)
        rows_at = np.empty(2 * items, np.intp)  # of this line and of the next one
        for first in range(part * _LINES * items, min(m, (part + 1) * _LINES * items), items):
            for k in range(2 * items):
                rows_at[k] = min(first + k, m - 1) * a.strides[0]
            sums[:] = 0
            for w in range(windows):
                begin, end = edges[w], edges[w + 1]
                squares = begin + (end - begin) // items * items
                if end - begin < len(slots):
                    slots[:] = 0
                for j in range(begin, squares, items):
                    transpose_line(a, rows_at, j, slots, places)
                for j in range(squares, end):
                    for k in range(items):
                        slots[places[j], k] = a[min(first + k, m - 1), j]
                _add_line(
                    a, rows_at, begin, slots, slots_at, signs, sums, sums_at, scales, w * groups
                )
            for h in range(width):
                for k in range(min(items, m - first)):
                    out[h, first + k] += sums[h, k]
