"""Low-rank forms of what is known by some entries: incomplete data, samples, functions."""

from ._complete import complete
from ._complete_train import complete_train
from ._cross import cross

__all__ = ["complete", "complete_train", "cross"]
