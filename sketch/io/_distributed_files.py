"""Files as Dask arrays: workers open them for themselves, what travels is a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._dask import array_from_slices
from ..errors import DtypeError
from ..sources import StoredArray
from ._readers import open_tensor

_CHUNK_BYTES = 32_000_000


@dataclass(frozen=True)
class FileArray:
    """An array in a file, opened for each window that is read."""

    spec: str
    shape: tuple[int, ...]
    dtype: Any

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, window: Any) -> Any:
        with open_tensor(self.spec) as data:
            return np.asarray(data[window])


def open_distributed(spec: str) -> Any:
    """Return the Dask array of a dense file that all workers can open under the same name.

    Parameters
    ----------
    spec : str
        ``FILE`` or ``FILE::NAME``, see `open_tensor`.

    Returns
    -------
    dask.array.Array
        In chunks along the file's own.

    Raises
    ------
    StateFileError
        If the file cannot be read.
    DtypeError
        If it holds no dense array that can be read in slices.
    """
    with open_tensor(spec) as data:
        if hasattr(data, "nnz") or not hasattr(data, "__getitem__"):
            raise DtypeError(f"{spec}: sparse files are read by one process; leave out --scheduler")
        stored = StoredArray(data)
        whole = FileArray(spec, stored.shape, np.dtype(data.dtype))
        return array_from_slices(whole, stored.tile_shape(_CHUNK_BYTES))
