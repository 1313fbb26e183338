"""Results in files of other programs say what the results are."""

from __future__ import annotations

import gzip
import json
import sys

import numpy as np
import pytest
import scipy.io

import sketch
from sketch.cli import main

RNG = np.random.default_rng(0)
MATRIX = RNG.standard_normal((12, 3)) @ RNG.standard_normal((3, 8))
RESULTS = {
    "low rank": (lambda: sketch.svd(MATRIX, 2), ("U", "s", "Vh")),
    "complex": (lambda: sketch.svd(MATRIX * (1 + 1j), 2), ("U", "s", "Vh")),
    "krylov": (lambda: sketch.svd(MATRIX, 2, method="krylov"), ("U", "s", "Vh", "residuals")),
    "components": (lambda: sketch.pca(MATRIX, 2), ("components", "mean", "scale")),
    "train": (lambda: sketch.tt_svd(MATRIX.reshape(3, 4, 8), 2), ("cores",)),
}


def kept(result, names):
    if names == ("cores",):
        return {f"core_{k}": core for k, core in enumerate(result.cores)}
    return {name: getattr(result, name) for name in names}


def read_h5(path):
    with pytest.importorskip("h5py").File(path) as file:
        return {name: file[name][...] for name in file}, json.loads(file.attrs["sketch"])


def read_mat(path):
    found = scipy.io.loadmat(path)
    arrays = {name: value for name, value in found.items() if name[0] != "_" and name != "sketch"}
    return arrays, json.loads(found["sketch"].item())


def how(path):
    zarr = path.endswith(".zarr")
    return {"engine": "zarr", "consolidated": False} if zarr else {"engine": "h5netcdf"}


def read_labelled(path):
    pytest.importorskip(how(path)["engine"])
    with pytest.importorskip("xarray").open_dataset(path, **how(path)) as found:
        return {name: found[name].values for name in found}, found.attrs


READERS = {".h5": read_h5, ".mat": read_mat, ".nc": read_labelled, ".zarr": read_labelled}


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("name", RESULTS)
def test_results_are_written_for_other_programs(name, suffix, tmp_path, capsys):
    make, names = RESULTS[name]
    result, source, out = make(), str(tmp_path / "r.npz"), str(tmp_path / f"out{suffix}")
    result.save(source)
    assert main(["convert", source, out]) == 0
    assert out in capsys.readouterr().out
    arrays, about = READERS[suffix](out)
    for key, values in kept(result, names).items():
        assert np.array_equal(np.squeeze(arrays[key]), np.squeeze(values))
    if suffix in (".h5", ".mat"):
        assert about["seeds"] == list(result.seeds)
        assert about["kind"] == type(result).__name__
    else:
        assert about["relative_error"] == pytest.approx(result.error.relative)


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_labels_of_a_file_go_to_the_result(suffix, tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    coords = {"time": np.arange(12.0), "lat": [10.0, 20.0]}
    field = xarray.DataArray(MATRIX.reshape(12, 2, 4), coords, ("time", "lat", "lon"), "T")
    source = tmp_path / "field.nc"
    field.to_netcdf(source, engine="h5netcdf")
    for command, name in (("svd", "Vh"), ("pca", "components")):
        out = str(tmp_path / f"{command}{suffix}")
        assert main([command, f"{source}::T", "--rank", "2", "--quiet", "--out", out]) == 0
        with xarray.open_dataset(out, **how(out)) as made:
            assert list(made.lat.values) == [10.0, 20.0]
            assert made[name].dims == ("component", "lat", "lon")


def test_what_cannot_be_written_is_refused_before_the_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sketch.svd(MATRIX, 2).save("r.npz")
    sk = sketch.GeneralizedNystrom((12, 8), 2)
    sk.update(MATRIX)
    sk.save("state.npz")
    np.save("a.npy", MATRIX)
    (tmp_path / "there.zarr").mkdir()
    for arguments, message in (
        (["convert", "r.npz", "r.txt"], ".nc .zarr .h5 .mat or .npz"),
        (["convert", "r.npz", "there.zarr"], "exists already"),
        (["convert", "r.npz", "nowhere/r.nc"], "folder does not exist"),
        (["convert", "state.npz", "r.mat"], "not a result"),
        (["convert", "a.npy", "r.mat"], "not a readable sketch file"),
        (["svd", "a.npy", "--rank", "2", "--out", "there.zarr"], "exists already"),
    ):
        assert main(arguments) == 2
        assert message in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert main(["convert", "r.npz", "r.h5"]) == 2
    assert "needs h5py; pip install" in capsys.readouterr().err
    assert not (tmp_path / "r.h5").exists()


def test_compressed_arrays_are_refused_with_the_step(tmp_path):
    np.save(tmp_path / "a.npy", MATRIX)
    packed = tmp_path / "a.npy.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.npy").read_bytes()))
    with pytest.raises(sketch.StateFileError, match="gunzip"):
        sketch.svd(packed, 2)


def test_refusals_of_missing_values_name_the_choice():
    holes = MATRIX.copy()
    holes[3, 5] = np.nan
    for call in (sketch.svd, sketch.pca, sketch.tt_svd, sketch.tensor_train):
        with pytest.raises(sketch.NonFiniteError, match="missing="):
            call(holes, 2)
