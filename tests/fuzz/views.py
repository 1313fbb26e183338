"""What a sketch holds, as plain values: to tell whether anything changed, to the last bit."""

from __future__ import annotations

import copy
import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from strategies import parts

import sketch

FACTS = ("shape", "n_updates", "position", "passes_done")


def view(sk: Any) -> dict[str, Any]:
    """Return the facts of a sketch and copies of its sums."""
    facts = {name: getattr(sk, name, None) for name in FACTS}
    return facts | {name: np.array(part) for name, part in parts(sk).items()}


def same(x: dict[str, Any], y: dict[str, Any]) -> bool:
    """Whether two views are equal, bit by bit."""
    return x.keys() == y.keys() and all(_equal(x[name], y[name]) for name in x)


def _equal(x: Any, y: Any) -> bool:
    if isinstance(x, np.ndarray):
        return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
    return bool(x == y)


def reloaded(sk: Any) -> Any:
    """Return a sketch that went through a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.npz"
        sk.save(path)
        return sketch.load(path)


COPIES = {
    "copy()": lambda sk: sk.copy(),
    "deepcopy": copy.deepcopy,
    "pickle": lambda sk: pickle.loads(pickle.dumps(sk)),
    "save and load": reloaded,
}
