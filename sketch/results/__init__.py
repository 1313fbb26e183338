"""Results: low-rank matrices and the estimates of their error."""

from ._error import ErrorEstimate, rounding_floor
from ._low_rank import LowRank
from ._principal import PrincipalComponents

__all__ = ["ErrorEstimate", "LowRank", "PrincipalComponents", "rounding_floor"]
