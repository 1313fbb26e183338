"""Saving: one regular file is changed, and nothing about it but its content."""

from __future__ import annotations

import io
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sketch
from sketch.files.paths import try_to_write


def objects():
    """Return one of everything that can be saved."""
    a = np.outer(np.arange(1.0, 9.0), np.arange(1.0, 7.0))
    sk = sketch.GeneralizedNystrom(a.shape, 1)
    sk.update(a)
    return [sk, sketch.svd(a, 1), sketch.pca(a, 1), sketch.tensor_train(a, 1)]


SAVED = objects()


@pytest.mark.parametrize("held", SAVED, ids=lambda x: type(x).__name__)
def test_links_stay_and_their_targets_are_written(held, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "real.npz"
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    second.symlink_to("elsewhere/real.npz")  # dangling as yet
    first.symlink_to(second)
    for _ in range(2):
        held.save(first)
        assert first.is_symlink()
        assert second.is_symlink()
        assert stat.S_ISREG(os.lstat(target).st_mode)
        assert type(sketch.load(target)) is type(held)
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "first.npz", "second.npz"]
    assert os.listdir(tmp_path / "elsewhere") == ["real.npz"]


@pytest.mark.parametrize("held", SAVED, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o666])
def test_a_file_that_is_replaced_keeps_its_mode(held, mode, tmp_path):
    path = tmp_path / "a.npz"
    held.save(path)
    os.chmod(path, mode)
    owner = os.stat(path).st_uid, os.stat(path).st_gid
    held.save(path)
    after = os.stat(path)
    assert stat.S_IMODE(after.st_mode) == mode
    assert (after.st_uid, after.st_gid) == owner


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path):
    code = (
        "import os, sys, sketch; os.umask(0o027);"
        "sketch.GeneralizedNystrom((4, 3), 1).save(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.npz")], check=True)
    assert stat.S_IMODE(os.stat(tmp_path / "a.npz").st_mode) == 0o640


def no_regular_files(folder):
    """Return paths that nothing can be saved to, with what they are."""
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    (folder / "link").symlink_to("pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "file").write_text("")
    return {
        folder / "pipe": "is a pipe",
        folder / "folder": "is a folder",
        folder / "link": "is a pipe",
        folder / "loop": "cannot be",
        "/dev/null": "is a device",
        folder / "missing" / "a.npz": "the folder does not exist",
        folder / "file" / "a.npz": "not a directory",
        "a\0b": "null",
    }


@pytest.mark.parametrize("held", SAVED, ids=lambda x: type(x).__name__)
def test_what_is_no_regular_file_is_left_alone(held, tmp_path):
    for path, reason in no_regular_files(tmp_path).items():
        for call in (held.save, try_to_write):
            with pytest.raises(sketch.StateFileError, match=reason):
                call(path)
    assert stat.S_ISFIFO(os.lstat(tmp_path / "pipe").st_mode)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder", "link", "loop", "pipe"]


NO_PATHS = [None, 0, 7, 1.5, True, ["a.npz"], {"a": 1}, np.zeros(3), "", b""]


@pytest.mark.parametrize("held", SAVED, ids=lambda x: type(x).__name__)
def test_what_is_no_path_is_refused_by_its_type(held, tmp_path):
    with open(tmp_path / "file", "wb+") as file:
        for path in [*NO_PATHS, file, io.BytesIO(), io.StringIO()]:
            empty = isinstance(path, str | bytes)
            named = "an empty one" if empty else type(path).__name__
            for call in (held.save, sketch.load):
                with pytest.raises(sketch.StateFileError, match=f"expected the path.*{named}"):
                    call(path)
            sk = sketch.GramNystrom(6, 2)
            if path is not None:
                with pytest.raises(sketch.StateFileError, match="expected the path"):
                    sk.consume(iter([np.ones((8, 6))]), checkpoint=path)
                assert sk.n_updates == 0
            with pytest.raises((sketch.StateFileError, sketch.ShapeError)):
                sketch.open(path)


def test_paths_of_bytes_and_of_any_name_are_paths(tmp_path):
    for name in (b"plain", b"a b,c;%s{}", b"not \xff utf-8", b"a::b", "\u00e9\u2211".encode()):
        folder = os.path.join(os.fsencode(tmp_path), name)
        os.mkdir(folder)
        for path in (os.path.join(folder, b"state"), os.path.join(folder, b"x::y.npz")):
            for given in (path, os.fsdecode(path), Path(os.fsdecode(path))):
                SAVED[1].save(given)
                assert sketch.load(given).shape == SAVED[1].shape
            np.savez(os.fsdecode(path) + ".npz", s=np.ones((3, 2)), t=np.ones(2))
            for given in (path + b".npz::s", os.fsdecode(path) + ".npz::s", path + b".npz"):
                assert sketch.open(given).shape == (3, 2)


def test_what_is_no_regular_file_is_not_read(tmp_path):
    for path in [*no_regular_files(tmp_path), "/dev/zero", "/dev/stdin", tmp_path / "none.npz"]:
        with pytest.raises(sketch.StateFileError) as caught:
            sketch.load(path)
        assert "truncated" not in str(caught.value) or str(path) == str(tmp_path / "file")
        assert re.match(re.escape(str(path)), str(caught.value))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_permission_denied_is_said(tmp_path):
    path = tmp_path / "a.npz"
    SAVED[0].save(path)
    path.chmod(0)
    with pytest.raises(sketch.StateFileError, match=r"permission denied$"):
        sketch.load(path)
    tmp_path.chmod(0o500)
    with pytest.raises(sketch.StateFileError, match="permission denied"):
        try_to_write(path)
    tmp_path.chmod(0o700)


def test_trying_leaves_nothing_and_changes_nothing(tmp_path):
    path = tmp_path / "a.npz"
    try_to_write(path)
    assert not os.listdir(tmp_path)
    path.write_text("mine")
    try_to_write(path)
    assert path.read_text() == "mine"
    assert os.listdir(tmp_path) == ["a.npz"]


def test_what_killed_writers_leave_is_removed_by_the_next(tmp_path):
    code = (
        "import sys, numpy as np\n"
        "from sketch.files.paths import replace_by\n"
        "def write(file):\n"
        "    file.write(b'half')\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.read()\n"
        "replace_by(sys.argv[1], write)\n"
    )
    path = tmp_path / "a.npz"
    command = [sys.executable, "-c", code, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as alive, subprocess.Popen(command, **pipes) as killed:
        alive.stdout.readline()
        killed.stdout.readline()
        assert len(os.listdir(tmp_path)) == 2
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert len(os.listdir(tmp_path)) == 2
        SAVED[0].save(path)
        left = sorted(os.listdir(tmp_path))  # the file, and that of the writer at work
        assert len(left) == 2
        assert left[0].endswith(".partial")
        alive.stdin.close()
    assert os.listdir(tmp_path) == ["a.npz"]
    assert path.read_bytes() == b"half"


def test_names_as_long_as_a_file_system_takes_can_be_saved(tmp_path):
    path = tmp_path / ("x" * 251 + ".npz")
    SAVED[0].save(path)
    assert sketch.load(path).n_updates == 1


def test_checkpoints_are_tried_before_the_stream_is_read(tmp_path):
    def chunks():
        raise AssertionError("a chunk was asked for")
        yield

    for path, reason in no_regular_files(tmp_path).items():
        for sk in (sketch.GeneralizedNystrom((None, 6), 2), sketch.GramNystrom(6, 2)):
            with pytest.raises(sketch.StateFileError, match=reason):
                sk.consume(chunks(), checkpoint=path)
