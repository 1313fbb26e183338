"""Readers and writers of files."""

from ._load import load
from ._readers import open_matrix, open_tensor

__all__ = ["load", "open_matrix", "open_tensor"]
