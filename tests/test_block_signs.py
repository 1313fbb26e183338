"""Orthogonal blocks of sparse signs: groups of eight orthogonal rows, spread over windows."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

import sketch
from sketch.maps._block_sign import WINDOW

FIELDS = ["real", "complex"]
both_fields = pytest.mark.parametrize("field", FIELDS)


def grouped(start, stop, width, field="real", seed=0):
    return sketch.BlockSign().grouped(seed, 1, start, stop, width, field=field)


def drawn(start, stop, width, field="real", seed=0):
    return sketch.BlockSign().draw(seed, 1, start, stop, width, field=field)


@pytest.mark.parametrize("width", [8, 13, 64, 110])
@both_fields
def test_the_rows_of_a_group_are_orthogonal(width, field):
    rows = drawn(0, 2 * WINDOW, width, field)
    for members in grouped(0, 2 * WINDOW, width, field).members:
        together = rows[members]
        assert np.allclose(together @ together.conj().T, width * np.eye(8), atol=1e-12 * width)
        assert (np.count_nonzero(together, axis=0) % 8 == 0).all()  # in the same columns


@pytest.mark.parametrize("width", [1, 2, 5, 7])
@both_fields
def test_rows_of_narrow_matrices_add_up_to_as_much(width, field):
    # 8 rows of unit mean square keep their sum of squares where columns coincide
    rows = drawn(0, WINDOW, width, field)
    squares = np.abs(rows) ** 2
    for members in grouped(0, WINDOW, width, field).members:
        assert np.isclose(squares[members].sum(), 8 * width)


@pytest.mark.parametrize("width", [5, 8, 13, 110])
def test_all_columns_are_taken_equally_often(width):
    columns = grouped(0, 64 * WINDOW, width).columns
    # chi squared, 1 in 10000; below 8 columns each group takes some of them for certain
    counts = np.bincount(columns[:, 0] if width < 8 else columns.ravel(), minlength=width)
    if width >= 8:
        assert scipy.stats.chisquare(counts).pvalue > 1e-4
        assert (np.diff(columns, axis=1) > 0).all()
    means = np.bincount(columns.ravel(), minlength=width) / (8 * len(columns) / width)
    assert np.abs(means - 1).max() <= 5 * np.sqrt(width / len(columns))


def test_groups_are_spread_over_their_window():
    members = np.sort(grouped(0, 8 * WINDOW, 16).members, axis=1)
    assert (members // WINDOW == members[:, :1] // WINDOW).all()
    gaps = np.diff(members, axis=1)
    # of 7 * 1024 pairs of rows next to each other within a group, 1 in 128 are neighbours
    assert 20 < np.count_nonzero(gaps == 1) < 100
    first, second = (np.sort(members[k : k + 128] % WINDOW, axis=0) for k in (0, 128))
    assert not np.array_equal(first, second)  # each window has a permutation of its own


@both_fields
def test_any_range_of_rows_is_a_part_of_them_all(field):
    whole = drawn(0, 3 * WINDOW, 21, field)
    for start, stop in ((0, 1), (1000, 1100), (1023, 1025), (1024, 2048), (5, 3000), (7, 7)):
        part = grouped(start, stop, 21, field)
        assert (part.members >= 0).any(axis=1).all()  # no group of absent rows
        assert np.array_equal(part.hashed().toarray(), whole[start:stop])
