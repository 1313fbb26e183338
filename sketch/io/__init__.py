"""Readers and writers of files."""

from ._distributed_files import open_distributed
from ._load import load
from ._readers import as_matrix, open_matrix, open_tensor

__all__ = ["as_matrix", "load", "open_distributed", "open_matrix", "open_tensor"]
