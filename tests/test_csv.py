"""Text tables: a head, an index and comments are told from data, or refused."""

from __future__ import annotations

import bz2
import lzma

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import sketch

pandas = pytest.importorskip("pandas")
A = np.random.default_rng(0).standard_normal((5, 4)).round(3)


def written(folder, text):
    (folder / "a.csv").write_text(text)
    return folder / "a.csv"


def test_an_index_above_which_the_corner_is_empty_is_no_data(tmp_path):
    for names in (range(4), list("abcd")):
        frame = pandas.DataFrame(A, columns=names)
        data = sketch.open(written(tmp_path, frame.to_csv()))
        assert np.array_equal(data, A)
        assert list(data.labels[0]) == list("01234")
        assert list(data.labels[1]) == list(map(str, names))


@pytest.mark.parametrize("columns", [1, 4])
def test_a_head_that_only_counts_is_refused_until_it_is_named(columns, tmp_path):
    frame = pandas.DataFrame(A[:, :columns])
    path = written(tmp_path, frame.to_csv(index=False))
    with pytest.raises(sketch.StateFileError, match="is it a head, or data"):
        sketch.open(path)
    names = ",".join(map(str, range(columns)))
    assert np.array_equal(sketch.open(f"{path}::{names}"), A[:, :columns])
    assert np.array_equal(
        sketch.open(written(tmp_path, frame.to_csv(index=False, header=False))), frame
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# words\n# more\n1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("a,b\nx,1,2\ny,3,4\n", [[1, 2], [3, 4]]),  # as R writes an index
        ("a,b\nTrue,2\nFalse,4\n", [[1, 2], [0, 4]]),
        (" 1 , 2\n 3 , 4\n", [[1, 2], [3, 4]]),
        ("gene,c1,c2\ng1,1,2\n", [[1, 2]]),
    ],
)
def test_texts_of_many_hands(text, found, tmp_path):
    assert np.array_equal(sketch.open(written(tmp_path, text)), found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1.5,2\n2.5x,4\n3.5,1\n", "columns a hold no numbers"),  # a mistake, no labels
        ("1;2\n3;4\n", "columns 1;2 hold no numbers"),
        ("1,2\n3,4,5\n", "Expected 2 fields"),
        ("a,b\n", "hold no numbers"),
        ("a,b\n1,2\n", "no array named 'c'"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(text, said, tmp_path):
    path = written(tmp_path, text)
    with pytest.raises(sketch.StateFileError, match=said) as caught:
        sketch.open(f"{path}::c" if "named" in said else path)
    assert str(path) in str(caught.value)


def test_lines_without_end_and_texts_beyond_memory_are_refused(tmp_path, monkeypatch):
    path = written(tmp_path, "1" * 3_000_000 + "\n")
    monkeypatch.setattr("sketch.io._tables._LONGEST_LINE", 2_000_000)
    with pytest.raises(sketch.StateFileError, match=r"a\.csv: a line is longer than 2,000,000"):
        sketch.open(path)
    monkeypatch.setattr("sketch.running.memory._machine_bytes", lambda: 1_000_000)
    with pytest.raises(sketch.StateFileError, match=r"a\.csv: holds more than .* are read whole"):
        sketch.open(written(tmp_path, "1,2\n" * 300_000))


@pytest.mark.parametrize("library", [bz2, lzma])
def test_what_compresses_a_table_shows_in_its_content(library, tmp_path):
    (tmp_path / "a.csv").write_bytes(library.compress(pandas.DataFrame(A).to_csv().encode()))
    assert np.array_equal(sketch.open(tmp_path / "a.csv"), A)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    arrays.arrays(
        np.float64,
        st.tuples(st.integers(1, 5), st.integers(1, 4)),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    ),
    st.booleans(),
    st.booleans(),
)
def test_frames_come_back_whole(tmp_path, a, index, names):
    frame = pandas.DataFrame(a, columns=[f"c{k}" for k in range(a.shape[1])] if names else None)
    text = frame.to_csv(index=index, header=names or index)
    data = sketch.open(written(tmp_path, text))
    assert np.allclose(data, a, rtol=1e-15, atol=0)  # pandas rounds the last digit


@pytest.mark.parametrize("head", ["569,3,yes,no", "a,b", "a"])
def test_a_head_that_is_shorter_than_the_rows_by_more_than_an_index_is_refused(head, tmp_path):
    path = tmp_path / "a.csv"  # without a word, pandas takes columns for labels of the rows
    path.write_text(head + "\n1,2,3,4,5,0\n6,7,8,9,10,1\n")
    count = head.count(",") + 1
    with pytest.raises(
        sketch.StateFileError, match=f"first line has {count} entries, the others 6"
    ):
        sketch.open(path)
