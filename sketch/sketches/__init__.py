"""Sketch objects: what is accumulated, and what becomes of it. One method a file."""

from ._base import Sketch
from ._completion import Completion, default_sample
from ._completion_spec import CompletionSpec
from ._feed import fed, finalized
from ._finish import check_request, phases, truncated
from ._generalized_nystrom import GeneralizedNystrom
from ._generalized_nystrom_spec import GeneralizedNystromSpec, range_width
from ._gram_components import warn_of_spacing
from ._gram_nystrom import GramNystrom, default_width, narrow_width
from ._gram_spec import GramNystromSpec
from ._hmt import HMT, HMTSpec
from ._independence import independent_seed, made_apart
from ._krylov import BlockKrylov, BlockKrylovSpec, columns_within
from ._nystrom import Nystrom, NystromSpec
from ._otts import OTTS, OTTSSpec
from ._registry import (
    MATRIX_METHODS,
    TENSOR_METHODS,
    MatrixMethod,
    TensorMethod,
    TensorOptions,
    method_of,
    options_of,
)
from ._residual import MatrixResidual, TrainResidual
from ._sliding_window import SlidingWindow
from ._spec import checked_iterations
from ._stta import STTA, STTASpec
from ._tensor_spec import TensorSpec
from ._train_embedding import TrainEmbedding
from ._tt_hmt import TTHMT, TTHMTSpec
from ._verified import entrywise_error, probed_matrix_error, probed_train_error

__all__ = [
    "HMT",
    "MATRIX_METHODS",
    "OTTS",
    "STTA",
    "TENSOR_METHODS",
    "TTHMT",
    "BlockKrylov",
    "BlockKrylovSpec",
    "Completion",
    "CompletionSpec",
    "GeneralizedNystrom",
    "GeneralizedNystromSpec",
    "GramNystrom",
    "GramNystromSpec",
    "HMTSpec",
    "MatrixMethod",
    "MatrixResidual",
    "Nystrom",
    "NystromSpec",
    "OTTSSpec",
    "STTASpec",
    "Sketch",
    "SlidingWindow",
    "TTHMTSpec",
    "TensorMethod",
    "TensorOptions",
    "TensorSpec",
    "TrainEmbedding",
    "TrainResidual",
    "check_request",
    "checked_iterations",
    "columns_within",
    "default_sample",
    "default_width",
    "entrywise_error",
    "fed",
    "finalized",
    "independent_seed",
    "made_apart",
    "method_of",
    "narrow_width",
    "options_of",
    "phases",
    "probed_matrix_error",
    "probed_train_error",
    "range_width",
    "truncated",
    "warn_of_spacing",
]
