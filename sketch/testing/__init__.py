"""Data whose errors are known: for tests, benchmarks and experiments."""

from .matrices import (
    exponential,
    flat,
    low_rank_plus_noise,
    one_residual_direction,
    polynomial,
    with_spectrum,
)

__all__ = [
    "exponential",
    "flat",
    "low_rank_plus_noise",
    "one_residual_direction",
    "polynomial",
    "with_spectrum",
]
