"""One door for data: a file, or a name in it, as something that can be sketched."""

from __future__ import annotations

import contextlib
import glob
import os
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from ..backend.array import HostArray
from ..backend.protocols import Stored
from ..errors import ShapeError, SketchError, StateFileError
from ..files.extent import Extent, watched
from ..files.paths import as_path, split_name
from ..formats import Axes
from ..running.memory import fits
from ..sources import (
    MatrixSource,
    OpenedData,
    TensorSource,
    UnfoldedSource,
    as_matrix_source,
    as_tensor_source,
)
from ._formats import reader_of
from ._found import Dims, Found, Labels, check_labels, check_numbers
from ._sparse_source import SparseBlocksSource, SparseBlocksTensorSource, known_entries
from ._stacked import StackedSparse, stacked
from ._stored import Missing, StoredInFile
from ._stored_sparse import StoredSparse

Spec = str | os.PathLike[str]
_WHOLE_BYTES = 200_000_000  # up to which a sparse matrix is read at once, and kept


class DataFile(OpenedData):
    """An array in a file that is open: what `sketch.open` returns, and every call takes.

    Attributes
    ----------
    spec : str
        ``FILE`` or ``FILE::NAME``, or a list of them.
    shape : tuple of int
    dtype : numpy.dtype
    dims : tuple of str or None
        Names of the axes, None for those that have none.
    labels : tuple of array or None
        Of the entries along each axis, read when they are asked for.
    data : array, sparse matrix, or stored array
        What is inside.

    Raises
    ------
    ShapeError, StateFileError
        If it is taken for a matrix and is none; if what is read later is damaged.

    Notes
    -----
    Nothing is read but the header until a call or a slice asks for it. Usable in a ``with``
    statement; otherwise the file is closed once nothing can read it any more.

    References
    ----------
    .. [1] B. Eaton et al., "NetCDF climate and forecast (CF) metadata conventions", version 1.11
       (2023), section 8.1: how packed data are decoded, https://cfconventions.org.

    Examples
    --------
    >>> import os, tempfile, numpy as np, sketch
    >>> path = os.path.join(tempfile.mkdtemp(), "data.npz")
    >>> np.savez(path, x=np.ones((6, 4)))
    >>> with sketch.open(f"{path}::x") as data:
    ...     print(data.shape, data.ndim, data.is_sparse, data[:2, :2].shape)
    (6, 4) 2 False (2, 2)
    """

    def __init__(
        self,
        spec: object,
        found: Found,
        missing: Missing,
        stack: contextlib.ExitStack,
        extent: Extent | None = None,
    ) -> None:
        self.spec, self.data, self._missing, self._extent = spec, found.data, missing, extent
        self.shape = tuple(int(n) for n in self.data.shape)
        self.dtype = np.dtype(self.data.dtype)
        self.dims: Dims = found.dims or (None,) * len(self.shape)
        self._labels = found.labels
        self.close = weakref.finalize(self.data, stack.close)  # once nothing can read it

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def is_sparse(self) -> bool:
        """Whether entries that are zero are not stored."""
        return hasattr(self.data, "nnz")

    @property
    def labels(self) -> Labels:
        """Labels along each axis."""
        try:
            with watched(self._extent):
                read = [] if self._labels is None else self._labels()
        except Exception as error:  # whatever a reader raises on a damaged file
            raise StateFileError(f"{self.spec}: its labels cannot be read ({error})") from error
        labels = (*map(_as_text, read), *[None] * (self.ndim - len(read)))
        check_labels(labels, self.shape, str(self.spec))
        return labels

    def axes(self) -> Axes | None:
        """Return names and labels as results keep them, None where there are neither."""
        labels: Labels = ()
        with contextlib.suppress(StateFileError):  # data may be right where labels are damaged
            labels = self.labels
        told = any(x is not None for x in (*self.dims, *labels))
        return Axes.named(self.dims, self.shape, labels) if told else None

    def __getitem__(self, window: object) -> object:
        if self.is_sparse:
            raise TypeError(f"{self.spec}: a sparse file has no slices; take .data")
        return self.data[window]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> HostArray:
        return np.asarray(self[...], dtype)

    def matrix(self) -> Any:
        """Return the matrix of the first axis against all others, which is read as it is needed.

        Returns
        -------
        array, sparse matrix, stored array or source, shape (n_1, n_2 ... n_d)

        Raises
        ------
        ShapeError
            If there are fewer than two axes.

        Examples
        --------
        >>> import os, tempfile, numpy as np, sketch
        >>> path = os.path.join(tempfile.mkdtemp(), "data.npy")
        >>> np.save(path, np.ones((6, 4, 2)))
        >>> sketch.open(path).matrix().shape, sketch.open(path).tensor().shape
        ((6, 8), (6, 4, 2))
        """
        if self.ndim < 2:
            raise ShapeError(
                f"{self.spec}: expected a matrix, the file holds an array of shape {self.shape}"
            )
        if isinstance(self.data, StoredSparse | StackedSparse):
            return SparseBlocksSource(self.data)
        if self.ndim == 2:
            return self.data
        if self.is_sparse:
            raise ShapeError(
                f"{self.spec}: expected a matrix, the file holds a sparse tensor of shape "
                f"{self.shape}; take tensor_train, or reshape it"
            )
        return _unfolded(self.data)

    def tensor(self) -> object:
        """Return the array of all axes, which is read as it is needed.

        Returns
        -------
        array, sparse tensor, stored array or source, shape (n_1, ..., n_d)
        """
        if isinstance(self.data, StoredSparse | StackedSparse):
            return SparseBlocksTensorSource(self.data)
        return self.data

    def matrix_source(self) -> MatrixSource:
        """Return the adapter of the matrix."""
        return as_matrix_source(self.matrix())

    def tensor_source(self) -> TensorSource:
        """Return the adapter of the tensor."""
        return as_tensor_source(self.tensor())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (self.spec, self._missing, self.shape, str(self.dtype))

    def __repr__(self) -> str:
        kind = "sparse" if self.is_sparse else "dense"
        return f"DataFile({self.spec!r}, shape={self.shape}, dtype={self.dtype}, {kind})"


