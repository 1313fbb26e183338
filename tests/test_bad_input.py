"""Every refusal: its class, its text, and a sketch that stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from strategies import SHAPE, hmt, matrix, nystrom, parts

import sketch

pytestmark = pytest.mark.usefixtures("every_backend")

A = matrix()
NAN = A.copy()
NAN[20, 3] = np.nan
BROKEN = sp.csr_array(A)
BROKEN.indices = BROKEN.indices.copy()
BROKEN.indices[0] = 99

UPDATES = {
    "outside": ((A,), {"at": (1, 0)}, sketch.ShapeError, "outside of the sketch's shape"),
    "negative": ((A[:2],), {"at": -1}, sketch.ShapeError, "outside"),
    "place": ((A[:2],), {"at": "x"}, sketch.ShapeError, "`at` must be"),
    "three places": ((A[:2],), {"at": (0, 0, 0)}, sketch.ShapeError, "`at` must be"),
    "vector": ((np.ones(4),), {}, sketch.ShapeError, "reshape a vector"),
    "cube": ((np.ones((2, 2, 2)),), {}, sketch.ShapeError, "expected a matrix"),
    "sparse cube": ((sp.coo_array(np.ones((2, 2, 2))),), {}, sketch.ShapeError, "3 axes"),
    "nan": ((NAN,), {}, sketch.NonFiniteError, r"index \(20, 3\)"),
    "sparse nan": ((sp.csc_array(NAN),), {}, sketch.NonFiniteError, r"index \(20, 3\)"),
    "late nan": (([A[:9], NAN[9:]],), {}, sketch.NonFiniteError, r"index \(20, 3\)"),
    "infinity": ((np.full((2, 2), np.inf),), {"at": 3}, sketch.NonFiniteError, r"\(3, 0\)"),
    "overflow": ((np.full((2, 20), 1e308),), {"at": 0}, sketch.NonFiniteError, "overflow"),
    "objects": ((A.astype(object),), {}, sketch.DtypeError, "dtype object"),
    "strings": ((np.array([["a"]]),), {}, sketch.DtypeError, "cannot be sketched"),
    "ragged": (([[1, 2], [3]],), {}, sketch.DtypeError, "equal length"),
    "nothing": ((object(),), {}, sketch.DtypeError, "cannot sketch"),
    "no chunks": ((iter([]),), {}, sketch.ShapeError, "without any"),
    "other chunks": (([A[:4], A[4:, :5]],), {}, sketch.ShapeError, "agree in their columns"),
    "broken indices": ((BROKEN,), {}, ValueError, "ind"),
}


@pytest.mark.parametrize("make", [nystrom, hmt])
@pytest.mark.parametrize("name", UPDATES)
def test_a_refused_update_changes_nothing(name, make):
    arguments, options, error, text = UPDATES[name]
    if "chunks" in name:
        arguments = ([*arguments[0]],) if isinstance(arguments[0], list) else (iter([]),)
    sk = make()
    sk.update(A)
    before = {key: part.copy() for key, part in parts(sk).items()}
    with pytest.raises(error, match=text):
        sk.update(*arguments, **options)
    assert sk.n_updates == 1
    assert all(np.array_equal(part, before[key]) for key, part in parts(sk).items())


def test_checks_can_be_turned_off():
    sk = nystrom()
    sk.update(NAN, check_finite=False)
    assert sk.n_updates == 1


def test_unknown_chunk_sizes_are_refused():
    import dask.array as da

    rows = da.from_array(A, chunks=(5, 23))
    with pytest.raises(sketch.ShapeError, match=r"compute_chunk_sizes\(\)"):
        nystrom().update(rows[rows[:, 0] > 0])


def test_complex_chunks_need_a_complex_sketch():
    sk = nystrom(dtype="float64")
    with pytest.raises(sketch.DtypeError, match="dtype='complex128'"):
        sk.update(A + 1j)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: sketch.GeneralizedNystrom(SHAPE, -1), sketch.RankError, "at least 0"),
        (lambda: sketch.GeneralizedNystrom(SHAPE, 2.5), sketch.RankError, "integer"),
        (lambda: sketch.GeneralizedNystrom(SHAPE, 5, sketch_rank=4), sketch.RankError, "least 5"),
        (
            lambda: sketch.GeneralizedNystrom(SHAPE, 5, corange_rank=6),
            sketch.RankError,
            "less than the range's 20",
        ),
        (lambda: sketch.HMT(SHAPE, 5, power_iters=-1), sketch.RankError, "power_iters"),
        (lambda: sketch.HMT((None, None), 5), sketch.ShapeError, "one axis at most"),
        (lambda: sketch.HMT((3, -1), 5), sketch.ShapeError, "negative"),
        (lambda: sketch.HMT((3, 4, 5), 5), sketch.ShapeError, r"\(m, n\)"),
        (lambda: sketch.HMT(7, 5), sketch.ShapeError, "sequence"),
        (lambda: sketch.HMT(SHAPE, 5, seed=1.5), ValueError, "seed must be an integer"),
        (lambda: sketch.HMT(SHAPE, 5, seed=-1), ValueError, r"\[0, 2\*\*64\)"),
        (lambda: sketch.HMT(SHAPE, 5, test_matrix="x"), ValueError, "choose one of"),
        (lambda: sketch.SparseSign(nnz=1), ValueError, "at least 4"),
        (lambda: sketch.HMT(SHAPE, 5, dtype="datetime64"), sketch.DtypeError, "cannot be"),
        (lambda: nystrom().finalize(rank=99), sketch.RankError, "18 columns wide"),
        (lambda: nystrom().finalize(rank=-1), sketch.RankError, "at least 0"),
        (lambda: nystrom().finalize(tol=float("nan")), ValueError, "tol must be"),
        (lambda: hmt().finalize(), sketch.PassError, "0 of 2 passes"),
        (lambda: nystrom().merge(nystrom(seed=1)), sketch.IncompatibleSketchError, "seed: 0 and 1"),
        (lambda: nystrom().merge(hmt()), sketch.IncompatibleSketchError, "with a HMT"),
        (lambda: nystrom() * float("nan"), sketch.NonFiniteError, "scaled by nan"),
        (lambda: sketch.svd(A, 2) * np.nan, sketch.NonFiniteError, "scaled by nan"),
        (lambda: sketch.tt_svd(A, 2) * np.inf, sketch.NonFiniteError, "scaled by inf"),
        (lambda: (sketch.tt_svd(A, 2) + A) / np.nan, sketch.NonFiniteError, "scaled by nan"),
        (lambda: sketch.open(3), sketch.StateFileError, "a path, or a sequence of paths"),
        (lambda: sketch.svd(A), sketch.RankError, "give a rank"),
        (lambda: sketch.svd(A, 2, method="x"), ValueError, "method must be"),
        (lambda: sketch.svd(A, 2, method="nystrom", power_iters=1), ValueError, "power_iters"),
        (lambda: sketch.svd(iter([A]), 2, power_iters=1), sketch.PassError, "read once"),
        (lambda: sketch.TensorSum([A, A.T]), sketch.ShapeError, "share one shape"),
    ],
)
def test_refusals_say_what_to_do(call, error, text):
    with pytest.raises(error, match=text) as caught:
        call()
    assert isinstance(caught.value, sketch.SketchError | ValueError)


MANY = np.array(["hmt", "stta"])
CHOICES = {
    "svd, method": lambda x: sketch.svd(A, 2, method=x),
    "svd, power_iters": lambda x: sketch.svd(A, 2, power_iters=x),
    "tensor_train, method": lambda x: sketch.tensor_train(A, 2, method=x),
    "tensor_train, error_probes": lambda x: sketch.tensor_train(A, 2, error_probes=x),
    "pca, missing": lambda x: sketch.pca(A, 2, missing=x),
    "block_rank": lambda x: sketch.StackedTrains(block_rank=x),
    "entries": lambda x: sketch.StackedTrains(entries=x),
}
SEQUENCES = {
    "factors of CP": lambda x: sketch.CPTensor(None, x),
    "factors of Tucker": lambda x: sketch.TuckerTensor(np.ones((2, 2)), x),
    "cores": lambda x: sketch.TensorTrain(x),
    "terms": lambda x: sketch.TensorSum(x),
    "coefficients": lambda x: sketch.TensorSum([A, A], x),
}


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("value", [MANY, "other", [1, 2], np.array([1.0, 2.0]), object(), -1])
def test_choices_are_refused_by_name(name, value):
    with pytest.raises(sketch.SketchError, match=name.split()[-1]):
        CHOICES[name](value)


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("value", [3, 1.5, "text", object(), np.array(3), type(A)])
def test_what_is_no_sequence_is_refused_by_name(name, value):
    with pytest.raises(sketch.ArgumentError, match=f"{name.split()[0]} must be a sequence"):
        SEQUENCES[name](value)


@pytest.mark.parametrize("terms", [[1, 2], ["a", "b"], [A, None], [A, type(A)]])
def test_terms_are_arrays_or_tensors(terms):
    with pytest.raises(sketch.DtypeError, match="it is no array and no tensor"):
        sketch.TensorSum(terms)


@pytest.mark.parametrize("steps", [1e30, 10**30, 1001])
def test_steps_that_never_end_are_refused(steps):
    with pytest.raises(sketch.RankError, match="give 1000 at most"):
        sketch.svd(A, 2, power_iters=steps)


def test_passes_end():
    sk = hmt()
    for _ in range(2):
        sk.update(A)
        sk.end_pass()
    with pytest.raises(sketch.PassError, match="all 2 passes"):
        sk.update(A)
    with pytest.raises(sketch.PassError, match="all 2 passes"):
        sk.end_pass()
    assert sk.finalize().rank == 4


def test_an_unreachable_tolerance_warns():
    rng = np.random.default_rng(0)
    with pytest.warns(sketch.ToleranceWarning, match="out of reach"):
        sketch.svd(rng.standard_normal((60, 50)), 5, tol=1e-3)
