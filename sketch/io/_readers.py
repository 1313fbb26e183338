"""Open a matrix or a tensor in a file without reading more of it than is needed."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ShapeError, SketchError, StateFileError
from ._entry_files import CoordinateFile, MatrixMarketFile, open_text, whole_if_small


@contextlib.contextmanager
def open_tensor(spec: str) -> Iterator[Any]:
    """Open ``FILE`` or ``FILE::NAME`` as something that can be sketched, and close it afterwards.

    Parameters
    ----------
    spec : str
        ``.npy`` (mapped), ``.npz`` (SciPy sparse, or one array by name), ``.mtx`` and ``.mtx.gz``,
        ``.tns`` and ``.tns.gz`` (coordinates and value on each line, counted from 1),
        ``.mat::name``, ``.h5::dataset``, ``.zarr[::array]``, ``.nc::variable``.

    Yields
    ------
    array, sparse matrix or tensor, or stored dataset

    Raises
    ------
    StateFileError
        If the file is missing, damaged, or of no known kind, or the name is not in it.

    Examples
    --------
    >>> import os, tempfile
    >>> from sketch.io import open_tensor
    >>> path = os.path.join(tempfile.mkdtemp(), "a.tns")
    >>> with open(path, "w") as file:
    ...     print("1 1 2 0.5", "3 1 1 2.0", sep=chr(10), file=file)
    >>> with open_tensor(path) as t:
    ...     t.shape
    (3, 1, 2)
    """
    path, _, name = spec.partition("::")
    reader = _reader(path)
    with contextlib.ExitStack() as stack:
        try:
            if not Path(path).exists():
                raise StateFileError(f"{path}: no such file")
            data = reader(path, name, stack)
        except SketchError:
            raise
        except Exception as error:  # whatever a reader raises on a damaged file
            raise StateFileError(f"{path}: cannot be read ({error})") from error
        yield data


@contextlib.contextmanager
def open_matrix(spec: str) -> Iterator[Any]:
    """Open a file like `open_tensor`, an array of more axes as the first one against the rest.

    Parameters
    ----------
    spec : str
        See `open_tensor`.

    Yields
    ------
    array, sparse matrix or stored dataset

    Raises
    ------
    StateFileError
        If the file is missing, damaged, or of no known kind, or the name is not in it.
    ShapeError
        If the file holds no matrix.

    Examples
    --------
    >>> import os, tempfile, numpy as np
    >>> from sketch.io import open_matrix
    >>> path = os.path.join(tempfile.mkdtemp(), "a.npy")
    >>> np.save(path, np.ones((4, 3)))
    >>> with open_matrix(path) as a:
    ...     a.shape
    (4, 3)
    """
    with open_tensor(spec) as data:
        yield as_matrix(data)


def _reader(path: str) -> Callable[[str, str, contextlib.ExitStack], Any]:
    for ending, reader in _READERS.items():
        if path.rstrip("/").endswith(ending):
            return reader
    raise StateFileError(
        f"{path}: files of this kind are not known; give one of {', '.join(_READERS)}"
    )


def as_matrix(data: Any) -> Any:
    """Return data of more axes as the matrix of the first one against the rest."""
    if data.ndim == 2:
        return data
    if data.ndim < 2 or not hasattr(data, "reshape"):
        raise ShapeError(f"expected a matrix, the file holds an array of shape {data.shape}")
    return data.reshape(data.shape[0], -1)


def _named(names: list[str], name: str, path: str) -> str:
    """Return the name that is meant: the given one, or the only one there is."""
    if not name and len(names) == 1:
        return names[0]
    if name not in names:
        raise StateFileError(f"{path}: name one of its arrays as {path}::NAME: {', '.join(names)}")
    return name


def _needs(module: str, path: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise StateFileError(
            f"{path}: reading it needs {module}; pip install 'sketch-lowrank[files]'"
        ) from error


def _read_npy(path: str, name: str, stack: contextlib.ExitStack) -> Any:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _read_npz(path: str, name: str, stack: contextlib.ExitStack) -> Any:
    archive = stack.enter_context(np.load(path, allow_pickle=False))
    if "format" in archive.files and "shape" in archive.files:
        import scipy.sparse

        return scipy.sparse.load_npz(path)
    return archive[_named(archive.files, name, path)]


def _read_mtx(path: str, name: str, stack: contextlib.ExitStack) -> Any:
    with open_text(path) as file:
        banner = file.readline()
    if b"coordinate" in banner:
        return whole_if_small(MatrixMarketFile(path))
    import scipy.io

    return scipy.io.mmread(path, spmatrix=False)


def _read_tns(path: str, name: str, stack: contextlib.ExitStack) -> Any:
    return whole_if_small(CoordinateFile(path))


def _read_mat(path: str, name: str, stack: contextlib.ExitStack) -> Any:
    import scipy.io

    content = scipy.io.loadmat(path)
    names = [key for key in content if not key.startswith("__")]
    return content[_named(names, name, path)]


def _read_nc(path: str, name: str, stack: contextlib.ExitStack) -> Any:
    import scipy.io

    file = scipy.io.netcdf_file(path, mmap=False)
    names = [key for key, variable in file.variables.items() if len(variable.shape) > 1]
    return file.variables[_named(names, name, path)].data


def _read_h5(path: str, name: str, stack: contextlib.ExitStack) -> Any:
    h5py = _needs("h5py", path)
    file = stack.enter_context(h5py.File(path, "r"))
    names: list[str] = []
    file.visititems(lambda key, item: names.append(key) if hasattr(item, "shape") else None)
    return file[_named(names, name.strip("/"), path)]


def _read_zarr(path: str, name: str, stack: contextlib.ExitStack) -> Any:
    zarr = _needs("zarr", path)
    root = zarr.open(path, mode="r")
    if hasattr(root, "shape"):
        return root
    return root[_named(sorted(root.array_keys()), name, path)]


_READERS: dict[str, Callable[[str, str, contextlib.ExitStack], Any]] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".mtx": _read_mtx,
    ".mtx.gz": _read_mtx,
    ".tns": _read_tns,
    ".tns.gz": _read_tns,
    ".mat": _read_mat,
    ".nc": _read_nc,
    ".h5": _read_h5,
    ".hdf5": _read_h5,
    ".zarr": _read_zarr,
}
