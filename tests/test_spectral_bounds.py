"""Bounds of singular values, of spectral errors and of angles: they hold, for every method."""

from __future__ import annotations

import dataclasses

import dask.array as da
import numpy as np
import pytest

import sketch
from sketch.testing import exponential, flat, low_rank_plus_noise, polynomial, with_spectrum

N, SEEDS = 30, 20
MISSES = 5  # of 20: 1 is expected, at most, and 6 once in 3000 tests
SPECTRA = {
    "steep": exponential(N, 0.6),
    "slow": polynomial(N),
    "flat": flat(N),
    "plateau": low_rank_plus_noise(N, 3, 0.05),
    "one direction left": np.concatenate([exponential(19, 0.9), np.zeros(N - 19)]),
    "clusters": 0.5 ** (np.arange(N) // 4),
    "zero": np.zeros(N),
}


def _streamed(a, seed):
    sk = sketch.HMT((None, N), 3, seed=seed, dtype=a.dtype)
    for chunk in np.split(a, 2):
        sk.update(chunk)
    return sk.finalize()


METHODS = {
    "hmt": lambda a, seed: sketch.svd(a, 3, seed=seed),
    "nystrom": lambda a, seed: sketch.svd(a, 3, method="nystrom", seed=seed),
    "nystrom-psd": lambda a, seed: sketch.svd(a, 1, method="nystrom-psd", seed=seed),
    "krylov": lambda a, seed: sketch.svd(a, 3, method="krylov", passes=1, seed=seed),
    "stream": _streamed,
}


def semidefinite(values, dtype):
    q = np.linalg.svd(with_spectrum((N, N), flat(N), dtype=dtype))[0]
    a = (q * values.astype(q.real.dtype)) @ q.conj().T
    return (a + a.conj().T) / 2


def sines(exact, found):
    """Return the sine of the angle between columns of two matrices."""
    exact = exact[:, : found.shape[1]]
    along = np.sum(exact.conj() * found, axis=0)
    return np.linalg.norm(found - exact * along, axis=0)


@pytest.mark.parametrize("dtype", ["float64", "complex64"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.filterwarnings("ignore::sketch.SpectrumWarning")  # what squares hide is said,
@pytest.mark.filterwarnings("ignore::sketch.AccuracyWarning")  # and what is worse than zero
def test_all_bounds_hold_at_once(spectrum, method, dtype):
    values = SPECTRA[spectrum]
    if method == "nystrom-psd":
        a = semidefinite(values, dtype)
    else:
        a = with_spectrum((40, N), values, dtype=dtype)
    wide = a.astype("complex128")
    u, exact, vh = np.linalg.svd(wide)
    missed = dict.fromkeys(("values", "spectral", "angles", "scree"), 0)
    slight = 3e-6 if dtype == "complex64" else 1e-9  # rounding of vectors, and of a exact's
    for seed in range(SEEDS):
        found = METHODS[method](a, seed)
        low, high = found.singular_value_interval()
        true, own = exact[: found.rank], slight * exact[0]
        missed["values"] += not np.all((low - own <= true) & (true <= high + own))
        error = np.linalg.norm(wide - found.to_array(), 2)
        least, most = found.spectral_error_interval()
        missed["spectral"] += not least - own <= error <= most + own
        left, right = found.angle_bounds()
        holds = [
            sines(u, found.U.astype("complex128")) <= left + 1e3 * slight,
            sines(vh.conj().T, found.Vh.astype("complex128").conj().T) <= right + 1e3 * slight,
        ]
        missed["angles"] += not np.all(holds)
        scree = found.scree()
        known = len(scree.values)
        inside = (scree.low - own <= exact[:known]) & (exact[:known] <= scree.high + own)
        rest = np.max(exact[known:], initial=0.0)
        missed["scree"] += not (np.all(inside) and rest <= scree.further + own)
    assert max(missed.values()) <= MISSES, missed


def test_probes_tell_more_than_the_frobenius_norm():
    # which counts 200 directions that are left, each a fifteenth of all
    values = np.concatenate([np.ones(5), np.full(200, 0.02)])
    a = with_spectrum((300, 205), values)
    for method, rank in (("hmt", 5), ("nystrom", 40)):  # whose noise counts at small ranks
        found = sketch.svd(a, rank, method=method)
        coarse = dataclasses.replace(found, spectrum=None)
        high = found.spectral_error_interval()[1]
        assert high < 0.95 * coarse.spectral_error_interval()[1]
        wide = np.ptp(found.singular_value_interval(), axis=0)
        assert np.all(wide < 0.95 * np.ptp(coarse.singular_value_interval(), axis=0))


def test_angles_are_told_where_gaps_are_and_nowhere_else():
    values = np.array([8.0, 4.0, 4.0, 1.0, *np.full(20, 1e-3)])
    left, right = sketch.svd(with_spectrum((60, 24), values), 4).angle_bounds()
    assert left[0] < 1e-2
    assert right[0] < 1e-4
    assert np.array_equal(left[1:3], [1, 1])
    assert left[3] < 2e-2
    nothing = sketch.svd(with_spectrum((60, 24), flat(24)), 4)
    assert np.array_equal(nothing.angle_bounds(), np.ones((2, 4)))


@pytest.mark.parametrize("method", ["hmt", "nystrom", "nystrom-psd"])
def test_bounds_follow_the_object(method, tmp_path):
    a = semidefinite(SPECTRA["slow"], "float64")
    found = sketch.svd(a, 3, method=method)
    expected = np.array(found.singular_value_interval())
    found.save(tmp_path / "found.npz")
    for same in (sketch.load(tmp_path / "found.npz"), found.T, found.H, found.truncate(3)):
        assert np.array_equal(np.array(same.singular_value_interval()), expected)
        assert same.spectral_error_interval() == found.spectral_error_interval()
    short = found.truncate(1)
    assert np.array_equal(np.array(short.singular_value_interval()), expected[:, :1])
    assert np.array_equal(short.scree().values, found.scree().values)
    assert short.spectral_error_interval()[1] > found.spectral_error_interval()[1]
    rounded = np.array(found.astype("float32").singular_value_interval())
    assert np.all(rounded[0] <= expected[0])
    assert np.all(rounded[1] >= expected[1])
    large = sketch.svd(2.0**900 * a, 3, method=method)
    assert np.allclose(np.array(large.singular_value_interval()) / 2.0**900, expected, rtol=1e-12)


def test_dask_arrays_have_the_bounds_of_arrays():
    a = with_spectrum((40, N), SPECTRA["slow"])
    for method in ("hmt", "nystrom"):
        lazy = sketch.svd(da.from_array(a, chunks=(9, N)), 3, method=method)
        expected = sketch.svd(a, 3, method=method).singular_value_interval()
        assert np.allclose(lazy.singular_value_interval(), expected, rtol=1e-6)


def test_kernels_of_known_trace_are_bounded_always():
    a = semidefinite(SPECTRA["slow"], "float64")
    found = sketch.pivoted_cholesky(a, rank=3)
    low, high = found.singular_value_interval()
    exact = SPECTRA["slow"]
    assert np.all((low <= exact[:3]) & (exact[:3] <= high))
    left, _ = found.angle_bounds()
    vectors = np.linalg.svd(a)[0]
    assert np.all(sines(vectors, found.U) <= left + 1e-9)


def test_a_scree_prints_and_says_where_nothing_is_known():
    found = sketch.svd(with_spectrum((60, 48), polynomial(48)), 5)
    lines = str(found.scree()).splitlines()
    assert len(lines) == 1 + 15 + 1
    assert lines[-1].startswith("all others are at most")
    assert "more" in str(sketch.svd(np.eye(60), 35).scree())
    sk = sketch.GeneralizedNystrom((60, 48), 5, sketch_rank=9, corange_rank=9)
    sk.update(np.ones((60, 48)))
    unknown = sk.finalize()
    assert unknown.scree().further == 0
    for ask in ("singular_value_interval", "spectral_error_interval", "angle_bounds"):
        with pytest.raises(ValueError, match="heuristic"):
            getattr(unknown, ask)()
        with pytest.raises(ValueError, match="between 0 and 1"):
            getattr(found, ask)(1.0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        found.scree(0)


@pytest.mark.parametrize("shape", [(0, 4), (5, 0), (1, 1)])
def test_data_that_are_hardly_there(shape):
    found = sketch.svd(np.ones(shape), 2)
    low, high = found.singular_value_interval()
    assert len(low) == len(high) == found.rank
    assert found.spectral_error_interval()[1] < 1e-12
    assert found.scree().further == 0
