"""Where data lie: files that are made for a run, real data of the examples, and larger ones."""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "data"


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="sketch-bench-")  # removed at exit


def made(name: str) -> Path:
    """Return the path of a file that a case makes."""
    return Path(_folder().name, name)


def larger(name: str) -> Path | None:
    """Return what may not be shipped, from the folder that SKETCH_DATA names; None without it."""
    path = Path(os.environ.get("SKETCH_DATA", "-"), name)
    return path if path.exists() else None
