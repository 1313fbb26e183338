"""Results in files of other programs: netCDF and Zarr with names and labels, HDF5 and MATLAB."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from typing import IO, Any

from ..errors import StateFileError
from ..files import archive
from ..files.paths import replace_by, try_to_write
from ._found import needed

_MATLAB_BYTES = 2**31  # of one array, which version 5 of the format can hold


def save_as(result: Any, path: str) -> None:
    """Write a result in the format that the name of the file asks for, by default our own.

    Raises
    ------
    StateFileError
        If the path cannot be written to, or the format cannot hold the result.
    """
    writer = _WRITERS.get(_suffix(path))
    if writer is None:
        result.save(path)
        return
    try:
        writer[0](result, path)
    except (NotImplementedError, ValueError, TypeError) as error:
        raise StateFileError(f"{path}: cannot hold this result ({error})") from error


def try_to_save(path: str) -> None:
    """Refuse what `save_as` could not write, before there is a result.

    Raises
    ------
    StateFileError
        If a library is missing, or the path cannot be written to.
    """
    suffix = _suffix(path)
    for module in _WRITERS[suffix][1] if suffix in _WRITERS else ():
        needed(module, path, extra="files" if module != "xarray" else "")
    if suffix == ".zarr":
        _refuse_existing(path)
    try_to_write(path)


def exchange_suffixes() -> str:
    """Return the suffixes of formats of other programs, for a message."""
    return " ".join(_WRITERS)


def _suffix(path: str) -> str:
    return os.path.splitext(str(path).rstrip("/"))[1].lower()


def _write_netcdf(result: Any, path: str) -> None:
    data = _flat(result.to_xarray())
    replace_by(path, lambda file: data.to_netcdf(file, engine="h5netcdf"))


def _write_zarr(result: Any, path: str) -> None:
    _refuse_existing(path)
    _flat(result.to_xarray()).to_zarr(path, mode="w-", consolidated=False)


def _flat(dataset: Any) -> Any:
    """Return a dataset whose indexes of several levels are coordinates, as files can hold them."""
    several = [name for name, index in dataset.indexes.items() if index.nlevels > 1]
    return dataset.reset_index(several)


def _write_hdf5(result: object, path: str) -> None:
    header, arrays = _contents(result)

    def put(file: IO[bytes]) -> None:
        with importlib.import_module("h5py").File(file, "w") as stored:
            stored.attrs["sketch"] = json.dumps(header)
            for name, array in arrays.items():
                stored[name] = array

    replace_by(path, put)


def _write_mat(result: object, path: str) -> None:
    import scipy.io

    header, arrays = _contents(result)
    large = [name for name, array in arrays.items() if array.nbytes >= _MATLAB_BYTES]
    if large:
        raise ValueError(f"{', '.join(large)} of 2 GB or more; take .h5, which MATLAB reads too")
    kept = {**arrays, "sketch": json.dumps(header)}

    def put(file: Any) -> None:  # its types leave files out
        scipy.io.savemat(file, kept, oned_as="column")

    replace_by(path, put)


def _contents(result: Any) -> tuple[archive.Header, archive.Arrays]:
    """Return what a result would be saved as."""
    kept = archive.Kept()
    result.save(kept)
    return kept.header, kept.arrays


def _refuse_existing(path: str) -> None:
    if os.path.exists(path):
        raise StateFileError(f"{path}: exists already, and a store is not written over; remove it")


_WRITERS: dict[str, tuple[Callable[[object, str], None], tuple[str, ...]]] = {
    ".nc": (_write_netcdf, ("xarray", "h5netcdf")),
    ".zarr": (_write_zarr, ("xarray", "zarr")),
    ".h5": (_write_hdf5, ("h5py",)),
    ".mat": (_write_mat, ()),
}
