"""Array libraries that the tests run on: each a function from NumPy arrays to its own.

`array-api-strict` on its second device stands in for a GPU: there every hidden copy to the host,
and every call of NumPy, raises.
"""

from __future__ import annotations

import importlib.util

import array_api_strict
import numpy as np
import pytest

SECOND = array_api_strict.Device("device1")


def strict(a):
    return array_api_strict.asarray(np.ascontiguousarray(a), device=SECOND)


def torch(a):
    import torch

    return torch.asarray(np.ascontiguousarray(a))


def cupy(a):
    import cupy

    return cupy.asarray(a)


def _cupy_missing():
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed"
    import cupy

    return "" if cupy.cuda.is_available() else "no GPU"


BACKENDS = [
    pytest.param(np.asarray, id="numpy"),
    pytest.param(strict, id="strict"),
    pytest.param(
        torch,
        id="torch",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("torch") is None, reason="PyTorch is not installed"
        ),
    ),
    pytest.param(
        cupy,
        id="cupy",
        marks=pytest.mark.skipif(bool(_cupy_missing()), reason=_cupy_missing() or "a GPU is here"),
    ),
]


def home(x):
    """Return what an array belongs to: its library and its device."""
    return type(x), str(getattr(x, "device", "cpu"))


def host(x):
    """Return an array as a NumPy array, on purpose."""
    if isinstance(x, array_api_strict._array_object.Array):
        return np.asarray(x.to_device(array_api_strict.Device("CPU_DEVICE")))
    if hasattr(x, "get"):
        return x.get()
    return np.asarray(x)
