"""What a sketch is finalized to: factors, and an error estimate that can be trusted."""

from ._completed import Completed
from ._entry_errors import EntryErrors
from ._error import ErrorEstimate, known_square, rounding_floor
from ._foreseen import foreseen_growth
from ._found_spectrum import FoundSpectrum, Relation
from ._held_out import held_out_error
from ._laws import (
    Between,
    Bound,
    Certain,
    ChiSquare,
    Law,
    Regression,
    SemidefiniteProbes,
    TrainProbes,
)
from ._left_out import LeftOut
from ._low_rank import LowRank
from ._norm_estimate import NormEstimate
from ._principal import PrincipalComponents
from ._scree import Scree
from ._solution import Solution
from ._spectral_estimate import SpectralEstimate
from ._warnings import (
    is_likely_worse_than_zero,
    is_worse_than_zero,
    rank_to_meet,
    warn_inaccurate_train,
    warn_unmet,
    warn_unmet_at,
    warn_worse_than_zero,
)

__all__ = [
    "Between",
    "Bound",
    "Certain",
    "ChiSquare",
    "Completed",
    "EntryErrors",
    "ErrorEstimate",
    "FoundSpectrum",
    "Law",
    "LeftOut",
    "LowRank",
    "NormEstimate",
    "PrincipalComponents",
    "Regression",
    "Relation",
    "Scree",
    "SemidefiniteProbes",
    "Solution",
    "SpectralEstimate",
    "TrainProbes",
    "foreseen_growth",
    "held_out_error",
    "is_likely_worse_than_zero",
    "is_worse_than_zero",
    "known_square",
    "rank_to_meet",
    "rounding_floor",
    "warn_inaccurate_train",
    "warn_unmet",
    "warn_unmet_at",
    "warn_worse_than_zero",
]
