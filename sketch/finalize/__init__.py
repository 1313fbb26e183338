"""From sketch parts to factors and their error: pure functions on arrays, one formula a file."""

from ._generalized_nystrom import generalized_nystrom
from ._hmt import hmt, identity_error, leave_one_out, leave_one_out_error, probe_error

__all__ = [
    "generalized_nystrom",
    "hmt",
    "identity_error",
    "leave_one_out",
    "leave_one_out_error",
    "probe_error",
]
