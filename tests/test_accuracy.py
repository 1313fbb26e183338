"""How far results are from the best ones, and that rounding does not come between."""

from __future__ import annotations

import numpy as np
import pytest
from backends import host
from trials import fed

import sketch
from sketch.testing import exponential, low_rank_plus_noise, polynomial, with_spectrum

pytestmark = pytest.mark.usefixtures("every_backend")


def relative_error(a, result):
    return np.linalg.norm(a - result.to_array()) / np.linalg.norm(a)


# ---- exact recovery -------------------------------------------------------------------------


@pytest.mark.parametrize("condition", [1.0, 1e9])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_matrices_of_the_sketch_s_rank_are_recovered(condition, dtype):
    # rank 10 from 15 columns, corange 23: 4e-15 seen at most in 1000 seeds
    a = with_spectrum((200, 150), np.geomspace(1, 1 / condition, 10), dtype=dtype)
    seeds = range(200 if dtype == "float64" else 50)
    for seed in seeds:
        options = {"sketch_rank": 15, "seed": seed, "dtype": dtype}
        nystrom = sketch.GeneralizedNystrom(a.shape, 10, corange_rank=23, **options)
        assert relative_error(a, fed(nystrom, a).finalize()) <= 1e-13
        assert relative_error(a, fed(sketch.HMT(a.shape, 10, **options), a).finalize()) <= 1e-13


def test_recovery_at_no_spare_columns_holds_for_most_seeds():
    # a square Gaussian matrix may be ill-conditioned: tails to 3.5e-10 are in its nature
    a = with_spectrum((200, 150), np.geomspace(1, 1e-9, 10))
    for corange in (10, 15):
        errors = [
            relative_error(
                a,
                fed(
                    sketch.GeneralizedNystrom(
                        a.shape, 10, sketch_rank=10, corange_rank=corange, seed=seed
                    ),
                    a,
                ).finalize(),
            )
            for seed in range(100)
        ]
        assert np.median(errors) <= 1e-13
        assert np.max(errors) <= 1e-8


def test_float32_matrices_are_recovered_to_their_precision():
    a = with_spectrum((200, 150), np.geomspace(1, 1e-3, 10), dtype="float32")
    for seed in range(50):
        for method in ("hmt", "nystrom"):
            res = sketch.svd(a, 10, method=method, seed=seed)
            assert res.dtype == np.float32
            assert relative_error(a, res) <= 1e-6  # 17 roundoffs


# ---- beyond the numerical rank --------------------------------------------------------------


@pytest.fixture(scope="module")
def numerically_deficient():
    return with_spectrum((300, 300), exponential(300, 0.5))


def test_generalized_nystrom_goes_beyond_the_numerical_rank(numerically_deficient):
    a = numerically_deficient
    for seed in range(20):
        sk = sketch.GeneralizedNystrom(a.shape, 60, sketch_rank=60, corange_rank=90, seed=seed)
        assert relative_error(a, fed(sk, a).finalize()) <= 1e-13  # 3e-15 seen


def test_an_explicit_pseudo_inverse_would_not(numerically_deficient):
    # the control: what the test above must be able to notice
    a = numerically_deficient
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(10):
        omega, psi = rng.standard_normal((300, 60)), rng.standard_normal((300, 90))
        b, w = a @ omega, psi.T @ a
        approximation = b @ np.linalg.pinv(psi.T @ b, rcond=1e-15) @ w
        errors.append(np.linalg.norm(a - approximation) / np.linalg.norm(a))
    assert np.max(errors) >= 1e-6


def test_power_iterations_keep_small_singular_values(numerically_deficient):
    a = numerically_deficient
    for seed in range(10):
        res = sketch.svd(a, 60, power_iters=2, seed=seed)
        assert relative_error(a, res) <= 1e-13
        # 0.5^i down to roundoff: singular values are absolute quantities
        assert np.abs(res.s - exponential(60, 0.5)).max() <= 1e-14


def test_power_iterations_without_orthonormalisation_would_not(numerically_deficient):
    a = numerically_deficient
    y = a @ np.random.default_rng(0).standard_normal((300, 60))
    for _ in range(2):
        y = a @ (a.T @ y)
    q = np.linalg.qr(y)[0]
    assert np.linalg.norm(a - q @ (q.T @ a)) / np.linalg.norm(a) >= 1e-5


