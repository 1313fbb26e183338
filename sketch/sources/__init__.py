"""Input adapters: one kind of input a file, recognised by an ordered list of predicates."""

from ._base import MatrixBlock, MatrixSource
from ._registry import as_matrix_source
from ._sparse import SparseSource
from ._tensor_base import Contraction, TensorBlock, TensorSource
from ._tensor_dense import DenseTensorSource
from ._tensor_registry import as_tensor_source

__all__ = [
    "Contraction",
    "DenseTensorSource",
    "MatrixBlock",
    "MatrixSource",
    "SparseSource",
    "TensorBlock",
    "TensorSource",
    "as_matrix_source",
    "as_tensor_source",
]
