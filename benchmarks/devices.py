"""What the array layer costs on the CPU; how near a GPU comes to its bare products, and to PyTorch.

Run ``python3 dev bench devices``; ``--device torch`` takes another library's place in the second
part, ``--quick`` smaller sizes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measure import machine
from tabled import table

import sketch
from sketch.backend.array import beside, is_on_gpu, moved, namespace, place
from sketch.bench import Method, Work, measured
from sketch.numerics.linalg import frobenius_norm
from sketch.testing import polynomial, with_spectrum

RESULTS = Path(__file__).parent / "results" / "devices.json"
LAYER = {False: (20_000, 5_000), True: (4_000, 1_000)}
MATRIX = {False: (50_000, 20_000), True: (2_000, 500)}
SIDE = {False: 200, True: 20}
CHUNKS = 20
Call = Callable[[], object]
NOT_MEASURED = "No GPU could be had: how near one comes to its bare products was not measured.\n"


def seconds(calls: dict[str, Call], repeats: int) -> dict[str, float]:
    """Return the median seconds of calls, in turn."""
    methods = {
        name: Method(lambda _, c=call: c, approximates=False) for name, call in calls.items()
    }
    rows = measured(Work("", ((),), lambda: None, methods), (), repeats)
    return {name: row.seconds for name, row in rows.items()}


def layer(quick: bool) -> dict[str, dict[str, float]]:
    """Return the seconds of generalized Nyström's sums beside the same in plain NumPy."""
    (m, n), rank = LAYER[quick], 50
    rng = np.random.default_rng(0)
    a = rng.standard_normal((m, n)) / np.arange(1, n + 1)

    def ours(step: int) -> None:
        sk = sketch.GeneralizedNystrom((m, n), rank)
        for i in range(0, m, step):
            sk.update(a[i : i + step], at=i)

    def plain(step: int) -> None:
        maps = sketch.GeneralizedNystrom((m, n), rank).maps
        omega = maps["range"].rows(0, n).array(a)
        y, w = np.empty((m, omega.shape[1])), np.zeros((maps["corange"].width, n))
        for i in range(0, m, step):
            chunk = a[i : i + step]
            y[i : i + step] = chunk @ omega
            w += maps["corange"].rows(i, i + len(chunk)).array(a).T @ chunk

    found = {}
    for name, step in {f"chunks of {m // CHUNKS} rows": m // CHUNKS, "one chunk": m}.items():
        calls: dict[str, Call] = {
            "sketch": lambda s=step: ours(s),
            "NumPy": lambda s=step: plain(s),
        }
        found[name] = seconds(calls, 9)
    return found


def device(name: str, quick: bool) -> dict[str, Any]:
    """Return the seconds of methods on a device beside its bare products and copies."""
    like = place(name)
    xp = namespace(like)
    rng = np.random.default_rng(0)

    def there(*shape: int) -> Any:
        return moved(rng.standard_normal(shape, dtype=np.float32), like)

    def waited(call: Call) -> Call:
        def run() -> None:
            call()
            if is_on_gpu(like):
                xp.cuda.Device().synchronize()

        return run

    (m, n), rank = MATRIX[quick], 100
    host = rng.standard_normal((m, n), dtype=np.float32)
    step = m // CHUNKS
    a, omega, psi = moved(host, like), there(n, 2 * rank + 10), there(m, 4 * rank + 20)

    def streamed() -> None:
        sk = sketch.GeneralizedNystrom((m, n), rank, device=like)
        for i in range(0, m, step):
            sk.update(host[i : i + step], at=i)

    def copied() -> None:
        for i in range(0, m, step):
            moved(host[i : i + step], like)

    side = SIDE[quick]
    tensor = xp.reshape(there(side**3, side), (side,) * 4)
    train = sketch.STTA(tensor.shape, min(30, side), error_probes=0, device=like)
    columns = there(side, train.spec.right_sizes[-1])
    calls: dict[str, Call] = {
        "Nyström, resident": lambda: sketch.svd(a, rank, method="nystrom"),
        "its two products": lambda: (omega.T @ a.T, psi.T @ a),
        "Nyström, streamed from the host": streamed,
        "copies of its chunks": copied,
        "STTA, resident": lambda: train.copy().update(tensor),
        "its first product": lambda: xp.reshape(tensor, (-1, side)) @ columns,
    }
    waiting = {name: waited(call) for name, call in calls.items()}
    for call in waiting.values():  # the first one of a process compiles kernels, for seconds
        call()
    found = seconds(waiting, 5)
    return {"device": device_name(like), "matrix": [m, n], "side": side, "seconds": found}


def peers(name: str, quick: bool) -> dict[str, Any]:
    """Return the seconds and relative errors of HMT beside those of PyTorch, on one device."""
    like = place(name)
    m, n = MATRIX[quick]
    rank, shape = min(100, n // 5), (m, n // 2)
    values = polynomial(min(4 * rank, n // 2))
    a = moved(with_spectrum(shape, values, seed=0, dtype="float32"), like)

    def ours(x: Any, steps: int) -> Call:
        return lambda: sketch.svd(x, rank, power_iters=steps)

    def theirs(x: Any, steps: int) -> Call:
        import torch

        tensor = torch.from_dlpack(x)

        def run() -> object:
            u, s, v = torch.svd_lowrank(tensor, q=rank + 10, niter=steps)
            if tensor.is_cuda:
                torch.cuda.synchronize()
            return u[:, :rank], s[:rank], v[:, :rank].T

        return run

    def missed(x: Any) -> Callable[[Any], float]:
        def relative(found: Any) -> float:
            u, s, vh = (moved(part, x) for part in found)
            return frobenius_norm(x - (u * s) @ vh) / frobenius_norm(x)

        return relative

    def method(make: Callable[..., Call], steps: int) -> Method:
        return Method(lambda x: make(x, steps))

    methods = {
        f"{library}, {steps} steps": method(make, steps)
        for steps in range(3)
        for library, make in {"sketch.svd": ours, "torch.svd_lowrank": theirs}.items()
    }
    found = measured(Work("", ((),), lambda: a, methods, missed), (), 5)
    rows = {name: [row.seconds, row.error] for name, row in found.items()}
    return {"matrix": list(shape), "rank": rank, "rows": rows}


def device_name(like: Any) -> str:
    """Return what a device calls itself."""
    if not is_on_gpu(like):
        return f"{namespace(like).__name__} on {beside(like)['device']}"
    properties = namespace(like).cuda.runtime.getDeviceProperties(like.device.id)
    return f"{properties['name'].decode()}, cupy {sys.modules['cupy'].__version__}"


def page(stored: dict[str, Any]) -> str:
    """Return the tables of both parts."""
    rows: list[list[object]] = [
        [name, each["sketch"], each["NumPy"], each["sketch"] / each["NumPy"]]
        for name, each in stored["layer"].items()
    ]
    head = ["sums of generalized Nyström, 20,000 x 5,000", "sketch, s", "plain NumPy, s", "ratio"]
    return table(head, rows) + "\n\n" + _device_page(stored["gpu"]) + "\n"


def _device_page(found: dict[str, Any] | None) -> str:
    if found is None:
        return NOT_MEASURED
    times = list(found["seconds"].items())
    rows: list[list[object]] = [
        [name, value, floor, limit, limit / value]
        for (name, value), (floor, limit) in zip(times[::2], times[1::2], strict=True)
    ]
    sizes = f"{found['matrix']} rank 100 and {found['side']}^4 rank 30, float32"
    head = [f"{found['device']}: {sizes}", "seconds", "floor", "seconds of it", "share reached"]
    beside = found["peers"]
    side = [f"{beside['matrix']} rank {beside['rank']}, float32", "seconds", "relative error"]
    compared: list[list[object]] = [[name, *values] for name, values in beside["rows"].items()]
    return table(head, rows) + "\n\n" + table(side, compared) + "\n"


def main(argv: list[str]) -> None:
    """Measure, print, and store what was measured; without a GPU, the CPU's part alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--device", default="gpu")
    options = parser.parse_args(argv)
    try:
        found = device(options.device, options.quick)
        found["peers"] = peers(options.device, options.quick)
    except sketch.DeviceError as error:
        print(f"no second part: {error}", file=sys.stderr)
        found = None
    stored = {"machine": machine(), "layer": layer(options.quick), "gpu": found}
    print(page(stored))
    if not options.quick and options.device == "gpu":
        RESULTS.write_text(json.dumps(stored, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
