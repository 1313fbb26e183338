"""Schatten norms against exact ones: every source, dtype and p, and how often intervals hold."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import aslinearoperator

import sketch

SPECTRA = {
    "slow": lambda n: 1 / np.sqrt(np.arange(1.0, n + 1)),
    "harmonic": lambda n: 1 / np.arange(1.0, n + 1),
    "steep": lambda n: np.exp(-np.arange(n) / 10.0),
    "flat": np.ones,
    "two levels": lambda n: np.where(np.arange(n) < n // 2, 1.0, 1e-3),
    "low rank": lambda n: np.where(np.arange(n) < 15, 1.0, 0.0),
}


def matrix(s, rows=None, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    n, m = len(s), rows or len(s) + 50
    parts = [rng.standard_normal((size, n)) for size in (m, n)]
    if np.dtype(dtype).kind == "c":
        parts = [part + 1j * rng.standard_normal(part.shape) for part in parts]
    u, v = (np.linalg.qr(part)[0] for part in parts)
    return ((u * s) @ v.conj().T).astype(dtype)


def truth(s, p=1.0):
    return np.sum(s**p) ** (1 / p)


@pytest.mark.parametrize("name", SPECTRA)
def test_intervals_hold_the_norm(name):
    s, covered, runs = SPECTRA[name](200), 0, 40
    a = matrix(s)
    for seed in range(runs):
        found = sketch.schatten_norm(a, products=200, seed=seed)
        low, high = found.interval()
        covered += low <= truth(s) <= high
        assert found.n_products <= 200
    # 93 % and three standard deviations of so few runs
    assert covered >= runs * 0.93 - 3 * np.sqrt(runs * 0.93 * 0.07)


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, 4.0])
@pytest.mark.parametrize("name", ["slow", "steep", "flat"])
def test_every_p(name, p):
    s = SPECTRA[name](300)
    a = matrix(s)
    found = sketch.schatten_norm(a, p, products=300)
    low, high = found.interval(0.999)
    assert low <= truth(s, p) <= high
    assert found.value == pytest.approx(truth(s, p), rel=0.1)
    if p == 2:
        assert found.value == pytest.approx(np.linalg.norm(a), rel=0.05)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("products", [100, 1000])  # estimated, and exact
def test_every_dtype_wide_and_tall(dtype, products):
    s = SPECTRA["harmonic"](150)
    tall = matrix(s, 220, dtype)
    for a in (tall, tall.conj().T):
        found = sketch.schatten_norm(a, products=products)
        low, high = found.interval(0.999)
        assert low <= truth(s) <= high
        assert found.kind == ("exact" if products == 1000 else "heuristic")


def test_few_rows_or_columns_are_known_exactly():
    a = np.random.default_rng(0).standard_normal((400, 30))
    found = sketch.schatten_norm(a)
    assert found.kind == "exact"
    assert found.value == pytest.approx(np.linalg.norm(a, "nuc"), rel=1e-12)
    assert sketch.schatten_norm(a.T).value == pytest.approx(found.value, rel=1e-12)
    assert sketch.schatten_norm(np.diag([3.0, 4.0]), 2).value == pytest.approx(5.0)


def test_what_has_converged_leaves_nothing_to_estimate():
    s = SPECTRA["low rank"](300)
    found = sketch.schatten_norm(matrix(s), products=300)
    assert found.value == pytest.approx(15.0, rel=1e-9)
    flat = sketch.schatten_norm(np.eye(400))
    assert flat.value == pytest.approx(400.0, rel=1e-12)


SOURCES = {
    "array": lambda a: a,
    "Fortran": np.asfortranarray,
    "sparse": sp.csr_array,
    "operator": aslinearoperator,
    "chunks": lambda a: [a[:70], a[70:]],
    "sum": lambda a: sketch.TensorSum([a, a], [0.25, 0.75]),
    "result": lambda a: sketch.svd(a, rank=min(a.shape)),
    "dask": lambda a: pytest.importorskip("dask.array").from_array(a, chunks=(60, 90)),
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_gives_the_same(name):
    s = SPECTRA["slow"](160)
    a = matrix(s)
    want = sketch.schatten_norm(a, products=120)
    found = sketch.schatten_norm(SOURCES[name](a), products=120)
    # the same probes, but for results, whose own seed is left out; all products differ by rounding
    rel = 0.1 if name == "result" else 1e-8
    assert found.value == pytest.approx(want.value, rel=rel)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_sizes_do_not_matter(size):
    a = matrix(SPECTRA["slow"](160))
    want, found = (sketch.schatten_norm(x, 3, products=120) for x in (a, size * a))
    assert found.value / size == pytest.approx(want.value, rel=1e-8)


def test_zero_has_norm_zero():
    for products in (100, 1000):
        found = sketch.schatten_norm(np.zeros((120, 130)), products=products)
        assert found.value == 0.0
        assert found.interval() == (0.0, 0.0)


def test_the_estimate_shows_itself():
    found = sketch.schatten_norm(matrix(SPECTRA["slow"](160)), products=120)
    low, high = found.interval()
    assert float(found) == found.value
    assert f"[{low:.6g}, {high:.6g}]" in str(found)
    wide = found.interval(0.99)
    assert wide[0] < low < high < wide[1]
    with pytest.raises(ValueError, match="confidence"):
        found.interval(1.0)


def test_more_products_give_narrower_intervals():
    a = matrix(SPECTRA["slow"](600))
    widths = [
        np.subtract(*sketch.schatten_norm(a, products=n).interval()[::-1]) for n in (150, 500, 1150)
    ]
    assert widths[0] > widths[1] > widths[2]


def test_bad_arguments_are_refused():
    a = np.ones((200, 300))
    for options, error, message in [
        ({"p": 0}, sketch.ArgumentError, "positive"),
        ({"p": np.inf}, sketch.ArgumentError, "spectral_norm"),
        ({"p": np.nan}, sketch.ArgumentError, "positive"),
        ({"products": 10}, sketch.ArgumentError, "at least 100"),
        ({"products": 500.5}, sketch.RankError, "integer"),
        ({"seed": -1}, sketch.ArgumentError, "seed"),
    ]:
        with pytest.raises(error, match=message):
            sketch.schatten_norm(a, **options)
    with pytest.raises(sketch.PassError, match="again"):
        sketch.schatten_norm(iter([a]))
    with pytest.raises(sketch.ShapeError):
        sketch.schatten_norm(np.ones(5))
    for value in (np.nan, np.inf):
        bad = a.copy()
        bad[3, 4] = value
        for products in (100, 1000):
            with pytest.raises(sketch.NonFiniteError):
                sketch.schatten_norm(bad, products=products)


@pytest.mark.parametrize("n", [5, 400])
def test_norms_beyond_the_range_are_told(n):
    a = np.random.default_rng(0).standard_normal((600, n))
    with pytest.raises(sketch.NonFiniteError, match="larger p"):
        sketch.schatten_norm(a, 1e-3)
