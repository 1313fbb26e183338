"""Results: low-rank matrices and the estimates of their error."""

from ._error import ErrorEstimate, rounding_floor
from ._low_rank import LowRank

__all__ = ["ErrorEstimate", "LowRank", "rounding_floor"]
