"""Files: rows read cold, mapped arrays, Matrix Market texts, states."""

from __future__ import annotations

import functools
import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

import sketch
from sketch.bench import Method, Work, matrix_error, normal_matrix

from . import places
from .streams import Virtual, estimated, matrix_slab

RANK, N = 20, 5000
BLOCK = 64 * 2**20  # bytes


def rows_of(m: int) -> Path:
    """Return a file of rows of doubles, as the stream of the same kind makes them."""
    path = places.made(f"{m}-rows.npy")
    if not path.exists():
        data = Virtual(matrix_slab(N), m)
        target = np.lib.format.open_memmap(path, "w+", np.dtype(float), data.shape)
        for start in range(0, m, 500):
            target[start : start + 500] = data[start : start + 500, :]
        target.flush()
    return path


def forget(path: Path) -> None:
    """Have the system drop what it holds of a file, so that it is read from the disk."""
    with path.open("rb") as file:
        os.fdatasync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def of_file(**options: Any) -> Method:
    def run(path: Path) -> Any:
        return sketch.svd(np.load(path, mmap_mode="r"), RANK, memory="1GB", **options)

    return Method(lambda path: lambda: run(path))


def bare_readings(times: int) -> Method:
    """Whole readings of a file, and nothing else."""

    def run(path: Path) -> None:
        for _ in range(times):
            with path.open("rb", buffering=0) as file:
                buffer = bytearray(BLOCK)
                while file.readinto(buffer):
                    pass

    return Method(lambda path: lambda: run(path), readings=times, approximates=False)


def mapped(rows: int) -> Any:
    path = places.made(f"{rows}-mapped.npy")
    if not path.exists():
        np.save(path, normal_matrix(rows, 1000))
    return np.load(path, mmap_mode="r")


def in_budget(**options: Any) -> Method:
    return Method(lambda a: lambda: sketch.svd(a, RANK, memory="300MB", **options))


# ---- Matrix Market -------------------------------------------------------------------------------


def text(entries: int, field: str, packing: str) -> Path:
    path = places.made(f"{entries}-{field}.mtx{'.gz' if packing == 'gzip' else ''}")
    if not path.exists():
        rng = np.random.default_rng(0)
        columns = [rng.integers(1, size + 1, entries) for size in (200_000, 30_000)]
        values = rng.standard_normal(entries) if field == "real" else rng.poisson(3, entries) + 1
        lines = zip(*(c.tolist() for c in columns), values.tolist(), strict=True)
        head = f"%%MatrixMarket matrix coordinate {field} general\n200000 30000 {entries}\n"
        whole = (head + "".join("{} {} {!r}\n".format(*line) for line in lines)).encode()
        path.write_bytes(gzip.compress(whole, compresslevel=1) if packing == "gzip" else whole)
    return path


def entries_of(path: Path) -> int:
    with sketch.open(str(path)) as file:
        pieces = file.data.pieces() if hasattr(file.data, "pieces") else [file.data]
        return sum(piece.nnz for piece in pieces)


def reader(read: Any) -> Method:
    return Method(lambda path: functools.partial(read, path), readings=1, approximates=False)


# ---- states --------------------------------------------------------------------------------------


def state(rows: int) -> sketch.GeneralizedNystrom:
    sk = sketch.GeneralizedNystrom((rows, 1000), RANK)
    sk.update(normal_matrix(rows, 1000))
    return sk


def saved_and_loaded(sk: Any) -> Any:
    path = places.made("state.npz")

    def run() -> Any:
        sk.save(path)
        return sketch.load(path)

    return run


WORKS: dict[str, Work] = {
    "file": Work(
        f"file of {{:,}} x {N:,} doubles, not in the cache, rank {RANK}",
        ((1000,), (10_000,), (100_000,)),
        rows_of,
        {
            "sketch HMT": of_file(),
            "sketch HMT, one step": of_file(power_iters=1),
            "sketch Krylov, 3 readings": of_file(method="krylov", passes=3),
            "one bare reading": bare_readings(1),
            "two bare readings": bare_readings(2),
        },
        estimated,
        before=forget,
    ),
    "mapped": Work(
        f"mapped file of {{:,}} x 1,000 in 300 MB, rank {RANK}",
        ((500,), (20_000,), (100_000,)),
        mapped,
        {"sketch HMT": in_budget(), "sketch Nyström": in_budget(method="nystrom")},
        matrix_error(RANK),
    ),
    "matrix-market": Work(
        "Matrix Market file, {:,} {} entries, {}: all entries once",
        (
            (1000, "real", "plain"),
            *((2_000_000, f, p) for f in ("real", "integer") for p in ("plain", "gzip")),
        ),
        text,
        {
            "sketch, in pieces": reader(entries_of),
            "SciPy, whole": reader(lambda path: scipy.io.mmread(path, spmatrix=False).nnz),
        },
        shown=4,
    ),
    "state": Work(
        "state of {:,} x 1,000, written and read",
        ((1000,), (100_000,)),
        state,
        {"sketch": Method(saved_and_loaded, approximates=False)},
    ),
}
