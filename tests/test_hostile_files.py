"""Damaged and hostile files: one error with the file's name, at once, whatever is wrong."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from damage import MATRIX, damaged, read
from file_formats import (
    ALL,
    bed,
    h5ad,
    hdf5,
    hdf5_records,
    mat73,
    netcdf3,
    npy,
    npy_fortran,
    npz,
    npz_sparse,
    zarr2,
    zarr3,
)

import sketch
from sketch.cli import main

IN_CHILD = ("mat", "mat_structure", "mat4", "mat_sparse", "parquet", "feather")  # slow to start


@pytest.mark.parametrize("writer", ALL, ids=lambda w: w.__name__)
def test_damaged_files_are_refused_or_harmless(writer, tmp_path):
    """Flips, cuts, insertions, removals, repetitions; `damage.py` is the long form."""
    spec = writer(tmp_path, MATRIX)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    for seed in range(2 if writer.__name__ in IN_CHILD else 25):
        chance = random.Random(seed)
        path = chance.choice(files)
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, chance))
        said = None
        try:
            read(spec)
        except sketch.SketchError as error:
            said = str(error)
        path.write_bytes(whole)
        assert said is None or str(tmp_path) in said


def crashing_mat(folder):
    """Write the head of a MATLAB file with a matrix whose parts point to nowhere."""
    scipy_io = pytest.importorskip("scipy.io")
    scipy_io.savemat(folder / "a.mat", {"x": MATRIX})
    data = bytearray((folder / "a.mat").read_bytes())
    data[128 + 8 : 128 + 60] = b"\xff" * 52
    (folder / "a.mat").write_bytes(data)
    return folder / "a.mat"


def test_a_reader_that_crashes_is_not_ours(tmp_path, monkeypatch):
    script = tmp_path / "crash.py"
    script.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr("sketch.io._child._SCRIPT", script)
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(300))
    with pytest.raises(sketch.StateFileError, match=r"a\.mat: .*crashed"):
        sketch.open(path)
    script.write_text("print('{\"sent\": 1}')")
    with pytest.raises(sketch.StateFileError, match=r"a\.mat: "):
        sketch.open(path)


def test_heads_that_lead_nowhere_are_refused(tmp_path):
    with pytest.raises(sketch.StateFileError, match=r"a\.mat"):
        sketch.open(crashing_mat(tmp_path))


# ---- claims ---------------------------------------------------------------------------------


def zarr_claim(folder, writer, rows):
    spec = writer(folder, MATRIX)
    for path in folder.rglob("*"):
        if path.name in (".zarray", "zarr.json"):
            meta = json.loads(path.read_text())
            if "shape" in meta:
                meta["shape"] = [rows, 17]
                path.write_text(json.dumps(meta))
    return spec


def hdf5_claim(folder, rows):
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset("x", (rows, 17), "f8", chunks=(1000, 17))
    return folder / "a.h5"


def npy_claim(folder, rows):
    head = io.BytesIO()
    fields = {"descr": "<f8", "fortran_order": False, "shape": (rows, 17)}
    np.lib.format.write_array_header_1_0(head, fields)
    (folder / "a.npy").write_bytes(head.getvalue() + b"\0" * 1000)
    return folder / "a.npy"


def npz_claim(folder, rows):
    content = npy_claim(folder, rows).read_bytes()
    with zipfile.ZipFile(folder / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", content)
    return folder / "a.npz"


def sparse_claim(folder, rows):
    h5py = pytest.importorskip("h5py")
    path = h5ad(folder, MATRIX)
    with h5py.File(path, "a") as file:
        file["X"].attrs["shape"] = (rows, 17)
    return path


def text_claim(folder, rows):
    head = f"%%MatrixMarket matrix coordinate real general\n{min(rows, 10**18 - 1)} 5 1\n1 1 1\n"
    (folder / "a.mtx").write_text(head)
    return folder / "a.mtx"


def tns_claim(folder, rows):
    (folder / "a.tns").write_text(f"1 1 1\n{rows} 2 4\n")
    return folder / "a.tns"


def coo_claim(folder, rows):
    one = np.zeros(1, int)
    parts = {"data": np.ones(1), "row": one, "col": one, "format": "coo", "shape": (rows, 3)}
    np.savez(folder / "a.npz", **parts)
    return folder / "a.npz"


CLAIMS = [text_claim, tns_claim, coo_claim, hdf5_claim, npy_claim, npz_claim, sparse_claim]
CLAIMS += [lambda folder, rows, w=writer: zarr_claim(folder, w, rows) for writer in (zarr2, zarr3)]


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("rows", [10**11, 10**15, 2**62])
def test_claims_of_size_are_refused_before_memory_is_taken(claim, rows, tmp_path):
    spec = claim(tmp_path, rows)
    for call in (sketch.open, lambda a: sketch.svd(a, 2)):
        with pytest.raises(sketch.StateFileError, match=str(tmp_path)):
            call(spec)


def test_large_arrays_that_are_mostly_fill_values_are_not_refused(tmp_path):
    with sketch.open(hdf5_claim(tmp_path, 10**6)) as file:
        assert file.shape == (10**6, 17)
        assert not file[999_990:].any()


# ---- what is no file of numbers -------------------------------------------------------------


def test_no_regular_files_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop.npy").symlink_to("loop.npy")
    for path, text in {
        tmp_path / "pipe.npy": "is a pipe",
        tmp_path / "folder": "is a folder",
        tmp_path / "loop.npy": "cannot be opened",
        tmp_path / "missing.npy": "no such file",
        "/dev/zero": "is a device",
        "a\0b.npy": "null",
        "": "an empty one",
    }.items():
        for call in (sketch.open, lambda a: sketch.svd(a, 2), sketch.load):
            with pytest.raises(sketch.StateFileError, match=text):
                call(path)


COMMANDS = {"svd": "--rank 2", "pca": "--rank 2", "tt": "--rank 2", "complete": "--rank 2",
            "merge": "", "info": "", "convert": "out.h5"}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_waits_for_a_pipe(command, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    assert main([command, str(tmp_path / "pipe"), *COMMANDS[command].split()]) == 2
    assert "is a pipe, not a regular file" in capsys.readouterr().err


PLACEHOLDERS = {
    b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n": "Git LFS",
    b"/annex/objects/SHA256E-s12--ab.npy\n": "git-annex",
    b"<!DOCTYPE html><html><body>404": "a web page",
}


@pytest.mark.parametrize("suffix", ["npy", "npz", "mat", "h5", "csv", "mtx", "bed", "xyz"])
def test_placeholders_are_named(suffix, tmp_path):
    for content, text in PLACEHOLDERS.items():
        (tmp_path / f"a.{suffix}").write_bytes(content)
        with pytest.raises(sketch.StateFileError, match=text) as caught:
            sketch.open(tmp_path / f"a.{suffix}")
        assert "pickle" not in str(caught.value)


def no_numbers(folder):
    """Yield specs of arrays without numbers, with what is said of them."""
    h5py = pytest.importorskip("h5py")
    objects = np.array([{}, None], dtype=object)
    np.save(folder / "objects.npy", objects, allow_pickle=True)
    np.save(folder / "text.npy", np.array([["a"]]))
    np.save(folder / "dates.npy", np.array([["2020-01-01"]], "M8[D]"))
    np.save(folder / "records.npy", np.zeros(3, [("a", "f8"), ("b", "S3")]))
    np.savez(folder / "mixed.npz", o=objects, t=np.array(["a"]), x=np.ones((2, 2)))
    with h5py.File(folder / "a.h5", "w") as file:
        file["none"], file["text"] = h5py.Empty("f8"), "words"
        file["records"] = np.zeros(3, [("a", "f8"), ("b", "S3")])
        file["group/x"] = np.ones((2, 2))
        file["gone"] = h5py.SoftLink("/nowhere")
        file["away"] = h5py.ExternalLink("missing.h5", "/x")
        file["reference"] = file["group"].ref
    yield "objects.npy", "objects"
    yield "text.npy", "text"
    yield "dates.npy", "dates"
    yield "records.npy", "records"
    yield "mixed.npz::o", "objects, text or records"
    yield "a.h5::none", "no values"
    yield "a.h5::text", "text"
    yield "a.h5::records", "name one of their fields: a"
    yield "a.h5::group", "is a group, not an array; it holds group/x"
    yield "a.h5::gone", "link to /nowhere, which cannot be read"
    yield "a.h5::away", r"link to /x in missing\.h5"
    yield "a.h5::reference", "objects"
    yield "a.h5::grup/x", r"no array named 'grup/x'; did you mean group/x\?"
    yield "a.h5::records/c", "no array named 'records/c'"


def test_what_holds_no_numbers_is_refused_by_name(tmp_path):
    for spec, text in no_numbers(tmp_path):
        with pytest.raises(sketch.StateFileError, match=text) as caught:
            sketch.svd(f"{tmp_path}/{spec}", 1)
        assert str(caught.value).startswith(f"{tmp_path}/{spec.partition('::')[0]}")


@pytest.mark.parametrize("writer", [npz, hdf5, zarr2, zarr3, netcdf3, mat73, npz_sparse, h5ad])
def test_a_wrong_name_is_said_with_those_that_are_there(writer, tmp_path):
    path, _, name = str(writer(tmp_path, MATRIX)).partition("::")
    with pytest.raises(sketch.StateFileError, match="no array named 'nothing'") as caught:
        sketch.open(f"{path}::nothing")
    assert path in str(caught.value)
    if name:
        assert f"::NAME: {name}" in str(caught.value) or name in str(caught.value)


def test_cycles_of_links_are_listed_once(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a/x"], file["a/y"] = np.ones((3, 2)), np.ones((3, 2))
        file["a/loop"] = file["a"]
        file["a/b/soft"] = h5py.SoftLink("/a")
    with pytest.raises(sketch.StateFileError, match="name one of its arrays") as caught:
        sketch.open(tmp_path / "a.h5")
    assert len(str(caught.value)) < 2000
    assert sketch.open(f"{tmp_path / 'a.h5'}::a/loop/loop/x").shape == (3, 2)


def test_texts_that_lead_in_circles_are_refused(tmp_path):
    """HDF5 follows the sizes in a heap of texts for ever where one of them is zero."""
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = MATRIX
        file["x"].attrs["long"] = "words"
    content = bytearray(path.read_bytes())
    first = content.find(b"GCOL") + 16
    free = first + 16 + 8  # after the head and the five letters
    for place in (first, free):
        damaged = content.copy()
        damaged[place : place + 2] = b"\0\0"
        damaged[place + 8 : place + 16] = bytes(8)
        path.write_bytes(damaged)
        with pytest.raises(sketch.StateFileError, match=r"a\.h5: .*texts at byte"):
            sketch.open(path)
    path.write_bytes(content)
    assert sketch.open(path).shape == MATRIX.shape


def test_sparse_indices_outside_of_the_shape_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = h5ad(tmp_path, MATRIX)
    for part, value in (("indices", 17), ("indices", -1), ("indptr", 10**6)):
        h5ad(tmp_path, MATRIX)
        with h5py.File(path, "a") as file:
            file["X"][part][3] = value
        with pytest.raises(sketch.StateFileError, match=rf"a\.h5ad.*{part}"):
            sketch.svd(path, 2)
    with h5py.File(path, "a") as file:
        del file["X"].attrs["shape"]
    with pytest.raises(sketch.StateFileError, match="without its shape"):
        sketch.open(path)


def test_npz_members_called_like_those_of_sparse_matrices_are_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", format=np.ones((2, 3)), shape=np.ones((4, 5)))
    assert sketch.open(f"{tmp_path / 'a.npz'}::shape").shape == (4, 5)
    with pytest.raises(sketch.StateFileError, match="name one of its arrays"):
        sketch.open(tmp_path / "a.npz")


def test_sparse_arrays_with_another_fill_value_are_refused(tmp_path):
    sparse = pytest.importorskip("sparse")
    array = sparse.COO.from_numpy(MATRIX) + 5
    sparse.save_npz(tmp_path / "a.npz", array)
    with pytest.raises(sketch.StateFileError, match=r"other entries are 5"):
        sketch.open(tmp_path / "a.npz")


def test_stacks_that_do_not_fit_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((3, 4)))
    np.save(tmp_path / "b.npy", np.ones((3, 5)))
    with pytest.raises(sketch.ShapeError, match=r"b\.npy: shape \(3, 5\) does not go below"):
        sketch.open([tmp_path / "a.npy", tmp_path / "b.npy"])
    with pytest.raises(sketch.StateFileError, match="no file fits this pattern"):
        sketch.open(f"{tmp_path}/day-*.nc::T")


CUT_WHILE_OPEN = """
import os, sys, numpy as np, sketch
spec, path, how = sys.argv[1:]
call = {"svd": sketch.svd, "tt": sketch.tensor_train}.get(how)
data = sketch.open([spec, spec] if how == "stack" else spec)
os.truncate(path, os.path.getsize(path) // 3)
try:
    call(data, 2) if call else np.asarray(data[...])
except sketch.StateFileError as error:
    print(error)
"""


@pytest.mark.parametrize("writer", [npy, npy_fortran, netcdf3, bed, mat73, hdf5_records])
def test_a_file_that_shrinks_while_it_is_open_is_refused(writer, tmp_path):
    """Where it is mapped, to read it would end the process; HDF5 reads zeros."""
    spec = str(writer(tmp_path, np.tile(MATRIX, (60, 9))))
    for how in ("svd", "tt", "stack"):
        copied = shutil.copytree(tmp_path, tmp_path.with_name(f"{tmp_path.name}-{how}"))
        copy = spec.replace(str(tmp_path), str(copied))
        command = [sys.executable, "-c", CUT_WHILE_OPEN, copy, copy.partition("::")[0], how]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "has shrunk since it was opened" in done.stdout


def test_a_file_that_another_process_writes_is_said_to_be(tmp_path):
    pytest.importorskip("h5py")
    code = (
        "import h5py, sys\n"
        "file = h5py.File(sys.argv[1], 'w', libver='latest')\n"
        "file['x'] = [[1.0, 2.0]]\n"
        "if sys.argv[2] == 'swmr':\n"
        "    file.swmr_mode = True\n"
        "file.flush()\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    for how in ("locked", "swmr"):
        command = [sys.executable, "-c", code, str(tmp_path / "a.h5"), how]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            with pytest.raises(sketch.StateFileError, match=r"a\.h5: is being written"):
                sketch.open(tmp_path / "a.h5")
            writer.stdin.close()
        assert sketch.open(tmp_path / "a.h5").shape == (1, 2)


def test_a_worker_that_sees_another_file_says_so(tmp_path):
    import pickle

    np.save(tmp_path / "a.npy", MATRIX)
    sent = pickle.dumps(sketch.open(tmp_path / "a.npy"))
    assert np.array_equal(np.asarray(pickle.loads(sent)), MATRIX)
    np.save(tmp_path / "a.npy", MATRIX[:5])
    with pytest.raises(sketch.StateFileError, match=r"a worker sees \(5, 17\)"):
        pickle.loads(sent)
    (tmp_path / "a.npy").unlink()
    with pytest.raises(sketch.StateFileError, match="all workers must see the file"):
        pickle.loads(sent)


# ---- the command line -----------------------------------------------------------------------


def run(*words, cwd):
    command = [sys.executable, "-m", "sketch", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("option", "file", "text"),
    [
        ("--out", "no/x.npz", "no/x.npz: cannot be written, the folder does not exist"),
        ("--out", ".", "is a folder"),
        ("--plot", "picture.unknown", "pictures of this kind"),
        ("--plot", "no/x.png", "cannot be written"),
        ("--state", "/dev/null", "is a device"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(option, file, text, tmp_path, capsys):
    from sketch.cli import main

    np.save(tmp_path / "a.npy", MATRIX)
    spec, method = str(tmp_path / "a.npy"), ["--method", "nystrom"]
    place = file if file.startswith("/") else str(tmp_path / file)
    assert main(["svd", spec, "--rank", "2", "--no-progress", *method, option, place]) == 2
    said = capsys.readouterr()
    assert "singular" not in said.out
    assert ".partial" not in said.err
    assert text in said.err
    assert sorted(os.listdir(tmp_path)) == ["a.npy"]


def test_info_says_what_is_wrong_with_a_state(tmp_path, capsys):
    from sketch.cli import main

    path = tmp_path / "state.npz"
    sk = sketch.GeneralizedNystrom(MATRIX.shape, 3)
    sk.update(MATRIX)
    sk.save(path)
    content = bytearray(path.read_bytes())
    content[600] ^= 255
    path.write_bytes(bytes(content))
    assert main(["info", str(path)]) == 2
    assert "damaged" in capsys.readouterr().err
    path.write_bytes(b"")
    assert main(["info", str(path)]) == 2
    assert "it is empty" in capsys.readouterr().err


def test_sparse_files_and_tt_svd_are_refused_by_reason(tmp_path, capsys):
    from sketch.cli import main

    (tmp_path / "a.tns").write_text("1 1 1 0.5\n2 3 4 1.5\n")
    assert main(["tt", str(tmp_path / "a.tns"), "--method", "tt-svd", "--rank", "2"]) == 2
    assert "needs a dense array" in capsys.readouterr().err


def test_a_damaged_chunk_is_one_line_with_the_file(tmp_path):
    path, _, _ = str(zarr3(tmp_path, MATRIX)).partition("::")
    for chunk in Path(path).rglob("c/**/*"):
        if chunk.is_file():
            chunk.write_bytes(b"\xff" * 60)
    done = run("svd", path, "--rank", "2", cwd=tmp_path)
    assert done.returncode == 2
    assert path in done.stderr
    assert "Traceback" not in done.stderr


def test_pictures_are_offered_where_there_is_one_to_draw(tmp_path, capsys):
    from sketch.cli import main

    np.save(tmp_path / "a.npy", MATRIX)
    with pytest.raises(SystemExit):
        main(["tt", str(tmp_path / "a.npy"), "--rank", "2", "--plot", str(tmp_path / "a.png")])
    sk = sketch.GramNystrom(MATRIX.shape[1], 2)
    sk.update(MATRIX)
    sk.save(tmp_path / "rows.npz")
    words = ["merge", str(tmp_path / "rows.npz"), "--plot", str(tmp_path / "a.png")]
    assert main(words) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "picture" in capsys.readouterr().out


def test_handles_of_closed_files_and_without_values_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["none"] = MATRIX, h5py.Empty("f8")
    with h5py.File(tmp_path / "a.h5") as file:
        handles = {"whose file is closed": file["x"], "holds no values": file["none"]}
        calls = (sketch.svd, sketch.pca, sketch.tensor_train)
        for call in calls:
            with pytest.raises(sketch.DtypeError, match="holds no values"):
                call(handles["holds no values"], 2)
    for call in calls:
        with pytest.raises(sketch.DtypeError, match="whose file is closed"):
            call(handles["whose file is closed"], 2)
