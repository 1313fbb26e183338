"""The published experiments, side by side with the published numbers.

Run ``python3 dev bench experiments [NAME...] [--seeds 20]``.

Each experiment runs once with the published sizes (left size r, right size 2 r, nothing rounded)
and once with our defaults, and prints medians beside those of `published.json`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensor_data as data
from tabled import table

import sketch

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "experiments"
PUBLISHED = json.loads((HERE / "published.json").read_text())
METHODS = {"STTA": "stta", "OTTS": "otts", "TT-HMT": "tt-hmt"}
SWEEPS = {
    "cp": data.cp_decaying,
    "hilbert": data.hilbert,
    "sqrt": data.square_root,
    "train-plus-sparse": lambda: sketch.TensorSum(list(data.train_plus_sparse())),
    "sum-of-trains": lambda: sketch.TensorSum(
        [t for _, t in data.sum_of_trains()], [c for c, _ in data.sum_of_trains()]
    ),
}
Errors = dict[tuple[str, str, str], float]  # (method, sizes, abscissa) -> median relative error


def sketched(t: Any, rank: int, method: str, seed: int, sizes: str) -> sketch.TensorTrain:
    """Return the result of a method with published or default sizes."""
    options: dict[str, Any] = {"error_probes": 0}
    if sizes == "published sizes":
        options["sketch_rank"] = rank
        if method != "tt-hmt":
            options["corange_rank"] = 2 * rank
    return sketch.tensor_train(t, rank, method=method, seed=seed, **options)


def medians(
    t: Any, error: Callable[[sketch.TensorTrain], float], ranks: list[int], seeds: int
) -> Iterator[tuple[tuple[str, str, str], float]]:
    """Yield the median error of every method, choice of sizes and rank."""
    for name, method in METHODS.items():
        for sizes in ("published sizes", "defaults"):
            for rank in ranks:
                errors = [error(sketched(t, rank, method, seed, sizes)) for seed in range(seeds)]
                yield (name, sizes, str(rank)), float(np.median(errors))


def rank_sweep(name: str, seeds: int) -> tuple[Errors, dict[str, Any]]:
    """Sweep the rank on a tensor small enough to be compared with as a dense one."""
    t = SWEEPS[name]()
    full = dense(t)
    norm = float(np.linalg.norm(full))
    published = PUBLISHED["rank sweeps"][name]
    ranks = [int(r) for r in published["TT-SVD"]]

    def error(tt: sketch.TensorTrain) -> float:
        return float(np.linalg.norm(tt.to_array() - full)) / norm

    errors = dict(medians(t, error, ranks, seeds))
    for rank in ranks:
        errors["TT-SVD", "", str(rank)] = error(sketch.tt_svd(full, rank))
    return errors, published


def dense(t: Any) -> np.ndarray[Any, Any]:
    """Return any of the tensors as an array."""
    if isinstance(t, sketch.TensorSum):
        pairs = zip(t.coefficients, t.terms, strict=True)
        return np.asarray(sum(c * dense(term) for c, term in pairs))
    if isinstance(t, np.ndarray):
        return t
    return np.asarray(t.to_array() if hasattr(t, "to_array") else t.toarray())


def order_scaling(seeds: int) -> tuple[Errors, dict[str, Any]]:
    """Raise the order of a train of rank 30 up to 4096; target rank 10."""
    errors: Errors = {}
    for order in (2**k for k in range(2, 13)):
        t = data.decaying_train(
            np.random.default_rng(179 + order), (30,) * order, 30, -20.0, "replace"
        )
        norm = t.norm()

        def error(tt: sketch.TensorTrain, t: Any = t, norm: float = norm) -> float:
            return (tt - t).norm() / norm

        runs = max(1, min(seeds, 512 // order))
        start = time.perf_counter()
        for (name, sizes, _), value in medians(t, error, [10], runs):
            errors[name, sizes, str(order)] = value
        errors["TT-SVD", "", str(order)] = error(t.round(rank=10))
        print(f"order {order}: {time.perf_counter() - start:.1f} s", flush=True)
    return errors, PUBLISHED["order"]


def recompression(seeds: int) -> tuple[Errors, dict[str, Any]]:
    """Sketch the sum of trains at rank r, round to 10; errors over that of TT-SVD at rank 10."""
    t = SWEEPS["sum-of-trains"]()
    full = dense(t)
    best = float(np.linalg.norm(sketch.tt_svd(full, 10).to_array() - full))
    errors: Errors = {}
    for name, published in PUBLISHED["recompression"].items():
        for rank in map(int, published):
            ratios = [
                np.linalg.norm(
                    sketched(t, rank, METHODS[name], seed, "published sizes")
                    .round(rank=10)
                    .to_array()
                    - full
                )
                / best
                for seed in range(seeds)
            ]
            errors[name, "published sizes", str(rank)] = float(np.median(ratios))
    return errors, PUBLISHED["recompression"]


def timings(seeds: int) -> tuple[Errors, dict[str, Any]]:
    """Sketch trains of order 5 and rank 150 at ranks 5 to 145, a tensor a seed."""
    published = {
        name: PUBLISHED["timings"][theirs]
        for name, theirs in {"STTA": "STTAx2", "OTTS": "OTTSx2", "TT-HMT": "TT-HMT"}.items()
    }
    found: dict[tuple[str, str, str], list[float]] = {}
    for seed in range(min(seeds, 5)):
        t = data.decaying_train(
            np.random.default_rng(179 + seed), (100,) * 5, 150, -10.0, "multiply"
        )
        norm = t.norm()

        def error(tt: sketch.TensorTrain, t: Any = t, norm: float = norm) -> float:
            return (tt - t).norm() / norm

        for key, value in medians(t, error, [int(r) for r in published["STTA"]], 1):
            found.setdefault(key, []).append(value)
    return {key: float(np.median(values)) for key, values in found.items()}, published


def report(errors: Errors, published: dict[str, Any]) -> str:
    """Return a table: published medians, ours with those sizes, ours at our defaults."""
    points = sorted({point for _, _, point in errors}, key=int)
    rows: list[list[object]] = []
    for name in ("TT-SVD", *METHODS):
        theirs = published.get(name, {})
        if theirs:
            rows.append([f"{name}, published", *[_first(theirs.get(p)) for p in points]])
        for sizes in ("", "published sizes", "defaults"):
            if any((name, sizes, point) in errors for point in points):
                label = f"{name}, {sizes or 'ours'}"
                rows.append([label, *[errors.get((name, sizes, p), "") for p in points]])
    return table(["", *points], rows)


def _first(value: Any) -> object:
    return "" if value is None else value[0] if isinstance(value, list) else value


def draw(title: str, errors: Errors, path: Path) -> None:
    """Draw the errors against rank or order."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for (name, sizes), style in zip(
        dict.fromkeys((name, sizes) for name, sizes, _ in errors), ["o-", "s--"] * 8, strict=False
    ):
        points = sorted((int(p), e) for (n, s, p), e in errors.items() if (n, s) == (name, sizes))
        axes.plot(*zip(*points, strict=True), style, label=f"{name} {sizes}".strip(), ms=3, lw=1)
    axes.set(yscale="log", title=title, ylabel="relative error")
    if title == "order":
        axes.set(xscale="log")
    axes.legend(fontsize=7)
    figure.savefig(path, dpi=150)
    plt.close(figure)


