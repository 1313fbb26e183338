"""Structured tensors, as inputs and results alike."""

from ._sum import Summable, TensorSum

__all__ = ["Summable", "TensorSum"]
