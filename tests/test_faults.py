"""Faults at every step: a change that fails leaves a sketch as it was before, or as after.

Each change is met by an exception at its n-th call of a function of the package, at its n-th line,
and at its n-th call into NumPy or SciPy, which is where memory runs out; for all n, or evenly
chosen ones where there are many, the last ones always: they commit the change.
"""

from __future__ import annotations

import copy
import os

import numpy as np
import pytest
from fuzz.faults import Fault, steps
from fuzz.views import same, view

import sketch

RNG = np.random.default_rng(0)
A = RNG.standard_normal((12, 7))
ROWS = A + 3
T = RNG.standard_normal((6, 3, 4))
MOST = {"call": 400, "line": 100, "allocation": 150}
LAST = 40


def nystrom():
    sk = sketch.GeneralizedNystrom((None, 7), 2, error_probes=2)
    sk.update(A[:4])
    return sk


def gram():
    sk = sketch.GramNystrom(7, 2)
    sk.update(ROWS[:8])
    return sk


def stta():
    sk = sketch.STTA((None, 3, 4), 2)
    sk.update(T[:2])
    return sk


def hmt():
    sk = sketch.HMT((12, 7), 2)
    sk.update(A[:4], at=0)
    return sk


def hmt_in_its_second_pass():
    sk = hmt()
    sk.update(A[4:], at=4)
    sk.end_pass()
    sk.update(A[:4], at=0)
    return sk


def sweep(cls):
    sk = cls(T.shape, 2)
    sk.update(T[:2], at=0)
    return sk


def otts():
    return sweep(sketch.OTTS)


def tt_hmt():
    return sweep(sketch.TTHMT)


def window(make, chunks):
    empty = make()
    held = sketch.SlidingWindow(type(empty).from_spec(empty.spec), 2)
    for chunk in chunks:
        held.update(chunk)
    return held


CHANGES = {
    "update": [
        (nystrom, lambda sk: sk.update(A[4:])),
        (gram, lambda sk: sk.update(ROWS[8:] * 100)),
        (stta, lambda sk: sk.update(T[2:])),
        (hmt, lambda sk: sk.update(A[4:], at=4)),
        (hmt_in_its_second_pass, lambda sk: sk.update(A[4:], at=4)),
        (otts, lambda sk: sk.update(T[2:], at=2)),
        (tt_hmt, lambda sk: sk.update(T[2:], at=2)),
    ],
    "a first update": [
        (lambda: sketch.GeneralizedNystrom((12, 7), 2), lambda sk: sk.update(A)),
        (lambda: sketch.GramNystrom(7, 2), lambda sk: sk.update(ROWS)),
        (lambda: sketch.STTA(T.shape, 2), lambda sk: sk.update(T)),
        (lambda: sketch.HMT((12, 7), 2), lambda sk: sk.update(A)),
    ],
    "complex": [
        (nystrom, lambda sk: sk.update(1j * A[4:])),
        (hmt, lambda sk: sk.update(1j * A[4:], at=4)),
        (stta, lambda sk: sk.update(1j * T[2:])),
    ],
    "merge": [
        (nystrom, lambda sk: sk.merge(nystrom(), again=True)),
        (gram, lambda sk: sk.merge(gram(), again=True)),
        (stta, lambda sk: sk.merge(stta(), again=True)),
        (hmt, lambda sk: sk.merge(hmt(), again=True)),
    ],
    "consume": [
        (nystrom, lambda sk: sk.consume([A[4:]], forgetting=0.5)),
        (gram, lambda sk: sk.consume([ROWS[8:]], forgetting=0.5)),
        (stta, lambda sk: sk.consume([T[2:]], forgetting=0.5)),
        (hmt, lambda sk: sk.consume([(4, A[4:])])),
    ],
    "remove": [(gram, lambda sk: sk.remove(ROWS[:4]))],
    "end_pass": [
        (hmt, lambda sk: sk.end_pass()),
        (otts, lambda sk: sk.end_pass()),
        (tt_hmt, lambda sk: sk.end_pass()),
    ],
    "window": [
        (lambda: window(nystrom, [A[:3], A[3:6]]), lambda w: w.update(A[6:])),
        (lambda: window(nystrom, [A[:3], A[3:6], A[6:8]]), lambda w: w.update(A[8:])),
        (lambda: window(gram, [ROWS[:3], ROWS[3:6]]), lambda w: w.update(ROWS[6:])),
        (lambda: window(stta, [T[:1], T[1:2]]), lambda w: w.update(T[2:])),
    ],
}
CASES = [
    pytest.param(make, change, id=f"{what}-{number}")
    for what, cases in CHANGES.items()
    for number, (make, change) in enumerate(cases)
]


