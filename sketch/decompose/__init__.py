"""One call: the low-rank form of whatever is given."""

from ._matrix import svd
from ._pca import pca
from ._tensor import tensor_train, tt_svd

__all__ = ["pca", "svd", "tensor_train", "tt_svd"]
