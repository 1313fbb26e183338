"""Input adapters: one kind of input a file, recognised by an ordered list of predicates."""

from ..formats import convert_by
from ..numerics.factor_rows import GivenRows
from ._axes import with_axes_of
from ._base import MatrixBlock, MatrixSource
from ._centred import CentredBlock, centred
from ._contents import contents
from ._cut import CutSource
from ._dense import DenseSource
from ._entries import Entries, EntriesTensorSource
from ._foreign import as_structured
from ._known import KnownBlock, KnownSource, as_known_source
from ._opened import OpenedData, open_paths_by, opened
from ._registry import as_matrix_source
from ._rows import RowsSource
from ._source import Block, Source
from ._sparse import SparseSource, is_sparse
from ._standardized import StandardizedSource
from ._standardized_columns import StandardizedColumns
from ._stored import StoredTensorSource
from ._tensor_base import Contraction, TensorBlock, TensorSource
from ._tensor_dense import DenseTensorBlock, DenseTensorSource
from ._tensor_registry import as_tensor_source
from ._tensor_sparse import SparseTensorBlock, SparseTensorSource
from ._tiles import StoredArray
from ._unfolded import UnfoldedSource
from ._variables import with_attributes

convert_by(as_structured)

__all__ = [
    "Block",
    "CentredBlock",
    "Contraction",
    "CutSource",
    "DenseSource",
    "DenseTensorBlock",
    "DenseTensorSource",
    "Entries",
    "EntriesTensorSource",
    "GivenRows",
    "KnownBlock",
    "KnownSource",
    "MatrixBlock",
    "MatrixSource",
    "OpenedData",
    "RowsSource",
    "Source",
    "SparseSource",
    "SparseTensorBlock",
    "SparseTensorSource",
    "StandardizedColumns",
    "StandardizedSource",
    "StoredArray",
    "StoredTensorSource",
    "TensorBlock",
    "TensorSource",
    "UnfoldedSource",
    "as_known_source",
    "as_matrix_source",
    "as_tensor_source",
    "centred",
    "contents",
    "is_sparse",
    "open_paths_by",
    "opened",
    "with_attributes",
    "with_axes_of",
]
