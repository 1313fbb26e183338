"""Randomized low-rank sketching of matrices and tensors, streamed, with trusted error bars."""

from . import _import_name

try:
    from .decompose import cross, pca, solve, svd, tensor_train, tt_svd
    from .errors import (
        AccuracyWarning,
        ArgumentError,
        DeviceError,
        DtypeError,
        EvaluationError,
        IncompatibleSketchError,
        MemoryBudgetError,
        NonFiniteError,
        NotSemidefiniteError,
        OptionError,
        PassError,
        PlacementWarning,
        RankError,
        SeedWarning,
        ShapeError,
        SketchError,
        SketchWarning,
        SpectrumWarning,
        StateFileError,
        ToleranceError,
        ToleranceWarning,
    )
    from .formats import (
        CPTensor,
        HadamardProduct,
        OperatorProduct,
        TensorSum,
        TensorTrain,
        TTOperator,
        TuckerTensor,
    )
    from .io import DataFile, load, open
    from .maps import (
        BlockSign,
        Gaussian,
        KhatriRao,
        Sign,
        SparseSign,
        StackedTrains,
        TestMatrixFamily,
        TestTensorFamily,
    )
    from .results import ErrorEstimate, LowRank, PrincipalComponents, Solution
    from .sketches import (
        HMT,
        OTTS,
        STTA,
        TTHMT,
        GeneralizedNystrom,
        GramNystrom,
        Nystrom,
        SlidingWindow,
        TrainEmbedding,
    )
except ImportError as error:
    _import_name.explain(error, __file__)
    raise
_import_name.warn_of_rival(__file__)

__version__ = "0.1.0"

__all__ = [
    "HMT",
    "OTTS",
    "STTA",
    "TTHMT",
    "AccuracyWarning",
    "ArgumentError",
    "BlockSign",
    "CPTensor",
    "DataFile",
    "DeviceError",
    "DtypeError",
    "ErrorEstimate",
    "EvaluationError",
    "Gaussian",
    "GeneralizedNystrom",
    "GramNystrom",
    "HadamardProduct",
    "IncompatibleSketchError",
    "KhatriRao",
    "LowRank",
    "MemoryBudgetError",
    "NonFiniteError",
    "NotSemidefiniteError",
    "Nystrom",
    "OperatorProduct",
    "OptionError",
    "PassError",
    "PlacementWarning",
    "PrincipalComponents",
    "RankError",
    "SeedWarning",
    "ShapeError",
    "Sign",
    "SketchError",
    "SketchWarning",
    "SlidingWindow",
    "Solution",
    "SparseSign",
    "SpectrumWarning",
    "StackedTrains",
    "StateFileError",
    "TTOperator",
    "TensorSum",
    "TensorTrain",
    "TestMatrixFamily",
    "TestTensorFamily",
    "ToleranceError",
    "ToleranceWarning",
    "TrainEmbedding",
    "TuckerTensor",
    "cross",
    "load",
    "open",
    "pca",
    "solve",
    "svd",
    "tensor_train",
    "tt_svd",
]
