"""Components on the command line, and what commands share: JSON, quiet, exit status."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import sketch
from sketch.cli import main

RNG = np.random.default_rng(0)
ROWS = RNG.standard_normal((200, 60)) * 0.9 ** np.arange(60) + 5


@pytest.fixture
def file(tmp_path):
    np.save(tmp_path / "a.npy", ROWS)
    return str(tmp_path / "a.npy")


def test_components_are_reported_saved_and_drawn(file, tmp_path, capsys):
    out, scores, picture = (str(tmp_path / name) for name in ("out.npz", "scores.npy", "a.png"))
    command = ["pca", file, "--rank", "3", "--scale", "--whiten", "--passes", "3", "--seed", "2"]
    assert main([*command, "--out", out, "--scores", scores, "--plot", picture]) == 0
    told = capsys.readouterr()
    # the first reading takes all 60 columns, and the second one finds nothing to sharpen
    for line in ("method        pca, 2 passes", "components    3, ", "rel. error", "peak memory"):
        assert line in told.out
    assert told.err == ""  # no bar where nobody watches
    found = sketch.load(out)
    same = sketch.pca(ROWS, 3, scale=True, whiten=True, passes=3, seed=2)
    assert np.allclose(found.components, same.components)
    assert np.allclose(np.load(scores), same.transform(ROWS))
    with open(picture, "rb") as written:
        assert written.read(4) == b"\x89PNG"
    assert main(["info", out]) == 0
    assert "PrincipalComponents" in capsys.readouterr().out


def test_states_of_shares_of_rows_are_merged(tmp_path, capsys):
    states = []
    for number, part in enumerate(np.split(ROWS, 2)):
        np.save(tmp_path / f"{number}.npy", part)
        states.append(str(tmp_path / f"{number}.npz"))
        command = ["pca", str(tmp_path / f"{number}.npy"), "--rank", "3", "--state", states[-1]]
        assert main([*command, "--scale", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    out, picture = str(tmp_path / "out.npz"), str(tmp_path / "a.svg")
    assert main(["merge", *states, "--out", out, "--plot", picture]) == 0
    same = sketch.pca(ROWS, 3, scale=True, passes=1)
    assert np.allclose(sketch.load(out).explained_variance, same.explained_variance)
    command = ["pca", str(tmp_path / "0.npy"), "--rank", "3", "--passes", "3"]
    assert main([*command, "--state", states[0]]) == 2
    assert "one pass" in capsys.readouterr().err


def test_figures_come_as_one_json_object(file, tmp_path, capsys):
    out = str(tmp_path / "out.npz")
    assert main(["pca", file, "--rank", "3", "--json", "--out", out]) == 0
    told = capsys.readouterr()
    figures = json.loads(told.out)
    found = sketch.pca(ROWS, 3)
    assert figures["shape"] == [200, 60]
    assert figures["explained_variance"] == pytest.approx(list(found.explained_variance))
    assert figures["error"]["relative"] == pytest.approx(found.error.relative)
    assert (figures["method"], figures["out"], figures["warnings"]) == ("pca", out, [])
    names = {"file", "n_passes", "rank", "dtype", "seconds", "peak_bytes", "compression", "tol"}
    assert names <= figures.keys()
    for command in (["svd", file, "--rank", "2"], ["tt", file, "--rank", "2"], ["info", file]):
        assert main([*command, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["shape"] == [200, 60]
    assert main(["info", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "PrincipalComponents"


@pytest.mark.parametrize("command", ["svd", "pca"])
def test_a_missed_tolerance_is_exit_status_one(command, file, capsys):
    assert main([command, file, "--rank", "2", "--tol", "1e-6", "--json"]) == 1
    told = capsys.readouterr()
    figures = json.loads(told.out)
    assert figures["tol_met"] is False
    assert "out of reach" in figures["warnings"][0]
    assert told.err.startswith("sketch: warning: tol=1e-06 is out of reach")
    assert main([command, file, "--tol", "0.99", "--quiet"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["svd", "--rank", "2", "--rows", "0:9"], "--rows does nothing without --state"),
        (["svd", "--rank", "2", "--shape", "9,9"], "--shape does nothing without --state"),
        (["svd", "--rank", "2", "--memory", "1GB", "--scheduler", "x"], "--memory does nothing"),
        (["tt", "--rank", "2", "--method", "tt-svd", "--seed", "1"], "--seed does nothing"),
        (
            ["svd", "--rank", "2", "--method", "nystrom", "--power-iters", "1"],
            "power_iters=1 needs",
        ),
        (["pca", "--rank", "2", "--passes", "0"], "passes must be at least 1"),
        (["pca"], "give a rank"),
    ],
)
def test_options_that_do_nothing_are_refused(arguments, message, file, capsys):
    assert main([arguments[0], file, *arguments[1:]]) == 2
    assert message in capsys.readouterr().err


def test_the_version_is_told():
    command = [sys.executable, "-m", "sketch", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == f"sketch {sketch.__version__}"


def test_shells_complete_commands_and_options(capsys):
    pytest.importorskip("shtab")
    for shell in ("bash", "zsh", "tcsh"):
        with pytest.raises(SystemExit) as ended:
            main(["--print-completion", shell])
        assert ended.value.code == 0
        script = capsys.readouterr().out
        assert "pca" in script
        assert "--whiten" in script or "whiten" in script


def test_completion_says_what_it_needs(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    with pytest.raises(SystemExit):
        main(["--print-completion", "bash"])
    assert "sketch-lowrank[completion]" in capsys.readouterr().err


@pytest.mark.parametrize(("passes", "status"), [("1", 1), ("8", 0)])
def test_the_tolerance_of_block_krylov_is_that_of_its_vectors(tmp_path, passes, status):
    np.save(tmp_path / "a.npy", np.diag(1.0 / np.arange(1, 61)))
    command = ["svd", str(tmp_path / "a.npy"), "--rank", "3", "--method", "krylov", "--no-progress"]
    assert main([*command, "--tol", "1e-6", "--passes", passes]) == status
