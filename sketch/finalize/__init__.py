"""From sketch parts to factors and their error: pure functions on arrays, one formula a file."""

from ._generalized_nystrom import generalized_nystrom
from ._gram_nystrom import Eigenpairs, gram_eigenpairs, gram_nystrom
from ._hmt import (
    hmt,
    identity_error,
    leave_one_out,
    leave_one_out_error,
    probe_error,
    summing_error,
)
from ._shifted_sums import ShiftedSums, no_shift
from ._sketched_basis import SketchedBasis
from ._tensor_train import assemble_train
from ._tt_svd import tt_svd_cores

__all__ = [
    "Eigenpairs",
    "ShiftedSums",
    "SketchedBasis",
    "assemble_train",
    "generalized_nystrom",
    "gram_eigenpairs",
    "gram_nystrom",
    "hmt",
    "identity_error",
    "leave_one_out",
    "leave_one_out_error",
    "no_shift",
    "probe_error",
    "summing_error",
    "tt_svd_cores",
]
