"""Test matrices: one family a file, drawn on demand from (seed, stream, row)."""

from ._block_sign import BlockSign
from ._drawn import STREAMS, DrawnMatrix
from ._family import MatrixFamilyName, TestMatrixFamily, as_family
from ._gaussian import Gaussian
from ._identity import Identity
from ._named import family_from_header, family_to_header
from ._sign import Sign
from ._sparse_sign import SparseSign
from ._tensor_family import (
    KhatriRao,
    StackedTrains,
    TensorFamilyName,
    TestTensorFamily,
    as_tensor_family,
)
from ._tensor_train import END, Bond, TensorTrainMap, probe_bonds, stacked_bonds

__all__ = [
    "END",
    "STREAMS",
    "BlockSign",
    "Bond",
    "DrawnMatrix",
    "Gaussian",
    "Identity",
    "KhatriRao",
    "MatrixFamilyName",
    "Sign",
    "SparseSign",
    "StackedTrains",
    "TensorFamilyName",
    "TensorTrainMap",
    "TestMatrixFamily",
    "TestTensorFamily",
    "as_family",
    "as_tensor_family",
    "family_from_header",
    "family_to_header",
    "probe_bonds",
    "stacked_bonds",
]
