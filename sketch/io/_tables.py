"""Tables of columns: ``.csv`` by pandas, ``.parquet`` and ``.feather`` by pyarrow."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
from typing import IO, Any

import numpy as np

from ..errors import StateFileError
from ..running.memory import fits
from ._child import read_in_child
from ._found import Found, listed, needed, no_such_name
from ._text_blocks import open_text

_BLOCK = 1 << 20  # bytes of text that are unpacked at once
_LONGEST_LINE = 1 << 26  # bytes
_SPELT = re.compile(  # with a currency, thousands, a decimal comma, Fortran's exponent, a unit
    r"\W?\s?[+-]?(0x[0-9a-f]+|[0-9.,' _]*[0-9][0-9.,' _]*([ed][+-]?[0-9]+)?)\s?\W?", re.IGNORECASE
)


def read_arrow(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return the columns of numbers of a Parquet or Feather file, or those that are named.

    One column that holds no numbers is taken for labels of the rows, as the index of pandas is.
    """
    needed("pyarrow", path, extra="")
    path.encode()  # an error for names that are not in UTF-8, which pyarrow needs
    answer, arrays = read_in_child("table", path, name)
    if not arrays:
        raise _refused(path, name, answer["columns"], answer["numeric"])
    labels = [None if answer["rows"] is None else np.asarray(answer["rows"])]
    return _table(arrays[0], labels[0], answer["wanted"])


def read_csv(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return the numbers of a text table, whose head and first column may be labels.

    Lines that begin with ``#`` before it are comments.
    """
    pandas = needed("pandas", path)
    separator = "\t" if ".tsv" in path.lower() else ","
    skipped = _comments(path)

    def read(**options: object) -> Any:
        with open_text(path) as text, io.BufferedReader(_Lines(text, path), _BLOCK) as file:
            return pandas.read_csv(
                file, sep=separator, encoding="utf-8-sig", skiprows=skipped, **options
            )

    bare = not name and _holds_numbers(list(read(header=None, nrows=1, dtype=str).iloc[0]), path)
    table = read(header=None if bare else 0)
    if table.index.nlevels > 1:
        raise StateFileError(
            f"{path}: its first line has {len(table.columns)} entries, the others "
            f"{table.index.nlevels + len(table.columns)}; name all columns there, or leave it out"
        )
    if not isinstance(table.index, pandas.RangeIndex):  # a head that names no index, as of R
        table.insert(0, "index", table.index.astype(str))
    elif str(table.columns[0]).startswith("Unnamed"):  # the corner above an index
        table[table.columns[0]] = table[table.columns[0]].astype(str)
    numeric = [key for key in table.columns if table[key].dtype.kind in "biuf"]
    text = [key for key in table.columns if table[key].dtype.kind not in "biuf"]
    wanted = name.split(",") if name else numeric
    labelled = text == [] or (text == [table.columns[0]] and _are_labels(table[text[0]], table))
    if not wanted or not set(wanted) <= set(numeric) or not (name or labelled):
        raise _refused(path, name, [str(key) for key in table.columns], list(map(str, numeric)))
    flags = [key for key in wanted if table[key].dtype.kind == "b"]
    values = table[wanted].astype(dict.fromkeys(flags, "int8")).to_numpy()
    return _table(values, table[text[0]].to_numpy() if text else None, None if bare else wanted)


class _Lines(io.RawIOBase):
    """Text that is read whole: it must fit into memory, and end its lines."""

    def __init__(self, text: IO[bytes], path: str) -> None:
        self._text, self._path = text, path
        self._total = self._line = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._text.read(len(buffer))
        self._total += len(block)
        end = block.rfind(b"\n")
        self._line = self._line + len(block) if end < 0 else len(block) - end - 1
        if self._line > _LONGEST_LINE:
            raise StateFileError(
                f"{self._path}: a line is longer than {_LONGEST_LINE:,} bytes; this is no table"
            )
        if not fits(self._total, None):
            raise StateFileError(
                f"{self._path}: holds more than {self._total / 1e9:.3g} GB of text, and tables of "
                "text are read whole; convert it to .npy, .h5 or .parquet"
            )
        buffer[: len(block)] = block
        return len(block)


def _comments(path: str) -> int:
    """Return how many lines begin with ``#`` before all others."""
    with open_text(path) as file:
        return sum(1 for _ in itertools.takewhile(lambda line: line.startswith(b"#"), file))


def _are_labels(column: Any, table: Any) -> bool:
    """Whether a first column of text is one of labels, and not of numbers with a mistake in it."""
    if str(column.name).startswith("Unnamed") or column.name == "index":
        return True
    return sum(map(_looks_like_number, column)) <= len(table) / 2


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


def _holds_numbers(first: list[object], path: str) -> bool:
    """Whether the first line of a table is one of numbers; if not, it is the head.

    Raises
    ------
    StateFileError
        If it may be either: 0, 1, 2, ..., which is how pandas names columns without names.
    """
    counted = [str(k) for k in range(len(first))]
    if first[1:] == counted[:-1] and not isinstance(first[0], str):
        return False  # its corner is empty, above an index
    if first == counted:
        raise StateFileError(
            f"{path}: its first line counts from 0 to {counted[-1]}: is it a head, or data? Give "
            "the columns names, or leave the head out (header=False of pandas); a head it is where "
            f"columns are named as {path}::0,1"
        )
    return all(map(_is_number, first))


def _looks_like_number(value: object) -> bool:
    """Whether somebody may have meant a number: by its digits, in whatever spelling."""
    return _is_number(value) or _SPELT.fullmatch(str(value)) is not None


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
