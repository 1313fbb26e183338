"""The command line: reports, files, refusals."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

import sketch
from sketch.cli import main

RNG = np.random.default_rng(0)
MATRIX = RNG.standard_normal((60, 4)) @ RNG.standard_normal((4, 40))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, MATRIX)
    return str(path)


def write_all(folder):
    """Write one matrix in every format and return the specs of the files."""
    import h5py
    import zarr

    np.save(folder / "a.npy", MATRIX)
    np.savez(folder / "b.npz", x=MATRIX, y=np.ones(3))
    sp.save_npz(folder / "c.npz", sp.csr_array(MATRIX))
    scipy.io.mmwrite(folder / "d.mtx", sp.coo_array(MATRIX))
    scipy.io.savemat(folder / "e.mat", {"x": MATRIX})
    with h5py.File(folder / "f.h5", "w") as stored:
        stored.create_dataset("group/x", data=MATRIX, chunks=(16, 16))
    root = zarr.open_group(folder / "g.zarr", mode="w")
    root.create_array("x", data=MATRIX, chunks=(16, 16))
    with scipy.io.netcdf_file(folder / "h.nc", "w") as netcdf:
        netcdf.createDimension("m", 60)
        netcdf.createDimension("n", 40)
        netcdf.createVariable("x", "f8", ("m", "n"))[:] = MATRIX
    names = ["a.npy", "b.npz::x", "c.npz", "d.mtx", "e.mat::x", "f.h5::group/x", "g.zarr::x"]
    return [str(folder / name) for name in [*names, "g.zarr", "h.nc"]]


@pytest.mark.parametrize("encoding", ["ascii:strict", "utf-8:strict"])
def test_names_of_files_are_printed_in_any_encoding(encoding, tmp_path):
    path = os.path.join(os.fsencode(tmp_path), "\u00e9\u2211".encode() + b"\xff.npy")
    np.save(os.fsdecode(path), np.ones((6, 4)))
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for command in ("info", "svd"):
        options = ["--rank", "1"] if command == "svd" else []
        done = subprocess.run(
            [sys.executable, "-m", "sketch", command, path, *options],
            capture_output=True, check=False, env=environment,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b"")
        assert b".npy" in done.stdout


def test_every_format_gives_the_same_matrix(tmp_path, capsys):
    for number, spec in enumerate(write_all(tmp_path)):
        out = str(tmp_path / f"result{number}.npz")
        assert main(["svd", spec, "--rank", "4", "--no-progress", "--out", out]) == 0
        result = sketch.load(out)
        # exact rank 4: rounding alone
        assert np.linalg.norm(result.to_array() - MATRIX) < 1e-12 * np.linalg.norm(MATRIX)
    assert "rel. error" in capsys.readouterr().out


def test_several_files_are_a_stack(tmp_path, capsys):
    names, out = [], str(tmp_path / "result.npz")
    for k, rows in enumerate(np.split(MATRIX, [20])):
        names.append(str(tmp_path / f"part-{k}.npy"))
        np.save(names[-1], rows)
    for given in (names, [str(tmp_path / "part-*.npy")]):  # as a shell writes a pattern out, or not
        assert main(["svd", *given, "--rank", "4", "--out", out, "--no-progress"]) == 0
        result = sketch.load(out)
        # exact rank 4: rounding alone
        assert np.linalg.norm(result.to_array() - MATRIX) < 1e-12 * np.linalg.norm(MATRIX)
    assert main(["svd", *names, "--rank", "4", "--no-progress"]) == 0
    assert "part-0.npy and 1 below it" in capsys.readouterr().out
    assert main(["svd", *names, "--rank", "4", "--json", "--no-progress"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == names
    assert main(["svd", *names[::-1], names[0], str(tmp_path / "none.npy"), "--rank", "4"]) == 2
    assert "none.npy: no such file" in capsys.readouterr().err


def test_the_report_says_all(file, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    picture = tmp_path / "spectrum.png"
    command = ["svd", file, "--tol", "1e-6", "--method", "nystrom", "--plot", str(picture)]
    assert main(command) == 0
    captured = capsys.readouterr()
    for word in ("shape", "rank          4", "singular", "95 % interval", "compression", "time"):
        assert word in captured.out
    assert "peak memory" in captured.out
    assert "sketching" in captured.err  # the progress bar
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_states_of_halves_merge_to_the_whole(tmp_path, capsys):
    padded = np.zeros_like(MATRIX), np.zeros_like(MATRIX)
    padded[0][:30], padded[1][30:] = MATRIX[:30], MATRIX[30:]
    states = []
    for number, part in enumerate(padded):
        np.save(tmp_path / f"{number}.npy", part)
        states.append(str(tmp_path / f"{number}.npz"))
        command = ["svd", str(tmp_path / f"{number}.npy"), "--rank", "4", "--method", "nystrom"]
        assert main([*command, "--no-progress", "--state", states[-1]]) == 0
    out = str(tmp_path / "out.npz")
    assert main(["merge", *states, "--out", out]) == 0
    assert main(["info", out]) == 0
    assert main(["info", states[0]]) == 0
    assert "merged        2 states" in capsys.readouterr().out
    gap = np.linalg.norm(sketch.load(out).to_array() - MATRIX)
    assert gap < 1e-12 * np.linalg.norm(MATRIX)


def test_info_describes_data(file, capsys):
    assert main(["info", file]) == 0
    assert "(60, 40), float64" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.npy", "--rank", "2"], "no such file"),
        (["text.npy", "--rank", "2"], "cannot be read"),
        (["data.xyz", "--rank", "2"], "not known"),
        (["two.npz", "--rank", "2"], "::NAME: x, y"),
        (["two.npz::z", "--rank", "2"], "::NAME: x, y"),
        (["vector.npy", "--rank", "2"], "expected a matrix"),
        (["nan.npy", "--rank", "2"], "NaN or infinity"),
        (["a.npy"], "give a rank"),
        (["a.npy", "--rank", "-2"], "at least 0"),
        (["a.npy", "--rank", "2", "--memory", "1MB"], "memory budget leaves"),
        (["a.npy", "--rank", "2", "--state", "s.npz"], "--state needs"),
        (["a.npy", "--rank", "2", "--out", "nowhere/out.npz"], "folder does not exist"),
        (["a.npy", "--rank", "2", "--out", "a.xyz"], "end the name with one of these"),
        (["a.npy", "--rank", "2", "--out", "result"], "end the name with one of these"),
    ],
)
def test_refusals_are_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", MATRIX)
    np.save("vector.npy", np.ones(3))
    np.save("nan.npy", np.full((3, 3), np.nan))
    np.savez("two.npz", x=MATRIX, y=MATRIX)
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "data.xyz").write_text("")
    assert main(["svd", *arguments, "--no-progress"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("sketch: error: ")
    assert message in error


def test_merging_a_result_is_refused(tmp_path, capsys):
    path = tmp_path / "result.npz"
    sketch.svd(MATRIX, 2).save(path)
    assert main(["merge", str(path)]) == 2
    assert "not a one-pass sketch state" in capsys.readouterr().err


def test_the_module_runs_as_a_program(file):
    command = [sys.executable, "-m", "sketch", "svd", file, "--rank", "3", "--no-progress"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "rank          3" in done.stdout


# ---- tensors --------------------------------------------------------------------------------


def test_trains_of_files(tmp_path, capsys):
    t = np.random.default_rng(0).integers(0, 2, (5, 6, 7)).astype(float)
    np.save(tmp_path / "t.npy", t)
    lines = [
        "# a comment",
        *(f"{i + 1} {j + 1} {k + 1} {t[i, j, k]}" for i, j, k in np.argwhere(t)),
    ]
    (tmp_path / "t.tns").write_text("\n".join(lines))
    with gzip.open(tmp_path / "t.tns.gz", "wt") as file:
        file.write("\n".join(lines))
    for name in ("t.npy", "t.tns", "t.tns.gz"):
        for method in ("stta", "otts", "tt-hmt"):
            out = str(tmp_path / "result.npz")
            spec = str(tmp_path / name)
            call = ["tt", spec, "--rank", "7", "--method", method, "--no-progress", "--out", out]
            assert main(call) == 0
            # ranks of at most 5 and 7: nothing is lost
            assert np.linalg.norm(sketch.load(out).to_array() - t) < 1e-12 * np.linalg.norm(t)
    assert main(["tt", str(tmp_path / "t.npy"), "--rank", "2", "--method", "tt-svd"]) == 0
    text = capsys.readouterr().out
    assert "ranks         5 7" in text
    assert "rel. error" in text
    assert "compression" in text


def test_states_of_tensors_merge(tmp_path, capsys):
    rng = np.random.default_rng(0)
    total = np.zeros((5, 6, 7))
    states = []
    for number in range(2):
        part = rng.standard_normal((5, 1, 1)) * rng.standard_normal((6, 1)) * rng.standard_normal(7)
        total += part
        np.save(tmp_path / f"{number}.npy", part)
        states.append(str(tmp_path / f"state{number}.npz"))
        spec = str(tmp_path / f"{number}.npy")
        assert main(["tt", spec, "--rank", "3", "--no-progress", "--state", states[-1]]) == 0
    out = str(tmp_path / "sum.npz")
    assert main(["merge", *states, "--out", out]) == 0
    assert np.linalg.norm(sketch.load(out).to_array() - total) < 1e-12 * np.linalg.norm(total)
    assert main(["info", out]) == 0
    assert "ranks" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("1 2 3.5\n0 1 2.0\n", "line 2: .*count from 1"),
        ("1.5 2 3.5\n", "line 1: .*'1.5' is no index"),
        ("1 2 3.5\n1 2\n", "line 2: .*expected 3 numbers, found 2"),
        ("a b c\n", "line 1: .*'a' is no index"),
    ],
    ids=["empty", "zero", "fraction", "ragged", "words"],
)
def test_damaged_coordinate_files_are_refused(content, message, tmp_path, capsys):
    path = tmp_path / "bad.tns"
    path.write_text(content)
    assert main(["tt", str(path), "--rank", "2"]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_states_of_every_method_of_one_pass_are_merged(tmp_path):
    kernel = MATRIX @ MATRIX.T
    half, states = len(kernel) // 2, []
    for number, start in enumerate((0, half)):
        sk = sketch.Nystrom(kernel.shape, rank=3)
        sk.update(kernel[start : start + half], at=start)
        states.append(str(tmp_path / f"half{number}.npz"))
        sk.save(states[-1])
    out = str(tmp_path / "result.npz")
    assert main(["merge", *states, "--out", out]) == 0
    expected = sketch.svd(kernel, 3, method="nystrom-psd")
    assert np.allclose(sketch.load(out).s, expected.s, rtol=0.1)  # of the sketch itself


def test_a_sketch_of_several_passes_is_not_merged(tmp_path, capsys):
    sk = sketch.HMT(MATRIX.shape, 2)
    sk.save(tmp_path / "state.npz")
    assert main(["merge", str(tmp_path / "state.npz")]) == 2
    assert "not a one-pass sketch state" in capsys.readouterr().err


def test_the_comparison_names_every_method_with_its_error(capsys):
    assert main(["bench", "--scale", "0.01"]) == 0
    out = capsys.readouterr().out
    for name in ("sketch, one reading", "SciPy svds", "sketch, TT-SVD"):
        assert re.search(rf"{name} +[0-9.e-]+ +[0-9.e+-]+ +0?[0-9.e-]+", out)


def test_shares_that_overlap_in_part_are_refused_or_added(tmp_path, capsys):
    states = []
    for start, stop in ((0, 20), (10, 30)):
        np.save(tmp_path / "a.npy", MATRIX[start:stop])
        states.append(str(tmp_path / f"{start}.npz"))
        arguments = ["svd", str(tmp_path / "a.npy"), "--rank", "4", "--method", "nystrom"]
        arguments += ["--rows", f"{start}:{stop}", "--shape", f"30,{MATRIX.shape[1]}"]
        assert main([*arguments, "--no-progress", "--state", states[-1]]) == 0
    out = str(tmp_path / "out.npz")
    assert main(["merge", *states, "--out", out]) == 2
    assert "overlap in part: they cover 0:20, 0:" in capsys.readouterr().err
    assert not (tmp_path / "out.npz").exists()
    assert main(["merge", "--add", *states, "--rank", "8", "--out", out]) == 0
    total = np.zeros((30, MATRIX.shape[1]))
    total[:20] += MATRIX[:20]
    total[10:] += MATRIX[10:30]
    assert np.allclose(sketch.load(out).to_array(), total, atol=1e-10 * np.abs(total).max())


def test_states_of_row_streams_are_merged(tmp_path, capsys):
    rows = RNG.standard_normal((300, 12)) * 0.5 ** np.arange(12) + 7
    for number, part in enumerate(np.split(rows, 3)):
        sk = sketch.GramNystrom(12, rank=3)
        sk.update(part)
        sk.save(tmp_path / f"part{number}.npz")
    out = str(tmp_path / "result.npz")
    parts = [str(tmp_path / f"part{number}.npz") for number in range(3)]
    assert main(["merge", *parts, "--rank", "3", "--out", out]) == 0
    assert "3, " in capsys.readouterr().out
    found, exact = sketch.load(out), sketch.pca(rows, 3)
    assert np.allclose(found.explained_variance, exact.explained_variance, rtol=1e-11)
    assert main(["info", out]) == 0
    assert "% of the variance" in capsys.readouterr().out


@pytest.mark.parametrize("placed", [True, False])
@pytest.mark.parametrize("command", ["svd", "tt"])
def test_shares_are_stacked_where_they_are_placed_and_else_said_to_be_summed(
    command, placed, tmp_path, capsys
):
    data, states = MATRIX if command == "svd" else MATRIX.reshape(MATRIX.shape[0], -1, 2), []
    half = data.shape[0] // 2
    for number, rows in enumerate((slice(0, half), slice(half, 2 * half))):
        np.save(tmp_path / f"{number}.npy", data[rows])
        states.append(str(tmp_path / f"{number}.npz"))
        arguments = [command, str(tmp_path / f"{number}.npy"), "--rank", "4", "--no-progress"]
        if placed:
            sizes = ",".join(map(str, (2 * half, *data.shape[1:])))
            arguments += ["--rows", f"{rows.start}:{rows.stop}", "--shape", sizes]
        arguments += ["--method", "nystrom" if command == "svd" else "stta"]
        assert main([*arguments, "--state", states[-1]]) == 0
    out = str(tmp_path / "out.npz")
    assert main(["merge", *states, "--out", out]) == 0
    assert ("overlap" in capsys.readouterr().out) != placed
    if placed:
        gap = np.linalg.norm(sketch.load(out).to_array() - data[: 2 * half])
        assert gap < 1e-12 * np.linalg.norm(data)
    assert main(["merge", states[0], states[0]]) == 2
    assert "same share" in capsys.readouterr().err
    assert main([*arguments, "--state", states[0], "--rows", "0:1", "--shape", "9,9"]) == 2


def test_a_reader_that_stops_is_no_error(tmp_path):
    np.save(tmp_path / "a.npy", np.eye(9))
    words = f"{sys.executable} -m sketch svd {tmp_path / 'a.npy'} --rank 2"
    done = subprocess.run(
        ["sh", "-c", f"{words} | true"], capture_output=True, text=True, check=True
    )
    assert not done.stderr