EXPERIMENTS: dict[str, Callable[[int], tuple[Errors, dict[str, Any]]]] = {
    **{name: (lambda seeds, name=name: rank_sweep(name, seeds)) for name in SWEEPS},
    "recompression": recompression,
    "timings": timings,
    "order": order_scaling,
}


def main(argv: list[str]) -> None:
    """Run the experiments that were asked for, print and store their tables and plots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*EXPERIMENTS, []], metavar="NAME")
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args(argv)
    RESULTS.mkdir(exist_ok=True, parents=True)
    for name in options.names or EXPERIMENTS:
        errors, published = EXPERIMENTS[name](options.seeds)
        text = f"**{name}**, medians of relative errors, {options.seeds} seeds\n\n"
        text += report(errors, published) + "\n"
        print(text, flush=True)
        (RESULTS / f"{name}.md").write_text(text)
        draw(name, errors, RESULTS / f"{name}.png")


def page() -> str:
    """Return the tables and plots that were stored."""
    parts = [
        path.read_text() + f"\n![{path.stem}](results/experiments/{path.stem}.png)\n"
        for path in sorted(RESULTS.glob("*.md"))
    ]
    return PUBLISHED["source"].capitalize() + ".\n\n" + "\n".join(parts)


if __name__ == "__main__":
    main(sys.argv[1:])
