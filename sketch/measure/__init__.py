"""What is measured of data and results: exact errors, and norms."""

from ._schatten import schatten_norm
from ._spectral_norm import spectral_norm
from ._verify import verify

__all__ = ["schatten_norm", "spectral_norm", "verify"]
