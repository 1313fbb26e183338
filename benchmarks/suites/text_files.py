"""Matrix Market files, read in pieces by a strict parser, beside SciPy's reader, which is whole."""

from __future__ import annotations

import functools
import gzip
import tempfile
from pathlib import Path

import numpy as np
import scipy.io

import sketch

from .common import Case, sizes

COMPRESSED = {"plain": bytes, "gzip": functools.partial(gzip.compress, compresslevel=1)}


def text(field, entries):
    rng = np.random.default_rng(0)
    m, n = 200_000, 30_000
    columns = [rng.integers(1, m + 1, entries), rng.integers(1, n + 1, entries)]
    values = rng.standard_normal(entries) if field == "real" else rng.poisson(3, entries) + 1
    lines = zip(*(c.tolist() for c in columns), values.tolist(), strict=True)
    head = f"%%MatrixMarket matrix coordinate {field} general\n{m} {n} {entries}\n"
    return (head + "".join("{} {} {!r}\n".format(*line) for line in lines)).encode()


def entries_of(path):
    with sketch.open(path) as file:
        pieces = file.data.pieces() if hasattr(file.data, "pieces") else [file.data]
        return sum(piece.nnz for piece in pieces)


READERS = {"sketch": entries_of, "scipy": lambda path: scipy.io.mmread(path, spmatrix=False).nnz}


class MatrixMarket(Case):
    """Seconds to read all entries once; files of more than a piece are opened besides."""

    params = (
        sizes(1_000, 2_000_000, 20_000_000),
        ["real", "integer"],
        list(COMPRESSED),
        list(READERS),
    )
    param_names = ("entries", "field", "compression", "reader")

    def prepare(self, entries, field, compression, reader):
        self.folder = tempfile.TemporaryDirectory()
        ending = ".gz" if compression == "gzip" else ""
        path = Path(self.folder.name, f"a.mtx{ending}")
        path.write_bytes(COMPRESSED[compression](text(field, entries)))
        return lambda: READERS[reader](str(path)), lambda found: float(found != entries)

    def teardown(self, *params):
        self.folder.cleanup()
