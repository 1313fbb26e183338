"""Columns that have names are those of the same names everywhere; streams keep them."""

from __future__ import annotations

import numpy as np
import pytest

import sketch
from sketch.errors import ArgumentError

pandas = pytest.importorskip("pandas")
xarray = pytest.importorskip("xarray")

NAMES = list("abcdef")
ROWS = np.random.default_rng(7).standard_normal((30, 6))


def frame(rows=ROWS, names=NAMES):
    return pandas.DataFrame(rows, columns=names)


def labelled(rows=ROWS, names=NAMES):
    return xarray.DataArray(rows, {"gene": names}, ("cell", "gene"))


def in_file(rows=ROWS, names=NAMES):
    import os
    import tempfile

    path = os.path.join(tempfile.mkdtemp(), "rows.csv")
    frame(rows, names).to_csv(path, index=False)
    return path


def in_chunks(rows=ROWS, names=NAMES):
    return [frame(part, names) for part in np.array_split(rows, 3)]


def in_dask(rows=ROWS, names=NAMES):
    pytest.importorskip("dask")
    return labelled(rows, names).chunk(cell=10)


KINDS = [frame, labelled, in_file, in_chunks, in_dask]
OTHERS = [NAMES[::-1], ["x", *NAMES[1:]]]

SKETCHES = {
    "GeneralizedNystrom": lambda: sketch.GeneralizedNystrom((None, 6), 2),
    "HMT": lambda: sketch.HMT((None, 6), 2),
    "GramNystrom": lambda: sketch.GramNystrom(6, 2),
    "Completion": lambda: sketch.Completion((None, 6), 1),
    "SlidingWindow": lambda: sketch.SlidingWindow(sketch.GramNystrom(6, 2), 4),
    "STTA": lambda: sketch.STTA((None, 6), 2),
}


def column_names(result):
    made = result.to_xarray()
    return [str(x) for name in ("dim_1", "gene") if name in made for x in made[name].values]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SKETCHES)
def test_a_stream_keeps_the_names_of_its_columns(kind, name, tmp_path):
    sk = SKETCHES[name]()
    chunks = kind() if kind is in_chunks else [kind()]
    if name == "STTA" and kind is in_chunks:
        pytest.skip("lists of tensors are refused")
    for chunk in chunks:
        sk.update(chunk)
    sk.save(tmp_path / "state.npz")
    for held in (sk, sk.copy(), sketch.load(tmp_path / "state.npz")):
        while getattr(held, "passes_left", 0) > 1:
            held.end_pass()
            for chunk in chunks:
                held.update(chunk)
        assert column_names(held.finalize()) == NAMES


@pytest.mark.parametrize("others", OTHERS, ids=["order", "name"])
@pytest.mark.parametrize("name", SKETCHES)
def test_a_stream_refuses_other_columns_and_loses_nothing(name, others, tmp_path):
    sk = SKETCHES[name]()
    sk.update(frame())
    sk.save(tmp_path / "state.npz")
    for held in (sk, sketch.load(tmp_path / "state.npz")):
        for kind in (frame, labelled):
            with pytest.raises(ArgumentError, match="column 0 of"):
                held.update(kind(names=others))
        assert (held.n_updates, held.shape) == (1, (30, 6))
        held.update(ROWS[:3])  # values without names are taken as they come
        held.update(frame(names=range(6)))


@pytest.mark.parametrize("name", ["GeneralizedNystrom", "GramNystrom", "Completion", "STTA"])
def test_sketches_of_other_columns_are_not_merged(name):
    ours, theirs, unnamed = (SKETCHES[name]() for _ in range(3))
    ours.update(frame())
    theirs.update(frame(names=OTHERS[0]))
    with pytest.raises(ArgumentError, match="column 0"):
        ours.merge(theirs)
    unnamed.update(ROWS[::-1].copy())
    unnamed.merge(ours)
    assert column_names(unnamed.finalize()) == NAMES


