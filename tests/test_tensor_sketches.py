"""Laws of STTA, OTTS and TT-HMT over formats, chunkings and methods; published errors."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import scipy.sparse as sp
from backends import GPUS, host

import sketch

pytestmark = pytest.mark.usefixtures("every_backend")

SHAPE = (6, 7, 8, 5)
METHODS = {"stta": sketch.STTA, "otts": sketch.OTTS, "tt-hmt": sketch.TTHMT}
RNG = np.random.default_rng(7)
STATE = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def _same_draws():
    """Give every test the same draws, whichever run before it and on whichever library."""
    RNG.bit_generator.state = STATE


def sketched(method, data, shape, rank, **options):
    sk = METHODS[method](shape, rank, **options)
    for _ in range(getattr(sk, "n_passes", 1)):
        sk.update(data)
        if method != "stta":
            sk.end_pass()
    return sk


def parts(sk):
    return {name: host(part.values) for name, part in sk.accumulator.state.parts.items()}


def relative_gap(x, y):
    return max(np.abs(x[name] - y[name]).max() / np.abs(y[name]).max() for name in y)


def train(shape, ranks, seed=0):
    rng = np.random.default_rng(seed)
    bonds = (1, *ranks, 1)
    return sketch.TensorTrain(
        [
            rng.standard_normal((a, n, b)) / np.sqrt(a * n)
            for a, n, b in zip(bonds[:-1], shape, bonds[1:], strict=True)
        ]
    )


def cp(shape, terms, seed=0):
    rng = np.random.default_rng(seed)
    return sketch.CPTensor(
        rng.standard_normal(terms), [rng.standard_normal((n, terms)) for n in shape]
    )


def tucker(shape, core_shape, seed=0):
    rng = np.random.default_rng(seed)
    factors = [rng.standard_normal((n, m)) for n, m in zip(shape, core_shape, strict=True)]
    return sketch.TuckerTensor(rng.standard_normal(core_shape), factors)


def operator(out_shape, in_shape, ranks, seed=0):
    rng = np.random.default_rng(seed)
    bonds = zip((1, *ranks), out_shape, in_shape, (*ranks, 1), strict=True)
    return sketch.TTOperator([rng.standard_normal(sizes) for sizes in bonds])


def sparse(shape, seed=0):
    return sp.random_array(shape, density=0.05, rng=np.random.default_rng(seed), format="coo")


def dense(t):
    return t.to_array() if hasattr(t, "to_array") else t.toarray()


FORMATS = {
    "train": lambda: train(SHAPE, (3, 4, 2)),
    "cp": lambda: cp(SHAPE, 3),
    "tucker": lambda: tucker(SHAPE, (2, 3, 2, 2)),
    "sparse": lambda: sparse(SHAPE),
    "hadamard": lambda: sketch.HadamardProduct(
        train(SHAPE, (2, 3, 1)), train(SHAPE, (1, 2, 3), seed=1)
    ),
    "operator": lambda: operator(SHAPE, (5, 3, 4, 2), (2, 3, 2)) @ train((5, 3, 4, 2), (2, 3, 1)),
    "sparse operator": lambda: (
        sketch.TTOperator.kronecker_sum([np.eye(n, k=1) for n in SHAPE]) @ train(SHAPE, (3, 4, 2))
    ),
    "sum": lambda: 2.0 * train(SHAPE, (3, 4, 2)) - sketch.TensorSum([sparse(SHAPE)]),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_storage_of_a_tensor_has_the_same_sketch(name):
    t = FORMATS[name]()
    ours, theirs = (parts(sketched("stta", x, SHAPE, 3)) for x in (t, dense(t)))
    # each part is a sum of at most 6*7*8*5 products of test tensors: errors of some 1e-14
    assert relative_gap(ours, theirs) < 1e-12


@pytest.mark.filterwarnings("ignore::sketch.AccuracyWarning")  # noise
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", FORMATS)
def test_every_storage_gives_the_same_train(method, name):
    t = FORMATS[name]()
    options = {"sketch_rank": 12} if method == "tt-hmt" else {"sketch_rank": 12, "corange_rank": 18}
    ours, theirs = (
        sketched(method, x, SHAPE, 12, **options).finalize().to_array() for x in (t, dense(t))
    )
    assert np.linalg.norm(ours - theirs) < 1e-9 * np.linalg.norm(theirs)


def test_dense_minus_sparse_plus_train_is_sketched_as_the_train():
    small, noise = train(SHAPE, (2, 2, 2)), sparse(SHAPE)
    total = sketch.TensorSum([dense(small) + dense(noise), noise], [1.0, -1.0])
    result = sketch.tensor_train(total, rank=2)
    assert np.linalg.norm(result.to_array() - dense(small)) < 1e-12 * small.norm()


@pytest.mark.parametrize("method", METHODS)
def test_chunks_in_any_order_give_the_one_shot_result(method):
    data = dense(train(SHAPE, (3, 4, 2))) + 1e-3 * RNG.standard_normal(SHAPE)
    whole = sketched(method, data, SHAPE, 3).finalize()
    sk = METHODS[method](SHAPE, 3)
    for _ in range(getattr(sk, "n_passes", 1)):
        sk.update(data[4:, :, 3:], at=(4, 0, 3, 0))
        sk.update(data[4:, :, :3], at=(4, 0, 0, 0))
        sk.update(data[:4], at=0)
        if method != "stta":
            sk.end_pass()
    gap = np.linalg.norm(sk.finalize().to_array() - whole.to_array())
    assert gap < 1e-12 * np.linalg.norm(data)


@pytest.mark.parametrize("method", METHODS)
def test_a_mode_grows(method):
    data = dense(train(SHAPE, (3, 4, 2)))
    sk = METHODS[method]((None, *SHAPE[1:]), 4)
    for _ in range(getattr(sk, "n_passes", 1)):
        for time_slice in data:
            sk.update(time_slice[None])
        if method != "stta":
            sk.end_pass()
    assert sk.shape == SHAPE
    assert np.linalg.norm(sk.finalize().to_array() - data) < 1e-12 * np.linalg.norm(data)


def test_stta_is_linear():
    x, y = FORMATS["train"](), FORMATS["cp"]()
    combined = 2.0 * sketched("stta", x, SHAPE, 3) - sketched("stta", y, SHAPE, 3)
    expected = sketched("stta", 2.0 * dense(x) - dense(y), SHAPE, 3)
    assert relative_gap(parts(combined), parts(expected)) < 1e-12


def test_other_seeds_refuse_to_merge():
    with pytest.raises(sketch.IncompatibleSketchError, match="seed: 0 and 1"):
        sketch.STTA(SHAPE, 3).merge(sketch.STTA(SHAPE, 3, seed=1))


@pytest.mark.filterwarnings("ignore::sketch.AccuracyWarning")  # noise
@pytest.mark.parametrize("method", METHODS)
def test_a_saved_sketch_goes_on_bit_for_bit(method, tmp_path, every_backend):
    data = RNG.standard_normal(SHAPE)
    sk = METHODS[method](SHAPE, 3)
    for step in range(getattr(sk, "n_passes", 1)):
        sk.update(data[:3])
        sk.save(tmp_path / f"{step}.npz")
        sk = sketch.load(tmp_path / f"{step}.npz")
        sk.update(data[3:], at=3)
        if method != "stta":
            sk.end_pass()
    expected = METHODS[method](SHAPE, 3)
    for _ in range(getattr(sk, "n_passes", 1)):
        expected.update(data[:3])
        expected.update(data[3:], at=3)
        if method != "stta":
            expected.end_pass()
    found, wanted = sk.finalize().to_array(), expected.finalize().to_array()
    # products of a GPU round by how their factors lie in memory, and loaded ones lie in order
    allowed = 1e-13 * np.linalg.norm(wanted) if every_backend in GPUS else 0.0
    assert np.abs(found - wanted).max() <= allowed


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("order", [3, 5, 10])
def test_exact_ranks_are_recovered(method, order):
    t = train((4,) * order, (3,) * (order - 1))
    result = sketched(method, t, t.shape, 6).finalize()
    # section 7.2 A5 of the literature's acceptance tests: 1e-12 for exact ranks
    assert (result - t).norm() < 1e-12 * t.norm()


@pytest.mark.parametrize("method", METHODS)
def test_order_two_is_the_matrix_problem(method):
    a = (np.linalg.qr(RNG.standard_normal((40, 30)))[0] * 0.5 ** np.arange(30)) @ np.linalg.qr(
        RNG.standard_normal((30, 30))
    )[0]
    result = sketched(method, a, a.shape, 6).finalize()
    best = np.linalg.norm(0.5 ** np.arange(6, 30))
    assert np.linalg.norm(result.to_array() - a) < 1.001 * best


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "data",
    [
        np.zeros((4, 5, 6)),
        np.arange(5.0),
        RNG.standard_normal((1, 5, 1, 4)),
        sp.coo_array((3, 4, 5)),
        RNG.standard_normal((3, 4, 3)) + 1j * RNG.standard_normal((3, 4, 3)),
    ],
    ids=["zero", "order 1", "modes of size 1", "empty sparse", "complex"],
)
def test_degenerate_tensors(method, data):
    expected = data.toarray() if sp.issparse(data) else data
    result = sketched(method, data, data.shape, 12).finalize()
    assert np.linalg.norm(result.to_array() - expected) <= 1e-12 * np.linalg.norm(expected)
    assert result.dtype == (complex if np.iscomplexobj(expected) else float)


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_extreme_scales(scale):
    data = dense(train(SHAPE, (3, 4, 2)))
    result = sketch.tensor_train(scale * data, rank=4)
    assert np.linalg.norm(result.to_array() / scale - data) < 1e-12 * np.linalg.norm(data)


def test_dense_sizes_beyond_63_bits():
    coords = np.random.default_rng(0).integers(0, 1_000, (8, 20))
    t = sp.coo_array((np.ones(20), tuple(coords)), shape=(1000,) * 8)
    result = sketch.STTA(t.shape, 20, sketch_rank=22, corange_rank=33, error_probes=2)
    result.update(t)
    values = result.finalize().entries(coords.T)
    assert np.abs(values - 1).max() < 1e-9


# ---- accuracy: the published tensors --------------------------------------------------------


@functools.cache
def published(name):
    if name == "cp":
        rng = np.random.RandomState(179)
        factors = [rng.normal(size=(10, 100)) for _ in range(5)]
        factors = [f / np.linalg.norm(f, axis=0) for f in factors]
        return sketch.CPTensor(np.arange(1, 101.0) ** -5, factors)
    if name == "hilbert":
        return 1 / (1 + functools.reduce(np.add, np.ix_(*[np.arange(5.0)] * 7)))
    x = functools.reduce(np.add, np.ix_(*[np.linspace(-0.2, 2, 10)] * 5))
    root = np.sqrt(np.abs(x))
    return root / np.linalg.norm(root)


def error_ratios(method, name, rank, seeds=20, **options):
    t = published(name)
    full = t if isinstance(t, np.ndarray) else t.to_array()
    best = np.linalg.norm(sketch.tt_svd(full, rank).to_array() - full)
    errors = []
    for seed in range(seeds):
        tt = sketched(method, t, full.shape, rank, seed=seed, **options).finalize()
        errors.append(np.linalg.norm(tt.to_array() - full))
    return np.array(errors) / best, best / np.linalg.norm(full)


@pytest.mark.parametrize(("name", "rank"), [("cp", 5), ("cp", 10), ("hilbert", 8), ("sqrt", 5)])
@pytest.mark.parametrize("method", METHODS)
def test_default_sketches_are_as_good_as_tt_svd(method, name, rank):
    ratios, best = error_ratios(method, name, rank)
    assert best > 1e-12
    assert np.median(ratios) <= (1.10 if method == "stta" else 1.05)


@pytest.mark.parametrize(
    ("method", "rank", "low", "high"),
    [  # 20 and 80 % quantiles published for the CP tensor, nothing rounded
        ("stta", 10, 4.819e-05, 7.51e-05),
        ("stta", 20, 2.441e-06, 3.32e-06),
        ("otts", 10, 1.4e-05, 1.985e-05),
        ("otts", 20, 7.155e-07, 8.844e-07),
        ("tt-hmt", 10, 2.44e-05, 5.384e-05),
        ("tt-hmt", 20, 1.451e-06, 2.193e-06),
    ],
)
def test_published_sizes_give_the_published_errors(method, rank, low, high):
    options = {"sketch_rank": rank}
    if method != "tt-hmt":
        options["corange_rank"] = 2 * rank
    ratios, best = error_ratios(method, "cp", rank, **options)
    assert np.median(ratios) * best <= high
    assert np.median(ratios) * best >= 0.5 * low  # a much smaller error would be another method


# ---- error estimates ------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sketch.AccuracyWarning")  # half the ranks
@pytest.mark.parametrize("order", [3, 10, 30])
def test_error_estimates_cover_and_are_unbiased(order):
    """60 seeds: a coverage of 95 % falls below 85 % with a probability of less than 0.1 %."""
    t = train((3,) * order, (4,) * (order - 1))
    covered, ratios = [], []
    for seed in range(60):
        sk = sketch.STTA(t.shape, 2, sketch_rank=3, corange_rank=5, seed=seed, error_probes=4)
        sk.update(t)
        result = sk.finalize()
        truth = (result - t).norm()
        low, high = result.error.interval()
        covered.append(low <= truth <= high)
        ratios.append((result.error.value / truth) ** 2)
    assert np.mean(covered) >= 0.85
    # variance of the squared ratio <= ((1 + 2/R)^d - 1) / 4 per seed: 4 standard errors
    inner = max(8, np.ceil(1.25 * order))
    spread = np.sqrt(((1 + 2 / inner) ** order - 1) / 4 / 60)
    assert abs(np.mean(ratios) - 1) < 4 * spread


def test_a_result_worse_than_zero_says_so():
    rng = np.random.default_rng(0)
    t = sketch.CPTensor(None, [rng.choice([-1.0, 1.0], (2, 40)) for _ in range(12)])
    sk = sketch.STTA(t.shape, 1, sketch_rank=1, corange_rank=2)
    sk.update(t)
    with pytest.warns(sketch.AccuracyWarning, match="further from the data than zero is"):
        assert sk.finalize().error.relative > 0.8


def test_tolerance_chooses_the_ranks():
    t = published("hilbert")
    result = sketch.tensor_train(t, tol=1e-6)
    truth = np.linalg.norm(result.to_array() - t) / np.linalg.norm(t)
    assert truth < 1.5e-6  # the estimate spreads by 1.4 (16 probes, order 7)
    assert max(result.ranks) < 10


# ---- refusals -------------------------------------------------------------------------------


def refused(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_refusals_name_the_cause():
    sk = sketch.STTA(SHAPE, 3)
    before = parts(sk)
    bad = np.ones(SHAPE)
    bad[1, 2, 3, 4] = np.nan
    refused(lambda: sk.update(bad), sketch.NonFiniteError, r"\(1, 2, 3, 4\)")
    refused(lambda: sk.update(np.ones((6, 7, 8))), sketch.ShapeError, "does not fit")
    refused(lambda: sk.update(np.ones(SHAPE), at=1), sketch.ShapeError, "outside")
    refused(lambda: sk.update(object()), sketch.DtypeError, "cannot sketch")
    refused(lambda: sk.finalize(rank=-1), sketch.RankError, "at least 1")
    refused(lambda: sk.finalize(rank=[1, 2]), sketch.RankError, "3 bonds")
    refused(lambda: sketch.STTA(SHAPE, 0), sketch.RankError, "at least 1")
    refused(lambda: sketch.STTA((), 2), sketch.ShapeError, "at least one axis")
    refused(lambda: sketch.tensor_train(bad), sketch.RankError, "rank")
    refused(lambda: sketch.tensor_train(bad, 2, method="x"), ValueError, "method must be")
    refused(sketch.TTHMT(SHAPE, 3).finalize, sketch.PassError, "0 of 4 passes")
    assert parts(sk) == before == {}


# ---- exact errors ---------------------------------------------------------------------------

EXACT = {
    "train": lambda: train(SHAPE, (6, 9, 5)),
    "cp": lambda: cp(SHAPE, 9),
    "tucker": lambda: tucker(SHAPE, (5, 6, 5, 4)),
    "hadamard": lambda: sketch.HadamardProduct(
        train(SHAPE, (2, 3, 2)), train(SHAPE, (3, 3, 3), seed=1)
    ),
    "operator": lambda: operator(SHAPE, (5, 3, 4, 2), (2, 3, 2)) @ train((5, 3, 4, 2), (3, 3, 2)),
    "sum": lambda: sketch.TensorSum([train(SHAPE, (6, 9, 5)), cp(SHAPE, 9)], [2.0, -1.0]),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", EXACT)
def test_errors_of_structured_tensors_are_exact(name, method):
    t = EXACT[name]()
    result = sketch.tensor_train(t, 3, method=method)
    truth = np.linalg.norm(result.to_array() - t.to_array())
    assert result.error.kind == "exact"
    assert abs(result.error.value - truth) < 1e-12 * result.error.norm
    low, high = result.error.interval()
    assert low <= truth <= high


def test_exact_errors_resolve_what_differences_of_squares_cannot():
    t = train(SHAPE, (3, 4, 2)) + 1e-11 * train(SHAPE, (1, 1, 1), seed=5)
    result = sketch.tensor_train(t, [3, 4, 2])
    truth = np.linalg.norm(result.to_array() - t.to_array())
    assert result.error.value == pytest.approx(truth, rel=1e-2)


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
@pytest.mark.parametrize("scale", [1.0, 1e-30])
@pytest.mark.parametrize("cancelling", [0.0, 1e3])
def test_errors_of_cp_tensors_are_those_of_their_trains(dtype, scale, cancelling):
    # terms that cancel leave squares nothing to tell, and so do errors near the roundoff
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((9, 8)).astype(dtype) for _ in range(4)]
    weights = scale * 0.3 ** np.arange(8.0)
    weights[:2] += scale * cancelling * np.array([1, -1])
    for factor in factors if cancelling else []:
        factor[:, 1] = factor[:, 0]
    cp = sketch.CPTensor(weights.astype(dtype), factors)
    for rank in (2, 5, 8):
        found = sketch.tensor_train(cp, rank)
        exact = sketch.tensor_train(cp.to_tensor_train(), rank).error
        error, roundoff = found.error, float(np.finfo(dtype).eps)
        # both are sums of terms of this size, of up to 9 numbers in 4 modes
        slight = 100 * roundoff * (scale * cancelling + exact.norm) * np.prod([9.0**0.5] * 4)
        away = abs((found - cp.to_tensor_train()).norm() - error.value)
        assert away <= 1e-5 * error.value + slight
        assert error.kind == exact.kind == "exact"
        assert error.norm == pytest.approx(exact.norm, rel=1e-5) or cancelling


def test_without_probes_nothing_is_estimated():
    train = sketch.TensorTrain.random((5, 6, 7), rank=4)
    for data in (train, train + 0, sketch.CPTensor(None, [np.ones((4, 2))] * 3)):
        assert sketch.tensor_train(data, 2, error_probes=0).error.kind == "heuristic"


def test_a_tucker_tensor_is_an_exact_train():
    t = tucker(SHAPE, (5, 6, 5, 4))
    gap = np.linalg.norm(t.to_tensor_train().to_array() - t.to_array())
    assert gap < 1e-13 * np.linalg.norm(t.to_array())