def _as_text(labels: object) -> object:
    """Return labels that are bytes, as HDF5 has text, as text; others as they are."""
    values = np.asarray(labels)
    if values.dtype.kind == "S" or (values.size and all(isinstance(x, bytes) for x in values.flat)):
        return np.array([x.decode("utf-8", "replace") for x in values.flat]).reshape(values.shape)
    return labels


def open(spec: Spec | Sequence[Spec], *, missing: Missing = None) -> DataFile:
    """Open the array in a file, as its own library reads it, and read no more than is needed.

    Every call that takes data takes what this returns, and the path itself.

    Parameters
    ----------
    spec : path-like or sequence of path-like
        ``FILE`` or ``FILE::NAME``. The name may be left out where one array only can be meant.
        A pattern (``"day-*.nc::T"``) or a list stands for the stack of all arrays along their
        first axis.
    missing : {"zero", "mean", "nan"}, optional
        What to take for missing entries (masked, fill values, NaN, genotypes that are not known):
        zero, the mean of what is known along the first axis, or NaN, as `complete` needs them. By
        default they are refused.

    Returns
    -------
    DataFile
        With shape, dtype, and names and labels of its axes where the file has them.

    Raises
    ------
    StateFileError
        If the file is missing, damaged or of no known kind, or the name is not in it.

    Notes
    -----
    NumPy (``.npy`` mapped in either order, ``.npz``), SciPy sparse, Matrix Market and ``.tns``,
    MATLAB 4 to 7.3, netCDF 3 and 4 decoded by the CF conventions, HDF5, Zarr 2 and 3, AnnData, 10x
    (HDF5 and folders), ``.csv``, Parquet and Feather, PLINK 1 ``.bed``. What a file is shows in
    its content; names matter where this says nothing.

    References
    ----------
    .. [1] B. Eaton et al., "NetCDF climate and forecast (CF) metadata conventions", version 1.11
       (2023), https://cfconventions.org.
    .. [2] R. Boisvert, R. Pozo, K. Remington, "The Matrix Market exchange formats: initial design",
       NISTIR 5935, 1996.
    .. [3] S. Smith et al., "FROSTT: the formidable repository of open sparse tensors and tools",
       2017, http://frostt.io: the ``.tns`` format.
    .. [4] C. Chang et al., "Second-generation PLINK", GigaScience 4 (2015), arXiv:1410.4803:
       ``.bed``.

    Examples
    --------
    >>> import numpy as np, os, sketch, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "a.npz")
    >>> np.savez(path, x=np.ones((40, 3)), y=np.ones((2, 2)))
    >>> a = sketch.open(f"{path}::x")
    >>> a.shape, sketch.svd(a, rank=1).rank
    ((40, 3), 1)
    """
    if missing not in (None, "zero", "mean", "nan"):
        raise ValueError(f'missing must be "zero", "mean", "nan" or None, got {missing!r}')
    if not isinstance(spec, str | bytes | os.PathLike):
        return _open_all(_paths(spec), missing)
    text = as_path(spec)
    path, name = split_name(text)
    if glob.has_magic(path) and not os.path.exists(path):
        paths = sorted(glob.glob(path, recursive=True))
        if not paths:
            raise StateFileError(f"{path}: no file fits this pattern")
        return _open_all([f"{one}::{name}" if name else one for one in paths], missing)
    return _open_one(text, path, name, missing)


