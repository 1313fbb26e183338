"""Completion: ratings of one size and of that of the Netflix data, and a climate field with gaps.

Run ``python3 dev bench completion [ratings] [netflix] [halves] [climate]``, which keeps the results
in benchmarks/results/completion.json and writes docs/numbers/completion.md. The climate field is
that of `benchmarks/cases/components.py`. Seconds are those of the processor, with one thread.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from cases.components import climate as years_by_places
from numpy.typing import NDArray
from tabled import table

import sketch

HERE = Path(__file__).parent
STORE = HERE / "results" / "completion.json"
PAGE = HERE.parent / "docs" / "numbers" / "completion.md"
NOISE, CHUNK = 0.5, 8192
Row = list[object]

HEADS = {
    "ratings": ["50,000 x 5,000, rank 20", "ridge", "error of new entries", "held out", "s"],
    "netflix": ["480,189 x 17,769, rank 10", "error of new rows", "held out", "s", "MB", "peak GB"],
    "climate": ["660 x 8,192, 30 % removed", "ridge found", "error of removed cells", "held out"],
}


class Ratings:
    """Rows of a low-rank matrix with noise, of which some entries are known."""

    def __init__(self, n: int, rank: int, each: int, skewed: bool, biased: float) -> None:
        rng = np.random.default_rng(0)
        self.n, self.each, self.power, self.biased = n, each, 1 + skewed, biased
        self.columns = rng.standard_normal((n, rank)) / rank**0.25
        self.levels = biased * rng.standard_normal(n)

    def rows(self, seed: int, count: int) -> tuple[Any, NDArray[Any]]:
        """Return known entries of some rows, and these rows' factors."""
        rng = np.random.default_rng(seed)
        factors = (
            rng.standard_normal((count, self.columns.shape[1])) / self.columns.shape[1] ** 0.25
        )
        places = (rng.random((count, self.each)) ** self.power * self.n).astype(np.int32)
        places.sort(axis=1)
        first = np.diff(places, axis=1, prepend=-1) != 0
        starts = np.concatenate([[0], np.cumsum(first.sum(axis=1))])
        values = self.levels[places] + self.biased * rng.standard_normal((count, 1))
        for k in range(factors.shape[1]):
            values += factors[:, k, None] * self.columns[places, k]
        values += NOISE * rng.standard_normal(values.shape)
        entries = (values[first].astype(np.float32), places[first], starts)
        return scipy.sparse.csr_array(entries, shape=(count, self.n)), factors


def cut(csr: Any, kept: NDArray[np.bool_]) -> Any:
    """Return a part of the entries of a matrix."""
    starts = np.concatenate([[0], np.cumsum(kept)])[csr.indptr]
    return scipy.sparse.csr_array((csr.data[kept], csr.indices[kept], starts), shape=csr.shape)


def error_of_new(found: Any, rows: Any) -> float:
    """Return the error at three entries in ten of new rows, whose other entries are known."""
    known = np.random.default_rng(1).random(rows.nnz) < 0.7
    i = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))[~known]
    predicted = found.of(cut(rows, known)).predict(i, rows.indices[~known])
    return float(np.sqrt(np.mean((predicted - rows.data[~known]) ** 2)))


def ratings() -> Iterator[Row]:
    """Compare a stream with six sweeps of alternating least squares from a random start."""
    from sketch.numerics.alternating import OtherSide, Ridge, column_equations, row_factors
    from sketch.numerics.known_rows import KnownRows

    model = Ratings(5000, 20, 100, skewed=False, biased=0.0)
    rows, factors = model.rows(1, 50_000)
    rng = np.random.default_rng(2)
    i, j = rng.integers(0, 50_000, 200_000), rng.integers(0, 5000, 200_000)
    fresh = np.sum(factors[i] * model.columns[j], axis=1) + NOISE * rng.standard_normal(len(i))
    sketch.Completion((None, 5000), 20, ridge=0.05, sample=100_000).update(rows[:8000])  # compiled
    for ridge in (0.05, 0.02):
        start = time.process_time()
        known, columns = KnownRows.of_sparse(rows), rng.standard_normal((5000, 21))
        columns[:, -1] = 0
        units = Ridge(ridge, None, 0.0, 1.0)
        for _ in range(6):
            left = row_factors(known, OtherSide(columns, units))
            columns = units.solved(column_equations(known, left, units), 21)
        spent = time.process_time() - start
        predicted = np.sum(left[i] * columns[j], axis=1)
        yield ["six sweeps", ridge, rms(predicted - fresh), "-", spent]
        for *named, found, held, spent in by_cmfrec(ridge, rows, i, j):
            yield [*named, rms(found - fresh), held, spent]
    for biases, given in [(False, 0.05), (False, 0.02), (False, None), (True, None)]:
        start = time.process_time()
        sk = sketch.Completion((None, 5000), 20, ridge=given, biases=biases)
        for at in range(0, 50_000, 2500):
            sk.update(rows[at : at + 2500])
        found = sk.finalize()
        spent = time.process_time() - start
        whole = found.of(rows)
        name = "one stream" + ", with biases" * biases
        ridge_text = given if given is not None else f"{found.penalty:.3g}, found"
        yield [name, ridge_text, rms(whole.predict(i, j) - fresh), interval(found), spent]


