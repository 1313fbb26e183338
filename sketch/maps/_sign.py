"""Sign test matrices: as accurate as Gaussian ones at a tenth of their price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..backend.array import HostArray
from ..numerics.random import HOST, Bits, sign_rows
from ._family import TestMatrixFamily


@dataclass(frozen=True)
class Sign(TestMatrixFamily):
    """Independent entries +1 and -1 with equal probability (Rademacher).

    For complex sketches they are ``(+-1 +-i) / sqrt(2)``. About 1 ns an entry, and the same bits
    on every machine and backend. Never used for error probes: a residual can hide from them.

    Raises
    ------
    ArgumentError
        Of a name that is not known, where ``"sign"`` was meant.

    Notes
    -----
    Drawn a tenth as long as normal deviates; the product costs the same, ``2 m n`` operations for
    each column.

    References
    ----------
    .. [1] D. Achlioptas, "Database-friendly random projections: Johnson-Lindenstrauss with binary
       coins", J. Comput. Syst. Sci. 66 (2003) 671-687, doi:10.1016/S0022-0000(03)00025-4.

    Examples
    --------
    >>> import sketch
    >>> sk = sketch.GeneralizedNystrom((1000, 500), rank=10, test_matrix=sketch.Sign())
    >>> sk.spec.test_matrix
    Sign()
    """

    name: ClassVar[str] = "sign"
    gaussian_like: ClassVar[bool] = True
    least_width: ClassVar[int] = 24

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
            return sign_rows(seed, stream, start, stop, width, bits)
        pairs = sign_rows(seed, stream, start, stop, 2 * width, bits)
        pairs *= 0.5**0.5
        return pairs.view("complex128")