def _open_one(spec: str, path: str, name: str, missing: Missing) -> DataFile:
    with contextlib.ExitStack() as stack:
        reader, extent = reader_of(path), Extent(path)
        try:
            found = reader(path, name, stack)
        except SketchError:
            raise
        except UnicodeEncodeError as error:  # by libraries that do not take all names there are
            raise StateFileError(
                f"{path}: is no name in UTF-8, as the library that reads it needs; rename the file"
            ) from error
        except Exception as error:  # whatever a reader raises on a damaged file
            if isinstance(error, BlockingIOError) or "open for write" in str(error):
                raise StateFileError(
                    f"{path}: is being written, and locked; open it once it is closed ({error})"
                ) from error
            raise StateFileError(
                f"{path}: cannot be read ({str(error) or type(error).__name__}); it is damaged, or "
                "not what its name says"
            ) from error
        found = _guarded(found, spec, missing, extent)
        return DataFile(spec, found, missing, stack.pop_all(), extent)


def _open_all(specs: list[str], missing: Missing) -> DataFile:
    if not specs:
        raise StateFileError("expected paths of files, got none")
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(open(spec)) for spec in specs]
        found = _guarded(stacked(files), f"{specs[0]} and {len(specs) - 1} more", missing)
        return DataFile(specs, found, missing, stack.pop_all())


def _guarded(found: Found, spec: str, missing: Missing, extent: Extent | None = None) -> Found:
    """Return what was found so that its faults are ours and nothing missing is a number."""
    data = found.data
    if isinstance(data, StoredSparse):
        data.extent = extent
    if isinstance(data, StoredSparse) and data.nnz * (data.dtype.itemsize + 8) < _WHOLE_BYTES:
        data = data.whole()
    if hasattr(data, "nnz"):
        _check_axes(data.shape, spec)
        return Found(known_entries(data, missing, spec), found.dims, found.labels)
    check_numbers(data, spec)
    if isinstance(data, np.ndarray) and missing is None:
        return found
    return Found(StoredInFile(data, spec, missing, extent), found.dims, found.labels)


def _check_axes(shape: tuple[int, ...], spec: str) -> None:
    """Refuse a sparse array of which not even one number for each index fits into memory."""
    longest = max(shape, default=0)
    if not fits(8 * longest, None):
        raise StateFileError(
            f"{spec}: claims shape {tuple(map(int, shape))}, and one number for each index of its "
            f"longest axis takes {8e-9 * longest:.3g} GB; the file is damaged, or an axis is not "
            "what it should be"
        )


def _again(spec: Any, missing: Missing, shape: tuple[int, ...], dtype: str) -> DataFile:
    """Open a file in another process, and refuse another file of its name."""
    try:
        found = open(spec, missing=missing)
    except StateFileError as error:
        raise StateFileError(
            f"{error} (on a worker: all workers must see the file under this path)"
        ) from error
    if (found.shape, str(found.dtype)) != (shape, dtype):
        raise StateFileError(
            f"{spec}: a worker sees {found.shape} {found.dtype} under this path, where {shape} "
            f"{dtype} were opened; all workers must see the same file"
        )
    return found


def _unfolded(data: Stored) -> object:
    """Return an array of more axes as a matrix: a view where there is one."""
    if isinstance(data, np.ndarray) and data.flags.c_contiguous:
        return data.reshape(data.shape[0], -1)
    return UnfoldedSource(data)


def _paths(spec: Any) -> list[str]:
    """Return paths of a sequence; refuse what is none."""
    listed = isinstance(spec, Iterable) and not hasattr(spec, "read")  # lines of an open file
    if listed and not isinstance(spec, np.ndarray):
        return [as_path(one) for one in spec]
    raise StateFileError(
        f"open takes a path, or a sequence of paths, got {type(spec).__name__}; data in memory "
        "go to svd, pca and tensor_train as they are"
    )


@contextlib.contextmanager
def open_tensor(spec: str) -> Iterator[object]:
    """Open a file like `open`, and close it afterwards.

    Yields
    ------
    array, sparse matrix or tensor, or stored array
    """
    with open(spec) as file:
        yield file.tensor()


@contextlib.contextmanager
def open_matrix(spec: str) -> Iterator[object]:
    """Open a file like `open_tensor`, an array of more axes as the first one against the rest.

    Yields
    ------
    array, sparse matrix, stored array or source
    """
    with open(spec) as file:
        yield file.matrix()