def by_cmfrec(ridge: float, rows: Any, i: NDArray[Any], j: NDArray[Any]) -> Iterator[Row]:
    """Yield six sweeps of cmfrec, which counts its ridge as that of each entry does, or in all."""
    try:
        from cmfrec import CMF
    except ImportError:
        return
    for scaled in (True, False):
        start = time.process_time()
        how = {"user_bias": False, "item_bias": False, "center": False, "use_float": False}
        found = CMF(
            k=20,
            lambda_=ridge if scaled else ridge * rows.nnz / sum(rows.shape),
            niter=6,
            scale_lam=scaled,
            verbose=False,
            nthreads=1,
            use_cg=False,
            **how,
        ).fit(rows.tocoo())
        spent = time.process_time() - start
        name = "cmfrec, six sweeps" + ", a ridge for each entry" * scaled
        yield [name, ridge, found.predict(i, j), "-", spent]


def netflix(parts: int = 1) -> Iterator[Row]:
    """Follow a stream, or halves of one that are merged."""
    model, rows = Ratings(17_769, 10, 212, skewed=True, biased=0.4), 480_189
    new, _ = model.rows(10**6, 4000)
    bounds = np.linspace(0, rows, parts + 1).astype(int)
    made, spent = [], 0.0
    for part in range(parts):
        sk = sketch.Completion((None, model.n), 10)
        for at in range(bounds[part], bounds[part + 1], CHUNK):
            chunk, _ = model.rows(at + 1, min(CHUNK, bounds[part + 1] - at))
            start = time.process_time()
            sk.update(chunk)
            spent += time.process_time() - start
        made.append(sk)
    names = ["one stream"] if parts == 1 else ["half of it", "both halves merged"]
    for name in names:
        if name.endswith("merged"):
            made[0].merge(made[1])
        found, peak = made[0].finalize(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        figures = [spent / (1 + (name == "half of it")), made[0].nbytes / 1e6, peak]
        yield [name, error_of_new(found, new), interval(found), *figures]


def climate() -> Iterator[Row]:
    """Complete anomalies of yearly temperatures of six runs of a model, and the raw numbers."""
    raw = years_by_places(660).astype(float)
    for name, field in (("anomalies, rank 40", raw - raw.mean(axis=0)), ("raw, rank 40", raw)):
        removed = np.random.default_rng(0).random(field.shape) < 0.3
        for passes in (1, 3):
            found = sketch.complete(np.where(removed, np.nan, field), 40, passes=passes)
            off = rms((found.to_array() - field)[removed])
            yield [f"{name}, {passes} read", found.penalty, off, interval(found)]


def rms(errors: NDArray[Any]) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(errors**2)))


def interval(found: Any) -> str:
    """Return the held-out error with its interval."""
    low, high = found.rmse.interval()
    return f"{found.rmse.value:.4g} in [{low:.4g}, {high:.4g}]"


CASES = {"ratings": ratings, "netflix": netflix, "halves": lambda: netflix(2), "climate": climate}


def main(arguments: list[str]) -> None:
    """Measure the cases that are named, by default all, and write the page of all that is kept."""
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # before the first loop is compiled
    kept = json.loads(STORE.read_text()) if STORE.exists() else {}
    for name in arguments or CASES:
        kept[name] = list(CASES[name]())
        STORE.write_text(json.dumps(kept, indent=1) + "\n")
    kept["netflix"] = kept.get("netflix", []) + kept.pop("halves", [])
    tables = [table(head, kept[name]) for name, head in HEADS.items() if kept.get(name)]
    PAGE.write_text("\n\n".join(tables) + "\n")
