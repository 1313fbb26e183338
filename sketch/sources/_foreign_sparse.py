"""Sparse arrays of other libraries than SciPy: the same entries, and what stands between them."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..backend.array import HostArray, compute_dtype, coordinates
from ..errors import NonFiniteError
from ..formats import CPTensor, TensorSum


def as_scipy_sparse(x: Any) -> object:
    """Return a sparse array of PyTorch or of `sparse` in coordinates, plus its fill value.

    Anything else as it is. Where the fill value is not 0, what is returned is a lazy sum: the
    differences to it at the entries, and a tensor of rank one.
    """
    found = coordinates(x)
    if found is not None:
        return _coo(found[1], found[0], tuple(x.shape))
    library: object = sys.modules.get("sparse")
    if library is None or not isinstance(x, getattr(library, "SparseArray", ())):
        return x
    coo: Any = x if hasattr(x, "coords") else x.asformat("coo")  # type: ignore[union-attr]
    fill = coo.fill_value
    if not fill:
        return _coo(coo.data, coo.coords, coo.shape)
    if not np.isfinite(fill):
        raise NonFiniteError(
            f"a sparse array whose fill value is {fill} has no finite entry where none is stored; "
            "give one with a finite fill value"
        )
    dtype = compute_dtype(coo.dtype)
    fill = np.asarray(fill).astype(dtype)
    differences = _coo(coo.data.astype(dtype) - fill, coo.coords, coo.shape)
    ones = [np.ones((n, 1), dtype) for n in coo.shape]
    return TensorSum([differences, CPTensor(fill[None], ones)])


def _coo(data: HostArray, coords: HostArray, shape: tuple[int, ...]) -> object:
    import scipy.sparse

    if not data.dtype.isnative or data.dtype == np.float16:  # SciPy has neither
        data = np.asarray(data, compute_dtype(data.dtype))
    return scipy.sparse.coo_array((data, tuple(coords)), shape=shape)
