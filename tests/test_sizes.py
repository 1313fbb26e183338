"""No width exceeds what the data can fill: sums stay small, and full width is exact."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import sketch
from sketch.cli import main

SHAPES = [(60, 7), (7, 60), (12, 12), (13, 12), (12, 13), (1, 9), (9, 1)]
ABOVE = [1, 2, 30, 10**12]  # ranks, as multiples of the largest that there is
METHODS = {
    "hmt": {},
    "from the left": {"power_iters": 0.5},
    "power": {"power_iters": 1},
    "wide start": {"power_iters": 0.5, "start_rank": 10**12},
    "nystrom": {"method": "nystrom"},
}


def matrix(shape, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return np.asarray(a if dtype.startswith("c") else a.real, dtype)


def passes(sk, a):
    """Sketch a matrix in row chunks, where they go, and return the most that the sums took."""
    most = 0
    for _ in range(getattr(sk, "n_passes", 1)):
        for row in range(0, a.shape[0], 5):
            sk.update(a[row : row + 5], at=(row, 0))
        most = max(most, sk.nbytes)
        if hasattr(sk, "end_pass"):
            sk.end_pass()
    return most


@pytest.mark.parametrize("test_matrix", ["gaussian", "sparse-sign"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_ranks_above_the_largest_give_the_whole_matrix(shape, method, dtype, test_matrix):
    a = matrix(shape, dtype)
    for kind in (np.asarray, sp.csr_array):
        for times in ABOVE:
            options = METHODS[method]
            result = sketch.svd(kind(a), times * min(shape), test_matrix=test_matrix, **options)
            error = np.linalg.norm(result.to_array().astype("c16") - a)
            assert result.rank == min(shape)
            # nothing but rounding, of products along at most 60 entries and two factorizations
            assert error < 100 * np.finfo(dtype).eps * np.linalg.norm(a)
            low, high = result.error.interval()
            assert low <= error <= high
            assert high < 1000 * np.finfo(dtype).eps * np.linalg.norm(a)


@pytest.mark.parametrize("grows", [None, 0, 1])
@pytest.mark.parametrize("make", [sketch.GeneralizedNystrom, sketch.HMT])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sums_are_no_larger_than_for_the_largest_rank(shape, make, grows):
    a = matrix(shape)
    known = [None if axis == grows else size for axis, size in enumerate(shape)]
    full = min(size for size in known if size is not None)
    wide = ["start_rank"] if make is sketch.HMT else ["corange_rank"] if grows != 0 else []
    for names in ([], ["sketch_rank"], wide, ["sketch_rank", *wide]):
        most = max(known[0], 2 * full) if "corange_rank" in names else full
        least = passes(make(known, full, **dict.fromkeys(names, most)), a)
        sk = make(known, 10**9, **dict.fromkeys(names, 10**12))
        assert passes(sk, a) <= least
        assert sk.spec.rank == full >= sk.range_size
        for rank in (None, full, 10**9):
            result = sk.finalize(rank)
            assert result.rank == min(full, *shape)
            assert np.linalg.norm(result.to_array() - a) < 1e-13 * np.linalg.norm(a)


def test_a_tolerance_or_fewer_columns_leave_the_error_at_full_width():
    a = matrix((60, 20)) * 0.5 ** np.arange(20.0)
    exact = np.linalg.svd(a, compute_uv=False)
    for options in METHODS.values():
        result = sketch.svd(a, 10**6, tol=1e-2, **options)
        error = np.linalg.norm(result.to_array() - a)
        assert np.isclose(error, np.linalg.norm(exact[result.rank :]), rtol=1e-6)
        low, high = result.error.interval()
        assert low <= error <= high < 1.001 * error
        assert result.error.relative <= 1e-2


def test_a_width_short_of_the_rank_is_refused_but_one_that_fits_is_not():
    assert sketch.svd(matrix((400, 8)), 1, start_rank=8, power_iters=0.5).rank == 1
    assert sketch.HMT((400, 8), 8, sketch_rank=8).range_size == 8
    with pytest.raises(sketch.RankError, match="start_rank must be at least 11, got 9"):
        sketch.svd(matrix((400, 80)), 1, start_rank=9)
    with pytest.raises(sketch.RankError, match="sketch_rank must be at least 5, got 4"):
        sketch.GeneralizedNystrom((400, 80), 5, sketch_rank=4)
    with pytest.raises(sketch.RankError, match="less than the range's 20"):
        sketch.GeneralizedNystrom((400, 80), 5, corange_rank=19)


@pytest.mark.parametrize("center", [False, True])
def test_all_components_are_exact(center):
    rows = matrix((90, 6)) + 5
    exact = np.linalg.svd(rows - center * rows.mean(0), compute_uv=False) ** 2 / 89
    for rank in (6, 7, 10**12):
        found = sketch.pca(rows, rank, center=center)
        assert np.allclose(found.explained_variance, exact, rtol=1e-11)


@pytest.mark.parametrize("method", ["stta", "otts", "tt-hmt", "tt-svd"])
@pytest.mark.parametrize("shape", [(5, 4, 6), (1, 7, 1), (9, 2, 2, 9), (8,)], ids=str)
def test_trains_of_too_high_ranks_are_whole(shape, method):
    a = matrix(shape)
    train = sketch.tensor_train(a, 10**9, method=method)
    assert np.linalg.norm(train.to_array() - a) < 1e-12 * np.linalg.norm(a)


@pytest.mark.parametrize("make", [sketch.STTA, sketch.OTTS, sketch.TTHMT])
@pytest.mark.parametrize("shape", [(3, 40, 50), (50, 40, 3), (4, 5, 6, 7), (None, 5, 9)], ids=str)
def test_sums_of_tensors_are_no_larger_than_for_the_largest_ranks(shape, make):
    data = matrix([size or 20 for size in shape])

    def taken(rank, **options):
        sk = make(shape, rank, **options)
        sk.update(data)
        return sk.nbytes

    full = make(shape, 1).spec.full
    assert taken(10**12) <= taken(full)
    assert taken(1, sketch_rank=10**12) <= taken(full, sketch_rank=full) * 1.5 + taken(full)
    with pytest.raises(sketch.RankError, match="must not decrease"):
        make((9, 9, 9), 8, sketch_rank=5)


@pytest.mark.parametrize(
    ("make", "chunk"),
    [
        (lambda: sketch.GeneralizedNystrom((None, 9), 2), np.ones((3, 9))),
        (lambda: sketch.HMT((9, None), 2, power_iters=0.5), np.ones((9, 3))),
        (lambda: sketch.STTA((9, 4, None), 2), np.ones((9, 4, 2))),
    ],
    ids=["nystrom", "hmt", "stta"],
)
def test_what_no_machine_can_hold_is_refused_before_it_is_made(make, chunk):
    sk = make()
    place = [0 if size else 10**15 for size in sk.spec.shape]
    sk.update(chunk, at=tuple(place))
    assert sk.nbytes < 1e5
    with pytest.raises(sketch.MemoryBudgetError, match=r"shape \(.*00000.* GB, and"):
        sk.end_pass() if isinstance(sk, sketch.HMT) else sk.finalize()


def test_the_command_line_takes_any_rank(tmp_path, capsys):
    np.save(tmp_path / "a.npy", matrix((30, 9)))
    out = tmp_path / "result.npz"
    assert main(["svd", str(tmp_path / "a.npy"), "--rank", str(10**9), "--out", str(out)]) == 0
    assert sketch.load(out).rank == 9


@pytest.mark.parametrize("power_iters", [0, 0.5, 1])
@pytest.mark.parametrize("shape", [(60, 7), (7, 60), (12, 12)], ids=str)
def test_without_probes_full_width_leaves_nothing_out(shape, power_iters):
    a = matrix(shape)
    for rank in (3, 10**9):
        sk = sketch.HMT(shape, rank, sketch_rank=rank, power_iters=power_iters, error_probes=0)
        passes(sk, a)
        result = sk.finalize()
        error = np.linalg.norm(result.to_array() - a)
        low, high = result.error.interval()
        assert low <= error <= high
        assert (high < 1e-12) == (rank > min(shape))
