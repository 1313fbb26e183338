"""Several threads that share one sketch: whatever they do, every chunk is in its sums once."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
from fuzz.views import unshifted

import sketch

RNG = np.random.default_rng(0)
THREADS, CHUNKS = 4, 30
ROWS = RNG.integers(-5, 6, (THREADS * CHUNKS, 3, 9)).astype(float)  # 360 rows
SLICES = RNG.integers(-5, 6, (THREADS * CHUNKS, 1, 3, 4)).astype(float)


@pytest.fixture(autouse=True)
def _fine_switches():
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(*works):
    """Run functions in threads at the same time; raise what they raise."""
    failures, ready = [], threading.Barrier(len(works))

    def run(work):
        ready.wait()
        try:
            work()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def nystrom(size=None):
    return sketch.GeneralizedNystrom((size, 9), 2, error_probes=2)


def gram():
    return sketch.GramNystrom(9, 2, center=False)


def stta(size=None):
    return sketch.STTA((size, 3, 4), 2)


def hmt():
    return sketch.HMT((3 * THREADS * CHUNKS, 9), 2)


def close(x, y):
    """Whether sums agree up to the order of some hundred additions."""
    return x.keys() == y.keys() and all(
        np.linalg.norm(x[name] - y[name]) <= 1e-12 * (1 + np.linalg.norm(y[name]))
        for name in x
        if isinstance(y[name], np.ndarray)
    )


PLACED = [(lambda: nystrom(len(ROWS) * 3), ROWS), (lambda: stta(len(SLICES)), SLICES), (hmt, ROWS)]


@pytest.mark.parametrize(("make", "chunks"), PLACED)
def test_chunks_that_are_placed_by_threads_are_all_there(make, chunks):
    shared, alone = make(), make()
    size = chunks.shape[1]
    for number, chunk in enumerate(chunks):
        alone.update(chunk, at=size * number)
    shares = [range(start, len(chunks), THREADS) for start in range(THREADS)]
    together(
        *[lambda s=share: [shared.update(chunks[k], at=size * k) for k in s] for share in shares]
    )
    assert shared.n_updates == len(chunks)
    assert close(unshifted(shared), unshifted(alone))


APPENDED = [(nystrom, ROWS), (stta, SLICES), (gram, ROWS)]


@pytest.mark.parametrize(("make", "chunks"), APPENDED)
def test_chunks_that_are_appended_by_threads_are_all_there(make, chunks):
    # in an order that the sketch knows alone: products of whole rows are the same, elsewhere
    shared, alone = make(), make()
    for chunk in chunks:
        alone.update(chunk)
    together(*[lambda s=s: [shared.update(c) for c in chunks[s::THREADS]] for s in range(THREADS)])
    assert (shared.n_updates, shared.shape) == (alone.n_updates, alone.shape)
    name = {nystrom: "range", stta: "psi_0", gram: "gram"}[make]
    ours, theirs = (unshifted(sk)[name] for sk in (shared, alone))
    if make is not gram:
        ours, theirs = (np.sort(x.reshape(-1, x.shape[-1])[0]) for x in (ours, theirs))
    assert np.allclose(ours, theirs)


@pytest.mark.filterwarnings("ignore::sketch.errors.AccuracyWarning")  # of the first few slices
@pytest.mark.parametrize(("make", "chunks"), APPENDED)
def test_what_is_seen_meanwhile_is_whole(make, chunks, tmp_path):
    shared = make()
    prefixes, one = [unshifted(make())], make()
    for chunk in chunks:
        one.update(chunk)
        prefixes.append(unshifted(one))
    seen = []

    def write():
        for chunk in chunks:
            shared.update(chunk)

    def copy():
        for _ in range(60):
            seen.append(unshifted(shared.copy()))

    def finish():
        for _ in range(20):
            if shared.n_updates:
                shared.finalize()

    def save():
        for number in range(5):
            path = tmp_path / f"{number}.npz"
            shared.save(path)
            seen.append(unshifted(sketch.load(path)))

    together(write, copy, finish, save)
    for found in seen:
        assert close(found, prefixes[found["n_updates"]])


@pytest.mark.parametrize("make", [nystrom, gram])
def test_sketches_merge_into_one_from_many_threads(make):
    shared, alone = make(), make()
    parts = []
    for chunk in ROWS:
        part = make()
        part.update(chunk, at=0)
        parts.append(part)
        alone.merge(part)
    together(*[lambda s=s: [shared.merge(p) for p in parts[s::THREADS]] for s in range(THREADS)])
    assert shared.n_updates == len(ROWS)
    assert close(unshifted(shared), unshifted(alone))


def test_two_sketches_that_merge_each_other_do_not_wait_for_ever():
    one, other = nystrom(40), nystrom(40)
    one.update(ROWS[0], at=0)
    other.update(ROWS[1], at=3)
    together(
        lambda: [one.merge(other, again=True) for _ in range(20)],
        lambda: [other.merge(one, again=True) for _ in range(20)],
    )
    assert one.shape == other.shape == (40, 9)


def test_a_window_is_shared():
    window = sketch.SlidingWindow(gram(), 5)
    together(*[lambda s=s: [window.update(c) for c in ROWS[s::THREADS]] for s in range(THREADS)])
    assert window.finalize().n_samples == 15
