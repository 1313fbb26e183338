"""Results in files of other programs: netCDF and Zarr with names and labels, HDF5 and MATLAB."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from ..backend.array import HostArray
from ..errors import StateFileError
from ..files.paths import replace_by, try_to_write
from ..formats import is_label
from ._exchange import MARK, described
from ._found import needed
from ._zarr import folder_store

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


def _write_netcdf(result: object, path: str) -> None:
    data = _dataset(result)
    replace_by(path, lambda file: data.to_netcdf(file, engine="h5netcdf"))


def _write_zarr(result: object, path: str) -> None:
    _refuse_existing(path)
    data = _dataset(result)
    texts = {name: x.astype(object) for name, x in data.coords.items() if x.dtype.kind == "U"}
    data.assign_coords(texts).to_zarr(folder_store(path), mode="w-", consolidated=False)


def _dataset(result: Any) -> Any:
    """Return a result as a dataset of xarray that a file can hold, with all that `load` needs.

    Indexes of several levels become coordinates.
    """
    header, arrays = described(result)
    made = result.to_xarray()
    several = [name for name, index in made.indexes.items() if index.nlevels > 1]
    more = {
        name: ([f"{name}_{axis}" for axis in range(array.ndim)], array)
        for name, array in arrays.items()
        if name not in made and not is_label(name)  # labels are coordinates
    }
    return made.reset_index(several).assign(more).assign_attrs({MARK: header})


def _write_hdf5(result: object, path: str) -> None:
    h5py: Any = importlib.import_module("h5py")
    header, arrays = described(result)

    def put(file: IO[bytes]) -> None:
        with h5py.File(file, "w") as stored:
            stored.attrs[MARK] = header
            for name, array in arrays.items():
                if array.dtype.kind == "U":
                    stored.create_dataset(
                        name, data=array.astype(object), dtype=h5py.string_dtype()
                    )
                else:
                    stored[name] = _plain(array)

    replace_by(path, put)


def _write_mat(result: object, path: str) -> None:
    import scipy.io

    header, arrays = described(result)
    large = [name for name, array in arrays.items() if array.nbytes >= _MATLAB_BYTES]
    if large:
        raise ValueError(f"{', '.join(large)} of 2 GB or more; take .h5, which MATLAB reads too")
    cells = {n: x.astype(object) for n, x in arrays.items() if x.dtype.kind == "U"}
    kept = {name: _plain(array) for name, array in arrays.items()} | cells | {MARK: header}

    def put(file: Any) -> None:  # its types leave files out
        scipy.io.savemat(file, kept, oned_as="column")

    replace_by(path, put)


def _plain(array: HostArray) -> HostArray:
    """Return dates and spans of time as integers; other arrays as they are."""
    return array.view(np.int64) if array.dtype.kind in "Mm" else array


def _refuse_existing(path: str) -> None:
    if os.path.exists(path):
        raise StateFileError(f"{path}: exists already, and a store is not written over; remove it")


_WRITERS: dict[str, tuple[Callable[[object, str], None], tuple[str, ...]]] = {
    ".nc": (_write_netcdf, ("xarray", "h5netcdf")),
    ".zarr": (_write_zarr, ("xarray", "zarr")),
    ".h5": (_write_hdf5, ("h5py",)),
    ".mat": (_write_mat, ()),
}
