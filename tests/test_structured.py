"""Structured containers stay what they are once they are made."""

from __future__ import annotations

import numpy as np
import pytest

import sketch

TRAIN = sketch.tt_svd(np.arange(24.0).reshape(2, 3, 4), 2)
FROZEN = {
    "cp": (
        lambda: sketch.CPTensor(np.ones(2), [np.ones((n, 2)) for n in (2, 3, 4)]),
        ("weights", "factors"),
    ),
    "tucker": (
        lambda: sketch.TuckerTensor(np.ones((1, 2)), [np.ones((3, 1)), np.ones((4, 2))]),
        ("core", "factors"),
    ),
    "train": (lambda: TRAIN, ("cores", "error", "shape")),
    "sum": (lambda: sketch.TensorSum([TRAIN, TRAIN]), ("terms", "coefficients", "shape")),
    "hadamard": (lambda: sketch.HadamardProduct(TRAIN, TRAIN), ("first", "second")),
    "operator": (lambda: sketch.TTOperator.identity((2, 3)), ("cores", "in_shape", "shape")),
    "product": (
        lambda: sketch.TTOperator.identity(TRAIN.shape) @ TRAIN,
        ("operator", "train", "shape"),
    ),
    "low rank": (lambda: sketch.svd(np.eye(4), 2), ("U", "s", "Vh", "error")),
    "components": (lambda: sketch.pca(np.eye(4), 2), ("components", "mean", "error")),
}


@pytest.mark.parametrize("name", FROZEN)
@pytest.mark.filterwarnings("ignore::sketch.SketchWarning")
def test_containers_cannot_be_changed(name):
    make, attributes = FROZEN[name]
    container = make()
    for attribute in attributes:
        before = getattr(container, attribute)
        with pytest.raises(AttributeError):
            setattr(container, attribute, before)
        if isinstance(before, list | tuple):
            with pytest.raises(TypeError):
                before[0] = before[0]


@pytest.mark.parametrize("entry", ["a", None, np.datetime64("2020-01-01"), np.void(b"a")])
def test_what_is_no_number_is_refused_by_every_format(entry):
    bad = np.full((1, 1), entry)
    for make in (
        lambda: sketch.TensorTrain([bad[None]]),
        lambda: sketch.TTOperator([bad[None, None]]),
        lambda: sketch.CPTensor(np.ones(1), [bad, bad]),
        lambda: sketch.TuckerTensor(np.ones((1, 1)), [bad, bad]),
    ):
        with pytest.raises(sketch.DtypeError, match="convert to"):
            make()


def no_terms(kind, complex_part=1.0):
    shape, one = (4, 3, 5), np.ones(1) * complex_part
    factors = [np.zeros((n, 0)) * one for n in shape]
    cores = [np.zeros((1, 4, 0)) * one, np.zeros((0, 3, 2)) * one, np.ones((2, 5, 1)) * one]
    links = [np.zeros((1, 4, 4, 0)), np.zeros((0, 3, 3, 1)), np.ones((1, 5, 5, 1))]
    zero = sketch.TensorTrain(cores)
    return {
        "cp": lambda: sketch.CPTensor(None, factors),
        "weights": lambda: sketch.CPTensor(np.zeros(0) * one, factors),
        "tucker": lambda: sketch.TuckerTensor(np.zeros((2, 0, 0)), [np.ones((4, 2)), *factors[1:]]),
        "train": lambda: zero,
        "sum": lambda: sketch.TensorSum([zero, sketch.CPTensor(None, factors)], [2.0, -1.0]),
        "product": lambda: sketch.HadamardProduct(zero, sketch.TensorTrain.ones(shape)),
        "operator": lambda: sketch.TTOperator(links) @ zero,
    }[kind]()


@pytest.mark.parametrize("complex_part", [1.0, 1j])
@pytest.mark.parametrize("kind", ["cp", "weights", "tucker", "train", "sum", "product", "operator"])
def test_sums_of_no_terms_are_zero(kind, complex_part):
    t = no_terms(kind, complex_part)
    assert t.shape == (4, 3, 5)
    assert t.norm() == 0
    for method in ("stta", "otts", "tt-hmt"):
        for options in ({"rank": 2}, {"tol": 1e-3}):
            found = sketch.tensor_train(t, method=method, **options)
            assert found.shape == t.shape
            assert found.norm() == float(found.error) == 0
    train = t if isinstance(t, sketch.TensorTrain) else found
    for found in (train.round(1), train.orthogonalize(1), 2 * train, train + train):
        assert not found.to_array().any()
    assert sketch.verify(sketch.TensorTrain.zeros((4, 3, 5)), t).value == 0


def exact(t):
    """Return a structured tensor as a dense one in extended precision."""
    if isinstance(t, sketch.TensorSum):
        return sum(c * exact(x) for c, x in zip(t.coefficients, t.terms, strict=True))
    if isinstance(t, sketch.TuckerTensor):
        dense = np.asarray(t.core, np.clongdouble)
        for mode, factor in enumerate(t.factors):
            dense = np.moveaxis(np.tensordot(factor.astype(dense.dtype), dense, (1, mode)), 0, mode)
        return dense
    dense = np.ones((1, 1), np.clongdouble)
    for core in t.cores:
        dense = np.tensordot(dense, core.astype(dense.dtype), 1)
    return dense[0, ..., 0]


KINDS = {
    "train": lambda rng, dtype: sketch.TensorTrain(
        [rng.standard_normal(s).astype(dtype) for s in [(1, 6, 3), (3, 5, 3), (3, 4, 1)]]
    ),
    "tucker": lambda rng, dtype: sketch.TuckerTensor(
        rng.standard_normal((2, 3, 2)).astype(dtype),
        [rng.standard_normal(s).astype(dtype) for s in [(6, 2), (5, 3), (4, 2)]],
    ),
}


@pytest.mark.parametrize("dtypes", [("f8", "f4"), ("f4", "f4"), ("f4", "c16"), ("f8", "f8")])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("small", [1.0, 1e-7, 1e-14, 0.0])
def test_the_error_of_a_sum_knows_its_least_precise_term_and_what_cancels(dtypes, kind, small):
    """Trains are made of the terms in their own precision; the floor is of their sizes."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        one, other = (KINDS[kind](rng, dtype) for dtype in dtypes)
        total = sketch.TensorSum([one, other, one], [2.5, small, -2.5])
        dense = exact(total)
        for found in (
            sketch.tensor_train(total, 2, seed=seed),
            sketch.tensor_train(total, 9, method="otts", seed=seed),
        ):
            off = float(np.linalg.norm(exact(found) - dense))
            for error in (found.error, sketch.verify(found, total)):
                low, high = error.interval(1 - 1e-9)
                assert low <= off <= high
