"""Writers of arrays in every format that `sketch.open` reads, each by the format's own library."""

from __future__ import annotations

import bz2
import gzip
import lzma

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp


def npy(folder, a):
    np.save(folder / "a.npy", a)
    return folder / "a.npy"


def npy_fortran(folder, a):
    np.save(folder / "f.npy", np.asfortranarray(a))
    return folder / "f.npy"


def npz(folder, a):
    np.savez(folder / "a.npz", x=a, other=a, label=np.array(["p", "q"]))
    return f"{folder / 'a.npz'}::x"


def npz_compressed(folder, a):
    np.savez_compressed(folder / "c.npz", x=a, vector=np.ones(3))
    return folder / "c.npz"


def mat(folder, a):
    scipy.io.savemat(folder / "a.mat", {"x": a, "name": "text"}, do_compression=True)
    return f"{folder / 'a.mat'}::x"


def mat_structure(folder, a):
    scipy.io.savemat(folder / "s.mat", {"s": {"inner": {"x": a}, "name": "text"}})
    return f"{folder / 's.mat'}::s.inner.x"


def mat4(folder, a):
    scipy.io.savemat(folder / "old.mat", {"x": a}, format="4")
    return folder / "old.mat"


def mat73(folder, a):
    h5py = pytest.importorskip("h5py")
    path = folder / "new.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        if a.dtype.kind == "c":
            parts = np.empty(a.T.shape, [("real", a.real.dtype), ("imag", a.real.dtype)])
            parts["real"], parts["imag"] = a.T.real, a.T.imag
            file["x"] = parts
        else:
            file["x"] = a.T
        file["x"].attrs["MATLAB_class"] = np.bytes_("double")
        file["#refs#/a"] = np.ones((2, 2))
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512))
    return path


def netcdf3(folder, a):
    path = folder / "a.nc"
    with scipy.io.netcdf_file(path, "w") as file:
        dims = [f"d{k}" for k in range(a.ndim)]
        for dim, n in zip(dims, a.shape, strict=True):
            file.createDimension(dim, n)
        file.createVariable("x", a.dtype, dims)[:] = a
        file.createVariable("d0", "f8", dims[:1])[:] = np.arange(a.shape[0])
    return path


def netcdf4(folder, a):
    h5netcdf = pytest.importorskip("h5netcdf")
    path = folder / "four.nc"
    with h5netcdf.File(path, "w") as file:
        file.dimensions = {f"d{k}": n for k, n in enumerate(a.shape)}
        group = file.create_group("deep")
        group.create_variable("x", tuple(f"d{k}" for k in range(a.ndim)), data=a)
    return f"{path}::deep/x"


def hdf5(folder, a):
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "a.h5", "w") as file:
        chunks = tuple(min(n, 7) for n in a.shape)
        file.create_dataset("group/x", data=a, chunks=chunks, compression="gzip")
        file["soft"] = h5py.SoftLink("/group/x")
    with h5py.File(folder / "outer", "w") as file:
        file["external"] = h5py.ExternalLink("a.h5", "/soft")
        file["label"] = "text"
    return f"{folder / 'outer'}::external"


def hdf5_records(folder, a):
    h5py = pytest.importorskip("h5py")
    table = np.empty(a.shape, [("name", "S4"), ("x", a.dtype)])
    table["x"] = a
    with h5py.File(folder / "r.hdf5", "w") as file:
        file["table"] = table
    return f"{folder / 'r.hdf5'}::table/x"


def zarr2(folder, a):
    zarr = pytest.importorskip("zarr")
    root = zarr.open_group(folder / "two.zarr", mode="w", zarr_format=2)
    root.create_array("deep/er/x", data=a, chunks=tuple(min(n, 7) for n in a.shape))
    return f"{folder / 'two.zarr'}::deep/er/x"


def zarr3(folder, a):
    zarr = pytest.importorskip("zarr")
    root = zarr.open_group(folder / "store", mode="w", zarr_format=3)
    root.create_array("x", data=a, chunks=tuple(min(n, 7) for n in a.shape))
    return folder / "store"


def zarr_zip(folder, a):
    zarr = pytest.importorskip("zarr")
    with zarr.storage.ZipStore(folder / "a.zarr.zip", mode="w") as store:
        zarr.open_group(store, mode="w").create_array("x", data=a)
    return folder / "a.zarr.zip"


