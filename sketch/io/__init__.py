"""Readers and writers of files."""

from ._load import load

__all__ = ["load"]
