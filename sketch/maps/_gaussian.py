"""Gaussian test matrices: every bound and every error law holds exactly for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..backend.array import HostArray
from ..numerics.random import HOST, Bits, normal_rows
from ._family import TestMatrixFamily


@dataclass(frozen=True)
class Gaussian(TestMatrixFamily):
    """Independent standard normal entries; the default for dense data.

    For complex sketches the entries are standard complex normals.

    Raises
    ------
    ArgumentError
        Of a name that is not known, where ``"gaussian"`` was meant.

    Notes
    -----
    About 12 ns of one processor for an entry, twice that for a complex one.

    References
    ----------
    .. [1] N. Halko, P.-G. Martinsson, J. Tropp, "Finding structure with randomness", SIAM Rev. 53
       (2011) 217-288, arXiv:0909.4061, sections 4.1 and 10.

    Examples
    --------
    >>> import sketch
    >>> sketch.Gaussian()
    Gaussian()
    """

    name: ClassVar[str] = "gaussian"
    gaussian_like: ClassVar[bool] = True

    def draw(
        self,
        seed: int,
        stream: int,
        start: int,
        stop: int,
        width: int,
        *,
        field: str,
        bits: Bits = HOST,
    ) -> HostArray:
        """Draw rows ``start:stop``, shape (stop - start, width)."""
        if field == "real":
            return normal_rows(seed, stream, start, stop, width, bits)
        pairs = normal_rows(seed, stream, start, stop, 2 * width, bits)
        pairs *= 0.5**0.5  # E |omega|^2 = 1
        return pairs.view("complex128")
