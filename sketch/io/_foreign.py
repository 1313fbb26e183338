"""A program that reads one array by a library that may crash: READER PATH NAME.

It answers with a line of JSON, followed by arrays in NumPy's format. It stands alone: nothing of
the package is imported here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Values = NDArray[Any]
_Answer = tuple[dict[str, object], list[_Values]]
_BEST_DEFLATE = 1032  # times that a compressed file can be smaller than what it holds


def read_mat(path: str, name: str) -> _Answer:
    """Return a variable of a MATLAB file, or a field of a structure, with the names of all."""
    import scipy.io

    available = _BEST_DEFLATE * os.path.getsize(path) + 1000
    listed = scipy.io.whosmat(path)
    numeric = {"double", "single", "logical", "sparse"}
    numeric |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
    for key, shape, kind in listed:
        if kind in numeric and kind != "sparse" and np.prod(shape, dtype=float) > available:
            raise ValueError(f"{key} claims shape {shape}, more than is stored")
    plain = [key for key, shape, kind in listed if kind in numeric and np.prod(shape) != 1]
    if not name and len(plain) == 1 == len(listed):
        name = plain[0]
    head = name.split(".")[0]
    wanted = [key for key, _, kind in listed if kind not in numeric or key == head]
    content = scipy.io.loadmat(path, variable_names=wanted) if wanted else {}
    arrays = {key: shape for key, shape, kind in listed if kind in numeric}
    for key, _, kind in listed:
        if kind not in numeric and key in content:
            arrays |= dict(_fields(content[key], key))
    value = _inside(content, name)
    if value is None:
        return {"arrays": arrays}, []
    if hasattr(value, "tocsc"):
        matrix = value.tocsc()
        parts = [matrix.data, matrix.indices, matrix.indptr]
        return {"arrays": arrays, "kind": "sparse", "shape": matrix.shape}, parts
    if value.dtype.kind not in "biufc":
        return {"arrays": arrays, "other": "text, cells or a structure"}, []
    return {"arrays": arrays, "kind": "dense"}, [value]


def read_result(path: str, mark: str) -> _Answer:
    """Return what a result of ours was written as: the text under a name, and all arrays."""
    import scipy.io

    if mark not in [key for key, _, _ in scipy.io.whosmat(path)]:
        return {"header": None}, []
    found = scipy.io.loadmat(path)
    header = found.pop(mark)
    names = [name for name in found if not name.startswith("__")]
    arrays = [_text_of(found[name]) for name in names]
    return {"header": str(header.item()), "names": names}, arrays


def _text_of(array: _Values) -> _Values:
    """Return cells of text as an array of text; other arrays as they are."""
    if array.dtype != object:
        return array
    return np.array([str(cell.item()) if cell.size else "" for cell in array.flat], dtype=str)


def _inside(content: dict[str, object], name: str) -> Any:
    """Return the array of a name, with fields after points."""
    head, *fields = name.split(".")
    value: Any = content.get(head) if name else None
    for field in fields:
        if getattr(value, "dtype", None) is None or field not in (value.dtype.names or ()):
            return None
        value = value[field].reshape(-1)[0] if value.size == 1 else None
    return value


def _fields(value: Any, name: str, depth: int = 0) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the names and shapes of the numbers within structures of one entry."""
    names = getattr(value, "dtype", np.dtype("f8")).names
    if not names or value.size != 1 or depth > 8:
        return
    for field in names:
        inner = value[field].reshape(-1)[0]
        if getattr(getattr(inner, "dtype", None), "kind", "O") in "biufc":
            yield f"{name}.{field}", inner.shape
        else:
            yield from _fields(inner, f"{name}.{field}", depth + 1)


def read_table(path: str, name: str) -> _Answer:
    """Return the columns of a Parquet or Feather file as one array, and the names of all."""
    import pyarrow as arrow

    with open(path, "rb") as file:
        parquet = file.read(4) == b"PAR1"
    if parquet:
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(path, memory_map=True)
    else:
        import pyarrow.feather

        table = pyarrow.feather.read_table(path)
    names, columns = table.column_names, dict(zip(table.column_names, table.columns, strict=True))
    kinds = {key: _kind(arrow.types, column.type) for key, column in columns.items()}
    stored = (table.schema.pandas_metadata or {}).get("index_columns", ())
    index = [key for key in stored if key in names]  # else a range, which is not stored
    numeric = [key for key in names if kinds[key] == "number" and key not in index]
    wanted = name.split(",") if name else numeric
    answer = {"columns": names, "numeric": numeric}
    others = [key for key in names if kinds[key] != "number" and key not in index]
    if not name and (len(others) > 1 or any(kinds[key] != "label" for key in others)):
        return answer, []
    if not wanted or any(kinds.get(key) != "number" for key in wanted):
        return answer, []
    values = [_column(columns[key]) for key in wanted]
    labels = next(iter([*index, *others]), None)
    rows = None if labels is None else [str(x) for x in columns[labels].to_pylist()]
    return {**answer, "wanted": wanted, "rows": rows}, [np.stack(values, axis=1)]


def _kind(types: Any, dtype: Any) -> str:
    """Return what a column of a type of Arrow holds: numbers, what may name rows, or else."""
    if types.is_dictionary(dtype):
        dtype = dtype.value_type
    if types.is_floating(dtype) or types.is_integer(dtype) or types.is_boolean(dtype):
        return "number"
    names = types.is_string(dtype) or types.is_large_string(dtype)
    return "label" if names or types.is_date(dtype) or types.is_timestamp(dtype) else "other"


def _column(column: Any) -> Any:
    """Return a column as numbers, NaN where nothing is known."""
    if hasattr(column.type, "value_type"):  # a dictionary of them
        column = column.cast(column.type.value_type)
    if column.null_count:
        return column.to_pandas().to_numpy("float64", na_value=np.nan)
    return column.to_numpy()


_READERS = {"mat": read_mat, "table": read_table, "result": read_result}


def main(reader: str, path: str, name: str) -> None:
    """Answer on the standard output."""
    pipe = sys.stdout.buffer
    try:
        answer, arrays = _READERS[reader](path, name)
    except Exception as error:
        answer, arrays = {"error": f"{type(error).__name__}: {error}"}, []
    pipe.write(json.dumps({**answer, "sent": len(arrays)}, default=int).encode() + b"\n")
    for array in arrays:
        plain: Any = SimpleNamespace(write=pipe.write)  # which NumPy does not seek in
        np.lib.format.write_array(plain, np.asarray(array), allow_pickle=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