def chosen(count, event):
    """Return the steps that are tried: evenly chosen ones, and the last ones."""
    step = -(-count // MOST[event])
    return sorted({*range(1, count + 1, step), *range(max(1, count - LAST), count + 1)})


def sums(held):
    return view(held.sketch if isinstance(held, sketch.SlidingWindow) else held)


def close(x, y):
    """Whether two views are equal up to the last bits, which depend on where arrays lie."""
    return x.keys() == y.keys() and all(
        np.shape(x[name]) == np.shape(y[name])
        and np.allclose(x[name], y[name], rtol=1e-12, atol=1e-12 * np.abs(y[name]).max(initial=0))
        if isinstance(y[name], np.ndarray)
        else x[name] == y[name]
        for name in x
    )


def behaves(held):
    """Return what follows from all that a sketch or window holds."""
    held = copy.deepcopy(held)
    if isinstance(held, sketch.SlidingWindow):
        seen = []
        for _ in range(3):
            held.update(ROWS[:2] if len(held.sketch.spec.shape) == 2 else T[:1])
            seen.append(sums(held))
        return seen
    return [sums(held)]


@pytest.mark.parametrize("event", ["call", "line", "allocation"])
@pytest.mark.parametrize(("make", "change"), CASES)
def test_a_change_that_fails_is_made_or_not(make, change, event):
    start = make()
    before, count = sums(start), steps(lambda: change(make()), event)
    change(done := make())
    after, later = sums(done), behaves(done)
    exception = MemoryError if event == "allocation" else KeyboardInterrupt
    for n in chosen(count, event):
        held = copy.deepcopy(start)
        if not Fault(n, event, exception).during(lambda h=held: change(h)):
            assert close(sums(held), after)
            continue
        if same(sums(held), before):
            change(held)
        assert close(sums(held), after), f"torn at step {n} of {count}"
        assert all(map(close, behaves(held), later)), f"torn at step {n} of {count}"


@pytest.mark.parametrize("event", ["call", "line", "allocation"])
@pytest.mark.parametrize("make", [nystrom, gram, stta, hmt_in_its_second_pass])
def test_a_state_that_fails_to_be_written_is_the_old_or_the_new_one(make, event, tmp_path):
    path = tmp_path / "state.npz"
    old = make()
    new = old.copy()
    new.update(T[2:] if make is stta else A[4:], at=4 if make is hmt_in_its_second_pass else None)
    states = view(old), view(new)
    count = steps(lambda: new.save(path), event)
    for n in chosen(count, event):
        old.save(path)
        Fault(n, event, KeyboardInterrupt).during(lambda: new.save(path))
        assert os.listdir(tmp_path) == ["state.npz"]
        assert same(view(new), states[1])
        found = view(sketch.load(path))
        assert any(same(found, state) for state in states)


@pytest.mark.parametrize("event", ["allocation", "line"])
def test_a_stream_that_fails_is_resumed(event, tmp_path):
    path = tmp_path / "state.npz"
    chunks = np.split(A, 2)
    whole = sketch.GeneralizedNystrom((None, 7), 2)
    whole.consume(chunks)

    def run(sk):
        sk.consume(chunks, checkpoint=path)

    empty = sketch.GeneralizedNystrom((None, 7), 2)
    empty.save(path)
    count = steps(lambda: run(empty.copy()), event)
    for n in chosen(count, event):
        empty.save(path)
        Fault(n, event, KeyboardInterrupt).during(lambda: run(empty.copy()))
        resumed = sketch.load(path)
        run(resumed)
        assert close(view(resumed), view(whole))
