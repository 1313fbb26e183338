"""Text files of entries: Matrix Market, the folders that 10x writes of it, and FROSTT."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from ..errors import StateFileError
from ._found import Found
from ._frostt import CoordinateFile
from ._matrix_market import MatrixMarketFile
from ._text_blocks import open_text

_MATRICES = ("matrix.mtx", "matrix.mtx.gz")
_TNS_OPTIONS = {"zero_based", "no_values"}
_TABLES = (("features.tsv", "genes.tsv"), ("barcodes.tsv",))


def read_mtx(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return a Matrix Market file: sparse in coordinates, else dense."""
    _no_name(path, name)
    return Found(MatrixMarketFile(path).loaded())


def read_tns(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return a tensor in a FROSTT file; the name may tell how it is written."""
    options = dict.fromkeys(name.split(",") if name else [], True)
    if not options.keys() <= _TNS_OPTIONS:
        raise StateFileError(
            f"{path}: holds one array; leave out ::{name}, or give ::zero_based or ::no_values (or "
            "both, with a comma)"
        )
    return Found(CoordinateFile(path, **options).loaded())


def is_tenx(path: str) -> bool:
    """Whether a folder holds the Matrix Market file that 10x programs write."""
    return any((Path(path) / name).exists() for name in _MATRICES)


def read_tenx(path: str, name: str, stack: contextlib.ExitStack) -> Found:
    """Return features against barcodes, with their names."""
    folder = Path(path)
    matrix = next(folder / name for name in _MATRICES if (folder / name).exists())
    found = read_mtx(str(matrix), name, stack)
    return Found(
        found.data, ("feature", "barcode"), lambda: [_first_column(folder, n) for n in _TABLES]
    )


def _first_column(folder: Path, names: tuple[str, ...]) -> object:
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.exists():
                with open_text(str(path)) as file:
                    return np.array([line.decode().rstrip().split("\t")[0] for line in file])
    return None


def _no_name(path: str, name: str) -> None:
    if name:
        raise StateFileError(f"{path}: holds one array; leave out ::{name}")
