"""Sketch objects: what is accumulated, and what becomes of it. One method a file."""

from ._base import MatrixSketch
from ._generalized_nystrom import GeneralizedNystrom, GeneralizedNystromSpec
from ._hmt import HMT, HMTSpec

__all__ = ["HMT", "GeneralizedNystrom", "GeneralizedNystromSpec", "HMTSpec", "MatrixSketch"]
