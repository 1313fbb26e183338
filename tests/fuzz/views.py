"""What a sketch holds, as plain values: to tell whether anything changed, to the last bit."""

from __future__ import annotations

import copy
import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from strategies import parts, row_sums

import sketch

FACTS = ("shape", "n_updates", "position", "passes_done")


def view(sk: Any) -> dict[str, Any]:
    """Return the facts of a sketch and copies of its sums."""
    facts = {name: getattr(sk, name, None) for name in FACTS}
    if hasattr(sk.spec, "center"):
        sums, shift = row_sums(sk)
        sums |= {} if shift is None else {"shift": shift}
    else:
        sums = parts(sk)
    return facts | {name: np.array(part) for name, part in sums.items()}


def unshifted(sk: Any) -> dict[str, Any]:
    """Return a view with the sums of rows about zero, which do not depend on their order."""
    found = view(sk)
    if "shift" in found:
        c, total, count = (found.pop(name) for name in ("shift", "total", "count"))
        like = np.empty(0, found["gram"].dtype)
        matrix = sk.maps.get("range")
        omega = np.eye(len(c)) if matrix is None else matrix.rows(0, len(c)).array(like)
        cross = np.outer(c.conj(), total) + np.outer(total.conj(), c)
        found["gram"] += omega.conj().T @ (cross + count * np.outer(c.conj(), c))
        found["energy"] += 2 * (total @ c.conj()).real + count * np.linalg.norm(c) ** 2
        found |= {"total": total + count * c, "count": count}
    return found


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
    "copy.copy": copy.copy,
    "copy()": lambda sk: sk.copy(),
    "deepcopy": copy.deepcopy,
    "pickle": lambda sk: pickle.loads(pickle.dumps(sk)),
    "save and load": reloaded,
}
