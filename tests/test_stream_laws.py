"""Every row that is given is in the sums once, at its place, or the call says no."""

from __future__ import annotations

import itertools
import pickle

import dask
import dask.array as da
import numpy as np
import pytest
import scipy.sparse as sp
from fuzz.views import reloaded, unshifted
from hypothesis import given, settings
from hypothesis import strategies as st

import sketch

ROWS = np.random.default_rng(0).integers(-4, 5, (40, 6)).astype(float)
SLICES = np.random.default_rng(1).integers(-4, 5, (40, 2, 3)).astype(float)


def nystrom():
    return sketch.GeneralizedNystrom((None, 6), 2)


def fixed():
    return sketch.GeneralizedNystrom((40, 6), 2)


def gram():
    return sketch.GramNystrom(6, 2, center=False)


def stta():
    return sketch.STTA((None, 2, 3), 2)


KINDS = [(nystrom, ROWS), (gram, ROWS), (stta, SLICES)]
CONTAINERS = [
    np.asarray,
    np.asfortranarray,
    lambda x: x.tolist() if len(x) else x,
    lambda x: sp.csr_array(x) if x.ndim == 2 else sp.coo_array(x),
    lambda x: x.astype("float32"),
    lambda x: da.from_array(x, chunks=2) if len(x) else x,
]
cuts = st.lists(st.integers(0, 40), max_size=6).map(sorted)  # equal ones make empty batches


def pieces(data, edges, wrap=np.asarray):
    return [wrap(data[a:b]) for a, b in itertools.pairwise([0, *edges, 40])]


def close(x, y):
    """Integers in single precision and double: sums of some hundred products."""
    return all(
        np.linalg.norm(x[name] - y[name]) <= 1e-4 * (1 + np.linalg.norm(y[name]))
        for name in x
        if isinstance(y[name], np.ndarray)
    )


def whole(make, data):
    sk = make()
    sk.update(data)
    return unshifted(sk)


@pytest.mark.parametrize(("make", "data"), KINDS)
@settings(max_examples=25)
@given(edges=cuts, wrap=st.sampled_from(CONTAINERS), calls=st.lists(st.integers(0, 7), max_size=3))
def test_any_batches_in_any_number_of_calls_are_the_whole(make, data, edges, wrap, calls):
    sk, chunks = make(), pieces(data, edges, wrap)
    bounds = sorted(min(c, len(chunks)) for c in calls)
    for start, stop in itertools.pairwise([0, *bounds, len(chunks)]):
        sk.consume(chunks[start:stop])
    assert sk.position == 40
    assert close(unshifted(sk), whole(make, data))


@pytest.mark.parametrize("again", ["load", "pickle", "told"])
@pytest.mark.parametrize(("make", "data"), KINDS)
@settings(max_examples=20)
@given(first=cuts, taken=st.integers(0, 7), second=cuts, wrap=st.sampled_from(CONTAINERS))
def test_a_stream_is_resumed_in_other_batches(make, data, again, first, taken, second, wrap):
    sk = make()
    sk.consume(pieces(data, first)[:taken])
    sk = {"load": reloaded, "pickle": lambda s: pickle.loads(pickle.dumps(s))}.get(
        again, lambda s: s
    )(sk)
    sk.consume(pieces(data, second, wrap), **({} if again == "load" else {"resume": True}))
    assert sk.position == 40
    assert close(unshifted(sk), whole(make, data))


@pytest.mark.parametrize(("make", "data"), KINDS)
@given(edges=cuts, at=st.integers(1, 39))
@settings(max_examples=20)
def test_a_stream_may_begin_where_the_sketch_ends(make, data, edges, at):
    sk = make()
    sk.consume([data[:at]])
    sk = reloaded(sk)
    rest = [piece[max(0, at - start) :] for start, piece in placed(data, edges)]
    sk.consume(rest, first=sk.position)
    assert close(unshifted(sk), whole(make, data))


def placed(data, edges):
    return list(zip([0, *edges], pieces(data, edges), strict=True))


def test_chunks_of_dask_arrays_are_read_once_by_a_stream():
    reads = []

    def read(block):
        reads.append(len(block))
        return block

    lazy = da.from_array(ROWS, chunks=(10, 6)).map_blocks(read, meta=ROWS[:0])
    sk = nystrom()
    sk.consume([lazy[:20], lazy[20:]])
    assert sum(reads) == 40
    other = reloaded(sk)
    other.consume([lazy, ROWS], resume=True)  # unread rows are not compared
    assert (other.position, sum(reads)) == (80, 40)


@given(edges=cuts, order=st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_placed_chunks_may_come_in_any_order(edges, order):
    chunks = placed(ROWS, edges)
    order.shuffle(chunks)
    sk = fixed()
    sk.consume([((start, 0), chunk) for start, chunk in chunks])
    assert close(unshifted(sk), whole(fixed, ROWS))


LIES = [
    lambda x, n: da.from_delayed(dask.delayed(x[:n]), x.shape, x.dtype),
    lambda x, n: da.from_array(x, chunks=-1).map_blocks(lambda b: b[:n], chunks=x.shape),
    lambda x, n: da.from_delayed(dask.delayed(x), (n, *x.shape[1:]), x.dtype),
    lambda x, n: da.from_delayed(dask.delayed(x[:, :1]), x.shape, x.dtype),
]
CALLS = {
    "svd": lambda x: sketch.svd(x, 2),
    "nystrom": lambda x: sketch.svd(x, 2, method="nystrom"),
    "pca": lambda x: sketch.pca(x, 2),
    "stta": lambda x: sketch.tensor_train(x, 2),
    "otts": lambda x: sketch.tensor_train(x, 2, method="otts"),
    "tt-hmt": lambda x: sketch.tensor_train(x, 2, method="tt-hmt"),
    "update": lambda x: sketch.GeneralizedNystrom((None, 6), 2).update(x),
    "append": lambda x: gram().consume([x]),
}


@pytest.mark.parametrize("lie", range(len(LIES)))
@pytest.mark.parametrize("call", CALLS)
def test_a_chunk_of_another_size_than_declared_is_refused(call, lie):
    tensor = "tt" in call
    data = SLICES[:20] if tensor else ROWS[:20]
    false = LIES[lie](data, 13)
    for x in (false, da.concatenate([da.from_array(data, chunks=7), false])):
        with pytest.raises(sketch.SketchError, match=r"declared|size|shape"):
            CALLS[call](x)
