"""Files: one door for data, and the way back for states and results."""

from ..sources import open_paths_by
from ._distributed_files import open_distributed
from ._formats import known_suffixes
from ._load import is_saved, load
from ._open import DataFile, open, open_matrix, open_tensor
from ._save_as import exchange_suffixes, save_as, try_to_save

open_paths_by(open)

__all__ = [
    "DataFile",
    "exchange_suffixes",
    "is_saved",
    "known_suffixes",
    "load",
    "open",
    "open_distributed",
    "open_matrix",
    "open_tensor",
    "save_as",
    "try_to_save",
]
