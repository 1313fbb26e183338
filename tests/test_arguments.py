"""Arguments: an option is obeyed or refused, and a refusal names what was given and expected."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

import sketch
from sketch.cli import main

DATA = np.ones((4, 5, 6))
MATRIX = np.ones((30, 20))
TRAINS = ["stta", "otts", "tt-hmt", "tt-svd"]


@pytest.mark.parametrize("method", TRAINS)
@pytest.mark.parametrize("name", ["nonsense", "rnk", "shape", "dtype", "start_rank"])
def test_unknown_options_are_refused_by_name(method, name):
    with pytest.raises(sketch.OptionError, match=f"got {name}, which it does not take") as refusal:
        sketch.tensor_train(DATA, 2, method=method, **{name: 3})
    assert method in str(refusal.value)


@pytest.mark.parametrize(
    "options",
    [{"device": "cpu"}, {"memory": "1B"}, {"check_finite": False}, {"sketch_rank": 4}],
    ids=str,
)
def test_what_would_do_nothing_is_refused(options):
    with pytest.raises(sketch.OptionError, match=next(iter(options))):
        sketch.tensor_train(DATA, 2, method="tt-svd", **options)


@pytest.mark.parametrize("option", [["--device", "cpu"], ["--memory", "2GB"]], ids=str)
def test_the_command_line_refuses_them_too(option, tmp_path, capsys):
    np.save(tmp_path / "a.npy", DATA)
    command = ["tt", str(tmp_path / "a.npy"), "--rank", "2", "--method", "tt-svd", "--no-progress"]
    assert main(command) == 0
    assert main([*command, *option]) == 2
    assert option[0].strip("-") in capsys.readouterr().err


NUMBERLESS = [
    np.complex128(3), np.timedelta64(3, "s"), np.datetime64("2020"), np.array(3j),
    "3", b"3", None, True, np.nan, np.inf, -1, 2.5, 1j, (2,), [], {}, np.ma.masked, object(),
    np.array([2, 3]), np.array([[0.5]]), np.random.default_rng(0), lambda: 3,
]  # fmt: skip
LOW = sketch.svd(MATRIX, 3)
TRAIN = sketch.tt_svd(DATA, 2)
POINTS = np.argwhere(DATA > 0)
SECOND = sketch.TTOperator.kronecker_sum([2 * np.eye(4) - np.eye(4, k=1)] * 2)
RIGHT = sketch.TensorTrain.ones((4, 4))


def rows(**options):
    sk = sketch.GramNystrom(20, 2)
    sk.consume([MATRIX[:10], MATRIX[10:]], **options)


def completed(**options):
    sketch.complete_train(POINTS, DATA[DATA > 0], DATA.shape, **options)


def placed(at):
    sketch.GeneralizedNystrom((None, 20), 2).update(MATRIX, at=at)


NUMBERS = {  # what takes a number, or a function: by a value of the kind, and what goes besides
    "confidence": (LOW.error.interval, ()),
    "confidence of variances": (sketch.pca(MATRIX, 2).explained_variance_interval, (True,)),
    "share": (sketch.entry_errors(LOW, MATRIX, count=5).quantile, ()),
    "tol": (lambda tol: sketch.tensor_train(DATA, tol=tol), (2.5,)),
    "tol of a train": (lambda x: completed(tol=x), (2.5, None)),
    "holdout": (lambda x: completed(rank=1, holdout=x), (None,)),
    "p": (lambda p: sketch.schatten_norm(MATRIX, p), (True, 2.5)),
    "forgetting": (lambda x: rows(forgetting=x), (True,)),
    "every": (lambda x: rows(every=x), (True,)),
    "first": (lambda x: rows(first=x), (None, True)),
    "length": (lambda x: sketch.SlidingWindow(sketch.GramNystrom(4, 1), x), (True,)),
    "seed of entries": (lambda x: sketch.entry_errors(LOW, MATRIX, count=5, seed=x), (None, True)),
    "place": (placed, (None, True)),
    "shape": (lambda x: sketch.cross(lambda i: i.sum(1), x, 1), ((2,), np.array([2, 3]), b"3")),
    "map": (lambda x: sketch.cross(lambda i: i.sum(1), (4, 4), 1, map=x), ()),
    "preconditioner": (lambda x: sketch.solve(SECOND, RIGHT, 2, preconditioner=x), (None,)),
    "kernel": (lambda x: sketch.pivoted_cholesky(x, np.arange(4), 2), ()),
    "block": (lambda x: sketch.verify(TRAIN, DATA, block=x), (None,)),
    "dtype": (lambda x: sketch.HMT((4, 4), 1, dtype=x), (None,)),
    "dtype of a result": (LOW.astype, ()),
    "power steps": (lambda x: sketch.HMT((4, 4), 1, power_iters=x), (2.5,)),
}  # fmt: skip


FLAGS = {  # what takes a truth value
    "check_finite": lambda x: sketch.svd(MATRIX, 2, check_finite=x),
    "check_finite of a train": lambda x: sketch.tensor_train(DATA, 2, check_finite=x),
    "check_finite of the reference": lambda x: sketch.tensor_train(
        DATA, 2, method="tt-svd", check_finite=x
    ),
    "check_finite of components": lambda x: sketch.pca(MATRIX, 2, check_finite=x),
    "check_finite of a measure": lambda x: sketch.verify(LOW, MATRIX, check_finite=x),
    "progress": lambda x: sketch.pca(MATRIX, 2, progress=x),
    "progress of a stream": lambda x: rows(progress=x),
    "progress of a cross": lambda x: sketch.cross(lambda i: i.sum(1), (4, 4), 1, progress=x),
    "progress of a system": lambda x: sketch.solve(SECOND, RIGHT, 2, progress=x),
    "progress of pivots": lambda x: sketch.pivoted_cholesky(np.eye(4), rank=2, progress=x),
    "vectorized": lambda x: sketch.cross(lambda i: i.sum(1), (4, 4), 1, vectorized=x),
    "center": lambda x: sketch.pca(MATRIX, 2, center=x),
    "center of a sketch": lambda x: sketch.GramNystrom(20, 2, center=x),
    "whiten": lambda x: sketch.pca(np.eye(20), 2, whiten=x),
    "biases": lambda x: sketch.Completion((None, 4), 1, biases=x),
    "resume": lambda x: rows(resume=x),
    "again": lambda x: sketch.GramNystrom(20, 2).merge(sketch.GramNystrom(20, 2), again=x),
}  # fmt: skip


@pytest.mark.parametrize("name", FLAGS)
def test_what_is_no_truth_value_is_refused(name):
    for value in (*NUMBERLESS, "False", "no", 2, np.array([True]), np.array([True, False])):
        if value is not True:
            with pytest.raises(sketch.SketchError, match=r"True or False|does not take"):
                FLAGS[name](value)
    for value in (True, np.bool_(True), np.array(True), 1) if "progress" not in name else ():
        with contextlib.suppress(sketch.EvaluationError):  # of one number for all
            FLAGS[name](value)


NO_FACTORS = [
    np.ma.masked, np.timedelta64(2, "s"), np.datetime64("2020"), None, "2", [2], MATRIX,
]  # fmt: skip


@pytest.mark.parametrize("value", NO_FACTORS, ids=repr)
@pytest.mark.parametrize("operate", [lambda a, x: a * x, lambda a, x: x * a, lambda a, x: a / x])
@pytest.mark.parametrize("kind", ["low rank", "train", "sum", "sketch"])
def test_nothing_is_multiplied_by_what_is_no_number(kind, operate, value):
    sk = sketch.GramNystrom(20, 2)
    sk.update(MATRIX)
    of = {"low rank": LOW, "train": sketch.tt_svd(MATRIX, 2), "sum": LOW + MATRIX, "sketch": sk}
    with pytest.raises((TypeError, ValueError)):
        operate(of[kind], value)


@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_is_refused_by_an_error_of_ours(name):
    call, fine = NUMBERS[name]
    for value in NUMBERLESS:
        calls = callable(value) and name in ("map", "preconditioner", "kernel")
        if calls or any(value is x or repr(value) == repr(x) for x in fine):
            continue
        with pytest.raises(sketch.SketchError):
            call(value)


BAD = {
    "gpu:x": (lambda: sketch.svd(MATRIX, 2, device="gpu:x"), "device='gpu:x' is not known"),
    "gpu:-1": (lambda: sketch.HMT((3, 3), 2, device="gpu:-1"), "device='gpu:-1' is not known"),
    "cpu:1": (lambda: sketch.pca(MATRIX, 2, device="cpu:1"), "device='cpu:1' is not known"),
    "number": (lambda: sketch.STTA((3, 3), 2, device=3), "device=3 is not known"),
    "seed": (lambda: sketch.svd(MATRIX, 2, seed=-1), "seed must be in"),
    "seed text": (lambda: sketch.pca(MATRIX, 2, seed="a"), "seed must be an integer or None"),
    "seed real": (lambda: sketch.tensor_train(DATA, 2, seed=0.5), "seed must be an integer"),
    "generator": (lambda: sketch.STTA((3, 3), 1, seed=np.random.default_rng(0)), "a generator"),
    "memory": (lambda: sketch.svd(MATRIX, 2, memory="a lot"), "'a lot' is no size"),
    "memory list": (lambda: sketch.svd(MATRIX, 2, memory=[1]), r"memory must be .* got \[1\]"),
    "memory nan": (lambda: sketch.svd(MATRIX, 2, memory=np.nan), "memory must be .* got nan"),
    "method": (lambda: sketch.svd(MATRIX, 2, method="nystorm"), "one of .*'nystrom-psd'"),
    "train method": (lambda: sketch.tensor_train(DATA, 2, method="ttsvd"), "one of .*, got 'ttsvd"),
    "test matrix": (lambda: sketch.svd(MATRIX, 2, test_matrix="normal"), "choose one of"),
    "power": (lambda: sketch.svd(MATRIX, 2, power_iters=0.3), "power_iters must be 0, 0.5"),
    "method list": (lambda: sketch.tensor_train(DATA, 2, method=["otts"]), "one of .*, got"),
    "empty": (lambda: sketch.svd([], 2), "an empty list or array, with no rows"),
    "empty rows": (lambda: sketch.pca((), 2), "an empty list or array, with no rows"),
    "vector": (lambda: sketch.svd(np.ones(3), 2), "reshape a vector to one row or one column"),
    "cube": (lambda: sketch.svd(DATA, 2), r"3 axes, \(4, 5, 6\); merge axes"),
    "rank": (lambda: sketch.svd(MATRIX, "2"), "rank must be an integer, got '2'"),
    "neither": (lambda: sketch.svd(MATRIX), "give a rank, a tolerance, or both"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_values_are_refused_by_errors_of_ours_that_name_them(name):
    call, text = BAD[name]
    with pytest.raises(sketch.SketchError, match=text):
        call()
