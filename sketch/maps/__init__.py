"""Test matrices: one family a file, drawn on demand from (seed, stream, row)."""

from ._base import (
    STREAMS,
    DrawnMatrix,
    FixedMatrix,
    ProbedMatrix,
    Rows,
    TestMatrixFamily,
    as_family,
    family_from_header,
    family_to_header,
)
from ._gaussian import Gaussian
from ._sign import Sign
from ._sparse_sign import SparseSign
from ._tensor_train import TensorTrainMap

__all__ = [
    "STREAMS",
    "DrawnMatrix",
    "FixedMatrix",
    "Gaussian",
    "ProbedMatrix",
    "Rows",
    "Sign",
    "SparseSign",
    "TensorTrainMap",
    "TestMatrixFamily",
    "as_family",
    "family_from_header",
    "family_to_header",
]
