"""One door for data: what the file's own library reads is what we read, or it is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from file_formats import DENSE, DENSE_MATRICES, SPARSE, contents

import sketch

RNG = np.random.default_rng(0)
MATRIX = np.round(RNG.standard_normal((23, 17)) * 100)
MATRIX[RNG.random(MATRIX.shape) < 0.6] = 0
TENSOR = np.round(RNG.standard_normal((9, 5, 4)) * 100)
DTYPES = {"netcdf3": "f8 f4 i4 i2", "tenx": "f8", "mtx": "f8", "mat4": "f8 f4"}
DTYPES |= dict.fromkeys(["csv", "csv_labelled", "parquet", "feather"], "f8 f4")
COMPLEX = ["npy", "npy_fortran", "npz", "mat", "mat73", "hdf5", "zarr2", "zarr3", "npz_sparse"]
ALL = [*DENSE, *DENSE_MATRICES, *SPARSE]


def dtypes_of(writer):
    kinds = DTYPES.get(writer.__name__, "f8 f4 i4 u1 i8").split()
    return kinds + ["c16"] * (writer.__name__ in COMPLEX)


@pytest.mark.parametrize("writer", ALL, ids=lambda w: w.__name__)
def test_a_file_holds_what_was_written(writer, tmp_path):
    for number, dtype in enumerate(dtypes_of(writer)):
        for a in [MATRIX, TENSOR] if writer in DENSE else [MATRIX]:
            a = np.abs(a).astype(dtype) if dtype == "u1" else a.astype(dtype)
            folder = tmp_path / f"{number}{a.ndim}"
            folder.mkdir()
            with sketch.open(writer(folder, a)) as file:
                assert file.shape == a.shape
                assert len(file.dims) == len(file.labels) == a.ndim
                assert file.is_sparse == (writer in SPARSE)
                assert np.array_equal(contents(file), a)
                if writer in DENSE:
                    if not writer.__name__.startswith("netcdf"):  # where integers may be missing
                        assert file.dtype == a.dtype
                    window = (slice(2, 5), slice(1, 3))
                    assert np.array_equal(file[window], a[window])


@pytest.mark.parametrize("writer", ALL, ids=lambda w: w.__name__)
def test_every_call_takes_paths_and_open_files(writer, tmp_path):
    spec = writer(tmp_path, MATRIX)
    exact = np.linalg.norm(MATRIX)
    for data in (spec, sketch.open(spec)):
        results = [
            sketch.svd(data, 17),
            sketch.svd(data, 17, method="nystrom", memory="50MB"),
            sketch.tensor_train(data, 17),
            sketch.tensor_train(data, 17, method="otts"),
        ]
        for make in (sketch.GeneralizedNystrom, sketch.STTA):
            sk = make(MATRIX.shape, 17)
            sk.update(data)
            results.append(sk.finalize())
        for result in results:  # of full rank: rounding alone
            assert np.linalg.norm(result.to_array() - MATRIX) < 1e-11 * exact
    if writer.__name__ not in ("mtx", "tenx", "h5ad_layer", "tenx_hdf5"):
        found, true = sketch.pca(spec, 5), sketch.pca(MATRIX, 5)
        assert np.allclose(found.explained_variance, true.explained_variance)


@pytest.mark.parametrize("writer", DENSE, ids=lambda w: w.__name__)
def test_arrays_of_more_axes_are_unfolded_alike(writer, tmp_path):
    spec = writer(tmp_path, TENSOR)
    flat = TENSOR.reshape(9, -1)
    for memory in (None, "30MB"):
        result = sketch.svd(spec, 9, memory=memory)
        assert np.linalg.norm(result.to_array() - flat) < 1e-12 * np.linalg.norm(flat)
    train = sketch.tensor_train(spec, 9)
    assert np.linalg.norm(train.to_array() - TENSOR) < 1e-12 * np.linalg.norm(TENSOR)


@pytest.mark.parametrize("writer", [*DENSE, *SPARSE], ids=lambda w: w.__name__)
def test_files_are_stacked_along_their_first_axis(writer, tmp_path):
    specs = []
    for k in range(3):
        (tmp_path / f"part{k}").mkdir()
        specs.append(str(writer(tmp_path / f"part{k}", MATRIX[7 * k : 7 * k + 7])))
    if writer.__name__ == "h5ad_layer":
        specs = [spec.replace("::counts", "::layers/counts") for spec in specs]
    with sketch.open(specs) as file:
        assert np.array_equal(contents(file), MATRIX[:21])
    with sketch.open(specs[0].replace("part0", "part*")) as file:
        assert np.array_equal(contents(file), MATRIX[:21])
    result = sketch.svd(specs, 17)
    assert np.linalg.norm(result.to_array() - MATRIX[:21]) < 1e-11 * np.linalg.norm(MATRIX)


def test_axes_and_labels_are_those_of_the_file(tmp_path):
    from file_formats import csv_labelled, h5ad, netcdf3, tenx

    file = sketch.open(netcdf3(tmp_path, MATRIX))
    assert file.dims == ("d0", "d1")
    assert np.array_equal(file.labels[0], np.arange(23))
    assert file.labels[1] is None
    for writer, dims, first in (
        (h5ad, ("obs", "var"), ("obs0", "var0")),
        (tenx, ("feature", "barcode"), ("g0", "c0-1")),
        (csv_labelled, (None, None), ("row 0", "c0")),
    ):
        file = sketch.open(writer(tmp_path, MATRIX))
        assert file.dims == dims
        assert tuple(labels[0] for labels in file.labels) == first
        assert tuple(len(labels) for labels in file.labels) == MATRIX.shape


def test_large_sparse_groups_are_read_in_blocks(tmp_path, monkeypatch):
    from file_formats import h5ad, h5ad_layer

    monkeypatch.setattr("sketch.io._open._WHOLE_BYTES", 0)
    for writer in (h5ad, h5ad_layer):
        with sketch.open(writer(tmp_path, MATRIX)) as file:
            assert len(list(file.data.blocks(200))) > 5
            assert np.array_equal(contents(file), MATRIX)
            for result in (sketch.svd(file, 17), sketch.tensor_train(file, 17)):
                gap = np.linalg.norm(result.to_array() - MATRIX)
                assert gap < 1e-11 * np.linalg.norm(MATRIX)


def test_suffixes_do_not_matter_where_the_content_tells(tmp_path):
    from file_formats import hdf5, mat, mtx, netcdf3, npy, npz, npz_sparse

    for writer in (npy, npz, npz_sparse, mat, mtx, netcdf3):
        path, _, name = str(writer(tmp_path, MATRIX)).partition("::")
        bare = tmp_path / "data"
        bare.write_bytes(Path(path).read_bytes())
        with sketch.open(f"{bare}::{name}" if name else bare) as file:
            assert np.array_equal(contents(file), MATRIX)
    hdf5(tmp_path, MATRIX)
    (tmp_path / "a.h5").rename(tmp_path / "a.NC")
    with sketch.open(f"{tmp_path / 'a.NC'}::group/x") as file:
        assert np.array_equal(contents(file), MATRIX)


def test_compressed_text_is_known_by_its_content(tmp_path):
    import bz2
    import gzip
    import lzma

    from file_formats import mtx

    text = mtx(tmp_path, MATRIX).read_bytes()
    for library in (bz2, gzip, lzma):
        (tmp_path / "download").write_bytes(library.compress(text))
        with sketch.open(tmp_path / "download") as file:
            assert np.array_equal(contents(file), MATRIX)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables_are_their_numbers(suffix, tmp_path):
    pandas = pytest.importorskip("pandas")
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    frame = pandas.DataFrame(MATRIX[:, :4], index=np.arange(7, 30), columns=list("abcd"))
    path = tmp_path / f"a.{suffix}"
    getattr(frame, f"to_{suffix}")(path)
    file = sketch.open(path)
    assert np.array_equal(np.asarray(file), MATRIX[:, :4])  # without the index
    assert list(file.labels[0][:2]) == ["7", "8"]
    assert np.array_equal(np.asarray(sketch.open(f"{path}::c,a")), MATRIX[:, [2, 0]])
    with pytest.raises(sketch.StateFileError, match="no array named 'z'"):
        sketch.open(f"{path}::a,z")
    frame["word"], frame["other"] = "text", "text"
    getattr(frame, f"to_{suffix}")(path)
    with pytest.raises(sketch.StateFileError, match=r"word, other.* hold no numbers"):
        sketch.open(path)
    assert np.array_equal(np.asarray(sketch.open(f"{path}::a")), MATRIX[:, :1])


SPELLINGS = [
    "{},000",
    "0x{}",
    "{}D3",
    "${}",
    "{} %",
    "{},5",
    "-{}.5D-2",
    "1 {}00",
    "{} \N{EURO SIGN}",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_column_of_numbers_in_another_spelling_is_refused_wherever_it_stands(
    spelling, column, tmp_path
):
    """It would be taken for labels of the rows, and be lost, as the first one."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(MATRIX[:, :3], columns=list("abc"))
    frame[frame.columns[column]] = [spelling.format(k) for k in range(1, len(frame) + 1)]
    frame.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(sketch.StateFileError, match=f"columns {'abc'[column]} hold no numbers"):
        sketch.open(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "labels", [["x", "y", "z"], ["2020-01-01", "2020-01-02", "2020-01-03"], ["1007_s_at", "a", "3"]]
)
def test_a_first_column_of_text_is_labels(labels, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"id": labels, "a": [1.5, 2, 3], "b": [4, 5, 6.5]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    file = sketch.open(tmp_path / "a.csv")
    assert np.array_equal(np.asarray(file), frame[["a", "b"]])
    assert list(file.labels[0]) == labels


def arrow_columns():
    """Return columns of all kinds of types: numbers, what names rows, and what is neither."""
    arrow = pytest.importorskip("pyarrow")
    words, numbers = arrow.array(["x", "y", "x"]), arrow.array([1.5, 2.0, 1.5])
    whole = arrow.array([1, 2, 3])
    twos = arrow.FixedSizeListArray.from_arrays(arrow.array([1.0] * 6), 2)
    return {
        "number": [
            *(numbers, numbers.dictionary_encode(), whole.cast("uint8"), whole.dictionary_encode()),
            arrow.array([True, False, True]),
        ],
        "label": [
            *(words, words.dictionary_encode(), words.cast("large_string")),
            *(whole.cast(arrow.timestamp("s")), whole.cast("int32").cast(arrow.date32())),
        ],
        "other": [
            *(arrow.array([[1.0], [2.0], [3.0]]), arrow.array([{"a": 1.0}] * 3), twos),
            *(whole.cast(arrow.decimal128(25, 2)), whole.cast(arrow.duration("s"))),
            *(arrow.nulls(3), arrow.array([b"1"] * 3)),
        ],
    }


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
@pytest.mark.parametrize("kind", ["number", "label", "other"])
def test_no_column_of_a_table_is_lost(kind, suffix, tmp_path):
    """Each is numbers, or names the rows, or is told as what the table cannot be taken with."""
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    write = parquet.write_table if suffix == "parquet" else feather.write_feather
    path = str(tmp_path / f"a.{suffix}")
    for column in arrow_columns()[kind]:
        write(arrow.table({"one": column, "b": [1.0, 2.0, 3.0]}), path)
        if kind == "other":
            with pytest.raises(sketch.StateFileError, match="columns one hold no numbers"):
                sketch.open(path)
            continue
        file = sketch.open(path)
        assert file.shape == (3, 2 if kind == "number" else 1)
        if kind == "number":
            assert np.asarray(file)[:, 0].tolist() == column.to_pylist()
        else:
            assert list(file.labels[0]) == [str(x) for x in column.to_pylist()]


def test_labels_of_another_length_are_refused_and_the_data_are_not(tmp_path):
    folder = tmp_path / "tenx"
    folder.mkdir()
    scipy.io.mmwrite(folder / "matrix.mtx", scipy.sparse.coo_array(MATRIX))
    (folder / "barcodes.tsv").write_text("only one\n")
    file = sketch.open(folder)
    with pytest.raises(sketch.StateFileError, match=f"1 labels for the {MATRIX.shape[1]} entries"):
        _ = file.labels
    assert np.allclose(sketch.svd(file, 2).s, sketch.svd(MATRIX, 2).s)


@pytest.mark.parametrize("values", [["a"] * 4, np.zeros(4, "M8[s]"), np.zeros(4, [("a", "f8")])])
def test_sparse_matrices_of_what_is_no_number_are_refused(values, tmp_path):
    parts = {"indices": [0, 1, 2, 3], "indptr": [0, 1, 2, 3, 4], "shape": [4, 4]}
    coords = np.stack([np.arange(4)] * 2)
    np.savez(tmp_path / "rows.npz", format=b"csr", data=np.array(values), **parts)
    np.savez(tmp_path / "coo.npz", data=np.array(values), coords=coords, shape=[4, 4], fill_value=0)
    for name in ("rows.npz", "coo.npz"):
        with pytest.raises(sketch.StateFileError, match=r"not numbers|damaged|holds records"):
            sketch.open(tmp_path / name)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_every_version_of_the_format(version, order, tmp_path):
    with open(tmp_path / "a.npy", "wb") as file:
        np.lib.format.write_array(file, np.asarray(MATRIX, order=order), version=version)
    assert np.array_equal(np.asarray(sketch.open(tmp_path / "a.npy")), MATRIX)


def test_a_sparse_matrix_of_matlab_without_entries(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("empty")
        group.attrs["MATLAB_sparse"] = np.uint64(5)
        group["jc"] = np.zeros(4, np.uint64)
    matrix = sketch.open(tmp_path / "a.h5")
    assert matrix.shape == (5, 3)
    assert contents(matrix).tolist() == np.zeros((5, 3)).tolist()


def test_a_group_that_holds_itself_is_listed_once(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/inner/a"] = MATRIX
        file["group/inner/again"] = file["group"]
        file["b"] = MATRIX
    with pytest.raises(sketch.StateFileError, match=r"NAME: b, group/inner/a$"):
        sketch.open(tmp_path / "a.h5")
