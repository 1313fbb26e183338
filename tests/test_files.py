"""State and result files: exact resumption, and refusal of anything damaged."""

from __future__ import annotations

import io
import json
import math
import os
import signal
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from strategies import hmt, matrix, nystrom, parts

import sketch
from sketch.files import archive as sealed_files

pytestmark = pytest.mark.usefixtures("every_backend")

A = matrix()


@pytest.mark.parametrize("make", [nystrom, hmt])
def test_a_resumed_stream_equals_an_uninterrupted_one_bit_for_bit(make, tmp_path):
    path = tmp_path / "state.npz"
    sk, whole = make(), make()
    for _ in range(getattr(sk, "n_passes", 1)):
        for start in range(0, 31, 10):
            sk.update(A[start : start + 10], at=start)
            whole.update(A[start : start + 10], at=start)
            sk.save(path)
            sk = sketch.load(path)
        if hasattr(sk, "end_pass"):
            sk.end_pass()
            whole.end_pass()
            sk.save(path)
            sk = sketch.load(path)
    assert sk.n_updates == whole.n_updates
    assert all(np.array_equal(part, parts(whole)[name]) for name, part in parts(sk).items())
    assert np.array_equal(sk.finalize().s, whole.finalize().s)


def test_results_come_back_whole(tmp_path):
    result = sketch.svd(A, 3, method="nystrom")
    result.save(tmp_path / "result.npz")
    again = sketch.load(tmp_path / "result.npz")
    assert all(np.array_equal(x, y) for x, y in zip(result, again, strict=True))
    assert again.error == result.error
    with np.load(tmp_path / "result.npz") as arrays:
        assert np.array_equal(arrays["s"], result.s)


def test_states_of_two_processes_merge(tmp_path):
    """The draws depend on nothing but the spec: neither on the process nor its hash seed."""
    np.save(tmp_path / "a.npy", A)
    code = (
        "import sys, numpy as np, sketch\n"
        "folder, start, stop = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])\n"
        "a = np.load(folder + '/a.npy')\n"
        "sk = sketch.GeneralizedNystrom(a.shape, 4)\n"
        "sk.update(a[start:stop], at=start)\n"
        "sk.save(f'{folder}/{start}.npz')\n"
    )
    for seed, (start, stop) in enumerate([(0, 12), (12, 31)], 1):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        command = [sys.executable, "-c", code, str(tmp_path), str(start), str(stop)]
        subprocess.run(command, env=environment, check=True)
    merged = sketch.load(tmp_path / "0.npz") + sketch.load(tmp_path / "12.npz")
    whole = nystrom()
    whole.update(A)
    assert all(
        np.allclose(p, parts(whole)[k], rtol=0, atol=1e-12) for k, p in parts(merged).items()
    )


def saved(tmp_path):
    path = tmp_path / "state.npz"
    sk = nystrom()
    sk.update(A)
    sk.save(path)
    return path


