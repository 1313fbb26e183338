"""Structured tensors as objects of other libraries, which are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

from .._checks import imported
from ..backend.array import Array, as_torch


def tensorly_train(cores: Sequence[Array]) -> object:
    """Return a ``TTTensor``, of the same arrays."""
    return imported("tensorly.tt_tensor", "to_tensorly()").TTTensor(list(cores))


def tensorly_cp(weights: Array, factors: Sequence[Array]) -> object:
    """Return a ``CPTensor``, of the same arrays."""
    return imported("tensorly.cp_tensor", "to_tensorly()").CPTensor((weights, list(factors)))


def tensorly_tucker(core: Array, factors: Sequence[Array]) -> object:
    """Return a ``TuckerTensor``, of the same arrays."""
    return imported("tensorly.tucker_tensor", "to_tensorly()").TuckerTensor((core, list(factors)))


def torchtt_train(cores: Sequence[Array]) -> object:
    """Return a ``torchtt.TT`` of PyTorch's tensors: the same ones, or copies of other arrays."""
    library = imported("torchtt", "to_torchtt()", "torchTT")
    return library.TT([as_torch(core) for core in cores])


def quimb_state(cores: Sequence[Array]) -> object:
    """Return a ``MatrixProductState`` of the same arrays, whose ends have one bond."""
    library = imported("quimb.tensor", "to_quimb()")
    if len(cores) == 1:
        return library.MatrixProductState([cores[0][0, :, 0]], shape="lpr")
    ends = cores[0][0, :, :], cores[-1][:, :, 0]
    return library.MatrixProductState([ends[0], *cores[1:-1], ends[1]], shape="lpr")
