"""Files as Dask arrays: workers open them for themselves, what travels is a name."""

from __future__ import annotations

import os

from ..errors import DtypeError
from ..files.paths import split_name
from ..running.tasks import array_from_slices
from ..sources import StoredArray
from ._open import open
from ._stored import Missing

_CHUNK_BYTES = 32_000_000


def open_distributed(spec: str | list[str], *, missing: Missing = None) -> object:
    """Return the Dask array of a dense file that all workers can open under the same name.

    Parameters
    ----------
    spec : str or list of str
        ``FILE`` or ``FILE::NAME``, see `open`. Workers are given absolute paths.
    missing : {"zero", "mean"}, optional
        What to take for missing entries.

    Returns
    -------
    dask.array.Array
        In chunks along the file's own.

    Raises
    ------
    StateFileError
        If the file cannot be read; on a worker too, where it is not there or is another one.
    DtypeError
        If it holds no dense array that can be read in slices.
    """
    specs = [_absolute(one) for one in ([spec] if isinstance(spec, str) else spec)]
    file = open(specs[0] if isinstance(spec, str) else specs, missing=missing)
    if file.is_sparse:
        raise DtypeError(f"{spec}: sparse files are read by one process; leave out --scheduler")
    return array_from_slices(file, StoredArray(file.data).tile_shape(_CHUNK_BYTES))


def _absolute(spec: str) -> str:
    path, name = split_name(spec)
    return os.path.abspath(path) + (f"::{name}" if name else "")
