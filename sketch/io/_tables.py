"""Tables of columns: ``.csv`` by pandas, ``.parquet`` and ``.feather`` by pyarrow."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from ..errors import StateFileError
from ._child import read_in_child
from ._found import Found, listed, needed, no_such_name


def read_arrow(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return the columns of numbers of a Parquet or Feather file, or those that are named.

    One column that holds no numbers is taken for labels of the rows, as the index of pandas is.
    """
    needed("pyarrow", path, extra="")
    answer, arrays = read_in_child("table", path, name)
    if not arrays:
        raise _refused(path, name, answer["columns"], answer["numeric"])
    labels = [None if answer["rows"] is None else np.asarray(answer["rows"])]
    return _table(arrays[0], labels[0], answer["wanted"])


def read_csv(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return the numbers of a text table, whose head and first column may be labels."""
    pandas = needed("pandas", path)
    separator = "\t" if ".tsv" in path.lower() else ","
    options = {"sep": separator, "encoding": "utf-8-sig", "compression": "infer"}
    first = pandas.read_csv(path, header=None, nrows=1, **options)
    bare = not name and all(_is_number(x) for x in first.iloc[0])
    table = pandas.read_csv(path, header=None if bare else 0, **options)
    if str(table.columns[0]).startswith("Unnamed"):  # no head: the labels of the rows
        table[table.columns[0]] = table[table.columns[0]].astype(str)
    numeric = [key for key in table.columns if table[key].dtype.kind in "biuf"]
    text = [key for key in table.columns if table[key].dtype.kind not in "biuf"]
    wanted = name.split(",") if name else numeric
    labelled = text in ([], [table.columns[0]])
    if not wanted or not set(wanted) <= set(numeric) or not (name or labelled):
        raise _refused(path, name, [str(key) for key in table.columns], list(map(str, numeric)))
    labels = table[text[0]].to_numpy() if text else None
    return _table(table[wanted].to_numpy(), labels, None if bare else wanted)


def _table(values: object, rows: object, columns: object) -> Found:
    names = None if columns is None else np.asarray(columns)
    return Found(values, (None, None), lambda: [rows, names])


def _refused(path: str, name: str, columns: list[str], numeric: list[str]) -> StateFileError:
    for key in name.split(",") if name else ():
        if key not in columns:
            return no_such_name(key, numeric, path)
    text = [key for key in columns if key not in numeric]
    return StateFileError(
        f"{path}: the columns {listed(text)} hold no numbers; name those that are meant as "
        f"{path}::COLUMN,COLUMN: {listed(numeric)}"
    )


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
