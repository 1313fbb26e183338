"""One reading for two passes: A X and A^* (A X) from the same whole rows or columns."""

from __future__ import annotations

import itertools
import warnings

import dask
import dask.array as da
import numpy as np
import pytest
from strategies import MAPS, SHAPE, SOURCES, hmt, matrix
from trials import trials

import sketch
from sketch.testing import exponential, polynomial, with_spectrum

A = matrix(seed=1)
STEPS = [0, 0.5, 1, 1.5, 2]
IN_PIECES = {"sum"}  # terms lie on each other: their squares do not add up


def tiles(sk, a):
    """Feed a matrix cut both ways, which no reading can serve two passes of."""
    m, n = a.shape
    while sk.passes_left:
        for rows, cols in itertools.product((0, m // 3), (0, n // 2)):
            stop = (m // 3, m)[rows > 0], (n // 2, n)[cols > 0]
            sk.update(a[rows : stop[0], cols : stop[1]], at=(rows, cols))
        sk.end_pass()
    return sk


def rows(sk, a, chunks=3):
    """Feed whole rows as often as they are asked for."""
    while sk.passes_left:
        for some in np.array_split(np.arange(a.shape[0]), chunks):
            sk.update(a[some[0] : some[-1] + 1], at=int(some[0]))
        sk.end_pass()
    return sk


def gap(result, expected):
    return np.linalg.norm(result.to_array() - expected.to_array()) / expected.norm()


class Counted:
    """A stored array that counts how often each entry was read."""

    def __init__(self, a, chunks=None):
        self.a, self.shape, self.dtype, self.ndim = a, a.shape, a.dtype, 2
        self.chunks = chunks or a.shape
        self.reads = np.zeros(a.shape, int)

    def __getitem__(self, window):
        self.reads[window] += 1
        return self.a[window]


# ---- equal to passes of their own -------------------------------------------------------------


@pytest.mark.parametrize("power_iters", STEPS)
@pytest.mark.parametrize("family", MAPS, ids=str)
def test_whole_rows_give_what_tiles_give(power_iters, family):
    options = {"power_iters": power_iters, "test_matrix": family}
    fused, apart = rows(hmt(**options), A).finalize(), tiles(hmt(**options), A).finalize()
    # rounding of squares, over the squared ratio of the singular values kept: 1e3 at most here
    assert gap(fused, apart) < 1e-9
    assert fused.n_passes == int(1.5 + power_iters)
    assert apart.n_passes == 2 + 2 * power_iters


@pytest.mark.parametrize("power_iters", STEPS)
@pytest.mark.parametrize("source", SOURCES)
def test_every_source(source, power_iters):
    apart = tiles(hmt(power_iters=power_iters), A).finalize()
    family = sketch.Gaussian()
    fused = sketch.svd(SOURCES[source](A), 4, power_iters=power_iters, test_matrix=family)
    assert gap(fused, apart) < 1e-9
    read = 2 + 2 * power_iters if source in IN_PIECES else int(1.5 + power_iters)
    assert fused.n_passes == read


@pytest.mark.parametrize("power_iters", [0, 1, 1.5])
@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128"])
def test_every_dtype(dtype, power_iters):
    a = (A * (1 + 1j) if dtype.startswith("c") else A).astype(dtype)
    options = {"power_iters": power_iters, "dtype": dtype}
    fused, apart = rows(hmt(**options), a).finalize(), tiles(hmt(**options), a).finalize()
    double = dtype == "complex128"
    assert fused.dtype == dtype
    assert gap(fused, apart) < (1e-9 if double else 1e-3)
    exact = np.linalg.norm(a.astype("complex128") - fused.to_array())
    for result in (fused, apart):  # by the norm, which whole rows tell, and by probes
        low, high = result.error.interval(0.9999)
        assert low * (1 - 1e-6) <= exact <= high * (1 + 1e-6)


@pytest.mark.parametrize("power_iters", [1, 1.5, 2])
def test_whole_columns_take_steps_in_one_reading(power_iters):
    sk = hmt((SHAPE[0], None), power_iters=power_iters)
    while sk.passes_left:
        for some in np.array_split(A, 4, axis=1):
            sk.update(some)
        sk.end_pass()
    fused, apart = sk.finalize(), tiles(hmt(power_iters=power_iters), A).finalize()
    assert gap(fused, apart) < 1e-9
    assert fused.n_passes == {1: 3, 1.5: 4, 2: 4}[power_iters]


@pytest.mark.parametrize("power_iters", [0, 1])
def test_further_passes_give_the_projection(power_iters):
    sk = rows(hmt(power_iters=power_iters), A)
    readings = sk.passes_done
    expected = tiles(hmt(power_iters=power_iters), A).finalize()
    while sk.passes_done < sk.n_passes:
        sk.update(A)
        sk.end_pass()
        readings += 1
        assert gap(sk.finalize(), expected) < 1e-12
        assert sk.finalize().n_passes == readings == sk.passes_done
    with pytest.raises(sketch.PassError, match="passes are done"):
        sk.update(A)


# ---- readings -----------------------------------------------------------------------------------


@pytest.mark.parametrize("power_iters", STEPS)
def test_entries_are_read_as_often_as_the_result_says(power_iters):
    data = Counted(A, (10, SHAPE[1]))
    result = sketch.svd(data, 4, power_iters=power_iters)
    assert (data.reads == result.n_passes).all()
    assert result.n_passes == int(1.5 + power_iters)


def test_chunks_beside_each_other_are_read_together():
    data = Counted(A, (10, 7))
    result = sketch.svd(data, 4, power_iters=1)
    assert (data.reads == 2).all()
    assert result.n_passes == 2


@pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
def test_dask_reads_once_for_each_step(scheduler):
    data = Counted(A)
    x = da.from_array(data, chunks=(7, SHAPE[1]))
    with dask.config.set(scheduler=scheduler):
        result = sketch.svd(x, 4, power_iters=1)
        expected = tiles(hmt(power_iters=1), A).finalize()
        assert np.linalg.norm(result.U.compute() * result.s @ result.Vh - expected.to_array()) < (
            1e-9 * expected.norm()
        )
    assert result.n_passes == 2
    assert (data.reads == 2).all()


def test_dask_gathers_chunks_beside_each_other():
    data = Counted(A)
    result = sketch.svd(da.from_array(data, chunks=(7, 9)), 4, power_iters=1)
    assert result.n_passes == 2
    assert (data.reads == 2).all()


@pytest.mark.parametrize("method", ["hmt", "nystrom"])
def test_all_results_say_their_readings(method):
    result = sketch.svd(A, 4, method=method)
    assert result.n_passes == result.T.n_passes == result.truncate(2).n_passes == 1
    assert sketch.pca(A, 2).n_passes == 1
    assert sketch.tensor_train(A.reshape(31, 23, 1), 2, method="stta").n_passes == 1
    assert sketch.tensor_train(A.reshape(31, 23, 1), 2, method="tt-hmt").n_passes == 3


def test_a_search_for_a_tolerance_counts_all_readings():
    data = Counted(A, (31, 23))
    assert sketch.svd(data, tol=0.5).n_passes == data.reads.max()


def test_readings_are_saved(tmp_path):
    sketch.svd(A, 4, power_iters=1).save(tmp_path / "result.npz")
    assert sketch.load(tmp_path / "result.npz").n_passes == 2


# ---- streams ------------------------------------------------------------------------------------


def test_a_stream_of_rows_needs_one_pass():
    sk = hmt((None, SHAPE[1]))
    for chunk in np.array_split(A, 5):
        sk.update(chunk)
    before = sk.finalize()  # as if the pass were ended
    sk.end_pass()
    after, expected = sk.finalize(), tiles(hmt(), A).finalize()
    assert gap(after, expected) < 1e-11
    assert np.array_equal(before.s, after.s)
    assert before.n_passes == after.n_passes == 1


def test_an_iterator_is_enough():
    result = sketch.svd(iter(np.array_split(A, 5)), 4)
    assert result.n_passes == 1
    assert gap(result, tiles(hmt(), A).finalize()) < 1e-11


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_sketches_of_disjoint_rows_merge(order, tmp_path):
    parts = []
    for number, some in enumerate(np.array_split(np.arange(SHAPE[0]), 3)):
        part = hmt()
        part.update(A[some], at=int(some[0]))
        part.save(tmp_path / f"{number}.npz")
        parts.append(sketch.load(tmp_path / f"{number}.npz"))
    total = sum(parts[number] for number in order)
    total.end_pass()
    assert total.passes_left == 0
    assert gap(total.finalize(), tiles(hmt(), A).finalize()) < 1e-11


def test_a_scaled_sketch_is_that_of_scaled_data():
    sk = hmt()
    sk.update(A)
    scaled, expected = (sk * -2.0).finalize(), sk.finalize()
    assert np.allclose(scaled.to_array(), -2 * expected.to_array(), atol=1e-11)
    assert scaled.error.value == pytest.approx(2 * expected.error.value)


@pytest.mark.parametrize("change", ["added", "subtracted", "merged"])
def test_rows_that_count_twice_need_another_pass(change):
    sk, other = hmt(), hmt()
    sk.update(A)
    other.update(A[:3], at=0)
    if change == "added":
        sk.update(A[:3], at=0)
    elif change == "merged":
        sk.merge(other)
    else:
        sk = sk - other
    with pytest.raises(sketch.PassError, match="0 of 2 passes"):
        sk.finalize()
    sk.end_pass()
    assert sk.passes_left == 1
    a = A.copy()
    a[:3] *= 0 if change == "subtracted" else 2
    sk.update(a)
    assert gap(sk.finalize(), tiles(hmt(), a).finalize()) < 1e-11


def test_states_are_saved_between_readings(tmp_path):
    sk, path = hmt((None, SHAPE[1]), power_iters=1), tmp_path / "state.npz"
    while sk.passes_left:
        for chunk in np.array_split(A, 3):
            sk.update(chunk)
            sk.save(path)
            sk = sketch.load(path)
        sk.end_pass()
        sk.save(path)
        sk = sketch.load(path)
    assert sk.passes_done == sk.finalize().n_passes == 2
    assert gap(sk.finalize(), tiles(hmt(power_iters=1), A).finalize()) < 1e-9


@pytest.mark.parametrize("power_iters", [1, 2])
@pytest.mark.parametrize("changed", ["fewer", "other"])
def test_a_reading_of_other_data_is_refused(power_iters, changed):
    sk = hmt(power_iters=power_iters)
    sk.update(A)
    sk.end_pass()
    a = A.copy()
    a[4] += 1
    sk.update(a if changed == "other" else A[:-1])
    with pytest.raises(sketch.PassError, match="other data than an earlier one"):
        sk.end_pass()


# ---- rounding -----------------------------------------------------------------------------------

STEEP = {
    "0.5^i": exponential(80, 0.5),
    "0.7^i": exponential(80, 0.7),
    "rank 12": np.r_[polynomial(12), np.zeros(68)],
    "rank 12 and noise": np.r_[polynomial(12), np.full(68, 1e-3)],
    "rank 12, 1e-9": np.r_[np.geomspace(1, 1e-9, 12), np.zeros(68)],
    "1/i": polynomial(80),
}


@pytest.mark.parametrize("spectrum", STEEP)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("power_iters", [0, 1, 2])
def test_steep_streams_are_as_good_as_their_floor_says(spectrum, dtype, power_iters):
    # Z = A^* Y sees singular values down to the root of a roundoff u at first. After a power step
    # columns of Y are graded, and so are the errors in Z: down to u. What a direction is off by is
    # over its sine to the others: medians are 0.9 to 3.5 roots of u then, and up to 2000 u here
    a = with_spectrum((120, 80), STEEP[spectrum], dtype=dtype)
    exact = a.astype("complex128")
    options = {"power_iters": power_iters, "dtype": dtype, "sketch_rank": 30}
    held, true, best = 0, [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sketch.SpectrumWarning)
        for seed in range(10):
            fused = rows(sketch.HMT(a.shape, 20, seed=seed, **options), a)
            apart = tiles(sketch.HMT(a.shape, 20, seed=seed, **options), a)
            got, error = fused.finalize(30), fused.finalize(30).error
            true.append(np.linalg.norm(exact - got.to_array()))
            best.append(np.linalg.norm(exact - apart.finalize(30).to_array()))
            low, high = error.interval()
            held += low <= true[-1] <= high
    u = np.finfo(dtype).eps / 2
    rounding = 1e4 * u if power_iters else 10 * np.sqrt(u)
    assert np.median(true) <= 4 * np.median(best) + rounding * np.linalg.norm(a)
    assert held >= 8  # 95 %: 2 of 10 missed in one case of 70, more in one of 1000


@pytest.mark.parametrize("spectrum", ["0.5^i", "1/i"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_estimates_of_one_reading_are_unbiased_and_cover(spectrum, dtype):
    a = with_spectrum((120, 80), STEEP[spectrum], dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sketch.SpectrumWarning)
        found = trials(
            a, lambda seed: rows(sketch.HMT(a.shape, 10, seed=seed), a).finalize(), range(200)
        )
    assert found.coverage >= 0.93  # 95 % for the narrowest law, within 1.5 standard errors
    found.assert_unbiased(bias=0.05)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("shape", [(30, 60), (200, 60), (60, 100)])
@pytest.mark.parametrize("start_rank", [None, 30])
def test_exact_errors_allow_for_the_rounding_of_squares(start_rank, shape, dtype):
    # entries of one sign, whose norm is far above the error: the identity cancels five digits
    for seed in range(5):
        rng = np.random.default_rng(seed)
        a = 1e3 + rng.standard_normal(shape).astype(dtype)
        for power_iters in (0, 0.5, 1):
            result = sketch.svd(a, 4, power_iters=power_iters, start_rank=start_rank, seed=seed)
            low, high = result.error.interval(1 - 1e-9)
            assert low <= np.linalg.norm(a - result.to_array().astype("complex128")) <= high


def test_a_stream_that_hides_what_is_asked_for_warns():
    a = with_spectrum((120, 80), STEEP["rank 12, 1e-9"])
    sk = rows(sketch.HMT(a.shape, 12), a)
    with pytest.warns(sketch.SpectrumWarning, match="feed the data once more"):
        short = sk.finalize()
    assert short.s[-1] < 0.5 * STEEP["rank 12, 1e-9"][11]
    sk.update(a)
    sk.end_pass()
    assert np.allclose(sk.finalize().s, STEEP["rank 12, 1e-9"][:12], rtol=1e-6)


def test_data_that_can_be_read_again_are():
    a = with_spectrum((120, 80), STEEP["rank 12, 1e-9"])
    result = sketch.svd(a, 12)
    assert result.n_passes == 2
    assert np.allclose(result.s, STEEP["rank 12, 1e-9"][:12], rtol=1e-6)
    with pytest.warns(sketch.SpectrumWarning, match="read again"):
        assert sketch.svd(iter([a]), 12).n_passes == 1


def test_a_tolerance_near_rounding_is_read_for():
    a = with_spectrum((120, 80), STEEP["0.5^i"])
    result = sketch.svd(a, 36, tol=1e-9)
    assert result.n_passes == 2
    assert np.linalg.norm(a - result.to_array()) <= 1e-9 * np.linalg.norm(a)


@pytest.mark.parametrize("scale", [1e-250, 1e-150, 1e150, 1e250])
def test_squares_beyond_the_numbers_take_a_pass_of_their_own(scale):
    result = sketch.svd(A * scale, 4)
    assert np.allclose(result.s / scale, sketch.svd(A, 4).s, rtol=1e-12)
    assert result.n_passes == (2 if scale in (1e-250, 1e250) else result.n_passes)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (1, 1), (1, 9), (9, 1), (3, 50), (50, 3)])
def test_thin_and_empty_streams(shape):
    for a in (np.zeros(shape), np.ones(shape)):
        sk = hmt((None, shape[1]))
        sk.update(a)
        sk.end_pass()
        assert np.allclose(sk.finalize().to_array(), a, atol=1e-14)
