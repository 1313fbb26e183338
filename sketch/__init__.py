"""Randomized low-rank sketching of matrices and tensors, streamed, with trusted error bars."""

from .decompose import svd, tensor_train, tt_svd
from .errors import (
    DtypeError,
    IncompatibleSketchError,
    NonFiniteError,
    PassError,
    RankError,
    ShapeError,
    SketchError,
    SketchWarning,
    StateFileError,
    ToleranceWarning,
)
from .formats import CPTensor, HadamardProduct, TensorSum, TensorTrain, TuckerTensor
from .io import load
from .maps import (
    Gaussian,
    KhatriRao,
    Sign,
    SparseSign,
    StackedTrains,
    TestMatrixFamily,
    TestTensorFamily,
)
from .results import ErrorEstimate, LowRank
from .sketches import HMT, OTTS, STTA, TTHMT, GeneralizedNystrom

__version__ = "0.1.0"

__all__ = [
    "HMT",
    "OTTS",
    "STTA",
    "TTHMT",
    "CPTensor",
    "DtypeError",
    "ErrorEstimate",
    "Gaussian",
    "GeneralizedNystrom",
    "HadamardProduct",
    "IncompatibleSketchError",
    "KhatriRao",
    "LowRank",
    "NonFiniteError",
    "PassError",
    "RankError",
    "ShapeError",
    "Sign",
    "SketchError",
    "SketchWarning",
    "SparseSign",
    "StackedTrains",
    "StateFileError",
    "TensorSum",
    "TensorTrain",
    "TestMatrixFamily",
    "TestTensorFamily",
    "ToleranceWarning",
    "TuckerTensor",
    "load",
    "svd",
    "tensor_train",
    "tt_svd",
]
