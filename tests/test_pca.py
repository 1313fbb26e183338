"""Principal components from one pass: equal to centring first, whatever the mean and the chunks."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import sketch

pytestmark = pytest.mark.usefixtures("every_backend")

N = 40


def rows(m=600, spectrum=None, mean=0.0, dtype=np.float64, seed=0):
    """Return rows of a covariance spectrum about a mean."""
    rng = np.random.default_rng(seed)
    s = 1 / np.arange(1, N + 1) if spectrum is None else spectrum
    basis = np.linalg.qr(rng.standard_normal((N, N)))[0]
    x = (rng.standard_normal((m, N)) * s) @ basis.T
    return (x + mean * rng.standard_normal(N)).astype(dtype)


def centred(x):
    x = x.astype(np.result_type(x, np.float64))
    return x - x.mean(axis=0)


def projection_error(x, components):
    c = np.asarray(components, np.result_type(components, np.float64))
    y = centred(x)
    return np.linalg.norm(y - y @ c.conj().T @ c)


def best_error(x, k):
    return np.linalg.norm(np.linalg.svd(centred(x), compute_uv=False)[k:])


@pytest.mark.parametrize("mean", [0.0, 1.0, 1e3])
def test_equals_centring_first(mean):
    x = rows(mean=mean)
    found = sketch.pca(x, 5)
    first = sketch.pca(centred(x), 5, center=False)
    # the mean is known to mean * roundoff, 1e-13 of the spread
    assert np.allclose(found.explained_variance, first.explained_variance, rtol=1e-10)
    assert np.allclose(np.abs(np.sum(found.components * first.components, axis=1)), 1, atol=1e-10)
    assert np.allclose(found.mean, x.mean(axis=0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("order", ["stream", "merge", "one by one"])
def test_single_precision_survives_a_mean_a_million_times_the_spread(order):
    x = rows(mean=1e6, dtype=np.float32)
    if order == "merge":
        halves = [sketch.GramNystrom(N, 5) for _ in range(2)]
        for half, part in zip(halves, np.split(x, 2), strict=True):
            half.update(part)
        found = (halves[0] + halves[1]).finalize()
    else:
        sk = sketch.GramNystrom(N, 5)
        for chunk in np.split(x, 600 if order == "one by one" else 6):
            sk.update(chunk)
        found = sk.finalize()
    exact = np.linalg.svd(centred(x), compute_uv=False)[:5]
    assert np.allclose(found.singular_values, exact, rtol=0.05)  # the sketch itself, 1/i spectrum
    # products of centred rows in single precision: 1e-7 times their number of terms, 40
    careful = sketch.pca(centred(x), 5)
    assert np.allclose(found.explained_variance, careful.explained_variance, rtol=1e-5)


def test_without_the_shift_precision_would_be_lost(every_backend, monkeypatch):
    """Negative control of the test above: sums about zero lose the spread, and say so."""
    x = rows(mean=1e9)
    exact = np.linalg.svd(centred(x), compute_uv=False)[:5]
    module = importlib.import_module("sketch.sketches._gram_spec")
    about = module.centred
    zero = every_backend(np.zeros(N))
    monkeypatch.setattr(module, "centred", lambda block, shift=None: about(block, zero))
    with pytest.warns(sketch.SpectrumWarning, match="rounding errors"):
        found = sketch.pca(x, 5, passes=1)
    assert not np.allclose(found.singular_values, exact, rtol=0.5)
    low, high = found.explained_variance_interval()
    assert np.all(low <= exact**2 / 599)
    assert np.all(exact**2 / 599 <= high)


def test_a_mean_that_drifts_away_is_followed():
    """The mean ends a million spreads from where it began."""
    rng = np.random.default_rng(0)
    base = rng.standard_normal((50, 20, N))
    drift = 1e6 * np.arange(50)[:, None, None] / 50
    sk, last = sketch.GramNystrom(N, 3), sketch.GramNystrom(N, 3)
    for chunk in base + drift:
        sk.update(chunk)
        sk = 1e-14 * sk  # forget almost all
    sk.update(base[0] + 1e6)
    last.update(base[0] + 1e6)
    ours, theirs = sk.finalize().explained_variance, last.finalize().explained_variance
    # what is left of the chunk before: weight 1e-14 at a distance of 2e4 spreads squared
    assert np.allclose(ours, theirs, rtol=1e-4)


@given(st.lists(st.integers(1, 590), max_size=6), st.integers(0, 5))
def test_chunks_and_merges_do_not_matter(cuts, swap):
    x = rows(mean=10.0)
    parts = np.split(x, sorted(cuts))
    whole = sketch.GramNystrom(N, 4)
    whole.update(x)
    pieces = []
    for part in parts[swap:] + parts[:swap]:
        sk = sketch.GramNystrom(N, 4)
        sk.update(part)
        pieces.append(sk)
    ours, theirs = sum(pieces).finalize(), whole.finalize()
    # the mean is ten times the spread: squares lose two digits
    assert np.allclose(ours.explained_variance, theirs.explained_variance, rtol=1e-10)
    assert np.allclose(ours.mean, theirs.mean, rtol=1e-12)
    assert ours.n_samples == theirs.n_samples == 600


def test_removed_rows_leave_no_trace():
    x = rows(mean=5.0)
    sk, rest = sketch.GramNystrom(N, 4), sketch.GramNystrom(N, 4)
    sk.update(x)
    sk.remove(x[100:300])
    rest.update(x[:100])
    rest.update(x[300:])
    ours, theirs = sk.finalize(), rest.finalize()
    # rounding of the largest sums ever held, 1e-13 of the largest variance
    top = float(theirs.explained_variance[0])
    assert np.allclose(ours.explained_variance, theirs.explained_variance, atol=1e-12 * top, rtol=0)
    assert np.allclose(ours.mean, theirs.mean, rtol=1e-12)
    assert ours.n_samples == 400


def test_sums_that_rounding_made_indefinite_still_give_components():
    """Rows at a huge distance leave errors larger than any eigenvalue of the last directions."""
    x = rows(m=20)
    sk = sketch.GramNystrom(N, 3, sketch_rank=32)
    sk.update(x)
    sk.update(x + 1e6)
    sk.remove(x + 1e6)
    exact = np.linalg.svd(centred(x), compute_uv=False)[:3] ** 2 / 19
    # squares of 1e6 in double precision: errors of 1e-4, of a variance of about 1
    assert np.allclose(sk.finalize().explained_variance, exact, atol=0.02)


STORAGES = {
    "csr": sp.csr_array,
    "csc": sp.csc_array,
    "list": lambda x: x.tolist(),
    "Fortran": np.asfortranarray,
    "chunks": lambda x: [x[:7], sp.csr_array(x[7:200]), x[200:]],
    "big-endian": lambda x: x.astype(">f8"),
}


@pytest.mark.parametrize("storage", STORAGES)
def test_every_storage_gives_the_same(storage):
    x = rows(mean=1.0) * (np.random.default_rng(1).random((600, N)) < 0.3)
    found, exact = sketch.pca(STORAGES[storage](x), 4), sketch.pca(x, 4)
    assert np.allclose(found.explained_variance, exact.explained_variance, rtol=1e-11)
    assert np.allclose(found.mean, exact.mean, rtol=1e-11, atol=1e-13)


def test_integers_and_complex_numbers():
    rng = np.random.default_rng(0)
    counts = rng.poisson(3.0, (300, N))
    assert np.allclose(
        sketch.pca(counts, 4).explained_variance,
        sketch.pca(counts.astype(float), 4).explained_variance,
        rtol=1e-12,
    )
    z = rows() + 1j * rows(seed=1) + (3 - 2j)
    found = sketch.pca(z, 4)
    exact = np.linalg.svd(centred(z), compute_uv=False)[:4]
    assert np.allclose(found.singular_values, exact, rtol=0.05)
    assert projection_error(z, found.components) < 1.1 * best_error(z, 4)


SPECTRA = {
    "1/i": 1 / np.arange(1, N + 1),
    "0.8^i": 0.8 ** np.arange(N),
    "flat": np.ones(N),
    "rank 10 and noise": np.r_[np.ones(10), 0.05 * np.ones(N - 10)],
}


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_bounds_hold_for_every_seed(spectrum):
    x = rows(spectrum=SPECTRA[spectrum], mean=2.0)
    exact = np.linalg.svd(centred(x), compute_uv=False)[:6] ** 2 / 599
    for seed in range(50):
        found = sketch.pca(x, 6, passes=1, sketch_rank=12, seed=seed)
        low, high = found.explained_variance_interval()
        assert np.all(low <= exact * (1 + 1e-10))
        assert np.all(exact <= high * (1 + 1e-10))
        error = projection_error(x, found.components)
        below, above = found.error.interval()
        assert below * (1 - 1e-10) <= error <= above * (1 + 1e-10)


@pytest.mark.parametrize(("spectrum", "most"), [("1/i", 1.05), ("0.8^i", 1.01), ("flat", 1.06)])
def test_components_are_close_to_the_best(spectrum, most):
    """Measured at default width, worst of 20 seeds: 1.02, 1.0001, 1.03."""
    x = rows(spectrum=SPECTRA[spectrum])
    worst = max(projection_error(x, sketch.pca(x, 5, seed=seed).components) for seed in range(20))
    assert worst < most * best_error(x, 5)


def test_components_below_the_reach_of_squares_are_warned_of_or_read_again():
    x = rows(spectrum=0.1 ** np.arange(N))
    with pytest.warns(sketch.SpectrumWarning, match="rounding errors"):
        sketch.pca(x, 12, passes=1)
    sketch.pca(x, 6, passes=1)  # 1e-5 of the first: within reach, no warning
    found = sketch.pca(x, 12)
    exact = np.linalg.svd(centred(x), compute_uv=False)[:12]
    # rounding errors of 1e-16 of the first one, in products of 600 rows, beside 1e-11 of it
    assert np.allclose(found.singular_values, exact, rtol=1e-3, atol=0)


def test_results_are_saved_and_resumed(tmp_path):
    x = rows(mean=4.0)
    sk = sketch.GramNystrom(N, 4)
    sk.update(x[:300])
    sk.save(tmp_path / "state.npz")
    again = sketch.load(tmp_path / "state.npz")
    for each in (sk, again):
        each.update(x[300:])
    ours, theirs = again.finalize(), sk.finalize()
    assert np.array_equal(ours.components, theirs.components)
    ours.save(tmp_path / "result.npz")
    loaded = sketch.load(tmp_path / "result.npz")
    assert np.array_equal(loaded.components, ours.components)
    assert loaded.error == ours.error
    assert "PrincipalComponents(rank=4" in repr(loaded)


def test_rows_are_transformed_and_back():
    x = rows(mean=4.0)
    found = sketch.pca(x, N)
    back = found.inverse_transform(found.transform(x))
    assert np.allclose(back, x, rtol=1e-10)
    short = found.truncate(3)
    assert short.transform(x.tolist()).shape == (600, 3)
    assert short.error.value == pytest.approx(projection_error(x, short.components), rel=1e-6)
    assert float(found.explained_variance_ratio.sum()) == pytest.approx(1.0)
    with pytest.raises(sketch.ShapeError, match="rows of 40"):
        found.transform(x[:, :7])
    with pytest.raises(sketch.RankError, match="within 0 and 3"):
        short.truncate(4)


def test_a_tolerance_gives_the_fewest_components():
    x = rows(spectrum=0.8 ** np.arange(N))
    found = sketch.pca(x, tol=0.05)
    assert found.error.relative <= 0.05 < found.truncate(found.rank - 1).error.relative


def test_edge_cases():
    zero = sketch.pca(np.zeros((9, 6)), 2)
    assert float(zero.explained_variance.sum()) == zero.error.value == 0.0
    one = sketch.pca(np.ones((1, 6)), 2)
    assert float(one.explained_variance.sum()) == 0.0
    assert np.array_equal(one.mean, np.ones(6))
    tiny = sketch.pca(1e-200 * rows(), 3)
    huge = sketch.pca(1e150 * rows(), 3)
    assert np.allclose(
        huge.explained_variance_ratio, sketch.pca(rows(), 3).explained_variance_ratio
    )
    assert np.all(np.isfinite(tiny.components))
    assert sketch.pca(rows(), 100).rank == N


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sketch.pca(rows()), sketch.RankError, "rank"),
        (lambda: sketch.GramNystrom(N, 3).finalize(), sketch.ShapeError, "no rows"),
        (
            lambda: sketch.GramNystrom(N, 3).update(np.ones((4, 7))),
            sketch.ShapeError,
            "whole rows",
        ),
        (lambda: sketch.pca(np.full((4, 3), np.nan), 1), sketch.NonFiniteError, "NaN"),
        (lambda: 1j * sketch.GramNystrom(N, 3), sketch.DtypeError, "real numbers"),
        (
            lambda: sketch.GramNystrom(N, 3) + sketch.GramNystrom(N, 4),
            sketch.IncompatibleSketchError,
            "rank",
        ),
    ],
)
def test_bad_calls_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
