"""What a container holds, as its own library says, or which step makes an array of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..backend.array import Array, HostArray, cast, compute_dtype, is_array, is_dask, to_host
from ..backend.plain import plain
from ..backend.protocols import DaskArray
from ..errors import DtypeError
from ..formats import Summable
from ._base import MatrixSource
from ._foreign import as_structured
from ._foreign_sparse import as_scipy_sparse
from ._frames import as_numbers
from ._opened import OpenedData
from ._operator import is_operator
from ._sparse import is_sparse
from ._tensor_base import TensorSource
from ._tiles import in_slices
from ._variables import Variable, as_variable


def contents(x: object) -> object:
    """Return what the adapters know of whatever is given.

    Arrays without masks, gradients and subclasses; sparse arrays as SciPy's; variables decoded;
    structured tensors of other libraries as ours.

    Raises
    ------
    DtypeError
        If the object holds arrays one step away, or is not what its attributes say.
    NonFiniteError
        If entries are masked, or a fill value is not finite.
    """
    if isinstance(x, MatrixSource | TensorSource | OpenedData | Summable | Variable):
        return x
    if isinstance(x, type):
        raise DtypeError(f"cannot sketch the class {x.__name__}; give an object of it")
    _refuse_without_values(x)
    if is_sparse(x) or is_operator(x):
        return x
    x = as_scipy_sparse(as_numbers(x))
    if is_array(x) or isinstance(x, np.ndarray):
        return plain(x)
    if is_dask(x):
        return _that_dask_reads(x)
    for convert in (as_variable, as_structured):
        converted = convert(x)
        if converted is not x:
            return contents(converted)
    refuse_containers(x)
    return x


def _that_dask_reads(x: DaskArray) -> object:
    """Return a Dask array of a dtype of NumPy's, with sparse chunks that can be cut and joined."""
    meta: object = getattr(x, "_meta", None)
    if is_sparse(meta) and getattr(meta, "format", "csr") not in ("csr", "csc"):
        return x.map_blocks(in_slices)
    if isinstance(x.dtype, np.dtype):
        return x
    dtype = compute_dtype(x.dtype)
    meta = np.empty((0,) * x.ndim, dtype)
    return x.map_blocks(_on_host, dtype=np.dtype(dtype), meta=meta)


def _on_host(chunk: Array) -> HostArray:
    return to_host(cast(chunk, compute_dtype(chunk.dtype)))


def refuse_containers(x: object) -> None:
    """Raise where an object holds an array one step away, and name the step."""
    for is_one, step in _STEPS:
        if is_one(x):
            raise DtypeError(f"cannot sketch an object of type {type(x).__name__}; {step}")


def _refuse_without_values(x: object) -> None:
    """Raise where a stored array has no shape: its file is closed, or it was never filled."""
    try:
        shape = getattr(x, "shape", ())
    except Exception as error:  # each library has its own for what is closed
        raise DtypeError(
            f"cannot sketch an object of type {type(x).__name__} whose file is closed, or that "
            f"tells no shape ({error}); keep a file open until the result is there, or give its "
            "path, and make ragged parts one array"
        ) from error
    if shape is None:
        raise DtypeError(f"an object of type {type(x).__name__} without shape holds no values")


def unknown(x: object, accepted: str) -> DtypeError:
    """Return the error for an object of no accepted kind."""
    step = "give " + accepted
    for name in ("toarray", "todense", "to_dense", "to_tensor", "full", "numpy", "__array__"):
        if callable(getattr(x, name, None)):
            call = "np.asarray of it" if name == "__array__" else f"its .{name}()"
            step = f"give {call}, or {accepted}"
            break
    return DtypeError(f"cannot sketch an object of type {type(x).__name__}; {step}")


def _has(*names: str) -> Callable[[object], bool]:
    return lambda x: all(hasattr(x, name) for name in names)


def _is_pair_of_data(x: object) -> bool:
    """Whether `x` is what loaders of data for learning give: arrays of rows and their labels."""
    return (
        isinstance(x, tuple)
        and 1 < len(x) < 4
        and all(hasattr(item, "shape") and hasattr(item, "dtype") for item in x)
        and len(x[0].shape) > 1
        and any(len(item.shape) == 1 for item in x[1:])
    )


_STEPS: list[tuple[Callable[[object], bool], str]] = [
    (_has("readline"), "give the path of the file as text, or the numbers that it holds"),
    (lambda x: isinstance(x, bytes | bytearray), "give numbers, or the path of a file as text"),
    (_has("to_dask_array"), "give its .to_dask_array(lengths=True)"),
    (_has("to_numpy"), "give its numbers, .to_numpy()"),
    (_has("collect", "collect_schema"), "give the frame that it stands for, .collect()"),
    (_has("to_pandas", "column_names"), "give it as a frame, .to_pandas()"),
    (
        lambda x: isinstance(x, Mapping) or _has("keys", "__getitem__", "attrs")(x),
        'it holds several arrays by name; give one of them, x["name"]',
    ),
    (_has("variables", "dimensions", "ncattrs"), 'give one variable, x.variables["name"]'),
    (_is_pair_of_data, "of rows and their labels give the rows alone, x[0]"),
]
