"""Sketch objects: what is accumulated, and what becomes of it. One method a file."""

from ._generalized_nystrom import GeneralizedNystrom, GeneralizedNystromSpec
from ._hmt import HMT, HMTSpec
from ._matrix_sketch import MatrixSketch

__all__ = ["HMT", "GeneralizedNystrom", "GeneralizedNystromSpec", "HMTSpec", "MatrixSketch"]
