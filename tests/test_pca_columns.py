"""Components of few long rows whose columns lie together: as of rows, in fewer conversions."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from test_pca_passes import captured, check, standardized

import sketch
from sketch.sources import StandardizedColumns, as_matrix_source

M, N, K = 60, 300, 3
SPECTRA = {"1/i": 1 / np.arange(1, M + 1), "0.8^i": 0.8 ** np.arange(M), "flat": np.ones(M)}
DTYPES = ("float32", "float64", "complex64", "complex128", "int16", "int8")


class InChunks:
    """A stored array in chunks of some whole columns, which counts what is read."""

    def __init__(self, array, chunk):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.chunks, self.entries = (array.shape[0], chunk), 0

    def __getitem__(self, window):
        assert window[1].start % self.chunks[1] == 0
        self.entries += self.array[window].size
        return self.array[window]


def rows(dtype="float64", spectrum="1/i", mean=0.0):
    """Return M rows in Fortran order."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((M, N))
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal((M, N))
    u, _, vh = np.linalg.svd(x, full_matrices=False)
    x = 30 * (u * SPECTRA[spectrum]) @ vh + mean * (1 + rng.random(N))
    whole = np.dtype(dtype).kind == "i"
    return np.asfortranarray(np.rint(40 * x).clip(-120, 120) if whole else x).astype(dtype)


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [False, True])
def test_bounds_hold_and_little_is_missed(dtype, spectrum, scale):
    x = rows(dtype, spectrum, mean=0 if "int" in dtype else 1e3)
    found, y = sketch.pca(x, K, scale=scale), standardized(x, scale)
    check(found, y)
    # as with rows: Krylov misses little even of what is nearly flat
    assert captured(y, found.components) > 0.98


@pytest.mark.parametrize("scale", [False, True, np.linspace(1, 2, N)], ids=["no", "yes", "given"])
@pytest.mark.parametrize("center", [True, False])
def test_columns_and_rows_have_the_same_components(scale, center):
    x = rows(spectrum="0.8^i", mean=3.0)
    options = {"scale": scale, "center": center, "passes": 6}
    ours = sketch.pca(x, K, **options)
    theirs = sketch.pca(np.ascontiguousarray(x), K, **options)
    # both converge to the exact ones: residuals are squared in singular values
    assert np.allclose(ours.singular_values, theirs.singular_values, rtol=1e-9)
    assert np.allclose(ours.components, theirs.components, atol=1e-5)
    assert np.allclose(ours.mean, theirs.mean, atol=1e-12)
    assert np.allclose(ours.scale, theirs.scale, rtol=1e-12)
    assert ours.total_variance == pytest.approx(theirs.total_variance, rel=1e-12)
    assert ours.n_samples == theirs.n_samples == M


@pytest.mark.parametrize("chunk", [7, 50])
def test_a_reading_reads_each_entry_once(chunk):
    stored = InChunks(rows("float32", "flat"), chunk)
    found = sketch.pca(stored, K, scale=True)
    assert found.n_passes == 4
    assert stored.entries == 4 * M * N


def test_chunks_and_containers_change_nothing(tmp_path):
    x = rows("int8")
    path = tmp_path / "x.npy"
    np.save(path, x)
    mapped = np.load(path, mmap_mode="r")
    found = [sketch.pca(a, K, scale=True) for a in (x, mapped, InChunks(x, 50), x[:, ::-1])]
    for other in found[1:3]:
        assert np.allclose(other.components, found[0].components, atol=1e-10)
    # columns in another order draw other numbers: the same up to what four readings miss
    assert np.allclose(found[3].components[0, ::-1], found[0].components[0], atol=1e-2)
    within = sketch.pca(x, K, scale=True, memory="5MB")
    assert np.allclose(within.components, found[0].components, atol=1e-10)


def test_constant_columns_stay_as_they_are():
    x = rows("float32", mean=1e3)
    x[:, 5] = 0.1
    found = sketch.pca(x, K, scale=True)
    assert found.scale[5] == 1
    assert np.abs(found.components[:, 5]).max() < 1e-6
    nothing = np.ones((M, N), order="F")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sketch.SpectrumWarning)
        assert sketch.pca(nothing, K, scale=True).total_variance == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_named_by_its_place(value):
    x = rows()
    x[7, 205] = value
    with pytest.raises(sketch.NonFiniteError, match=r"first at index \(7, 205\)"):
        sketch.pca(x, K)


def test_blocks_are_whole_columns_about_their_means():
    x = rows("int16")
    source = StandardizedColumns(as_matrix_source(x), center=True, scale=True, check_finite=True)
    y = np.empty((N, M))
    for (top, left), block in source.blocks(100 * 8 * M):
        assert (left, block.shape[1]) == (0, M)
        y[top : top + block.shape[0]] = block.array
    assert np.allclose(y.T, standardized(x, True), atol=1e-12)
