"""The identity in the place of a test matrix as wide as its axis: it loses nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..numerics.kernels import HashedRows
from ._family import SparseFamily


@dataclass(frozen=True)
class Identity(SparseFamily):
    """The rows of the identity, of which there are as many as columns. No family to choose.

    A random square matrix is badly conditioned and would cost digits.
    """

    gaussian_like: ClassVar[bool] = False

    def hashed(
        self, seed: int, stream: int, start: int, stop: int, width: int, *, field: str
    ) -> HashedRows:
        """Return rows ``start:stop`` in hashed form, one entry each."""
        columns = np.arange(start, min(stop, width), dtype=np.int32)[:, None]
        dtype = "complex128" if field == "complex" else "float64"
        return HashedRows(columns, np.ones(columns.shape, dtype), width)
