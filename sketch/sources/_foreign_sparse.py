"""Sparse arrays of other libraries than SciPy: the same entries, and what stands between them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend.array import HostArray, compute_dtype, coordinates
from ..errors import NonFiniteError
from ..formats import CPTensor, TensorSum


def as_scipy_sparse(x: Any) -> object:
    """Return a sparse array of PyTorch or of `sparse` in coordinates, plus its fill value.

    Anything else as it is.
    """
    found = coordinates(x)
    if found is not None:
        return _coo(found[1], [*found[0]], tuple(x.shape))
    library: object = sys.modules.get("sparse")
    if library is None or not isinstance(x, getattr(library, "SparseArray", ())):
        return x
    coo: Any = x if hasattr(x, "coords") else x.asformat("coo")  # type: ignore[union-attr]
    return with_fill(coo.data, coo.coords, coo.shape, coo.fill_value)


def with_fill(
    data: HostArray, coords: Sequence[HostArray], shape: tuple[int, ...], fill: object
) -> object:
    """Return sparse entries plus a fill value, which is one for all or one for each column.

    Where it is not 0, what is returned is a lazy sum: the differences to it at the entries, and a
    tensor of rank one.

    Parameters
    ----------
    data : array, shape (nnz,)
    coords : sequence of array of int, shape (nnz,)
    shape : tuple of int
    fill : number, or array of shape (shape[-1],)
    """
    fills = np.broadcast_to(np.asarray(fill), shape[-1:])
    if not fills.any():
        return _coo(data, coords, shape)
    if not np.isfinite(fills).all():
        raise NonFiniteError(
            f"a sparse array whose fill value is {fills[~np.isfinite(fills)][0]} has no finite "
            "entry where none is stored; give one with a finite fill value"
        )
    dtype = compute_dtype(data.dtype)
    fills = fills.astype(dtype)
    differences = _coo(data.astype(dtype) - fills[coords[-1]], coords, shape)
    ones = [np.ones((n, 1), dtype) for n in shape[:-1]]
    return TensorSum([differences, CPTensor(None, [*ones, fills[:, None]])])


def _coo(
    data: HostArray, coords: Sequence[HostArray] | HostArray, shape: tuple[int, ...]
) -> object:
    import scipy.sparse

    if not data.dtype.isnative or data.dtype == np.float16:  # SciPy has neither
        data = np.asarray(data, compute_dtype(data.dtype))
    return scipy.sparse.coo_array((data, tuple(coords)), shape=shape)
