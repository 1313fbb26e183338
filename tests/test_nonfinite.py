"""What is not finite is called so, with a place where it is."""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.sparse as sp
from containers import values
from scipy.sparse.linalg import aslinearoperator

import sketch

A = values()


def _bad(x, place, value=np.nan):
    x = np.array(x, float)
    x[place] = value
    return x


NONFINITE = {
    "weight": lambda v: sketch.CPTensor(_bad(np.ones(9), 2, v), [A, np.eye(9)]),
    "cp factor": lambda v: sketch.CPTensor(None, [_bad(A, (3, 1), v), np.eye(9)]),
    "core": lambda v: sketch.TuckerTensor(_bad(A, (3, 1), v), [np.eye(14), np.eye(9)]),
    "train": lambda v: sketch.TensorTrain([_bad(A, (3, 1), v)[None], np.eye(9)[:, :, None]]),
    "operator": lambda v: aslinearoperator(_bad(A, (3, 1), v)),
    "sparse": lambda v: sp.coo_array(_bad(A, (3, 1), v)),
    "sum": lambda v: sketch.TensorSum([_bad(A, (3, 1), v), A]),
    "coefficient": lambda v: sketch.TensorSum([A, A], [v, 1]),
}


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", NONFINITE)
def test_nan_in_any_part_is_not_called_overflow(name, value):
    for call in (sketch.svd, sketch.tensor_train, nystrom, train_sketch):
        if name == "operator" and call in (sketch.tensor_train, train_sketch):
            continue
        with pytest.raises(sketch.NonFiniteError, match=r"NaN|finite, got"):
            call(NONFINITE[name](value), 4)


def nystrom(x, rank):
    sketch.GeneralizedNystrom((14, 9), rank).update(x)


def train_sketch(x, rank):
    sketch.STTA((14, 9), rank).update(x)


FORMATS = {
    "array": lambda spoil: spoil(0),
    "Fortran": lambda spoil: np.asfortranarray(spoil(0)),
    "integers beside": lambda spoil: sketch.TensorSum([spoil(0), np.ones((4, 5, 6), int)]),
    "sparse": lambda spoil: sp.coo_array(spoil(0)),
    "cp": lambda spoil: sketch.CPTensor(spoil(1), [spoil(2), spoil(3), spoil(4)]),
    "tucker": lambda spoil: sketch.TuckerTensor(spoil(5), [spoil(2), spoil(3), spoil(4)]),
    "train": lambda spoil: sketch.TensorTrain([spoil(6), spoil(7), spoil(8)]),
    "hadamard": lambda spoil: sketch.HadamardProduct(
        sketch.TensorTrain([spoil(6), spoil(7), spoil(8)]),
        sketch.TensorTrain([np.ones((1, n, 1)) for n in (4, 5, 6)]),
    ),
    "operator": lambda spoil: (
        sketch.TTOperator([spoil(9), spoil(10), spoil(11)])
        @ sketch.TensorTrain([spoil(6), spoil(7), spoil(8)])
    ),
}
PARTS = [(4, 5, 6), (2,), (4, 2), (5, 2), (6, 2), (2, 2, 2), (1, 4, 2), (2, 5, 3), (3, 6, 1)]
PARTS += [(1, 4, 4, 2), (2, 5, 5, 2), (2, 6, 6, 1)]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("seed", range(5))
def test_the_place_that_is_named_is_not_finite(name, seed):
    """By the rules of arithmetic: zero times infinity is no number."""
    rng = np.random.default_rng(seed)
    parts = [rng.standard_normal(shape) for shape in PARTS]
    used = {"cp": [1, 2, 3, 4], "tucker": [5, 2, 3, 4], "operator": range(6, 12)}
    used = used.get(name, [6, 7, 8])
    for spoilt in used if name in ("cp", "tucker", "train", "hadamard", "operator") else [0]:
        bad = [part.copy() for part in parts]
        bad[spoilt].flat[rng.integers(bad[spoilt].size)] = rng.choice([np.nan, np.inf])
        t = FORMATS[name](bad.__getitem__)
        with pytest.raises(sketch.NonFiniteError) as caught:
            sketch.tensor_train(t, 2)
        place = re.search(r"index \((.*?)\)", str(caught.value)).group(1)
        with np.errstate(all="ignore"):
            dense = t.toarray() if sp.issparse(t) else np.asarray(_dense(t))
        assert not np.isfinite(dense[tuple(map(int, place.split(",")))])


def _dense(t):
    return t.to_array() if hasattr(t, "to_array") else t
