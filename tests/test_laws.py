"""Linearity, and independence of chunking, order, split and storage; for every source and map."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import MAPS, SHAPE, SOURCES, gap, hmt, matrix, nystrom, parts, tilings

import sketch

pytestmark = pytest.mark.usefixtures("every_backend")

A, B = matrix(seed=1), matrix(seed=2)
# parts are sums of at most 31 products: rounding of some 1e-15 relative to their size
TOL = 1e-13


def sketch_of(make, a, **options):
    sk = make(**options)
    sk.update(a)
    return sk


@pytest.mark.parametrize("make", [nystrom, hmt])
@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("test_matrix", MAPS, ids=str)
def test_every_storage_of_a_matrix_has_the_same_sketch(name, test_matrix, make):
    ours = sketch_of(make, SOURCES[name](A), test_matrix=test_matrix)
    # the factors of `svd` carry its own rounding
    assert gap(parts(ours), parts(sketch_of(make, A, test_matrix=test_matrix))) < 10 * TOL


@pytest.mark.parametrize("test_matrix", MAPS, ids=str)
@given(tiles=tilings(), split=st.integers(0, 30))
def test_neither_chunks_nor_order_nor_split_matter(test_matrix, tiles, split):
    first, second = nystrom(test_matrix=test_matrix), nystrom(test_matrix=test_matrix)
    for number, (rows, cols) in enumerate(tiles):
        target = first if number < split else second
        target.update(A[rows, cols], at=(rows.start, cols.start))
    whole = sketch_of(nystrom, A, test_matrix=test_matrix)
    merged = second + first
    assert gap(parts(merged), parts(whole)) < TOL
    result, expected = merged.finalize().to_array(), whole.finalize().to_array()
    assert np.linalg.norm(result - expected) < 1e-12 * np.linalg.norm(A)


@given(tiles=tilings())
def test_passes_in_any_chunks_give_the_one_shot_result(tiles):
    sk = hmt(power_iters=1)
    for _ in range(sk.n_passes):
        for rows, cols in tiles:
            sk.update(A[rows, cols], at=(rows.start, cols.start))
        sk.end_pass()
    expected = sketch.svd(A, 4, power_iters=1)
    assert np.linalg.norm(sk.finalize().to_array() - expected.to_array()) < 1e-12 * np.linalg.norm(
        A
    )


@given(x=st.floats(-3, 3), y=st.floats(-3, 3))
def test_sketching_is_linear(x, y):
    for probes in (0, 5):
        combined = x * sketch_of(nystrom, A, error_probes=probes)
        combined += y * sketch_of(nystrom, B, error_probes=probes)
        expected = parts(sketch_of(nystrom, x * A + y * B, error_probes=probes))
        for name, part in parts(combined).items():
            size = max(abs(x), abs(y)) * 1e3  # of the parts before they cancel
            assert np.abs(part - expected[name]).max() <= 1e-14 * size + 1e-300  # denormals


def test_overlapping_chunks_add_up():
    sk = nystrom()
    sk.update(A)
    sk.update(B[:10], at=5)
    shifted = np.zeros(SHAPE)
    shifted[5:15] = B[:10]
    assert gap(parts(sk), parts(sketch_of(nystrom, A + shifted))) < TOL


def test_merging_commutes_and_associates():
    a, b, c = (sketch_of(nystrom, matrix(seed=s)) for s in range(3))
    assert gap(parts(a + b), parts(b + a)) == 0
    assert gap(parts((a + b) + c), parts(a + (b + c))) < TOL
    assert gap(parts(sum([a, b, c])), parts(a + b + c)) == 0


def test_subtraction_undoes_and_copies_are_independent():
    sk = sketch_of(nystrom, A)
    before = {name: part.copy() for name, part in parts(sk).items()}
    other = sk.copy()
    other.update(B)
    assert gap(parts(sk), before) == 0
    assert gap(parts(other - sketch_of(nystrom, B)), before) < TOL
    assert sk.finalize().error.value < (sk - 0.5 * sk).finalize().error.value * 2.01


@pytest.mark.parametrize("axis", [0, 1])
def test_an_axis_grows(axis):
    shape = [*SHAPE]
    shape[axis] = None
    sk = nystrom(tuple(shape))
    for chunk in np.array_split(A, 6, axis=axis):
        sk.update(chunk)
    assert sk.shape == SHAPE
    assert gap(parts(sk), parts(sketch_of(nystrom, A))) < TOL


def test_hmt_merges_within_a_pass():
    left, right = hmt(), hmt()
    for _ in range(left.n_passes):
        left.update(A[:11], at=0)
        right.update(A[11:], at=11)
        left.merge(right)
        left.end_pass()
        right = left.copy()
    expected = sketch.svd(A, 4)
    assert np.allclose(left.finalize().s, expected.s, rtol=1e-12)


def test_a_pass_over_other_data_is_refused():
    sk = hmt()
    sk.update(A)
    sk.end_pass()
    sk.update(A[:-1], at=0)
    with pytest.raises(sketch.PassError, match="other data than an earlier one"):
        sk.finalize()


def test_pickles_and_the_functional_form():
    sk = nystrom()
    again = pickle.loads(pickle.dumps(sk.spec.sketch(A[3:9], at=3)))
    expected = nystrom()
    expected.update(A[3:9], at=3)
    assert gap(parts(again), parts(expected)) == 0
    assert again.spec == sk.spec
    assert hash(again.spec) == hash(sk.spec)


def test_another_seed_gives_other_sums():
    assert gap(parts(sketch_of(nystrom, A, seed=1)), parts(sketch_of(nystrom, A))) > 0.1
