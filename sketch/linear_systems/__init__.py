"""Linear systems in trains."""

from ._solve import solve

__all__ = ["solve"]
