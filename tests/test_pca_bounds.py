"""Principal components never lie: the exact ones, by an SVD in double precision, are within bounds.

Over precisions, spectra, means, scales, containers and histories of a sketch. Exact is what the
data hold after they were rounded to their dtype.
"""

from __future__ import annotations

import warnings

import dask.array as da
import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from scipy.sparse.linalg import aslinearoperator

import sketch

N = 12
DTYPES = ("float16", "float32", "float64", "complex64", "complex128")
SPECTRA = {
    "flat": np.ones(N),
    "1/i": 1 / np.arange(1, N + 1),
    ".8^i": 0.8 ** np.arange(N),
    ".5^i": 0.5 ** np.arange(N),
    ".1^i": 0.1 ** np.arange(N),
    "rank 3": np.arange(N) < 3,
}
SHAPES = {"tall": 60, "few rows": 7}
SMALLEST = np.finfo(float).smallest_subnormal


def rows(m, dtype, spectrum="1/i", mean=0.0, scale=1.0, seed=0):
    """Return rows, every third column constant or the double of another where spectra are odd."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((m, N))
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal((m, N))
    basis = np.linalg.qr(rng.standard_normal((N, N)))[0]
    x = (x * SPECTRA[spectrum]) @ basis + mean * rng.standard_normal(N)
    if seed % 2:
        x[:, 3], x[:, 5] = 7.0, x[:, 4]
        x[:, 6] = 0.0
        x[: m // 3] = x[0]
    return (x * scale).astype(dtype)


def scaled(x):
    """Return data as doubles of about 1, and the exponent of the power of two they lost."""
    wide = x.astype(np.result_type(x, np.float64))
    size = max(np.abs(wide.real).max(initial=0), np.abs(wide.imag).max(initial=0))
    exponent = int(np.frexp(size)[1])
    parts = [np.ldexp(part, -exponent) for part in (wide.real, wide.imag)]
    return parts[0] + 1j * parts[1] if np.iscomplexobj(wide) else parts[0], exponent


def check(found, y, exponent=0, weights=None, own=0.0):
    """Check components against weighted rows ``2**exponent y``, centred before with an error."""
    if weights is not None:
        y = np.sqrt(weights)[:, None] * y
    exact = np.linalg.svd(y, compute_uv=False)
    exact = np.pad(exact, (0, max(0, found.rank - len(exact))))[: found.rank]
    unit = np.ldexp(4 * SMALLEST, -exponent)  # results are rounded to numbers that exist
    s, floor, residual, low, high = (
        np.ldexp(np.asarray(value, float), -exponent)
        for value in (
            found.singular_values,
            found.floor,
            found.error.residual,
            *found.error.interval(),
        )
    )
    own += 1e-13 * max(exact[:1], default=0.0) + unit  # of the SVD here
    assert np.all(s <= np.hypot(exact, floor) + own)
    assert np.all(exact <= np.sqrt(s**2 + residual**2 + floor**2) + own)
    parts = np.asarray(found.components).astype(np.result_type(y, found.components))
    error = np.linalg.norm(y - (y @ parts.conj().T) @ parts)
    assert low - own <= error <= high + own
    assert np.sum(found.explained_variance_ratio) <= 1 + 1e-12 + unit
    return exact, s, floor


def centred(x):
    return x - x.mean(axis=0)


def quiet_pca(x, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sketch.SpectrumWarning)
        return sketch.pca(x, *args, **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("mean", [0.0, 1.0, 1e3])
def test_bounds_hold_and_variances_are_those_of_the_data(dtype, spectrum, mean):
    for seed in range(4):
        for m in SHAPES.values():
            for width in (None, 3, 7, 11):
                x = rows(m, dtype, spectrum, mean, seed=seed)
                y, exponent = scaled(x)
                found = quiet_pca(x, 3, passes=1, sketch_rank=width, seed=seed)
                exact, s, floor = check(found, centred(y), exponent)
                if width is None and m > N:  # all squares are there: right to the floor
                    assert np.allclose(s, exact, rtol=1e-6, atol=floor)
                    # 128 roundoffs of squares, and what the mean adds to them
                    assert floor < 1e-6 * max(exact[0], 1e-9)


SCALES = [1e-318, 1e-300, 1e-165, 1e-45, 1e-38, 1e-23, 1e20, 1e37, 1e150, 1e300, 1e307]


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("scale", SCALES)
def test_bounds_hold_at_all_scales(dtype, scale):
    for seed, mean in enumerate((0.0, 0.0, 3.0)):
        with np.errstate(all="ignore"):
            x = rows(60, dtype, ".8^i", mean, scale, seed)
        if not np.all(np.isfinite(x)):
            continue
        y, exponent = scaled(x)
        for data in (x, sp.csr_array(x), [x[:20], sp.csr_array(x[20:21]), x[21:]]):
            for width in (None, 5):
                check(quiet_pca(data, 3, passes=1, sketch_rank=width), centred(y), exponent)


def test_chunks_of_different_scales_are_one_sum():
    rng = np.random.default_rng(0)
    pieces = [rng.standard_normal((20, N)) * scale for scale in (1e-200, 1e-180, 1e-170)]
    forward, backward = sketch.GramNystrom(N, 3), sketch.GramNystrom(N, 3)
    for piece in pieces:
        forward.update(piece)
    for piece in reversed(pieces):
        backward.update(piece)
    y, exponent = scaled(np.concatenate(pieces))
    for sk in (forward, backward, forward + 0.0 * backward):
        check(sk.finalize(), centred(y), exponent)
    sk = sketch.GramNystrom(N, 3)
    for scale in (1e-300, 1e300, 1.0):
        sk.update(pieces[0] * 1e200 * scale)
    everything = np.concatenate([pieces[0] * 1e200 * scale for scale in (1e-300, 1e300, 1.0)])
    y, exponent = scaled(everything)
    check(sk.finalize(), centred(y), exponent)


CONTAINERS = {
    "dense": lambda x: x,
    "Fortran": np.asfortranarray,
    "csr": sp.csr_array,
    "csc": sp.csc_array,
    "coo": sp.coo_array,
    "dask": lambda x: da.from_array(x, chunks=(25, 5)),
    "dask of sparse": lambda x: da.from_array(x, chunks=(25, N)).map_blocks(sp.csr_array),
    "list": lambda x: [x[:7], sp.csc_array(x[7:30]), x[30:31], sp.csr_array(x[31:])],
    "mixed": lambda x: [
        x[:7],
        aslinearoperator(x[7:12]),
        sketch.TensorSum([x[12:], x[12:]], [3, -2]),
    ],
    "operator": aslinearoperator,
    "sum": lambda x: sketch.TensorSum([x, sp.csr_array(x)], [0.25, 0.75]),
    "sum with an operator": lambda x: sketch.TensorSum([x, aslinearoperator(x)], [-1, 2]),
    "difference": lambda x: sketch.TensorSum([np.ones(x.shape), x, np.ones(x.shape)], [1, 1, -1]),
}


SUMS = ("mixed", "difference")


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_centring_is_exact_in_every_container(container, dtype):
    """Means a million times the spread, and one column of time stamps among few entries."""
    make = CONTAINERS[container]
    for m in (60, 40, 8):
        x = rows(60, dtype, ".8^i", 1e6 if m == 60 else 0.0)[:m]
        if m == 40:
            x[np.random.default_rng(1).random(x.shape) < 0.8] = 0
            x[:, 0] = 1e5 + np.arange(m) % 7
        y, exponent = scaled(x)
        exact, s, floor = check(quiet_pca(make(x), 3), centred(y), exponent)
        assert np.allclose(s, exact, rtol=1e-7, atol=floor)
        # a roundoff of squares, or of the terms of a sum, a million times the spread
        assert floor < (3e-4 if "sum" in container or container in SUMS else 1e-5) * exact[0]


def test_components_of_results_and_files(tmp_path):
    x = rows(60, "float64", ".8^i", 1e6)
    exact = np.linalg.svd(centred(x), compute_uv=False)[:3]
    low = sketch.svd(x, N)
    # the result itself is off by some roundoffs of its norm, a million times the spread
    assert np.allclose(quiet_pca(low, 3).singular_values, exact, rtol=1e-7)
    scipy.io.mmwrite(tmp_path / "a.mtx", sp.coo_array(x), precision=17)
    for memory in (None, "3MB"):
        found = quiet_pca(tmp_path / "a.mtx", 3, memory=memory)
        assert np.allclose(found.singular_values, exact, rtol=1e-9)
        assert np.allclose(found.mean, x.mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_what_was_fitted_can_be_applied(container, dtype):
    x = rows(60, dtype, ".8^i", 1e6)
    found = quiet_pca(x, 3)
    scores = found.transform(CONTAINERS[container](x))
    assert hasattr(scores, "dask") == container.startswith("dask")
    assert scores.shape == (60, 3)  # before it is computed, too
    scores = np.asarray(scores)
    y = centred(x.astype(np.result_type(x, np.float64)))
    exact = y @ np.asarray(found.components, y.dtype).conj().T
    # the rows about their mean are rounded, or the terms of a sum; of single ones the scores too
    assert np.allclose(scores, exact, atol=1e-9 if dtype in ("float64", "complex128") else 1e-5)
    if container == "dense":
        assert np.dtype(scores.dtype) == np.dtype(dtype)
    back = found.inverse_transform(CONTAINERS[container](scores_of(found, x)))
    assert back.shape == x.shape
    assert np.allclose(
        np.asarray(back), scores_of(found, x) @ found.components + found.mean, rtol=1e-6
    )
    with pytest.raises(sketch.ShapeError, match="expected rows of 12 entries"):
        found.transform(x[:, :5])


def scores_of(found, x):
    """Return 60 coordinates that every container can hold."""
    return np.asarray(found.transform(x))


def test_stored_rows_are_transformed_in_blocks(tmp_path):
    import h5py

    x = rows(60, "float64", ".8^i", 1e3)
    found = quiet_pca(x, 3)
    np.save(tmp_path / "a.npy", x)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = x
    scipy.io.mmwrite(tmp_path / "a.mtx", sp.coo_array(x), precision=17)
    with h5py.File(tmp_path / "a.h5") as file:
        for data in (
            np.load(tmp_path / "a.npy", mmap_mode="r"),
            file["a"],
            tmp_path / "a.npy",
            tmp_path / "a.mtx",
            sketch.svd(x, N),
            iter([x[:1], x[1:]]),
            x.tolist(),
        ):
            assert np.allclose(found.transform(data), found.transform(x), atol=1e-9)


def test_a_result_times_a_sparse_matrix():
    for dtype in ("float32", "complex128"):
        x = rows(60, dtype)
        low, b = sketch.svd(x, 3), sp.random_array((N, 7), density=0.3, rng=0)
        for sparse in (b, b.tocsc(), b.tocsr().astype("float32"), (1j * b).tocsr()):
            assert np.allclose(low @ sparse, low @ sparse.toarray(), rtol=1e-5, atol=1e-6)


FAMILIES = ("gaussian", "sign", "sparse-sign")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 24])
def test_singular_test_matrices_are_no_danger(family, n):
    """Square members are singular with some probability, half of all sign matrices of two."""
    for seed in range(10):
        y = np.random.default_rng(seed).standard_normal((n + 2, n))
        for width in {n, max(1, n - 1), (n + 1) // 2}:
            sk = sketch.GramNystrom(
                n, width, sketch_rank=width, center=False, seed=seed, test_matrix=family
            )
            sk.update(y)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", sketch.SpectrumWarning)
                found = sk.finalize(rank=width)
            check(found, y)
            assert found.rank == width
            gram = found.components @ found.components.T
            assert np.allclose(gram, np.eye(width), atol=1e-10)


def test_no_more_is_held_than_rows_or_columns_span():
    assert quiet_pca(rows(6, "float64"), 5).rank == 5
    assert quiet_pca(rows(3, "float64"), 5).rank == 3
    assert sketch.GramNystrom(100, 10).spec.exact
    assert not sketch.GramNystrom(1000, 10).spec.exact
    wide = np.random.default_rng(0).standard_normal((6, 5000))
    check(quiet_pca(wide, 5), centred(wide))
    check(quiet_pca(wide.astype("f4"), 5), centred(wide.astype("f4").astype(float)))


def test_warnings_point_at_the_caller():
    x = rows(60, "float64", "flat")
    with pytest.warns(sketch.ToleranceWarning, match="tol=0.01 is out of reach: rank 2") as said:
        sketch.pca(x, 2, tol=0.01)
    assert said[0].filename == __file__
    sk = sketch.GramNystrom(N, 2)
    sk.update(x)
    with pytest.warns(sketch.ToleranceWarning, match="out of reach") as said:
        sk.finalize(2, tol=0.01)
    assert said[0].filename == __file__


@pytest.mark.parametrize("passes", [1, 2, None])
@pytest.mark.parametrize("shape", [(60, N), (400, 40), (300, 250), (20, 500)])
@pytest.mark.parametrize("order", "CF")
def test_rows_that_their_own_precision_hides_are_warned_of(shape, passes, order):
    """Single precision has spacings of 2 at 3e7: the spread of 1 is rounding errors alone."""
    far = (3e7 + np.random.default_rng(0).standard_normal(shape)).astype("f4", order=order)
    with pytest.warns(sketch.SpectrumWarning, match="rounding of the data to float32") as said:
        sketch.pca(far, 2, passes=passes)
    assert said[0].filename == __file__
    sketch.pca(far.astype(float), 2, passes=passes)  # whose own rounding is far below


def test_real_and_complex_rows_mix():
    x, z = rows(60, "float64", mean=3.0), rows(60, "complex128", mean=2.0, seed=2)
    sk = sketch.GramNystrom(N, 3)
    for chunk in (x, z, x.astype("f4"), sp.csr_array(x)):
        sk.update(chunk)
    check(sk.finalize(), centred(np.concatenate([x, z, x.astype("f4"), x])))


@pytest.mark.parametrize("case", range(150))
def test_bounds_hold_after_any_history(case):
    """Rows come, weigh less, go again and are merged; some of them are much larger than others."""
    rng = np.random.default_rng(case)
    dtype = DTYPES[case % len(DTYPES)]
    center, width = bool(rng.integers(2)), int(rng.choice([3, 5, 9, N]))

    def new():
        family = FAMILIES[case % 3]
        return sketch.GramNystrom(
            N, 3, sketch_rank=width, seed=case, test_matrix=family, center=center
        )

    def chunk():
        large = 10.0 ** rng.choice([0, 0, 0, -2, 2, 4]) if dtype != "float16" else 1.0
        mean = rng.choice([0.0, 1.0, 1e3])
        m = int(rng.choice([1, 2, 20]))
        x = rows(m, dtype, rng.choice(list(SPECTRA)), mean, large, seed=int(rng.integers(99)))
        return sp.csr_array(x) if dtype != "float16" and rng.random() < 0.3 else x

    sk, held = new(), []
    for step in range(int(rng.integers(1, 9))):
        kind = rng.choice(["update", "update", "remove", "fade", "merge"]) if step else "update"
        if kind == "remove" and held:
            gone = held.pop(int(rng.integers(len(held))))
            other = new()
            other.update(gone[1])
            sk = sk - gone[0] * other
        elif kind == "fade":
            factor = float(rng.choice([0.9, 0.5, 1e-3]))
            sk = factor * sk
            held = [(factor * weight, x) for weight, x in held]
        else:
            held.append((1.0, chunk()))
            other = new()
            other.update(held[-1][1])
            if kind == "merge":
                sk = other + sk
            else:
                sk.update(held[-1][1])
    if not held:
        return
    # the exact rows, in more than double precision where the machine has it
    x = np.concatenate([x.toarray() if sp.issparse(x) else x for _, x in held])
    x = x.astype(np.result_type(x, np.longdouble))
    weights = np.concatenate([np.full(part.shape[0], weight) for weight, part in held])
    own = np.finfo(x.dtype).eps * np.linalg.norm(np.abs(x).astype(float))
    if center:
        x = x - (weights[:, None] * x).sum(axis=0) / weights.sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sketch.SpectrumWarning)
        found = sk.finalize()
    double = "complex128" if np.iscomplexobj(x) else "float64"
    check(found, x.astype(double), weights=weights, own=float(own))


@pytest.mark.parametrize("passes", [1, 4])
@pytest.mark.parametrize("spectrum", ["1/i", "i^-.5", "spike"])
def test_variances_are_within_intervals_from_columns_left_out(spectrum, passes):
    # 95 % of seeds at least; the trace alone would be five to fifteen times as wide
    i = np.arange(1, 121.0)
    s = {"1/i": 1 / i, "i^-.5": i**-0.5, "spike": np.where(i <= 1, 1, 0.1)}[spectrum]
    rng = np.random.default_rng(0)
    left = np.linalg.qr(centred(rng.standard_normal((200, 120))))[0]
    x = (left * s) @ np.linalg.qr(rng.standard_normal((120, 120)))[0]
    exact, missed = s[:5] ** 2 / 199, 0
    for seed in range(40):
        found = sketch.pca(x, 5, passes=passes, sketch_rank=35, seed=seed)
        low, high = found.explained_variance_interval()
        missed += not np.all((low <= exact * (1 + 1e-9)) & (exact <= high * (1 + 1e-9)))
        certain = found.explained_variance_interval(1.0)
        assert np.all(low == certain[0])
        assert np.all(high <= certain[1] * (1 + 1e-12))
        assert np.median((high - low) / (certain[1] - certain[0])) < 0.5
        assert np.all(found.explained_variance_interval(0.5)[1] <= high)
    assert missed <= 5  # of 2 in the mean at 95 %: more with a chance of 1 %


def test_what_was_left_out_is_saved_and_follows_truncations(tmp_path):
    x = rows(60, "float64", "flat")
    found = sketch.pca(x, 5, sketch_rank=7)
    found.save(tmp_path / "found.npz")
    loaded = sketch.load(tmp_path / "found.npz")
    for name in ("explained_variance_interval",):
        low, high = getattr(found, name)()
        assert np.array_equal(getattr(loaded, name)(), (low, high))
        assert np.array_equal(getattr(found.truncate(2), name)()[1], high[:2])
    with pytest.raises(ValueError, match="between 0 and 1"):
        found.explained_variance_interval(0.0)
    assert sketch.pca(x, 5, sketch_rank=7, scale=True).left_out is None