def npz_sparse(folder, a):
    sp.save_npz(folder / "sparse.npz", sp.csc_array(a))
    return folder / "sparse.npz"


def npz_pydata(folder, a):
    sparse = pytest.importorskip("sparse")
    sparse.save_npz(folder / "pydata.npz", sparse.COO.from_numpy(a))
    return folder / "pydata.npz"


def mat_sparse(folder, a):
    scipy.io.savemat(folder / "sparse.mat", {"x": sp.csc_matrix(a)})
    return folder / "sparse.mat"


def mtx(folder, a):
    scipy.io.mmwrite(folder / "a.mtx", sp.coo_array(a))
    (folder / "a.mtx").rename(folder / "A.MTX")
    return folder / "A.MTX"


def tenx(folder, a):
    place = folder / "filtered_matrix"
    place.mkdir(exist_ok=True)
    scipy.io.mmwrite(place / "matrix.mtx", sp.coo_array(a))
    (place / "features.tsv").write_text("".join(f"g{i}\tname\n" for i in range(a.shape[0])))
    (place / "barcodes.tsv").write_text("".join(f"c{i}-1\n" for i in range(a.shape[1])))
    return place


def sparse_group(group, matrix, **attributes):
    for name in ("data", "indices", "indptr"):
        group.create_dataset(name, data=getattr(matrix, name))
    group.attrs.update(attributes)


def h5ad(folder, a):
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "a.h5ad", "w") as file:
        file.attrs["encoding-type"] = "anndata"
        x = file.create_group("X")
        sparse_group(x, sp.csr_array(a), **{"encoding-type": "csr_matrix", "shape": a.shape})
        counts = file.create_group("layers/counts")
        sparse_group(counts, sp.csc_array(a), **{"encoding-type": "csc_matrix", "shape": a.shape})
        for side, n in zip(("obs", "var"), a.shape, strict=True):
            file.create_group(side).attrs["_index"] = "names"
            file[side]["names"] = [f"{side}{i}" for i in range(n)]
    return folder / "a.h5ad"


def h5ad_layer(folder, a):
    return f"{h5ad(folder, a)}::counts"


def tenx_hdf5(folder, a):
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "tenx.h5", "w") as file:
        group = file.create_group("matrix")
        sparse_group(group, sp.csc_array(a))
        group["shape"], group["barcodes"] = np.array(a.shape), np.array([b"c"] * a.shape[1])
    return folder / "tenx.h5"


def mat73_sparse(folder, a):
    h5py = pytest.importorskip("h5py")
    matrix, path = sp.csc_array(a), folder / "new_sparse.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("x")
        group["data"], group["ir"], group["jc"] = matrix.data, matrix.indices, matrix.indptr
        group.attrs["MATLAB_sparse"] = np.uint64(a.shape[0])
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512))
    return path


def csv(folder, a):
    np.savetxt(folder / "bare.csv", a, delimiter=",", fmt="%.17g")
    pytest.importorskip("pandas")
    return folder / "bare.csv"


def csv_labelled(folder, a):
    pandas = pytest.importorskip("pandas")
    index = [f"row {i}" for i in range(a.shape[0])]
    columns = [f"c{i}" for i in range(a.shape[1])]
    pandas.DataFrame(a, index, columns).to_csv(folder / "labelled.tsv.gz", sep="\t")
    return folder / "labelled.tsv.gz"


def parquet(folder, a):
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    columns = [f"c{i}" for i in range(a.shape[1])]
    pandas.DataFrame(a, columns=columns).to_parquet(folder / "a.parquet")
    return folder / "a.parquet"


def feather(folder, a):
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    columns = [f"c{i}" for i in range(a.shape[1])]
    frame = pandas.DataFrame(a, columns=columns)
    frame["name"] = "row"
    frame.to_feather(folder / "a.feather")
    return folder / "a.feather"


def netcdf_packed(folder, a):
    h5netcdf = pytest.importorskip("h5netcdf")
    path = folder / "packed.nc"
    with h5netcdf.File(path, "w") as file:
        file.dimensions = {"time": a.shape[0], "place": a.shape[1]}
        file.create_variable("time", ("time",), data=np.arange(a.shape[0]))
        counts = np.round(a / 0.5).astype("i2")
        packed = file.create_variable("x", ("time", "place"), data=counts, fillvalue=-9999)
        packed.attrs["scale_factor"], packed.attrs["add_offset"] = 0.5, 0.0
    return path


