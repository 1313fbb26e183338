"""Input adapters: one kind of input a file, recognised by an ordered list of predicates."""

from ._base import MatrixBlock, MatrixSource
from ._registry import as_matrix_source
from ._sparse import SparseSource

__all__ = ["MatrixBlock", "MatrixSource", "SparseSource", "as_matrix_source"]
