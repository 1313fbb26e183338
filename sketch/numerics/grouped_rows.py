"""Rows of a test matrix that share an orthogonal transform in groups of eight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .kernels import HashedRows

GROUP = 8
_TWO = np.array([[1.0, 1.0], [1.0, -1.0]])
HADAMARD: NDArray[Any] = np.kron(_TWO, np.kron(_TWO, _TWO))


@dataclass(frozen=True)
class GroupedRows:
    """Rows ``signs[g, t] * H[t, h] * scales[g, h]`` in ``columns[g, h]``, H the Hadamard matrix.

    Attributes
    ----------
    members : ndarray of int, shape (groups, 8)
        Which row is in slot t of group g, -1 where it is not among these rows.
    signs : ndarray, shape (groups, 8)
        What row t of the group is multiplied by.
    columns : ndarray of int32, shape (groups, 8)
        Where output h of the group goes.
    scales : ndarray, shape (groups, 8)
        What output h is multiplied by.
    rows, width : int
        Of the matrix.
    """

    members: NDArray[np.intp]
    signs: NDArray[Any]
    columns: NDArray[np.int32]
    scales: NDArray[Any]
    rows: int
    width: int

    def hashed(self) -> HashedRows:
        """Return the same rows one by one."""
        group, slot = np.nonzero(self.members >= 0)
        row = self.members[group, slot]
        columns = np.empty((self.rows, GROUP), np.int32)
        values = np.empty((self.rows, GROUP), self.signs.dtype)
        columns[row] = self.columns[group]
        values[row] = self.signs[group, slot, None] * HADAMARD[slot] * self.scales[group]
        return HashedRows(columns, values, self.width)