def netcdf5(folder, a):
    netcdf4 = pytest.importorskip("netCDF4")
    with netcdf4.Dataset(folder / "five.nc", "w", format="NETCDF3_64BIT_DATA") as file:
        file.createDimension("m", a.shape[0])
        file.createDimension("n", a.shape[1])
        file.createVariable("x", "f8", ("m", "n"))[:] = a
    return folder / "five.nc"


def hdf5_filtered(folder, a):
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "filtered.h5", "w") as file:
        options = {"chunks": True, "shuffle": True, "fletcher32": True, "compression": "lzf"}
        file.create_dataset("x", data=a, **options)
    return folder / "filtered.h5"


def zarr_sharded(folder, a):
    zarr = pytest.importorskip("zarr")
    root = zarr.open_group(folder / "sharded.zarr", mode="w", zarr_format=3)
    root.create_array("x", shape=a.shape, dtype=a.dtype, chunks=(4, 3), shards=(12, 9))[:] = a
    return folder / "sharded.zarr"


def zarr_xarray(folder, a):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    places = [f"p{k}" for k in range(a.shape[1])]
    data = xarray.Dataset({"x": (("time", "place"), a)}, {"place": places})
    packing = {"dtype": "i2", "scale_factor": 0.5, "_FillValue": -9999}
    data.to_zarr(folder / "x.zarr", encoding={"x": packing}, zarr_format=2)
    return folder / "x.zarr"


def mtx_array(folder, a):
    scipy.io.mmwrite(folder / "array.mtx", a)
    return folder / "array.mtx"


def mtx_compressed(folder, a, library=gzip, ending="gz"):
    path = folder / f"a.mtx.{ending}"
    path.write_bytes(library.compress(mtx(folder, a).read_bytes()))
    return path


def mtx_bz2(folder, a):
    return mtx_compressed(folder, a, bz2, "bz2")


def mtx_xz(folder, a):
    return mtx_compressed(folder, a, lzma, "xz")


def tns(folder, a):
    entries = [(i + 1, j + 1, x) for (i, j), x in np.ndenumerate(a)]
    np.savetxt(folder / "a.tns", entries, fmt="%d %d %.17g")
    return folder / "a.tns"


def bed(folder, a):
    copies = np.where(a > 50, 2, np.where(a > 0, 1, 0))
    codes = np.array([3, 2, 0])[copies.T]  # a variant after the other
    codes = np.pad(codes, ((0, 0), (0, -a.shape[0] % 4))).reshape(a.shape[1], -1, 4)
    packed = (codes << np.array([0, 2, 4, 6])).sum(axis=2).astype(np.uint8)
    (folder / "a.bed").write_bytes(b"\x6c\x1b\x01" + packed.tobytes())
    (folder / "a.fam").write_text("".join(f"f s{i} 0 0 0 0\n" for i in range(a.shape[0])))
    (folder / "a.bim").write_text("".join(f"1 v{j} 0 {j} A C\n" for j in range(a.shape[1])))
    return folder / "a.bed"


DENSE = [npy, npy_fortran, npz, npz_compressed, mat, mat_structure, mat73, netcdf3, netcdf4]
DENSE += [hdf5, hdf5_records, zarr2, zarr3, zarr_zip]
DENSE_MATRICES = [mat4, csv, csv_labelled, parquet, feather]
SPARSE = [npz_sparse, npz_pydata, mat_sparse, mtx, tenx, h5ad, h5ad_layer, tenx_hdf5, mat73_sparse]
OF_THEIR_OWN = [netcdf_packed, netcdf5, hdf5_filtered, zarr_sharded, zarr_xarray, bed, tns]
OF_THEIR_OWN += [mtx_array, mtx_compressed, mtx_bz2, mtx_xz]
ALL = [*DENSE, *DENSE_MATRICES, *SPARSE, *OF_THEIR_OWN]


def contents(file):
    """Return what an open file holds as a dense array."""
    if not file.is_sparse:
        return np.asarray(file)
    if hasattr(file.data, "blocks"):
        total = np.zeros(file.shape, file.dtype)
        for (row, column), block in file.data.blocks(300):
            m, n = block.shape
            total[row : row + m, column : column + n] += block.toarray()
        return total
    return file.data.toarray()
