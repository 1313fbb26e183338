"""Structured tensors, as inputs and results alike."""

from ._as_train import as_exact_train
from ._factored import CPTensor, TuckerTensor
from ._frozen import FrozenList
from ._hadamard import HadamardProduct
from ._origin import seeds_of
from ._seeded import Seeded, carrying_seeds, with_evaluations, with_passes, with_seeds
from ._sum import Summable, TensorSum
from ._tensor_train import TensorTrain, rounded_train

__all__ = [
    "CPTensor",
    "FrozenList",
    "HadamardProduct",
    "Seeded",
    "Summable",
    "TensorSum",
    "TensorTrain",
    "TuckerTensor",
    "as_exact_train",
    "carrying_seeds",
    "rounded_train",
    "seeds_of",
    "with_evaluations",
    "with_passes",
    "with_seeds",
]