@pytest.mark.parametrize("others", OTHERS, ids=["order", "name"])
@pytest.mark.parametrize("kind", KINDS)
def test_results_refuse_rows_of_other_columns(kind, others):
    found = sketch.pca(kind(), rank=2)
    filled = sketch.complete(kind(), rank=1)
    expected = found.transform(ROWS)
    for given in (frame(), labelled(), in_chunks(), ROWS, frame(names=range(6))):
        np.testing.assert_allclose(found.transform(given), expected, atol=1e-12)
    for result in (found, filled):
        for wrong in (frame, labelled, in_chunks, in_file):
            with pytest.raises(ArgumentError, match="column 0 of the rows"):
                result.transform(wrong(names=others))


@pytest.mark.parametrize("call", [sketch.svd, sketch.pca, sketch.complete, sketch.tensor_train])
@pytest.mark.parametrize("others", OTHERS, ids=["order", "name"])
def test_stacks_refuse_parts_of_other_columns(call, others):
    with pytest.raises(ArgumentError, match="column 0 of"):
        call([in_file(), in_file(names=others)], 2)
    if call is not sketch.tensor_train:
        with pytest.raises(ArgumentError, match="column 0 of the chunk at row 30"):
            call([frame(), frame(names=others)], 2)


@pytest.mark.parametrize(
    ("known", "found", "same"),
    [
        ([0.1, 0.2], np.float32([0.1, 0.2]), True),  # grids that were saved in single precision
        ([0.1, 0.2], [0.2, 0.1], False),
        ([np.nan, 1.0], [np.nan, 1.0], True),
        ([0, 1], ["a", "b"], True),  # numbers from 0 name nothing
        ([1, 2], ["a", "b"], False),
        (np.array(["2000", "2001"], "M8[Y]"), np.array(["2000", "2001"], "M8[ns]"), True),
        (np.array(["2000", "2001"], "M8[Y]"), np.array(["2001", "2000"], "M8[ns]"), False),
        (["a", "b"], np.array(["a", "b"], object), True),
        ([True, False], [False, True], False),
    ],
)
def test_labels_are_compared_by_value(known, found, same):
    sk = sketch.GramNystrom(2, 1)
    sk.update(frame(ROWS[:, :2], known))
    if same:
        sk.update(labelled(ROWS[:, :2], found))
        assert sk.shape == (60, 2)
    else:
        with pytest.raises(ArgumentError):
            sk.update(labelled(ROWS[:, :2], found))


def test_the_axes_of_a_field_are_kept_and_compared():
    field = xarray.DataArray(
        np.random.default_rng(0).standard_normal((40, 3, 4)),
        {"lat": [10.0, 20.0, 30.0], "lon": np.arange(4) + 0.5, "height": 2.0},
        ("time", "lat", "lon"),
    )
    sk = sketch.STTA((None, 3, 4), 3)
    for part in (field[:20], field[20:]):
        sk.update(part)
    made = sk.finalize().to_xarray()
    assert set(made.coords) == {"lat", "lon", "height"}
    with pytest.raises(ArgumentError, match=r"column 0 of the data is 30.0, and was 10.0"):
        sk.update(field[:, ::-1])


@pytest.mark.parametrize("passes", [1, 2, None])
@pytest.mark.parametrize("shape", [(80, 40), (60, 50)])
def test_components_of_several_readings_keep_the_names_of_a_list(shape, passes):
    """Of squares alone, of sharpened ones, and by default, which is either."""
    rows = np.random.default_rng(5).standard_normal(shape) / np.arange(1, shape[1] + 1)
    names = [f"gene {k}" for k in range(shape[1])]
    found = sketch.pca(in_chunks(rows, names), 2, passes=passes, sketch_rank=20)
    assert column_names(found) == names
    with pytest.raises(ArgumentError, match="column 0 of the rows"):
        found.transform(frame(rows, names[::-1]))
