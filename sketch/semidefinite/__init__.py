"""Positive semidefinite matrices from some of their columns."""

from ._pivoted_cholesky import pivoted_cholesky

__all__ = ["pivoted_cholesky"]
