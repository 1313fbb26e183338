"""One call: the low-rank form of whatever is given."""

from ._compared import exact_error
from ._matrix import FIRST_RANK, GROWTH, svd
from ._pca import pca
from ._tensor import tensor_train
from ._tt_svd import tt_svd

__all__ = ["FIRST_RANK", "GROWTH", "exact_error", "pca", "svd", "tensor_train", "tt_svd"]
