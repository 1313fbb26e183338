"""Endless streams: checkpoints that survive anything, forgetting, windows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from backends import host

import sketch
from sketch.files import archive, paths

pytestmark = pytest.mark.usefixtures("every_backend")

RNG = np.random.default_rng(0)
ROWS = RNG.standard_normal((120, 9)) * 0.7 ** np.arange(9) + 3
CHUNKS = np.split(ROWS, 12)
SLICES = RNG.standard_normal((12, 4, 5))


def parts(sk):
    return {name: host(part.values) for name, part in sk.accumulator.state.parts.items()}


def equal(x, y):
    return all(np.array_equal(part, parts(y)[name]) for name, part in parts(x).items())


def close(x, y, scale=1.0):
    """Sums of some hundred terms in different orders agree to a hundred roundoffs."""
    return all(
        np.linalg.norm(part - parts(y)[name]) <= 1e-13 * scale * (1 + np.linalg.norm(part))
        for name, part in parts(x).items()
    )


def nystrom():
    return sketch.GeneralizedNystrom((None, 9), rank=2)


def gram():
    return sketch.GramNystrom(9, rank=2)


def stta():
    return sketch.STTA((None, 4, 5), rank=2)


STREAMS = [(nystrom, CHUNKS), (gram, CHUNKS), (stta, [s[None] for s in SLICES])]


@pytest.mark.parametrize(("make", "chunks"), STREAMS)
def test_a_stream_is_the_sum_of_its_chunks(make, chunks):
    whole, streamed = make(), make()
    for chunk in chunks:
        whole.update(chunk)
    streamed.consume(iter(chunks), progress=True)
    assert equal(whole, streamed)
    assert (streamed.position, streamed.n_updates) == (12 * len(chunks[0]), 12)


@pytest.mark.parametrize("stop", [0, 1, 5, 11, 12])
@pytest.mark.parametrize(("make", "chunks"), STREAMS)
def test_a_stream_is_resumed_without_counting_twice(make, chunks, stop, tmp_path):
    path = tmp_path / "state.npz"
    whole, sk = make(), make()
    whole.consume(chunks)
    sk.save(path)
    sk.consume(chunks[:stop], checkpoint=path, every=3)
    resumed = sketch.load(path)
    assert resumed.position == stop * len(chunks[0])
    resumed.consume(chunks, checkpoint=path)
    assert equal(whole, resumed)
    resumed.consume(chunks, resume=True)
    skipped = sketch.load(path)
    skipped.consume(chunks[10:], first=10 * len(chunks[0]))
    assert equal(whole, resumed)
    assert equal(whole, skipped)


def test_chunks_may_come_with_their_places():
    a = RNG.standard_normal((12, 9))
    sk, whole = (sketch.GeneralizedNystrom((12, 9), rank=2) for _ in range(2))
    sk.consume(((row, 0), a[row : row + 4]) for row in (8, 0, 4))
    whole.update(a)
    assert close(sk, whole)


@pytest.mark.parametrize("make", [nystrom, gram])
def test_forgetting_weights_old_chunks_less(make):
    faded, weighted = make(), make()
    faded.consume(CHUNKS, forgetting=0.9)
    for t, chunk in enumerate(CHUNKS):
        one = make()
        one.update(chunk, at=10 * t)
        weighted = weighted + 0.9 ** (11 - t) * one
    # the provisional shift is subtracted and added again: a few more roundings
    assert np.allclose(faded.finalize().error.norm, weighted.finalize().error.norm, rtol=1e-12)
    assert faded.shape == weighted.shape == (120, 9)


def test_a_bad_chunk_ends_the_stream_and_loses_nothing(tmp_path):
    path = tmp_path / "state.npz"
    bad = CHUNKS[3].copy()
    bad[2, 1] = np.nan
    sk, good = nystrom(), nystrom()
    with pytest.raises(sketch.NonFiniteError, match=r"\(32, 1\)"):
        sk.consume([*CHUNKS[:3], bad, *CHUNKS[4:]], checkpoint=path, every=100, forgetting=0.9)
    good.consume(CHUNKS[:3], forgetting=0.9)
    assert equal(sk, good)
    assert equal(sketch.load(path), good)
    sk.consume(CHUNKS, forgetting=0.9, resume=True)
    good.consume(CHUNKS[3:], forgetting=0.9)
    assert equal(sk, good)


def test_a_broken_source_ends_the_stream_and_saves_what_came(tmp_path):
    def chunks():
        yield from CHUNKS[:5]
        raise ConnectionError("the instrument is gone")

    path = tmp_path / "state.npz"
    with pytest.raises(ConnectionError):
        nystrom().consume(chunks(), checkpoint=path, every=100)
    assert sketch.load(path).position == 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"forgetting": 0.0}, "forgetting"),
        ({"forgetting": 1.1}, "forgetting"),
        ({"every": 0}, "every"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        nystrom().consume(CHUNKS, **arguments)


def test_a_stream_that_begins_too_late_is_refused():
    with pytest.raises(sketch.ShapeError, match="first=3"):
        nystrom().consume(CHUNKS, first=3)


@pytest.mark.parametrize("wanted", [True, False])
def test_progress_is_told_where_it_is_wanted_and_there_alone(wanted, capsys):
    nystrom().consume(iter(CHUNKS), progress=wanted)
    sketch.svd(ROWS, 2, progress=wanted)
    sketch.pca(ROWS, 2, progress=wanted)
    sketch.tensor_train(SLICES, 2, progress=wanted)
    told = capsys.readouterr().err
    assert ("sketching" in told) == wanted
    assert told.count("100%") == (3 if wanted else 0)  # one reading each; a stream has no end


STAGES = ["open", "write", "fsync", "replace"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_writer_that_dies_leaves_the_old_state(stage, tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    old, new = nystrom(), nystrom()
    old.consume(CHUNKS[:2])
    new.consume(CHUNKS)
    old.save(path)

    def die(*_, **__):
        raise KeyboardInterrupt

    place = {
        "open": (paths, "_created"),
        "write": (archive, "_write_array"),
        "fsync": (paths.os, "fsync"),
        "replace": (paths.os, "replace"),
    }[stage]
    with monkeypatch.context() as patch:
        patch.setattr(*place, die)
        with pytest.raises(KeyboardInterrupt):
            new.save(path)
    assert equal(sketch.load(path), old)
    assert os.listdir(tmp_path) == ["state.npz"]


KILLED = """
import sys, numpy as np, sketch
chunks = np.random.default_rng(0).standard_normal((4000, 10, 9))
sk = sketch.GeneralizedNystrom((None, 9), rank=2)
sk.consume(chunks, checkpoint=sys.argv[1], every=1)
"""


@pytest.mark.parametrize("patience", [0.0, 0.03, 0.1])
def test_a_killed_stream_leaves_a_whole_state(every_backend, patience, tmp_path):
    path = tmp_path / "state.npz"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)])
    while not path.exists():
        time.sleep(0.002)
    time.sleep(patience)
    process.send_signal(signal.SIGKILL)
    process.wait()
    chunks = np.random.default_rng(0).standard_normal((4000, 10, 9))
    resumed, whole = sketch.load(path), nystrom()
    assert 0 < resumed.position == 10 * resumed.n_updates
    whole.consume(chunks[: resumed.n_updates])
    # the process that died computed with NumPy
    assert (equal if every_backend is np.asarray else close)(resumed, whole)


@pytest.mark.parametrize("length", [1, 3, 7])
@pytest.mark.parametrize(("make", "chunks"), STREAMS)
def test_a_window_holds_the_last_chunks(make, chunks, length):
    window = sketch.SlidingWindow(make(), length)
    for t, chunk in enumerate(chunks):
        window.update(chunk)
        last = make()
        for s in range(max(0, t - length + 1), t + 1):
            at = (s * chunk.shape[0],) + (0,) * (chunk.ndim - 1)
            last.update(chunks[s], at=at)
        assert window.sketch.n_updates == last.n_updates
        ours, theirs = window.finalize(), last.finalize()
        if make is stta:
            assert (ours - theirs).norm() < 1e-10 * theirs.norm()
        elif make is gram:
            assert ours.n_samples == theirs.n_samples
            assert np.allclose(ours.mean, theirs.mean, rtol=1e-12)
            assert np.allclose(ours.explained_variance, theirs.explained_variance, rtol=1e-9)
        else:
            gap = np.linalg.norm(ours.to_array() - theirs.to_array())
            assert gap < 1e-10 * theirs.norm()


def test_a_window_does_not_keep_rounding_errors_of_the_past():
    """A huge chunk leaves nothing behind once the sum was taken anew."""
    window = sketch.SlidingWindow(gram(), 4)
    window.update(1e12 * CHUNKS[0])
    for chunk in CHUNKS[1:]:
        window.update(chunk)
    last = gram()
    for chunk in CHUNKS[-4:]:
        last.update(chunk)
    ours, theirs = window.finalize(), last.finalize()
    assert np.allclose(ours.explained_variance, theirs.explained_variance, rtol=1e-9)


def test_methods_of_several_passes_have_no_windows():
    with pytest.raises(sketch.PassError, match="several"):
        sketch.SlidingWindow(sketch.HMT((12, 9), rank=2), 3)


def test_each_pass_of_a_method_can_be_streamed_and_resumed(tmp_path):
    path = tmp_path / "state.npz"
    whole, sk = (sketch.HMT((None, 9), rank=2) for _ in range(2))
    for _ in range(whole.n_passes):
        whole.consume(CHUNKS)
        whole.end_pass()
        sk.consume(CHUNKS[:7], checkpoint=path)
        sk = sketch.load(path)
        sk.consume(CHUNKS)
        sk.end_pass()
    assert np.array_equal(whole.finalize().s, sk.finalize().s)
    with pytest.raises(sketch.PassError, match="forget"):
        sketch.HMT((None, 9), rank=2).consume(CHUNKS, forgetting=0.5)


@pytest.mark.parametrize(("make", "chunks"), STREAMS)
def test_a_window_is_followed_saved_and_resumed_like_any_sketch(make, chunks, tmp_path):
    path = tmp_path / "window.npz"
    window, whole = (sketch.SlidingWindow(make(), 3) for _ in range(2))
    whole.consume(chunks)
    window.consume(chunks[:7], checkpoint=path)
    resumed = sketch.load(path)
    assert resumed.length == 3
    resumed.consume(chunks)
    assert equal(whole, resumed)
    assert equal(whole.copy() - whole, 0 * whole)
    double = whole.copy()
    double.merge(whole, again=True)
    assert close(double, 2 * whole)
    for chunk in chunks[:4]:  # the chunks of a merged window leave it as they came
        double.update(chunk)
    assert double.n_updates == 3
