"""What is measured of data and results: exact errors, and norms."""

from ._entry_errors import entry_errors
from ._schatten import schatten_norm
from ._spectral_norm import spectral_norm
from ._verify import verify

__all__ = ["entry_errors", "schatten_norm", "spectral_norm", "verify"]
