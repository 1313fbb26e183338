"""States are values: sums of windows, streams cut anew, shares that count once, threads, copies."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import SHAPE, gap, hmt, matrix, nystrom, parts

import sketch
from sketch.sketches._part import Part

A = matrix()
ROWS = np.random.default_rng(0).standard_normal((150, 9)) * 0.7 ** np.arange(9) + 3


def gram(**options):
    return sketch.GramNystrom(9, rank=2, **options)


def stta():
    return sketch.STTA((None, 3, 3), rank=2)


def stream(**options):
    return sketch.GeneralizedNystrom((None, 9), rank=2, **options)


STREAMS = [(stream, ROWS), (gram, ROWS), (stta, ROWS.reshape(150, 3, 3))]


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12), st.booleans()), max_size=20),
    st.sampled_from(["float32", "float64", "complex64"]),
)
def test_a_part_is_the_sum_of_its_windows(windows, dtype):
    rng = np.random.default_rng(len(windows))
    part, dense, before = Part.of(np.zeros((3, 1))), np.zeros((3, 80), complex), []
    for start, size, reuse in windows:
        values = rng.integers(-9, 9, (3, size)).astype(dtype)  # their sums are exact
        if not reuse:  # the part before is still in use
            before = [(p, want) for p, want in before if not reuse]
            before.append((part, part.full(80).copy()))
            part = part.plus(values, start)
        else:
            before = []  # its arrays may be overwritten
            part = part.plus(values.copy(), start, spent="ours")
        dense[:, start : start + size] += values
    assert np.array_equal(part.full(80), dense)
    assert np.array_equal(part.values, dense[:, part.start : part.stop])
    assert np.array_equal((part + part.times(-1)).full(80), 0 * dense)
    assert all(np.array_equal(p.full(80), want) for p, want in before)


def test_small_windows_in_a_row_make_few_segments():
    part = Part.of(np.ones((2, 1)))
    for start in range(1, 1000):
        part = part.plus(np.ones((2, 1)), start)
    # each segment is more than twice as large as the next one, but for the last
    assert len(part.segments) <= np.log2(1000) + 1
    assert np.array_equal(part.values, np.ones((2, 1000)))


@pytest.mark.parametrize("sizes", [(7,), (10,), (64,), (1, 20)])
@pytest.mark.parametrize("stop", [0, 1, 63, 100, 149, 150])
@pytest.mark.parametrize(("make", "data"), STREAMS)
def test_a_stream_is_resumed_in_chunks_of_any_size(make, data, stop, sizes, tmp_path):
    path = tmp_path / "state.npz"
    whole, sk = make(), make()
    whole.consume(cut(data, (11,)))
    sk.save(path)
    sk.consume(cut(data[:stop], (11,)), checkpoint=path)
    resumed = sketch.load(path)
    assert resumed.position == stop
    resumed.consume(cut(data, sizes))
    assert resumed.position == whole.position == 150
    rank = {"rank": 2}
    ours, theirs = resumed.finalize(**rank), whole.finalize(**rank)
    # the same sums in another order: some hundred roundoffs
    assert abs(ours.error.norm - theirs.error.norm) <= 1e-12 * theirs.error.norm


def cut(data, sizes):
    """Return pieces of data along the first axis, of sizes that are repeated."""
    pieces, start = [], 0
    while start < len(data):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[start : start + size])
        start += size
    return pieces


@pytest.mark.parametrize(("make", "data"), STREAMS)
def test_every_row_that_is_given_is_taken_unless_a_stream_is_resumed(make, data):
    sk, once = make(), make()
    for third in np.split(data, 3):
        sk.consume(cut(third, (10,)))
    once.consume([data])
    assert sk.position == once.position == 150
    assert abs(sk.finalize().error.norm / once.finalize().error.norm - 1) < 1e-12
    sk.consume(cut(data, (10,)), resume=True)
    assert sk.position == 150


@pytest.mark.parametrize("row", [0, 5, 31, 64])
@pytest.mark.parametrize(("make", "data"), STREAMS)
def test_another_stream_is_refused_and_nothing_is_lost(make, data, row, tmp_path):
    path = tmp_path / "state.npz"
    sk = make()
    sk.consume(cut(data[:100], (10,)), checkpoint=path)
    other = data.copy()
    other[row] += 1
    resumed = sketch.load(path)
    with pytest.raises(sketch.PassError, match="not those that the sketch has taken"):
        resumed.consume(cut(other, (15,)))
    assert gap(parts(resumed), parts(sk)) == 0
    with pytest.raises(sketch.PassError, match="ended 10 rows before"):
        sketch.load(path).consume(cut(data[:90], (15,)))
    resumed.consume(cut(other[100:], (15,)), first=100)
    assert resumed.position == 150


def test_the_same_stream_may_come_in_other_formats(tmp_path):
    import scipy.sparse as sp

    path = tmp_path / "state.npz"
    exact = np.round(ROWS)  # the same numbers in single precision
    sk = stream()
    sk.consume([exact[:40].astype("float32"), sp.coo_array(exact[40:60])], checkpoint=path)
    resumed = sketch.load(path)
    resumed.consume([[sp.csc_array(exact[:50]), exact[50:90]], exact[90:].tolist()])
    assert resumed.shape == (150, 9)


@pytest.mark.parametrize("make", [stream, gram])
def test_a_share_counts_once(make, tmp_path):
    path = tmp_path / "share.npz"
    one, two = make(), make()
    one.update(ROWS[:50], at=0)
    two.update(ROWS[50:], at=50)
    one.save(path)
    total = make()
    for share in (one, two):
        total.merge(share)
    for again in (one, one.copy(), sketch.load(path), one + two):
        with pytest.raises(sketch.IncompatibleSketchError, match="same share"):
            total.merge(again)
    rest = total - one
    rest.merge(sketch.load(path))
    assert abs(rest.finalize().error.norm / total.finalize().error.norm - 1) < 1e-6
    total.merge(one, again=True)
    assert total.n_updates == 3


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda sk: sk.copy()])
@pytest.mark.parametrize("make", [nystrom, hmt, gram])
def test_a_copy_is_a_sketch_of_its_own(make, duplicate):
    data = ROWS if make is gram else A
    sk = make()
    sk.update(data)
    other, before = duplicate(sk), {k: v.copy() for k, v in parts(sk).items()}
    other.update(data)
    assert gap(parts(sk), before) == 0
    sk.update(data)
    assert gap(parts(sk), parts(other)) == 0


def test_threads_may_share_a_sketch():
    """Each row is taken once, whoever appends it, and what others see is whole."""
    sk, counted = stream(), gram()
    chunks = np.split(ROWS, 30)
    seen = []

    def work(first):
        for chunk in chunks[first::3]:
            sk.update(chunk)
            counted.update(chunk)
            seen.append(sk.copy())

    threads = [threading.Thread(target=work, args=(first,)) for first in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sk.shape == (150, 9)
    assert counted.finalize().n_samples == 150
    assert abs(sk.finalize(9).error.norm / np.linalg.norm(ROWS) - 1) < 1e-12
    for other in seen:  # a state that some updates made, each of them whole
        kept = other.finalize(9)
        assert abs(np.linalg.norm(kept.to_array()) / kept.error.norm - 1) < 1e-12


def test_a_chunk_goes_where_it_fills_the_shape_or_is_told():
    sk = nystrom()
    sk.update(A[:7])  # the first one begins at the beginning
    with pytest.raises(sketch.ShapeError, match="at=row"):
        sk.update(A[7:9])
    with pytest.raises(sketch.ShapeError, match="at=row"):
        sketch.GeneralizedNystrom((None, SHAPE[1]), 4).update(A[:, :5])
    with pytest.raises(sketch.ShapeError, match="at=row"):
        sk.update(iter([A[7:8], A[8:9]]))
    sk.update(A[7:], at=np.int64(7))
    assert gap(parts(sk), parts(nystrom_of(A))) < 1e-13


def nystrom_of(a):
    sk = nystrom()
    sk.update(a)
    return sk


def test_numbers_of_chunks_are_no_places():
    with pytest.warns(sketch.PlacementWarning, match="count chunks"):
        stream().consume(enumerate(np.split(ROWS, 15)))


@pytest.mark.parametrize("number", [np.complex64(1j), 1j, np.array(2j), np.complex128(1 + 2j)])
def test_complex_numbers_of_any_type_are_complex(number):
    sk = nystrom_of(A)
    found = (number * sk).finalize()
    assert np.linalg.norm(found.to_array() - complex(number) * sk.finalize().to_array()) < 1e-9
    with pytest.raises(sketch.DtypeError, match="complex"):
        number * nystrom(dtype="float64")


def test_a_multiple_that_overflows_is_refused():
    with pytest.raises(sketch.NonFiniteError, match="overflow"):
        1e307 * nystrom_of(1e3 * A)


@pytest.mark.parametrize("narrow", ["float32", "float16"])
@pytest.mark.parametrize("make", [nystrom, hmt])
def test_precisions_may_be_mixed_within_and_across_passes(make, narrow):
    """What narrow chunks hold in wide sums keeps its floor: the interval holds the truth."""
    for order in ([narrow, "float64"], ["float64", narrow]):
        sk = make(dtype="float64")
        for number in range(getattr(sk, "n_passes", 1)):
            for start, dtype in zip((0, 11), order[:: 1 if number % 2 else -1], strict=True):
                stop = 11 if start == 0 else None
                sk.update(A[start:stop].astype(narrow).astype(dtype), at=start)
            if make is hmt:
                sk.end_pass()
        found = sk.finalize(14 if make is hmt else 18)
        low, high = found.error.interval()
        data = A.astype(narrow).astype(float)
        assert low <= np.linalg.norm(data - found.to_array()) <= high


@pytest.mark.parametrize("make", [nystrom, hmt, gram])
def test_errors_of_numpy_that_are_raised_stay_inside(make):
    data = np.outer(10.0 ** -np.arange(31), 10.0 ** -np.arange(9 if make is gram else 23) * 1e-150)
    sk = make()
    with np.errstate(all="raise"):
        for _ in range(getattr(sk, "n_passes", 1)):
            sk.update(data)
            if make is hmt:
                sk.end_pass()
        sk.finalize(1)


NOTHING = {
    "no columns": np.zeros((4, 0), complex),
    "nothing": np.zeros((0, 0), complex),
    "zero": np.zeros((4, 4), complex),
    "one entry": np.full((1, 1), 1j),
}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("form", NOTHING)
@pytest.mark.parametrize("method", ["nystrom", "probed", "hmt"])
def test_sums_of_either_field_finish_as_complex(method, form, order):
    """Some sums are real still when others have seen a complex chunk, even one without entries."""
    shape, real = (40, 36), np.random.default_rng(0).standard_normal((3, 4))
    sk = {
        "nystrom": lambda: sketch.GeneralizedNystrom(shape, 6),
        "probed": lambda: sketch.GeneralizedNystrom(shape, 6, error_probes=4),
        "hmt": lambda: sketch.HMT(shape, 6),
    }[method]()
    for number in range(getattr(sk, "n_passes", 1)):
        for chunk in (real, NOTHING[form])[::order]:
            sk.update(chunk, at=(0, 0))
        if number < getattr(sk, "n_passes", 1) - 1:
            sk.end_pass()
    exact = np.zeros(shape, complex)
    exact[:3, :4] = real
    exact[: NOTHING[form].shape[0], : NOTHING[form].shape[1]] += NOTHING[form]
    result = sk.finalize()
    assert result.U.dtype == np.complex128
    # exact rank: rounding of a few thousand terms
    assert np.linalg.norm(result.to_array() - exact) < 1e-12 * np.linalg.norm(exact)


def test_a_sketch_prints_what_it_was_made_with_and_what_it_has_seen():
    sk = sketch.GeneralizedNystrom((None, 8), 3, seed=5)
    sk.update(np.ones((4, 8)))
    said = repr(sk)
    assert said.startswith("GeneralizedNystrom(shape=(None, 8), rank=3,")
    assert "seed=5" in said
    assert said.endswith("# 1 updates, data (4, 8)")
    assert "None," not in said.partition("rank")[2]  # what was not given is not shown