def test_truncated_and_altered_files_are_refused(tmp_path):
    path = saved(tmp_path)
    data = path.read_bytes()
    for length in [0, 1, 100, len(data) // 2, len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(sketch.StateFileError):
            sketch.load(path)
    for position in range(60, len(data), len(data) // 40):
        path.write_bytes(data[:position] + bytes([data[position] ^ 255]) + data[position + 1 :])
        try:
            again = sketch.load(path)
        except sketch.StateFileError:
            continue
        expected = nystrom()  # bytes that mean nothing, as a date inside the zip
        expected.update(A)
        assert all(np.array_equal(p, parts(expected)[k]) for k, p in parts(again).items())


def rewritten(path, change, sealed=True):
    """Rewrite the header of a state file, with a checksum that fits or the old one."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = json.loads(members["header.json"])
    seal = header.pop("checksum")
    change(header)
    header["checksum"] = sealed_files._seal(header) if sealed else seal
    members["header.json"] = json.dumps(header).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda h: h.update(format_version=99), "upgrade sketch"),
        (lambda h: h.update(format_version=1), "checksum"),
        (lambda h: h["sha256"].pop("range"), "not those that its header names"),
        (lambda h: h.update(n_updates=math.inf), "inconsistent"),
        (lambda h: h.update(starts=3), "inconsistent"),
        (lambda h: h.update(format="x"), "not one written by sketch"),
        (lambda h: h.update(kind="Thing"), "does not know"),
        (lambda h: h.update(draw_digest="0"), "other test matrices"),
        (lambda h: h["starts"].update(range=25), "beyond its shape"),
        (lambda h: h["spec"].pop("seed"), "inconsistent"),
        (lambda h: h["spec"].update(shape=[-1, 2]), "State|inconsistent|beyond"),
        (lambda h: h.pop("spec"), "inconsistent"),
    ],
)
def test_headers_that_do_not_fit_are_refused(change, text, tmp_path):
    path = saved(tmp_path)
    rewritten(path, change)
    with pytest.raises(sketch.StateFileError, match=text):
        sketch.load(path)


def test_every_field_of_a_header_lies_inside_the_checksum(tmp_path):
    path = saved(tmp_path)
    with zipfile.ZipFile(path) as archive:
        fields = set(json.loads(archive.read("header.json"))) - {"checksum"}
    for field in fields - {"sha256", "format", "format_version"}:
        for value in (-7, 2.5, {}, "x"):
            saved(tmp_path)
            rewritten(path, lambda h, f=field, v=value: h.update({f: v}), sealed=False)
            with pytest.raises(sketch.StateFileError, match="checksum"):
                sketch.load(path)


@pytest.mark.parametrize("held", [nystrom, hmt], ids=["nystrom", "hmt"])
def test_fields_that_are_not_known_are_refused(held, tmp_path):
    path = tmp_path / "state.npz"
    held().save(path)
    for change in (lambda h: h.update(more=1), lambda h: h["spec"].update(more=1)):
        held().save(path)
        rewritten(path, change)
        with pytest.raises(sketch.StateFileError, match=r"unknown|inconsistent"):
            sketch.load(path)


def test_states_of_the_first_format_still_load(tmp_path):
    states = sorted((Path(__file__).parent / "data" / "states-1").glob("*.npz"))
    assert len(states) == 9
    for path in states:
        held = sketch.load(path)
        assert type(held).__name__ == path.stem
        held.save(tmp_path / path.name)
        assert type(sketch.load(tmp_path / path.name)) is type(held)


def test_arrays_that_claim_more_than_is_there_are_refused(tmp_path):
    path = saved(tmp_path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    claim = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        claim, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 6)}
    )
    members["range.npy"] = claim.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(sketch.StateFileError, match="1000000000000"):
        sketch.load(path)


def test_a_second_member_of_one_name_is_refused(tmp_path):
    path = saved(tmp_path)
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("header.json", archive.read("header.json"))
    with pytest.raises(sketch.StateFileError, match="two members of one name"):
        sketch.load(path)


def test_foreign_files_are_refused(tmp_path):
    np.savez(tmp_path / "plain.npz", a=np.ones(3))
    (tmp_path / "text.npz").write_text("hello")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    for name in ("plain.npz", "text.npz", "objects.npy", "missing.npz"):
        with pytest.raises(sketch.StateFileError):
            sketch.load(tmp_path / name)


def test_a_killed_writer_leaves_a_whole_file(tmp_path):
    path = saved(tmp_path)
    code = (
        "import sys, numpy as np, sketch\n"
        "sk = sketch.GeneralizedNystrom((300, 200), 40)\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    sk.update(np.ones((300, 200)))\n"
        "    sk.save(sys.argv[1])\n"
    )
    for delay in (0.05, 0.11, 0.17):
        command = [sys.executable, "-c", code, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            time.sleep(delay)
            writer.send_signal(signal.SIGKILL)
        assert sketch.load(path).n_updates >= 1
