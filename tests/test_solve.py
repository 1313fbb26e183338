"""Systems in trains: small ones against dense solutions, and what is said of those that fail."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from backends import BACKENDS, host

import sketch
from sketch.formats import squared_norm
from sketch.linear_systems import _train_system

DTYPES = ["float32", "float64", "complex64", "complex128"]
SHAPE = (5, 4, 3)


def numbers(rng, shape, dtype="float64"):
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


def train(shape=SHAPE, rank=2, dtype="float64", seed=0, to=np.asarray):
    rng = np.random.default_rng(seed)
    inner = [rank] * (len(shape) - 1)
    sizes = zip((1, *inner), shape, (*inner, 1), strict=True)
    return sketch.TensorTrain([to(numbers(rng, size, dtype)) for size in sizes])


def operator(shape=SHAPE, dtype="float64", seed=0, to=np.asarray):
    """Return an operator of rank 3, well-conditioned and not symmetric."""
    rng = np.random.default_rng(seed)
    pieces = [numbers(rng, (n, n), dtype) / float(np.sqrt(n)) for n in shape]
    product = sketch.TTOperator.kronecker([to(piece) for piece in pieces])
    total = sketch.TTOperator.kronecker_sum(
        [to((p + 2 * np.eye(len(p))).astype(dtype)) for p in pieces]
    )
    return total + 0.3 * product


def laplacian(n, order):
    second = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    return sketch.TTOperator.kronecker_sum([second] * order)


def dense_solution(a, b):
    return np.linalg.solve(host(a.to_dense()), host(b.to_array()).ravel()).reshape(b.shape)


def true_residual(a, x, b):
    b = host(b.to_array()).ravel()
    return np.linalg.norm(host(a.to_dense()) @ host(x.to_array()).ravel() - b) / np.linalg.norm(b)


@pytest.mark.parametrize("to", BACKENDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_small_systems_have_the_dense_solution(to, dtype):
    tol = 1e-4 if np.finfo(dtype).eps > 1e-10 else 1e-9
    a, b = operator(dtype=dtype, to=to), train(dtype=dtype, to=to)
    found = sketch.solve(a, b, tol=tol)
    assert found.residual.relative <= tol
    assert found.x.dtype == b.dtype
    assert type(found.x.cores[0]) is type(to(np.ones(1)))
    want = dense_solution(a, b)
    condition = np.linalg.cond(host(a.to_dense()).astype("complex128"))
    gap = np.linalg.norm(host(found.x.to_array()) - want)
    assert gap <= 2 * tol * condition * np.linalg.norm(want)


@pytest.mark.parametrize("shape", [(7,), (6, 5), (2, 3, 2, 3, 2)])
def test_any_order(shape):
    a, b = operator(shape), train(shape)
    found = sketch.solve(a, b, tol=1e-8)
    assert true_residual(a, found.x, b) <= 1e-8
    assert found.residual.kind == "exact"
    assert found.residual.relative == pytest.approx(
        true_residual(a, found.x, b), rel=1e-3, abs=1e-12
    )


def test_the_residual_is_the_true_one_for_every_rank():
    a, b = laplacian(5, 4), train((5,) * 4, rank=1)
    preconditioner = sketch.TTOperator.from_dense(
        np.linalg.inv(a.to_dense()), (5,) * 4, rank=4, tol=None
    )
    last = np.inf
    for rank in (1, 3, 8, 16):
        found = sketch.solve(a, b, rank=rank, preconditioner=preconditioner)
        assert max(found.ranks) <= rank
        truth = (a @ found.x - b).norm() / b.norm()
        assert found.residual.relative == pytest.approx(truth, rel=1e-2)
        assert truth < last
        last = truth
    assert last < 1e-4


def test_a_sum_of_operators_is_solved_as_their_sum():
    a, b = [operator(seed=0), 0.3 * operator(seed=1)], train()
    found = sketch.solve(a, b, tol=1e-8)
    assert true_residual(a[0] + a[1], found.x, b) <= 1e-8


def test_preconditioners_save_steps():
    a, b = laplacian(8, 3), sketch.CPTensor(None, [np.ones((8, 1))] * 3)
    inverse = np.linalg.inv(a.to_dense())
    preconditioner = sketch.TTOperator.from_dense(inverse, (8,) * 3, rank=3, tol=None)
    plain = sketch.solve(a, b, tol=1e-4)
    helped = sketch.solve(a, b, tol=1e-4, preconditioner=preconditioner)
    called = sketch.solve(
        a, b, tol=1e-4, preconditioner=lambda v: (preconditioner @ v).to_tensor_train().round(20)
    )
    assert helped.residual.relative <= 1e-4
    assert called.residual.relative <= 1e-4
    assert max(helped.steps, called.steps) < plain.steps / 2


def test_a_preconditioner_of_rank_one_is_exact():
    a = sketch.TTOperator.kronecker([np.diag(np.arange(1.0, n + 1)) for n in SHAPE])
    inverse = sketch.TTOperator.kronecker([np.diag(1 / np.arange(1.0, n + 1)) for n in SHAPE])
    found = sketch.solve(a, train(), tol=1e-12, preconditioner=inverse)
    assert found.steps == 1
    assert found.residual.relative < 1e-13


def test_cycles_begin_anew_until_the_tolerance_is_met(monkeypatch):
    monkeypatch.setattr("sketch.linear_systems._train_gmres._LONGEST", 4)
    a, b = operator(), train()
    found = sketch.solve(a, b, rank=20, tol=1e-8)
    assert found.steps > 4
    assert found.residual.relative <= 1e-8


def test_residuals_too_large_for_qr_are_estimated_with_an_interval(monkeypatch):
    monkeypatch.setattr(_train_system, "_EXACT_WORK", 0)
    monkeypatch.setattr(_train_system, "_RESOLVED", np.inf)
    a, b, covered = operator(), train(), 0
    for seed in range(40):
        found = sketch.solve(a, b, rank=3, seed=seed, max_steps=5)
        low, high = found.residual.interval()
        truth = true_residual(a, found.x, b) * b.norm()
        assert found.residual.kind == "unbiased"
        covered += low <= truth <= high
    assert covered >= 40 * 0.95 - 3 * np.sqrt(40 * 0.95 * 0.05)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gap", [1.0, 1e-3, 1e-7, 0.0])
def test_squares_by_inner_products_are_right_within_their_rounding(dtype, gap):
    eps = np.finfo(dtype).eps
    a, x = operator(dtype=dtype), train(dtype=dtype)
    b = (a @ x).to_tensor_train() - gap * train(dtype=dtype, rank=1, seed=1)
    difference = a @ x - b
    square, rounding = squared_norm(difference)
    truth = np.linalg.norm(
        host(a.to_dense()) @ host(x.to_array()).ravel() - host(b.to_array()).ravel()
    )
    lost = eps * (np.linalg.norm(host(b.to_array())) + b.to_array().size)
    assert abs(square - truth**2) <= rounding + 2 * lost * truth + lost**2
    size = np.linalg.norm(host(b.to_array()))
    assert eps * size**2 / 2 <= rounding <= 1e3 * eps * size**2  # of ranks up to 8, not orthogonal


def test_zero_has_the_solution_zero():
    found = sketch.solve(operator(), 0.0 * train(), tol=1e-6)
    assert found.x.norm() == found.residual.value == found.steps == 0


@pytest.mark.parametrize("size", [1e-150, 1e150])
def test_sizes_do_not_matter(size):
    a, b = operator(), train()
    usual, scaled = sketch.solve(a, b, tol=1e-6), sketch.solve(a, size * b, tol=1e-6)
    gap = (scaled.x / size - usual.x).norm()
    assert gap <= 1e-9 * usual.x.norm()


def test_singular_systems_are_told():
    singular = sketch.TTOperator.kronecker([np.diag([1.0, 1.0, 0.0])] * 3)
    b = sketch.TensorTrain([np.ones((1, 3, 1))] * 3)
    with pytest.warns(sketch.ToleranceWarning, match="singular"):
        found = sketch.solve(singular, b, tol=1e-6)
    # the embedding's least squares with 200 rows are within some per cent of the best
    assert found.residual.relative == pytest.approx(np.sqrt(19 / 27), rel=0.05)
    with pytest.warns(sketch.ToleranceWarning, match="singular"):
        assert sketch.solve(singular, b, rank=3).residual.relative > 0.8
    with pytest.warns(sketch.ToleranceWarning, match="singular"):
        nothing = sketch.solve(0.0 * singular, b, rank=2)
    assert nothing.residual.relative == pytest.approx(1.0)
    consistent = sketch.TensorTrain([np.array([[[1.0], [2.0], [0.0]]])] * 3)
    assert sketch.solve(singular, consistent, tol=1e-10).residual.relative < 1e-10


def test_tolerances_that_are_missed_are_told():
    a, b = laplacian(12, 3), train((12,) * 3)
    with pytest.warns(sketch.ToleranceWarning, match=r"more than tol=1e-06"):
        found = sketch.solve(a, b, rank=2, tol=1e-6)
    assert found.residual.relative > 1e-6
    with pytest.warns(sketch.ToleranceWarning, match="after 2 steps"):
        sketch.solve(a, b, tol=1e-6, max_steps=2)


def test_the_same_seed_gives_the_same_solution_and_results_know_it():
    a, b = operator(), train()
    first, again = (sketch.solve(a, b, rank=3, seed=7) for _ in range(2))
    assert all(np.array_equal(x, y) for x, y in zip(first.x.cores, again.x.cores, strict=True))
    assert 7 in first.x.seeds
    other = sketch.solve(a, first.x, tol=1e-8, seed=7)
    assert other.residual.relative <= 1e-8


def test_results_show_themselves():
    found = sketch.solve(operator(), train(), tol=1e-6)
    assert "relative residual" in repr(found)
    assert "residual" in found._repr_html_()
    assert found.ranks == found.x.ranks
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.steps = 0


def test_progress_is_shown_where_asked_for(capfd):
    sketch.solve(operator(), train(), tol=1e-6, progress=True)
    assert "solving" in capfd.readouterr().err


def refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_bad_arguments_are_refused():
    a, b, solve = operator(), train(), sketch.solve
    refused(lambda: solve(a, b), sketch.RankError, "give a rank")
    refused(lambda: solve(a, b, 0), sketch.RankError, "at least 1")
    refused(lambda: solve(a, b, tol=-1), sketch.ToleranceError, "tol")
    refused(lambda: solve(a, b, 2, max_steps=0), sketch.RankError, "max_steps")
    refused(lambda: solve(a, train((5, 4)), 2), sketch.ShapeError, "right-hand side of shape")
    slim = sketch.TTOperator([np.ones((1, 5, 4, 1)), np.ones((1, 4, 5, 1)), np.ones((1, 3, 3, 1))])
    refused(lambda: solve(slim, b, 2), sketch.ShapeError, "square")
    refused(lambda: solve([], b, 2), sketch.DtypeError, "nothing")
    refused(lambda: solve([a, np.eye(3)], b, 2), sketch.DtypeError, "ndarray")
    refused(lambda: solve(np.eye(60), b, 2), sketch.DtypeError, "ndarray")
    refused(lambda: solve(a, b.to_array(), 2), sketch.DtypeError, "tt_svd")
    narrow = operator((5, 4))
    refused(lambda: solve(a, b, 2, preconditioner=narrow), sketch.ShapeError, "square operators")
    refused(
        lambda: solve(a, b, 2, preconditioner=lambda v: 1.0), sketch.DtypeError, "return a train"
    )
    refused(
        lambda: solve(a, b, 2, preconditioner=lambda v: train((5, 4))),
        sketch.ShapeError,
        "returned",
    )


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(value):
    cores = [core.copy() for core in train().cores]
    cores[1][0, 2, 0] = value
    spoilt = sketch.TensorTrain(cores)
    refused(lambda: sketch.solve(operator(), spoilt, 2), sketch.NonFiniteError, "right-hand side")
    cores = [core.copy() for core in operator().cores]
    cores[1][0, 2, 1, 0] = value
    broken = sketch.TTOperator(cores)
    refused(lambda: sketch.solve(broken, train(), 2), sketch.NonFiniteError, "finite")


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_sizes_of_preconditioners_and_solutions_do_not_matter(size):
    a, b = operator(), train()
    usual = sketch.solve(a, b, tol=1e-6)
    helped = sketch.solve(a, b, rank=8, tol=1e-6, preconditioner=lambda v: v * size)
    assert helped.residual.relative <= 1e-6
    extreme = sketch.solve(a / size, size * b, tol=1e-6)  # entries of size 1e400 or 1e-400
    cores = [core / size ** (2 / 3) for core in extreme.x.cores]
    assert (sketch.TensorTrain(cores) - usual.x).norm() <= 1e-9 * usual.x.norm()
    for nothing in (None, 3):
        refused(
            lambda nothing=nothing: sketch.solve(nothing, b, 2), sketch.DtypeError, "TTOperator"
        )
