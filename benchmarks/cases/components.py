"""Principal components: real data, streams in little memory, genotypes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import peers

import sketch
from sketch.bench import Method, Work

from . import places

RANK = 10
Array = np.ndarray[Any, Any]


def cells(rows: int) -> Array:
    """Return log(1 + counts) of genes in single cells."""
    import zarr

    return np.log1p(zarr.open(f"{places.EXAMPLES}/scrna10k.zarr", mode="r")["X"][:rows])


def climate(rows: int) -> Array:
    """Return temperatures, years by places: of six runs of a model if SKETCH_DATA has them."""
    import scipy.io

    folder = places.larger("trefht")
    if folder is None:
        runs = [np.asarray(sketch.open(f"{places.EXAMPLES}/temperature.nc"))]
    else:
        paths = sorted(folder.glob("*.nc"))
        runs = [scipy.io.netcdf_file(p, mmap=False).variables["TREFHT"][:] for p in paths]
    years = np.concatenate([run.reshape(len(run), -1) for run in runs])
    return years[:rows].astype("float32")


def digits(rows: int) -> Array:
    from sklearn.datasets import load_digits

    return load_digits().data[:rows]


def drawn(m: int, n: int, spectrum: str) -> Array:
    """Return rows about a mean of 3 with singular values of a kind."""
    rng, i = np.random.default_rng(0), np.arange(1, n + 1)
    s = {
        "1/i": 1 / i,
        "i^-1/2": i**-0.5,
        "0.8^i": 0.8**i,
        "10 and noise": np.where(i > RANK, 0.05, 1),
    }[spectrum]
    q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    return (rng.standard_normal((m, n)) * s) @ q.T + 3.0


def missed(rows: Array) -> Callable[[Any], float]:
    """Return the relative error of the projection of centred rows."""
    centred = np.subtract(rows, rows.mean(axis=0), dtype=float)

    def error(found: Any) -> float:
        c = np.asarray(getattr(found, "components", found), dtype=float)
        return float(np.linalg.norm(centred - (centred @ c.T) @ c) / np.linalg.norm(centred))

    return error


def pca(**options: Any) -> Method:
    return Method(lambda rows: lambda: sketch.pca(rows, RANK, **options))


def stream(width: int | None = None) -> Method:
    """One reading of chunks of 500 rows, in the memory of some rows."""

    def run(rows: Array) -> sketch.PrincipalComponents:
        sk = sketch.GramNystrom(rows.shape[1], RANK, sketch_rank=width)
        for start in range(0, len(rows), 500):
            sk.update(rows[start : start + 500])
        return sk.finalize()

    return Method(lambda rows: lambda: run(rows), readings=1)


# ---- genotypes -----------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def genotypes(people: int, variants: int) -> Array:
    """Return copies of a letter in people of six populations: five components above the noise."""
    rng = np.random.default_rng(0)
    origin = rng.integers(0, 6, people)
    made = np.empty((variants, people), np.int8)
    for start in range(0, variants, 1000):
        ancestral = rng.uniform(0.05, 0.95, (min(1000, variants - start), 1))
        drift = np.sqrt(0.02 * ancestral * (1 - ancestral))
        moved = ancestral + drift * rng.standard_normal((len(ancestral), 6))
        frequencies = np.clip(moved, 0.01, 0.99)[:, origin]
        made[start : start + 1000] = rng.binomial(2, frequencies)
    return made.T


def standardised(columns: Array) -> Array:
    """Return columns less their mean over their spread, constant ones as they are."""
    centred = np.subtract(columns, columns.mean(axis=0), dtype="float32")
    spread = centred.std(axis=0)
    return centred / np.where(spread > 0, spread, 1)


def off_directions(people: Array) -> Callable[[Any], float]:
    """Return one less the mean cosine between ten components and the exact ones."""
    blocks = [slice(at, at + 5000) for at in range(0, people.shape[1], 5000)]
    gram = np.zeros((len(people),) * 2)
    for block in blocks:
        columns = standardised(people[:, block])
        gram += columns @ columns.T
    left = np.linalg.eigh(gram)[1][:, : -RANK - 1 : -1].astype("float32")
    exact = np.concatenate([standardised(people[:, block]).T @ left for block in blocks])
    exact /= np.linalg.norm(exact, axis=0)

    def error(found: Any) -> float:
        c = np.asarray(getattr(found, "components", found))
        return float(1 - np.mean(np.abs(np.sum(exact.T * c, axis=1))))

    return error


def pca_of_copy() -> Method:
    """scikit-learn's randomized PCA of a standardised copy, which is made before."""
    return Method(lambda g: peers.randomized_pca(RANK).prepare(standardised(g)), "sklearn", 16)


# ---- works ---------------------------------------------------------------------------------------

METHODS: dict[str, Method] = {
    "sketch pca": pca(),
    "sketch pca, one reading, 180 rows held": pca(passes=1),
    "sketch stream, 60 rows held": stream(),
    "scikit-learn PCA(randomized)": peers.randomized_pca(RANK),
    "IncrementalPCA, 60 rows held": peers.incremental_pca(RANK, 60 - RANK),
    "IncrementalPCA, 180 rows held": peers.incremental_pca(RANK, 180 - RANK),
    "the best, exactly": peers.exact_pca(RANK),
}
STREAMED: dict[str, Method] = {
    "sketch stream, 30 rows held": stream(30),
    "sketch stream, its default of 60": stream(),
    "IncrementalPCA": peers.incremental_pca(RANK, 30 - RANK),
    "Frequent Directions": peers.frequent_directions(RANK, 30),
    "the best, exactly": peers.exact_pca(RANK),
}
SPECTRA = ("1/i", "i^-1/2", "0.8^i", "10 and noise")

WORKS: dict[str, Work] = {
    "cells": Work(f"{{:,}} cells, {RANK} components", ((300,), (10_000,)), cells, METHODS, missed),
    "climate": Work(
        f"climate of {{:,}} years, {RANK} components", ((60,), (660,)), climate, METHODS, missed
    ),
    "digits": Work(f"{{:,}} digits, {RANK} components", ((300,), (1797,)), digits, METHODS, missed),
    "genotypes": Work(
        f"{{:,}} people, {{:,}} variants of int8, standardised, {RANK} components; 1 - mean cosine",
        ((60, 300), (500, 10_000), (2000, 100_000)),
        genotypes,
        {
            "sketch pca": pca(scale=True),
            "sketch pca, 7 readings": pca(scale=True, passes=7),
            "sketch pca, 10 readings": pca(scale=True, passes=10),
            "sketch pca, 13 readings": pca(scale=True, passes=13),
            "scikit-learn PCA(randomized)": pca_of_copy(),
        },
        off_directions,
    ),
    "streamed-components": Work(
        f"{{:,}} x {{:,}}, {{}}: {RANK} components in the memory of 30 rows",
        ((300, 100, "1/i"), *((20_000, 1000, spectrum) for spectrum in SPECTRA)),
        drawn,
        STREAMED,
        missed,
        shown=len(SPECTRA),
    ),
}
