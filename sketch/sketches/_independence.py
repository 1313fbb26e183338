"""Data that depend on the test matrices of a sketch: what an earlier one made or left over."""

from __future__ import annotations

from typing import Any

from .._seeds import checked_seed, unused_seed
from ..errors import SeedWarning, warn
from ..formats import seeds_of


def independent_seed(seed: Any, data: Any) -> int:
    """Return a seed, or another that follows from it where the data show results that it made."""
    return unused_seed(checked_seed(seed), seeds_of(data))


def warn_of_seed(seed: int, data: Any) -> None:
    """Warn where data show a result that comes from the seed they are sketched with."""
    if seed in seeds_of(data):
        warn(
            f"the data hold a result of a sketch with the seed {seed}, and so depend on the test "
            "matrices of this one: it finds little that is new and takes its error for too small. "
            "Make it with another seed (seed=None draws one), or call svd, pca or tensor_train, "
            "which do that by themselves",
            SeedWarning,
        )
