"""Sparse tensors as trees of fibers: the same sums in whatever order the entries come."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import sketch
from sketch.sources import as_tensor_source
from sketch.sources._fibers import fiber_levels, lexical_order
from sketch.sources._tensor_sparse import SparseTensorSource

SHAPE = (30, 4, 70_000, 5)  # whose indices have more than one digit of 16 bits
SMALL = (30, 4, 50, 5)
ORDERS = {
    "lexical": lambda coords: np.lexsort(coords[::-1]),
    "last mode first": lambda coords: np.lexsort(coords),
    "shuffled": lambda coords: np.random.default_rng(1).permutation(len(coords[0])),
}


def entries(count, shape=SHAPE, seed=0):
    rng = np.random.default_rng(seed)
    coords = [rng.integers(0, min(n, 9), count) for n in shape]
    coords[2] *= shape[2] // 9
    return coords, rng.standard_normal(count)


@pytest.mark.filterwarnings("ignore::sketch.AccuracyWarning")  # noise
@pytest.mark.parametrize("method", ["stta", "otts", "tt-hmt"])
@pytest.mark.parametrize("order", ORDERS)
def test_the_order_of_the_entries_does_not_matter(order, method):
    coords, values = entries(3000, SMALL)  # duplicates among them
    places = ORDERS[order](coords)
    t = sp.coo_array((values, tuple(coords)), shape=SMALL)
    same = sp.coo_array((values[places], tuple(c[places] for c in coords)), shape=SMALL)
    first, second = (sketch.tensor_train(x, 3, method=method) for x in (t, same))
    # rounding times the condition of the small systems, below 1e4 here
    assert (first - second).norm() < 1e-10 * first.norm()
    assert second.error.value == pytest.approx(first.error.value, rel=1e-8)


@given(st.integers(1, 4), st.integers(0, 1500), st.booleans(), st.integers(0, 99))
def test_levels_hold_all_entries_below_their_prefixes(order, count, ordered, seed):
    coords = [c[:count] for c in entries(1500, seed=seed)[0][:order]]
    if ordered:
        places = np.lexsort(coords[::-1])
        coords = [c[places] for c in coords]
    levels = fiber_levels(coords, SHAPE[:order])
    assert len(levels) == order
    nodes = np.arange(count)  # of the level, for each entry
    for level, index in zip(reversed(levels), reversed(coords), strict=True):
        assert (level.indices[nodes] == index).all()
        assert level.edges[-1] == level.indices.size == level.parents.size
        assert (np.diff(level.edges) > 0).all()
        nodes = level.parents[nodes]
    assert not nodes.any()


def test_sorted_entries_have_few_nodes_and_stay_as_they_are():
    coords, _ = entries(3000)
    order = lexical_order(coords, SHAPE)
    assert order is not None
    ordered = [c[order] for c in coords]
    assert lexical_order(ordered, SHAPE) is None
    scattered, small = (fiber_levels(c, SHAPE)[1].indices.size for c in (coords, ordered))
    assert small < 9 * 4 + 9 < 2000 < scattered  # prefixes, and cuts after 512 entries


def test_entries_are_not_copied_beyond_the_limit():
    coords, values = entries(3000)
    t = sp.coo_array((values, tuple(coords)), shape=SHAPE)
    ((_, copied),) = as_tensor_source(t).blocks(10**6)
    ((_, viewed),) = as_tensor_source(t).blocks(10**3)
    assert not np.shares_memory(copied.data, t.data)
    assert np.shares_memory(viewed.data, t.data)


def test_empty_tensors_have_empty_trees():
    for shape in [(0, 0), (0, 3, 4), (5,)]:
        t = sp.coo_array((np.empty(0), tuple(np.empty((len(shape), 0), int))), shape=shape)
        ((_, block),) = SparseTensorSource(t).blocks()
        assert [level.indices.size for level in block.levels] == [0] * len(shape)


def test_the_entries_given_are_left_as_they_are():
    coords, values = entries(3000)
    kept = [c.copy() for c in coords]
    t = sp.coo_array((values.copy(), tuple(coords)), shape=SHAPE)
    blocks = [block for _, block in as_tensor_source(t).blocks()]
    assert sum(block.data.size for block in blocks) == 3000
    for mine, before in zip(t.coords, kept, strict=True):
        assert (mine == before).all()
    assert (t.data == values).all()
