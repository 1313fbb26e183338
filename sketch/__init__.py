"""Randomized low-rank sketching of matrices and tensors, streamed, with trusted error bars."""

from .decompose import svd
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
from .formats import TensorSum
from .io import load
from .maps import Gaussian, Sign, SparseSign, TestMatrixFamily
from .results import ErrorEstimate, LowRank
from .sketches import HMT, GeneralizedNystrom

__version__ = "0.1.0"

__all__ = [
    "HMT",
    "DtypeError",
    "ErrorEstimate",
    "Gaussian",
    "GeneralizedNystrom",
    "IncompatibleSketchError",
    "LowRank",
    "NonFiniteError",
    "PassError",
    "RankError",
    "ShapeError",
    "Sign",
    "SketchError",
    "SketchWarning",
    "SparseSign",
    "StateFileError",
    "TensorSum",
    "TestMatrixFamily",
    "ToleranceWarning",
    "load",
    "svd",
]
