"""Data larger than memory, Dask arrays, row streams: rate, peak memory and accuracy side by side.

Run ``python3 dev bench streams``. Each case runs in a process of its own, in turn with the others.
``--quick`` takes smaller data.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measure import Standings, extra_megabytes, installed, machine, seconds, table

import sketch

RESULT = dict[str, float]


class Virtual:
    """An array that is made as it is read: one slab, times a factor for each index of axis 0."""

    def __init__(self, slab: np.ndarray[Any, Any], copies: int) -> None:
        self.slab = slab
        self.factors = np.random.default_rng(1).uniform(0.5, 1.5, copies * slab.shape[0])
        self.shape = (copies * slab.shape[0], *slab.shape[1:])
        self.dtype, self.ndim = slab.dtype, slab.ndim
        self.nbytes = 8 * math.prod(self.shape)

    def __getitem__(self, window: Any) -> np.ndarray[Any, Any]:
        rows, *rest = window
        start, stop, _ = rows.indices(self.shape[0])
        factors = self.factors[start:stop].reshape(-1, *[1] * (self.ndim - 1))
        period = self.slab.shape[0]
        out = np.empty((stop - start, *self.slab[(slice(0, 1), *rest)].shape[1:]))
        done = 0
        while done < stop - start:
            first = (start + done) % period
            part = self.slab[(slice(first, first + stop - start - done), *rest)]
            end = done + part.shape[0]
            np.multiply(part, factors[done:end], out=out[done:end])
            done = end
        return out


def matrix_slab(n: int) -> np.ndarray[Any, Any]:
    """Return 500 rows of a matrix of singular values like 1/i."""
    rng = np.random.default_rng(0)
    q = np.linalg.qr(rng.standard_normal((n, 500)))[0]
    return np.asarray((rng.standard_normal((500, 500)) / np.arange(1, 501)) @ q.T)


def tensor_slab(n: int) -> np.ndarray[Any, Any]:
    """Return a train of rank 30 with falling weights, and a little noise, of shape (1, n, n, n)."""
    rng = np.random.default_rng(0)
    cores = [rng.standard_normal(s) for s in ((1, n, 30), (30, n, 30), (30, n, 1))]
    weights = 0.7 ** np.arange(30)
    t = sketch.TensorTrain([cores[0] * weights, cores[1] * weights, cores[2]]).to_array()
    t += 1e-4 * t.std() * rng.standard_normal(t.shape)
    return np.asarray(t[None])


def timed(run: Callable[[], Any], nbytes: float) -> RESULT:
    """Return seconds, GB/s, extra MB of a run, and the relative error that it estimates."""
    found: list[Any] = []
    start = time.perf_counter()
    extra = extra_megabytes(lambda: found.append(run()))
    seconds = time.perf_counter() - start
    error = getattr(found[0], "error", None)
    relative = error.relative if error is not None else math.nan
    return {
        "seconds": seconds,
        "GB/s": nbytes / seconds / 1e9,
        "extra MB": extra,
        "error": relative,
    }


# ---- larger than memory --------------------------------------------------------------------------


def larger_matrix(quick: bool, in_memory: bool) -> RESULT:
    n = 5_000
    rows = 40_000 if in_memory or quick else 500_000
    data: Any = Virtual(matrix_slab(n), rows // 500)
    if in_memory:
        data = data[:, :]
    np.asarray(sketch.svd(np.ones((200, 100)), 5, method="nystrom").U)
    return timed(
        lambda: sketch.svd(data, 20, method="nystrom", memory=None if in_memory else "1.8GB"),
        data.nbytes,
    )


def larger_tensor(quick: bool, in_memory: bool) -> RESULT:
    n = 100 if quick else 225
    first = 25 if in_memory or quick else 225
    data: Any = Virtual(tensor_slab(n), first)
    if in_memory:
        data = data[:, :, :, :]
    return timed(
        lambda: sketch.tensor_train(data, 20, memory=None if in_memory else "1.6GB"), data.nbytes
    )


# ---- Dask ----------------------------------------------------------------------------------------

READS = [0]


def dask_matrix(quick: bool) -> Any:
    """Return a Dask array whose chunks are drawn when they are asked for, and counted.

    Singular values fall like 0.8^i to a noise of 1e-7.
    """
    import dask.array as da

    rows, n = (10 if quick else 40), 5_000
    rng = np.random.default_rng(0)
    weights = 0.8 ** np.arange(60)
    right = weights[:, None] * np.linalg.qr(rng.standard_normal((n, 60)))[0].T

    def chunk(block_info: Any = None) -> np.ndarray[Any, Any]:
        READS[0] += 1
        row = block_info[None]["chunk-location"][0]
        draw = np.random.default_rng(row)
        a = draw.standard_normal((1_000, n))
        a *= 1e-7
        a += draw.standard_normal((1_000, 60)) @ right
        return np.asarray(a)

    return da.map_blocks(chunk, chunks=((1_000,) * rows, (n,)), dtype=float, meta=right[:0, :0])


def true_error(x: Any, result: tuple[Any, Any, Any]) -> float:
    """Return the relative error of a factorisation of a Dask array, strip by strip."""
    u, s, vh = result
    lost = norm = 0.0
    for i, strip in enumerate(x.to_delayed()[:, 0]):
        a = strip.compute()
        part = np.asarray(u[1_000 * i : 1_000 * (i + 1)])
        lost += float(np.linalg.norm(a - (part * np.asarray(s)) @ np.asarray(vh))) ** 2
        norm += float(np.linalg.norm(a)) ** 2
    return math.sqrt(lost / norm)


def dask_svd(quick: bool, method: str, power_iters: int = 0, compute: bool = True) -> RESULT:
    import dask
    import dask.array as da

    x = dask_matrix(quick)
    kept: list[Any] = []

    def run() -> None:
        if method == "dask":
            u, s, vh = da.linalg.svd_compressed(
                x, 20, n_power_iter=power_iters, compute=compute, seed=0
            )
            kept.append(dask.compute(u, s, vh))
        else:
            result = sketch.svd(x, 20, method=method, power_iters=power_iters)
            kept.append((result.U.compute(), result.s, result.Vh))

    READS[0] = 0
    found = timed(run, x.nbytes)
    found["reads"] = READS[0] / x.numblocks[0]
    found["error"] = true_error(x, kept[0])
    return found


def overhead(quick: bool) -> RESULT:
    """Milliseconds that a chunk of 8 MB costs on the threaded scheduler beside its own work."""
    import dask
    import dask.array as da
    from threadpoolctl import threadpool_limits

    count = 40 if quick else 400
    block = np.random.default_rng(0).standard_normal((1_000, 1_000))
    x = da.concatenate([da.from_delayed(dask.delayed(block), block.shape, float)] * count)
    times: dict[str, list[float]] = {"loop": [], "dask": []}
    for _ in range(4):
        with threadpool_limits(limits=1), dask.config.set(num_workers=1):
            for name in times:
                sk = sketch.GeneralizedNystrom(x.shape, rank=10)
                start = time.perf_counter()
                if name == "dask":
                    sk.update(x)
                else:
                    for i in range(count):
                        sk.update(block, at=1_000 * i)
                times[name].append((time.perf_counter() - start) / count * 1e3)
    loop, parallel = (statistics.median(t[1:]) for t in times.values())
    return {"loop, ms": loop, "Dask, ms": parallel, "overhead, ms": parallel - loop}


def scaling(quick: bool) -> RESULT:
    """Seconds with one and with two workers, one BLAS thread each."""
    import dask

    x = dask_matrix(quick)
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(4):
        for workers in times:
            sk = sketch.GeneralizedNystrom(x.shape, rank=20)
            start = time.perf_counter()
            with dask.config.set(num_workers=workers):
                sk.update(x)
            times[workers].append(time.perf_counter() - start)
    one, two = (statistics.median(t[1:]) for t in times.values())
    return {"one worker, s": one, "two workers, s": two, "speed-up": one / two}


# ---- small chunks -------------------------------------------------------------------------------


def small_chunks(quick: bool) -> RESULT:
    """Seconds of one matrix in one chunk, in chunks of 1,000 rows and of 100, in turn."""
    a = np.random.default_rng(0).standard_normal((4_000 if quick else 20_000, 5_000))

    def stream(rows: int) -> None:
        sk = sketch.GeneralizedNystrom(a.shape, rank=20)
        for start in range(0, a.shape[0], rows):
            sk.update(a[start : start + rows], at=start)

    steps = {"one chunk, s": a.shape[0], "1,000 rows, s": 1_000, "100 rows, s": 100}
    found = seconds({name: functools.partial(stream, rows) for name, rows in steps.items()}, 7)
    return {**found, "rate of 100 rows": found["one chunk, s"] / found["100 rows, s"]}


# ---- principal components ------------------------------------------------------------------------


def frequent_directions(chunks: Any, size: int) -> np.ndarray[Any, Any]:
    """Return the sketch of Ghashami, Liberty, Phillips and Woodruff (2016) in 2 `size` rows."""
    buffer = np.empty((0, 0))
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            rows = chunk[start : start + size]
            buffer = np.vstack([buffer, rows]) if buffer.size else rows
            if len(buffer) > size:
                _, s, vh = np.linalg.svd(buffer, full_matrices=False)
                shrunk = np.sqrt(np.maximum(s[:size] ** 2 - s[min(size, len(s) - 1)] ** 2, 0))
                buffer = shrunk[:, None] * vh[:size]
    return buffer


def components(quick: bool, spectrum: str, method: str) -> RESULT:
    """Projection error over the best one, 10 components in the memory of 30 rows."""
    m, n, k, rows = (2_000 if quick else 20_000), 1_000, 10, 30
    rng = np.random.default_rng(0)
    i = np.arange(1, n + 1)
    s = {
        "1/i": 1 / i,
        "i^-1/2": i**-0.5,
        "0.8^i": 0.8**i,
        "10 and noise": np.where(i > 10, 0.05, 1),
    }
    q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    x = (rng.standard_normal((m, n)) * s[spectrum]) @ q.T + 3.0
    chunks = np.array_split(x, m // 500)
    centred = x - x.mean(axis=0)
    best = np.linalg.norm(np.linalg.svd(centred, compute_uv=False)[k:])
    start = time.perf_counter()
    if method.startswith("sketch"):
        sk = sketch.GramNystrom(n, k, sketch_rank=rows if method == "sketch" else None)
        for chunk in chunks:
            sk.update(chunk)
        found = np.asarray(sk.finalize().components)
    elif method == "IncrementalPCA":
        from sklearn.decomposition import IncrementalPCA

        pca = IncrementalPCA(k, batch_size=rows - k)  # k components and a batch in memory
        found = np.asarray(pca.fit(x).components_)
    else:  # centred beforehand, which a stream cannot do
        found = np.linalg.svd(
            frequent_directions((c - x.mean(axis=0) for c in chunks), rows // 2),
            full_matrices=False,
        )[2][:k]
    seconds = time.perf_counter() - start
    error = np.linalg.norm(centred - centred @ found.T @ found)
    return {"seconds": seconds, "above the best, %": float(100 * (error / best - 1))}


SPECTRA = ["1/i", "i^-1/2", "0.8^i", "10 and noise"]

Case = tuple[Callable[..., RESULT], dict[str, Any], str | None]
TABLES: dict[str, dict[str, Case]] = {
    "20 GB, made as it is read": {
        "matrix 500,000 x 5,000, in 1.8 GB": (larger_matrix, {"in_memory": False}, None),
        "its first 1.6 GB, in memory": (larger_matrix, {"in_memory": True}, None),
        "tensor 225^4, in 1.6 GB": (larger_tensor, {"in_memory": False}, None),
        "its first 2.3 GB, in memory": (larger_tensor, {"in_memory": True}, None),
    },
    "Dask array of 1.6 GB, rank 20, two threads": {
        "sketch nystrom": (dask_svd, {"method": "nystrom"}, None),
        "sketch hmt": (dask_svd, {"method": "hmt"}, None),
        "sketch hmt, one power step": (dask_svd, {"method": "hmt", "power_iters": 1}, None),
        "svd_compressed": (dask_svd, {"method": "dask"}, "dask"),
        "svd_compressed, data held": (dask_svd, {"method": "dask", "compute": False}, "dask"),
        "svd_compressed, one power step": (dask_svd, {"method": "dask", "power_iters": 1}, "dask"),
    },
    "a chunk of 8 MB on the threaded scheduler": {"sketch": (overhead, {}, None)},
    "20,000 x 5,000 in chunks, rank 20": {"sketch": (small_chunks, {}, None)},
    "workers": {"sketch": (scaling, {}, None)},
    **{
        f"10 components in the memory of 30 rows, {spectrum}": {
            "sketch": (components, {"spectrum": spectrum, "method": "sketch"}, None),
            "sketch, default of 60 rows": (
                components,
                {"spectrum": spectrum, "method": "sketch, default"},
                None,
            ),
            "IncrementalPCA": (
                components,
                {"spectrum": spectrum, "method": "IncrementalPCA"},
                "scikit-learn",
            ),
            "Frequent Directions": (
                components,
                {"spectrum": spectrum, "method": "frequent"},
                None,
            ),
        }
        for spectrum in SPECTRA
    },
}


def in_process(title: str, name: str, quick: bool) -> RESULT:
    """Run a case in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--case", title, name]
    command += ["--quick"] * quick
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(title: str, quick: bool, repeats: int) -> dict[str, RESULT]:
    """Return the medians of every case of a table, run in turn."""
    cases = {n: c for n, c in TABLES[title].items() if c[2] is None or installed(c[2])}
    runs: dict[str, list[RESULT]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name in cases:
            runs[name].append(in_process(title, name, quick))
    return {
        name: {key: statistics.median(r[key] for r in each) for key in each[0]}
        for name, each in runs.items()
    }


def report(title: str, found: dict[str, RESULT]) -> str:
    """Return the table of a setting."""
    columns = list(next(iter(found.values())))
    rows: list[list[object]] = [[name, *(r[c] for c in columns)] for name, r in found.items()]
    return f"**{title}**\n\n" + table(["", *columns], rows) + "\n"


def standings(stored: dict[str, Any]) -> Standings:
    """Return the seconds and the error of every case of every table that has both."""
    return {
        title: {name: (r["seconds"], _error(r)) for name, r in found.items() if "seconds" in r}
        for title, found in stored["tables"].items()
    }


def _error(result: RESULT) -> float:
    return result["error"] if "error" in result else 1 + result["above the best, %"] / 100


def page(stored: dict[str, Any]) -> str:
    """Return all tables that are stored."""
    return "\n".join(report(title, found) for title, found in stored["tables"].items())


def main(argv: list[str]) -> None:
    """Measure, print, and store what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=TABLES, default=list(TABLES))
    parser.add_argument("--case", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.case:
        title, name = options.case
        run, arguments, _ = TABLES[title][name]
        print(json.dumps(run(options.quick, **arguments)))
        return
    path = Path(__file__).parent / "results" / "streams.json"
    stored = json.loads(path.read_text()) if path.exists() else {"tables": {}}
    for title in options.only:
        stored["tables"][title] = measure(title, options.quick, options.repeats)
        print(report(title, stored["tables"][title]), flush=True)
        stored["machine"] = machine()
        if not options.quick:
            path.write_text(json.dumps(stored, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
