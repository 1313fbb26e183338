"""Array libraries that the tests run on: each a function from NumPy arrays to its own.

`array-api-strict` on its second device stands in for a GPU: there every hidden copy to the host,
and every call of NumPy, raises.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.util

import array_api_strict
import numpy as np
import pytest

import sketch
from sketch.decompose import _pca
from sketch.formats import with_passes
from sketch.sketches._accumulator import Accumulator
from sketch.sketches._base import Sketch

SECOND = array_api_strict.Device("device1")


def strict(a):
    return array_api_strict.asarray(np.ascontiguousarray(a), device=SECOND)


def torch(a):
    import torch

    return torch.asarray(a, copy=True)  # aligned, which its products depend on to the last bit


def cupy(a):
    import cupy

    return cupy.asarray(a)


def cuda(a):
    import torch

    return torch.asarray(a, device="cuda", copy=True)


GPUS = cupy, cuda


def _cupy_missing():
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed"
    import cupy

    return "" if cupy.cuda.is_available() else "no GPU"


def _cuda_missing():
    if importlib.util.find_spec("torch") is None:
        return "PyTorch is not installed"
    import torch

    return "" if torch.cuda.is_available() else "no GPU"


def _where(make, missing):
    """A library, skipped where it is missing."""
    why = missing()
    skip = pytest.mark.skipif(bool(why), reason=why or "a GPU is here")
    return pytest.param(make, id=make.__name__, marks=skip)


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
    _where(cupy, _cupy_missing),
    _where(cuda, _cuda_missing),
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
    if getattr(x, "is_cuda", False):
        return np.asarray(x.cpu())
    return np.asarray(x)


class Moved:
    """Sends data to an array library where they enter, and results back where they come out."""

    def __init__(self, to):
        self.to = to
        self.like = to(np.empty(0))

    def patch(self, monkeypatch):
        for module, names in ENTRANCES.items():
            for name in names:
                adapter = getattr(module, name)
                monkeypatch.setattr(module, name, self.entered(adapter))
        monkeypatch.setattr(Accumulator, "finish", self.left(Accumulator.finish))
        monkeypatch.setattr(sketch, "tt_svd", self.left(sketch.tt_svd))
        monkeypatch.setattr(_pca, "_of_squares", self.left(_pca._of_squares))
        load = functools.partial(sketch.load, device=self.like)
        monkeypatch.setattr(sketch, "load", self.left(load))
        set_up = Sketch._set_up
        monkeypatch.setattr(
            Sketch,
            "_set_up",
            lambda sk, spec, device=None: set_up(sk, spec, self.like if device is None else device),
        )

    def entered(self, adapter):
        return lambda data: adapter(self.moved(data))

    def moved(self, data):
        """Return dense data, and the arrays of structured ones, as arrays of the library."""
        if isinstance(data, np.ndarray) and data.dtype.kind in "biufc" and data.ndim:
            native = data.dtype.newbyteorder("=")
            return self.to(data.astype(native)) if is_plain(data) else data
        if isinstance(data, sketch.TensorTrain):
            return sketch.TensorTrain([self.moved(core) for core in data.cores])
        if isinstance(data, sketch.CPTensor):
            return sketch.CPTensor(
                self.moved(data.weights), [self.moved(factor) for factor in data.factors]
            )
        if isinstance(data, sketch.TuckerTensor):
            return sketch.TuckerTensor(
                self.moved(data.core), [self.moved(factor) for factor in data.factors]
            )
        if isinstance(data, sketch.OperatorProduct):
            operator = sketch.TTOperator([self.moved(core) for core in data.operator.cores])
            return operator @ self.moved(data.train)
        if isinstance(data, sketch.TensorSum):
            return sketch.TensorSum([self.moved(term) for term in data.terms], data.coefficients)
        return data

    def left(self, finalize):
        return lambda *args, **options: brought_home(finalize(*args, **options))


ENTRANCES = {
    importlib.import_module(f"sketch.{name}"): sources
    for name, sources in {
        "sketches._spec": ["as_matrix_source"],
        "sketches._gram_spec": ["as_matrix_source"],
        "sketches._tensor_spec": ["as_tensor_source"],
        "decompose._matrix": ["as_matrix_source"],
        "decompose._pca": ["as_matrix_source"],
        "decompose._tensor": ["as_tensor_source"],
        "decompose._tt_svd": ["as_tensor_source"],
    }.items()
}


def is_plain(data):
    """Whether an array library can hold data of that dtype, and NumPy holds them in memory."""
    return not isinstance(data, np.memmap) and data.dtype.itemsize <= 16 and data.dtype != "f2"


def brought_home(result):
    """Return a result whose arrays are NumPy's; anything else as it is."""
    if isinstance(result, sketch.LowRank):
        residuals = None if result.residuals is None else host(result.residuals)
        brought = sketch.LowRank(*map(host, result), result.error, residuals)
        return with_passes(brought, result.n_passes)
    if isinstance(result, sketch.TensorTrain):
        return sketch.TensorTrain([host(core) for core in result.cores], error=result.error)
    if not isinstance(result, sketch.PrincipalComponents):
        return result
    fields = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    arrays = {k: host(v) for k, v in fields.items() if hasattr(v, "shape")}
    return dataclasses.replace(result, **arrays)
