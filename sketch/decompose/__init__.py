"""One call: the low-rank form of whatever is given."""

from ._complete import complete
from ._complete_train import complete_train
from ._cross import cross
from ._matrix import svd
from ._pca import pca
from ._pivoted_cholesky import pivoted_cholesky
from ._schatten import schatten_norm
from ._solve import solve
from ._tensor import tensor_train, tt_svd
from ._verify import verify

__all__ = [
    "complete",
    "complete_train",
    "cross",
    "pca",
    "pivoted_cholesky",
    "schatten_norm",
    "solve",
    "svd",
    "tensor_train",
    "tt_svd",
    "verify",
]
