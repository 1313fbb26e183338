"""Arguments: an option is obeyed or refused, and a refusal names what was given and expected."""

from __future__ import annotations

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
