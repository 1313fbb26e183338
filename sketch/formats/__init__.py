"""Structured tensors, as inputs and results alike."""

from ._as_train import as_exact_train, rounded_from
from ._axes import Axes, axes_of_result, check_columns, check_labels, with_axes
from ._cp import CPTensor, constant_like
from ._elements import checked_points, rows_at
from ._foreign import convert_by
from ._frozen import FrozenList
from ._hadamard import HadamardProduct
from ._operator_algebra import applied
from ._operator_product import OperatorProduct
from ._origin import seeds_of
from ._saved import is_label, kept_labels, label_name, split_labels
from ._seeded import (
    Seeded,
    carrying_seeds,
    restored,
    with_evaluations,
    with_passes,
    with_seeds,
)
from ._squares import squared_norm
from ._sum import Summable, TensorSum, is_number, refuse_large
from ._tensor_train import RoundedTrain, TensorTrain
from ._train_distance import distance_and_norm
from ._train_sampling import sampled_points
from ._tt_operator import TTOperator
from ._tt_svd import tt_svd_cores
from ._tucker import TuckerTensor

__all__ = [
    "Axes",
    "CPTensor",
    "FrozenList",
    "HadamardProduct",
    "OperatorProduct",
    "RoundedTrain",
    "Seeded",
    "Summable",
    "TTOperator",
    "TensorSum",
    "TensorTrain",
    "TuckerTensor",
    "applied",
    "as_exact_train",
    "axes_of_result",
    "carrying_seeds",
    "check_columns",
    "check_labels",
    "checked_points",
    "constant_like",
    "convert_by",
    "distance_and_norm",
    "is_label",
    "is_number",
    "kept_labels",
    "label_name",
    "refuse_large",
    "restored",
    "rounded_from",
    "rows_at",
    "sampled_points",
    "seeds_of",
    "split_labels",
    "squared_norm",
    "tt_svd_cores",
    "with_axes",
    "with_evaluations",
    "with_passes",
    "with_seeds",
]
