"""A type checker finds calls that cannot work, and none where all is well."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import sketch
from sketch.maps import MatrixFamilyName, TensorFamilyName, TestMatrixFamily, TestTensorFamily
from sketch.maps._named import by_name
from sketch.sketches import (
    MATRIX_METHODS,
    TENSOR_METHODS,
    MatrixMethod,
    TensorMethod,
    TensorOptions,
    options_of,
)

ROOT = Path(sketch.__file__).parents[1]
HEAD = "import numpy as np\nimport sketch\na = np.ones((60, 40))\nt = np.ones((4, 5, 6))\n"
GOOD = """
U, s, Vh = sketch.svd(a, 5, method="nystrom", test_matrix="sparse-sign", memory="2GB")
result: sketch.LowRank = sketch.svd(a, tol=1e-3, test_matrix=sketch.SparseSign(nnz=4))
low, high = result.error.interval()
rank: int = result.truncate(2).rank
found: sketch.PrincipalComponents = sketch.pca(a, 3, scale=True).whitened()
tt: sketch.TensorTrain = sketch.tensor_train(t, (2, 3), method="tt-hmt", sketch_rank=[8, 8])
tt = sketch.tensor_train(t, np.int64(3), test_tensor="khatri-rao", error_probes=None)
tt = sketch.TensorTrain.random((3, 4), np.array([2])).round(2, 1e-3).T
norm: float = (tt - 2 * tt).norm()
maybe_rank: int | None = 3 if len(a) > 9 else None
maybe_tol: float | None = None if maybe_rank else 1e-2
result = sketch.svd(a, maybe_rank, tol=maybe_tol)
result = result.truncate(tol=0.5)
result = sketch.svd(np.asarray(a, np.float32), tol=1e-2, passes=4, method="krylov", device="cpu")
found = sketch.pca(a, tol=0.1, passes=2).truncate(1)
tt = sketch.tt_svd(t, tol=1e-3).round(2)
total: sketch.TensorSum = tt + sketch.CPTensor(None, [np.ones((n, 1)) for n in (4, 5, 6)])
size: float = (total - t).norm()
value: float = float(tt.entries([[0, 0, 0]])[0])
tt = sketch.cross(lambda i: i.sum(axis=1), (4, 5, 6), rank=2, max_evaluations=2000)
tt = sketch.complete(np.ones((9, 2), int), np.ones(9), shape=(4, 5), tol=0.1)
filled: sketch.Completed = sketch.complete(a, rank=3, holdout=0.05)
sk = sketch.HMT(a.shape, 4, power_iters=1)
sk.update(a)
merged: sketch.GeneralizedNystrom = sketch.GeneralizedNystrom(a.shape, 4)
merged.merge(sketch.GeneralizedNystrom(a.shape, 4))
""".strip().splitlines()
BAD = {  # a call, and what mypy says of it
    'sketch.svd(a, 5, method="nystorm")': "No overload",
    "sketch.svd(a, rnk=2)": "No overload",
    'sketch.svd(a, "5")': "No overload",
    'sketch.svd(a, 5, test_matrix="gausian")': "No overload",
    'sketch.svd(a, 5, seed="0")': "No overload",
    "sketch.svd(a)": "No overload|All overload",
    "sketch.svd(a, passes=3)": "No overload|All overload",
    "sketch.pca(a, 3, rank=3)": "No overload",
    "sketch.pca(a, n_components=3)": "No overload",
    "sketch.pca(a)": "No overload|All overload",
    'sketch.tensor_train(t, 3, method="sstta")': "No overload",
    "sketch.tensor_train(t, rnk=2)": "No overload",
    'sketch.tensor_train(t, "3")': "No overload|Argument 2",
    'sketch.tensor_train(t, 3, test_tensor="trains")': "No overload",
    "sketch.tensor_train(t)": "No overload|All overload",
    "sketch.tt_svd(t, 2.5)": "No overload",
    "sketch.tt_svd(t)": "No overload|All overload",
    "sketch.svd(a, 5).truncate()": "No overload|All overload",
    "sketch.pca(a, 5).truncate()": "No overload|All overload",
    "sketch.TensorTrain.ones((3, 4)).round()": "No overload|All overload",
    "sketch.cross(np.sum, (4, 5))": "No overload|All overload",
    "sketch.solve(sketch.TTOperator.identity((3, 4)), t)": "No overload|All overload",
    "sketch.HMT(a.shape, 4, power_iter=1)": '"power_iter',
    'sketch.STTA(t.shape, 4, test_tensor="gaussian")': '"test_tensor"',
    "sketch.svd(a, 5).U = a": "read-only",
    "sketch.svd(a, 5).rang": '"rang"',
    "sketch.svd(a, 5).truncate(rank=2.5)": "No overload",
    "sketch.TensorTrain.random((3, 4), 2.5)": "Argument 2",
    "sketch.cross(a, (4, 5), rank=2)": "No overload",
    "sketch.cross(np.sum, (4, 5), rnk=2)": "No overload",
    "sketch.complete(a, 3, tol=0.1)": "No overload",
    "sketch.TensorTrain.ones((3, 4)).mode_dot(a)": '"mode"',
}


LINES = [*HEAD.splitlines(), *GOOD, *BAD]


@pytest.fixture(scope="module")
def snippet(tmp_path_factory):
    """Return a file with a call on each line."""
    path = tmp_path_factory.mktemp("types") / "snippet.py"
    path.write_text("\n".join(LINES) + "\n")
    return path


@pytest.fixture(scope="module", params=["mypy", "pyright"])
def said(request, snippet):
    """Return what a type checker says of each line, and which it is."""
    pytest.importorskip(request.param)
    told = {"mypy": by_mypy, "pyright": by_pyright}[request.param](snippet)
    found: dict[str, str] = dict.fromkeys(LINES, "")
    for number, message in told:
        found[LINES[number - 1]] += message
    return request.param, found


def by_mypy(path):
    """Return the lines with errors, and these."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--no-pretty"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, cwd=ROOT)
    told = re.findall(r"snippet\.py:(\d+): error: (.*)", done.stdout)
    assert told, done.stdout + done.stderr
    return [(int(number), message) for number, message in told]


def by_pyright(path):
    """Return the lines with errors, and these."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, cwd=ROOT)
    told = json.loads(done.stdout)["generalDiagnostics"]
    return [
        (each["range"]["start"]["line"] + 1, each["message"])
        for each in told
        if each["severity"] == "error" and each.get("rule") != "reportUnusedExpression"
    ]


def test_calls_that_work_are_not_complained_of(said):
    _, found = said
    assert not [(line, found[line]) for line in (*HEAD.splitlines(), *GOOD) if found[line]]


def test_calls_that_cannot_work_are_found(said):
    checker, found = said
    expected = BAD if checker == "mypy" else dict.fromkeys(BAD, ".")
    assert not [
        (line, found[line]) for line, what in expected.items() if not re.search(what, found[line])
    ]


def test_the_names_in_types_are_those_that_are_known():
    assert get_args(MatrixMethod) == tuple(MATRIX_METHODS)
    assert get_args(TensorMethod) == (*TENSOR_METHODS, "tt-svd")
    taken = {name for made in TENSOR_METHODS.values() for name in options_of(made)}
    assert set(TensorOptions.__annotations__) == taken
    for names, family in (
        (MatrixFamilyName, TestMatrixFamily),
        (TensorFamilyName, TestTensorFamily),
    ):
        own = [k for k, made in by_name(family).items() if made.__module__.startswith("sketch.")]
        assert sorted(get_args(names)) == sorted(own)
