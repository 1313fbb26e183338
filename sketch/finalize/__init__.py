"""From sketch parts to factors and their error: pure functions on arrays, one formula a file."""

from ._completion import Fit, Split, fitted, split
from ._fused import FusedRange, fused_basis, fused_range
from ._generalized_nystrom import generalized_nystrom
from ._gram_nystrom import Eigenpairs, gram_eigenpairs, gram_nystrom, probed_cross
from ._hmt import (
    hmt,
    identity_error,
    leave_one_out,
    leave_one_out_error,
    probe_error,
    probed_spectrum,
    summing_error,
)
from ._krylov import (
    combined_norms,
    further_rows,
    next_block,
    orthonormalized,
    product_norms,
    rank_within,
    ritz,
)
from ._shifted_sums import ShiftedSums, no_shift
from ._sketched_basis import SketchedBasis
from ._tensor_train import assemble_train

__all__ = [
    "Eigenpairs",
    "Fit",
    "FusedRange",
    "ShiftedSums",
    "SketchedBasis",
    "Split",
    "assemble_train",
    "combined_norms",
    "fitted",
    "further_rows",
    "fused_basis",
    "fused_range",
    "generalized_nystrom",
    "gram_eigenpairs",
    "gram_nystrom",
    "hmt",
    "identity_error",
    "leave_one_out",
    "leave_one_out_error",
    "next_block",
    "no_shift",
    "orthonormalized",
    "probe_error",
    "probed_cross",
    "probed_spectrum",
    "product_norms",
    "rank_within",
    "ritz",
    "split",
    "summing_error",
]
