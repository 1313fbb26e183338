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
