"""Randomized low-rank sketching of matrices and tensors, streamed, with trusted error bars."""

from . import _import_name

try:
    from .decompose import pca, svd, tensor_train, tt_svd
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
        UnseenWarning,
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
    from .from_entries import complete, complete_train, cross
    from .io import DataFile, load, open
    from .linear_systems import solve
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
    from .measure import schatten_norm, verify
    from .results import (
        Completed,
        ErrorEstimate,
        LowRank,
        NormEstimate,
        PrincipalComponents,
        Solution,
    )
    from .semidefinite import pivoted_cholesky
    from .sketches import (
        HMT,
        OTTS,
        STTA,
        TTHMT,
        Completion,
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
    "Completed",
    "Completion",
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
    "NormEstimate",
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
    "UnseenWarning",
    "complete",
    "complete_train",
    "cross",
    "load",
    "open",
    "pca",
    "pivoted_cholesky",
    "schatten_norm",
    "solve",
    "svd",
    "tensor_train",
    "tt_svd",
    "verify",
]
