"""A type checker finds calls that cannot work, and none where all is well."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import sketch
from sketch.maps import MatrixFamilyName, TensorFamilyName, TestMatrixFamily, TestTensorFamily
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
tt = sketch.cross(lambda i: i.sum(axis=1), (4, 5, 6), rank=2, max_evaluations=2000)
tt = sketch.complete(np.ones((9, 2), int), np.ones(9), shape=(4, 5), tol=0.1)
filled: sketch.Completed = sketch.complete(a, rank=3, holdout=0.05)
sk = sketch.HMT(a.shape, 4, power_iters=1)
sk.update(a)
merged: sketch.GeneralizedNystrom = sketch.GeneralizedNystrom(a.shape, 4)
merged.merge(sketch.GeneralizedNystrom(a.shape, 4))
""".strip().splitlines()
BAD = {  # a call, and what the checker says of it
    'sketch.svd(a, 5, method="nystorm")': '"method"',
    "sketch.svd(a, rnk=2)": '"rnk"',
    'sketch.svd(a, "5")': '"rank"|Argument 2',
    'sketch.svd(a, 5, test_matrix="gausian")': '"test_matrix"',
    'sketch.svd(a, 5, seed="0")': '"seed"',
    "sketch.pca(a, 3, rank=3)": "multiple values",
    "sketch.pca(a, n_components=3)": '"n_components"',
    'sketch.tensor_train(t, 3, method="sstta")': '"method"',
    "sketch.tensor_train(t, rnk=2)": '"rnk"',
    'sketch.tensor_train(t, "3")': "Argument 2",
    'sketch.tensor_train(t, 3, test_tensor="trains")': '"test_tensor"',
    "sketch.tt_svd(t, 2.5)": "Argument 2",
    "sketch.HMT(a.shape, 4, power_iter=1)": '"power_iter',
    'sketch.STTA(t.shape, 4, test_tensor="gaussian")': '"test_tensor"',
    "sketch.svd(a, 5).U = a": "read-only",
    "sketch.svd(a, 5).rang": '"rang"',
    "sketch.svd(a, 5).truncate(rank=2.5)": '"rank"',
    "sketch.TensorTrain.random((3, 4), 2.5)": "Argument 2",
    "sketch.cross(a, (4, 5), rank=2)": "Argument 1",
    "sketch.cross(np.sum, (4, 5), rnk=2)": '"rnk"',
    "sketch.complete(a, 3, tol=0.1)": "No overload",
    "sketch.TensorTrain.ones((3, 4)).mode_dot(a)": '"mode"',
}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Return what the type checker says of each line."""
    pytest.importorskip("mypy")
    path = tmp_path_factory.mktemp("types") / "snippet.py"
    lines = [*HEAD.splitlines(), *GOOD, *BAD]
    path.write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--no-pretty"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, cwd=ROOT)
    told = re.findall(r"snippet\.py:(\d+): error: (.*)", done.stdout)
    assert told, done.stdout + done.stderr
    found: dict[str, str] = dict.fromkeys(lines, "")
    for number, message in told:
        found[lines[int(number) - 1]] += message
    return found


def test_calls_that_work_are_not_complained_of(said):
    assert not [(line, said[line]) for line in (*HEAD.splitlines(), *GOOD) if said[line]]


def test_calls_that_cannot_work_are_found(said):
    assert not [(line, said[line]) for line, what in BAD.items() if not re.search(what, said[line])]


def test_the_names_in_types_are_those_that_are_known():
    assert get_args(MatrixMethod) == tuple(MATRIX_METHODS)
    assert get_args(TensorMethod) == (*TENSOR_METHODS, "tt-svd")
    taken = {name for made in TENSOR_METHODS.values() for name in options_of(made)}
    assert set(TensorOptions.__annotations__) == taken
    for names, family in (
        (MatrixFamilyName, TestMatrixFamily),
        (TensorFamilyName, TestTensorFamily),
    ):
        own = [k for k, made in family._by_name.items() if made.__module__.startswith("sketch.")]
        assert sorted(get_args(names)) == sorted(own)
