"""Symmetric matrices, of which a file holds one triangle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..backend.array import HostArray
from ._numbers import Indices


class Triangle:
    """What has been seen of a matrix that equals its transpose, but for a sign or conjugation.

    Parameters
    ----------
    symmetry : {"symmetric", "skew-symmetric", "hermitian"}
    """

    def __init__(self, symmetry: str) -> None:
        self._symmetry = symmetry
        self._upper = self._lower = False

    def faults(
        self, indices: Indices, values: HostArray
    ) -> Iterator[tuple[NDArray[np.bool_], str]]:
        """Yield which of further entries such a matrix cannot have, and why."""
        row, column = indices
        above, below = row < column, row > column
        other = above if self._lower or not self._upper else below
        self._upper |= bool(above.any())
        self._lower |= bool(below.any())
        if self._upper and self._lower:
            yield (
                other,
                f"a {self._symmetry} matrix is given by one triangle, and entries on both sides of "
                "the diagonal stand here; write general if both are meant",
            )
        not_on_diagonal = {"skew-symmetric": values != 0, "hermitian": np.imag(values) != 0}
        if self._symmetry in not_on_diagonal:
            yield (
                (row == column) & not_on_diagonal[self._symmetry],
                f"a {self._symmetry} matrix cannot have this on its diagonal",
            )

    def mirrored(self, indices: Indices, values: HostArray) -> tuple[Indices, HostArray]:
        """Return the entries of both triangles."""
        off = indices[0] != indices[1]
        mirror = values[off]
        if self._symmetry == "hermitian":
            mirror = mirror.conj()
        elif self._symmetry == "skew-symmetric":
            mirror = -mirror
        return (
            np.concatenate([indices, indices[::-1, off]], axis=1),
            np.concatenate([values, mirror]),
        )
