"""Packed numbers are decoded and missing ones are refused or filled, whatever the container."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io
from file_formats import DENSE, DENSE_MATRICES, SPARSE

import sketch

RNG = np.random.default_rng(0)
COUNTS = RNG.integers(-300, 300, (12, 8)).astype("i2")
HOLES = [(0, 3), (5, 0), (5, 7), (11, 3)]


def netcdf3(folder, counts, attributes):
    with scipy.io.netcdf_file(folder / "a.nc", "w") as file:
        file.createDimension("t", counts.shape[0])
        file.createDimension("x", counts.shape[1])
        variable = file.createVariable("v", counts.dtype, ("t", "x"))
        for name, value in attributes.items():
            setattr(variable, name, value)
        variable[:] = counts
    return f"{folder / 'a.nc'}::v"


def netcdf4(folder, counts, attributes):
    h5netcdf = pytest.importorskip("h5netcdf")
    with h5netcdf.File(folder / "four.nc", "w") as file:
        file.dimensions = {"t": counts.shape[0], "x": counts.shape[1]}
        variable = file.create_variable("v", ("t", "x"), data=counts)
        variable.attrs.update({k: v for k, v in attributes.items() if k != "_FillValue"})
        if "_FillValue" in attributes:
            variable._h5ds.attrs["_FillValue"] = attributes["_FillValue"]
    return folder / "four.nc"


def hdf5(folder, counts, attributes):
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "a.h5", "w") as file:
        file["v"] = counts
        file["v"].attrs.update(attributes)
    return folder / "a.h5"


def zarr2(folder, counts, attributes):
    return zarr(folder, counts, attributes, 2)


def zarr3(folder, counts, attributes):
    return zarr(folder, counts, attributes, 3)


def zarr(folder, counts, attributes, version):
    library = pytest.importorskip("zarr")
    root = library.open_group(folder / "a.zarr", mode="w", zarr_format=version)
    array = root.create_array("v", data=counts)
    array.attrs.update({k: np.asarray(v).tolist() for k, v in attributes.items()})
    return folder / "a.zarr"


CONTAINERS = [netcdf3, netcdf4, hdf5, zarr2, zarr3]
PACKINGS = [
    {"scale_factor": 0.01, "add_offset": 273.15},
    {"scale_factor": np.float32(0.5)},
    {"add_offset": -3.0},
    {},
]


@pytest.mark.parametrize("packing", PACKINGS, ids=lambda p: "+".join(p) or "plain")
@pytest.mark.parametrize("container", CONTAINERS, ids=lambda c: c.__name__)
def test_packed_numbers_are_decoded(container, packing, tmp_path):
    spec = container(tmp_path, COUNTS, packing)
    true = COUNTS * float(packing.get("scale_factor", 1)) + packing.get("add_offset", 0)
    with sketch.open(spec) as file:
        # single precision where the factor is single
        assert np.allclose(np.asarray(file), true, rtol=1e-6, atol=0)
        assert np.allclose(file[3:5, 1:4], true[3:5, 1:4], rtol=1e-6, atol=0)
    assert np.allclose(sketch.svd(spec, 8).to_array(), true, rtol=0, atol=1e-4)


MISSING = {
    "fill": ({"_FillValue": np.int16(-999)}, -999),
    "missing": ({"missing_value": np.int16(-999)}, -999),
    "both": ({"_FillValue": np.int16(-998), "missing_value": np.int16(-999)}, -999),
    "least": ({"valid_min": np.int16(-400)}, -999),
    "most": ({"valid_max": np.int16(400)}, 999),
    "range": ({"valid_range": np.array([-400, 400], "i2")}, 999),
}


@pytest.mark.parametrize("packing", [PACKINGS[0], PACKINGS[3]], ids=["packed", "plain"])
@pytest.mark.parametrize("kind", MISSING)
@pytest.mark.parametrize("container", CONTAINERS, ids=lambda c: c.__name__)
def test_missing_values_are_refused_or_filled(container, kind, packing, tmp_path):
    attributes, hole = MISSING[kind]
    counts = COUNTS.copy()
    for place in HOLES:
        counts[place] = hole
    spec = container(tmp_path, counts, attributes | packing)
    true = COUNTS * float(packing.get("scale_factor", 1)) + packing.get("add_offset", 0)
    for call in (sketch.svd, sketch.pca, sketch.tensor_train):
        with pytest.raises(sketch.NonFiniteError) as caught:
            call(spec, 2)
        said = str(caught.value)
        assert "4 of 96 entries are missing" in said
        assert "(0, 3)" in said
        assert 'missing="zero"' in said
    known = np.ma.MaskedArray(true, np.zeros(true.shape, bool))
    for place in HOLES:
        known[place] = np.ma.masked
    zero = np.asarray(sketch.open(spec, missing="zero"))
    assert np.allclose(zero, known.filled(0), rtol=1e-6, atol=0)
    mean = np.asarray(sketch.open(spec, missing="mean"))
    assert np.allclose(mean, np.where(known.mask, known.mean(axis=0), true), rtol=1e-6, atol=0)


@pytest.mark.parametrize("container", [netcdf3, netcdf4], ids=lambda c: c.__name__)
@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "i4"])
def test_what_was_never_written_to_netcdf_is_missing(container, dtype, tmp_path):
    never = {"f4": 9.969209968386869e36, "i2": -32767, "i4": -(2**31) + 1}
    never["f8"] = never["f4"]
    values = COUNTS.astype(dtype)
    values[2, 4] = never[dtype]
    spec = container(tmp_path, values, {})
    with pytest.raises(sketch.NonFiniteError, match=r"1 of 96 .* \(2, 4\)"):
        sketch.svd(spec, 2)
    assert np.asarray(sketch.open(spec, missing="zero"))[2, 4] == 0


@pytest.mark.parametrize("writer", [*DENSE, *DENSE_MATRICES], ids=lambda w: w.__name__)
def test_nan_is_missing_in_every_format(writer, tmp_path):
    a = COUNTS.astype(float)
    a[3, 5] = np.nan
    spec = writer(tmp_path, a)
    with pytest.raises(sketch.NonFiniteError, match=r"\(3, 5\)"):
        sketch.svd(spec, 2)
    zero, mean = a.copy(), a.copy()
    zero[3, 5], mean[3, 5] = 0, np.nanmean(a[:, 5])
    assert np.array_equal(np.asarray(sketch.open(spec, missing="zero")), zero)
    assert np.allclose(np.asarray(sketch.open(spec, missing="mean")), mean)


@pytest.mark.parametrize("writer", [w for w in SPARSE if w.__name__ not in ("mtx", "tenx")])
def test_sparse_files_take_zero_for_nan(writer, tmp_path):
    a = COUNTS.astype(float)
    a[3, 5] = np.nan
    spec = writer(tmp_path, a)
    with pytest.raises(sketch.NonFiniteError):
        sketch.svd(spec, 2)
    a[3, 5] = 0
    assert np.array_equal(sketch.open(spec, missing="zero").data.toarray(), a)
    with pytest.raises(sketch.NonFiniteError, match="would fill a sparse matrix"):
        sketch.open(spec, missing="mean")


def plink(folder, genotypes):
    """Write genotypes (samples, variants) of 0, 1, 2 and -1 for missing."""
    codes = np.array([3, 2, 0, 1], np.uint8)[genotypes]  # -1 is the last one
    samples, variants = genotypes.shape
    padded = np.zeros((variants, -(-samples // 4) * 4), np.uint8)
    padded[:, :samples] = codes.T
    quads = padded.reshape(variants, -1, 4)
    packed = (quads << np.array([0, 2, 4, 6], np.uint8)).sum(axis=2).astype(np.uint8)
    (folder / "g.bed").write_bytes(b"\x6c\x1b\x01" + packed.tobytes())
    (folder / "g.fam").write_text("".join(f"f s{i} 0 0 0 -9\n" for i in range(samples)))
    (folder / "g.bim").write_text("".join(f"1\tv{i}\t0\t{i}\tA\tC\n" for i in range(variants)))
    return folder / "g.bed"


@pytest.mark.parametrize("samples", [1, 4, 7, 30])
def test_genotypes_are_decoded_block_by_block(samples, tmp_path):
    genotypes = RNG.integers(0, 3, (samples, 11))
    with sketch.open(plink(tmp_path, genotypes)) as file:
        assert file.shape == genotypes.shape
        assert file.dims == ("sample", "variant")
        assert file.labels[1][10] == "v10"
        assert np.array_equal(np.asarray(file), genotypes)
        for rows in (slice(0, samples), slice(samples // 2, samples), slice(0, 1)):
            assert np.array_equal(file[rows, 2:5], genotypes[rows, 2:5])


def test_missing_genotypes_are_counted(tmp_path):
    genotypes = RNG.integers(0, 3, (30, 11))
    genotypes[4, 2] = genotypes[20, 9] = -1
    spec = plink(tmp_path, genotypes)
    with pytest.raises(sketch.NonFiniteError, match=r"2 of 330 entries are missing"):
        sketch.pca(spec, 2)
    known = np.ma.MaskedArray(genotypes, genotypes < 0)
    filled = np.where(known.mask, known.mean(axis=0), genotypes)
    assert np.allclose(np.asarray(sketch.open(spec, missing="mean")), filled, rtol=1e-6)
    assert sketch.pca(sketch.open(spec, missing="mean"), 2).rank == 2


def test_a_column_without_any_value_has_no_mean(tmp_path):
    genotypes = RNG.integers(0, 3, (30, 11))
    genotypes[:, 6] = -1
    with pytest.raises(sketch.NonFiniteError, match=r"nothing is known at \[:, 6\]"):
        sketch.svd(sketch.open(plink(tmp_path, genotypes), missing="mean"), 2)


def test_genotypes_whose_tables_do_not_fit_are_refused(tmp_path):
    spec = plink(tmp_path, RNG.integers(0, 3, (30, 11)))
    (tmp_path / "g.fam").write_text("f s 0 0 0 -9\n" * 40)
    with pytest.raises(sketch.StateFileError, match="do not belong together"):
        sketch.open(spec)
    (tmp_path / "g.fam").unlink()
    with pytest.raises(sketch.StateFileError, match=r"g\.fam beside it"):
        sketch.open(spec)