@pytest.mark.parametrize(
    "singular_values",
    [
        np.ones(3),  # 20 columns of rank 3: Gram matrices are singular
        exponential(40, 0.5),
        exponential(60, 1e-3),
        low_rank_plus_noise(60, 5, 1e-9),
        low_rank_plus_noise(60, 5, 1e-16),
        [0.0],
    ],
    ids=["rank 3", "0.5^i", "0.001^i", "noise 1e-9", "noise 1e-16", "zero"],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_cholesky_qr_falls_back_on_panels_it_cannot_factor(singular_values, dtype):
    a = with_spectrum((400, 60), singular_values, dtype=dtype)
    precise = np.finfo(dtype).eps
    for seed in range(5):
        for power_iters in (0, 2):
            res = sketch.svd(a, 10, power_iters=power_iters, seed=seed)
            gram = res.U.conj().T @ res.U
            assert np.abs(gram - np.eye(10)).max() <= 100 * precise
            tail = np.linalg.norm(np.sort(singular_values)[::-1][10:])
            assert np.linalg.norm(a - res.to_array()) <= 1.5 * tail + 100 * precise


# ---- distance from the best -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("singular_values", "nystrom", "hmt"),
    [(exponential(700, 0.8), 1.1, 1.01), (polynomial(700), 1.5, 1.01)],
    ids=["0.8^i", "1/i"],
)
def test_errors_at_default_options_are_near_the_best(singular_values, nystrom, hmt):
    # a diagonal of known singular values stands for any matrix: Gaussian maps are invariant
    # under rotations
    a = np.zeros((900, 700))
    np.fill_diagonal(a, singular_values)
    best = np.linalg.norm(singular_values[20:])
    ratios = [
        [
            np.linalg.norm(a - sketch.svd(a, 20, seed=seed, **options).to_array()) / best
            for options in ({"method": "nystrom"}, {"power_iters": 2})
        ]
        for seed in range(20)
    ]
    assert np.median(ratios, axis=0)[0] <= nystrom
    assert np.max(ratios, axis=0)[1] <= hmt


def test_sparse_maps_do_not_miss_coherent_data():
    # Unit singular vectors: with one or two entries a row, errors are 20 to 240 times those of
    # Gaussian maps; with eight they were 1.3 times at most. Four are not enough at this width:
    # two of 20 rows coincide up to sign in one of some hundred draws, and a direction is lost.
    a = with_spectrum((200, 120), low_rank_plus_noise(120, 20, 1e-3), coherent=True)

    def errors(family):
        results = (sketch.svd(a, 20, seed=seed, test_matrix=family) for seed in range(50))
        return [np.linalg.norm(a - result.to_array()) for result in results]

    gaussian = np.max(errors("gaussian"))
    assert np.max(errors(sketch.SparseSign())) <= 1.5 * gaussian
    assert np.max(errors(sketch.BlockSign())) <= 1.5 * gaussian
    assert np.max(errors(sketch.SparseSign(nnz=4))) > 10 * gaussian  # so that the test bites


# ---- long streams ---------------------------------------------------------------------------


def test_a_long_float32_stream_keeps_its_precision():
    # 10000 chunks fall on the same rows of B = A Omega. Single-precision sums would lose 2e-6 on
    # centred data, as measured, and more on positive ones.
    rng = np.random.default_rng(0)
    steps, rows, cols = 10_000, 8, 4
    sk = sketch.GeneralizedNystrom((rows, steps * cols), 2, sketch_rank=6, corange_rank=8)
    one_shot = sketch.GeneralizedNystrom.from_spec(sk.spec)
    a = rng.standard_normal((rows, steps * cols)).astype("float32")
    for step in range(steps):
        chunk = a[:, step * cols : (step + 1) * cols]
        sk.update(chunk, at=(0, step * cols))
    one_shot.update(a.astype("float64"))
    # both end in float64 sums; their difference is what the stream has lost of the range part
    streamed, precise = (host(s.accumulator.sums().whole("range")) for s in (sk, one_shot))
    assert np.linalg.norm(streamed - precise) <= 5e-7 * np.linalg.norm(precise)
