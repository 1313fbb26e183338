"""Results in figures: what the command line prints, as lines for people or as one JSON object."""

from __future__ import annotations

import math
import sys
from typing import Any

from .backend.array import device_bytes, dtype_name
from .formats import TensorTrain
from .results import Completed, ErrorEstimate, LowRank, PrincipalComponents

Result = LowRank | TensorTrain | PrincipalComponents | Completed
Figures = dict[str, Any]
"""Plain values by stable names."""

_LEADING = 8  # singular values that a line shows


def figures_of(result: Result, *, stored: int, seconds: float | None = None) -> Figures:
    """Return size, error and compression of a result, and what it took, in plain values.

    Parameters
    ----------
    result : LowRank, TensorTrain, PrincipalComponents or Completed
    stored : int
        How many numbers the data hold.
    seconds : float, optional
        Time taken; without it neither time nor memory are told, of this process and on the GPU.

    Returns
    -------
    dict
        With the names that ``--json`` prints.
    """
    figures: Figures = {"shape": list(result.shape), "dtype": dtype_name(result.dtype)}
    if isinstance(result, LowRank):
        like, kept = result.s, result.rank * (sum(result.shape) + 1)
        figures |= {"rank": result.rank, "singular_values": _numbers(result.s)}
    elif isinstance(result, PrincipalComponents):
        like, kept = result.mean, (result.rank + 1) * result.shape[1]
        figures |= _variances(result)
    elif isinstance(result, Completed):
        like, kept = result.columns, (result.rank + 1) * sum(result.shape)
        figures |= _completion(result)
    else:
        like, kept = result.cores[0], sum(math.prod(core.shape) for core in result.cores)
        figures |= {"ranks": list(result.ranks)}
    if not isinstance(result, Completed) and result.error is not None:
        figures["error"] = _error(result.error)
    figures["compression"] = stored / max(1, kept)
    if seconds is not None:
        figures |= {"seconds": seconds, "peak_bytes": peak_bytes()}
        figures["device_bytes"] = device_bytes(like)
    return figures


def _variances(found: PrincipalComponents) -> Figures:
    figures: Figures = {
        "rank": found.rank,
        "n_passes": found.n_passes,
        "whiten": found.whiten,
        "total_variance": found.total_variance,
        "explained_variance": _numbers(found.explained_variance),
        "explained_variance_ratio": _numbers(found.explained_variance_ratio),
    }
    if found.error.kind != "heuristic":
        low, high = map(_numbers, found.explained_variance_interval())
        figures |= {"explained_variance_low": low, "explained_variance_high": high}
    return figures


def _completion(found: Completed) -> Figures:
    return {
        "rank": found.rank,
        "singular_values": _numbers(found.s),
        "ridge": found.penalty,
        "n_short": found.n_short,
        "rmse": _error(found.rmse),
    }


def _error(error: ErrorEstimate) -> Figures:
    figures: Figures = {"value": error.value, "relative": error.relative}
    if error.kind != "heuristic":
        figures["low"], figures["high"] = error.interval()
    return figures | {"kind": error.kind, "method": error.method, "floor": error.floor}


def _numbers(values: Any) -> list[float]:
    return [float(x) for x in values]


def print_figures(figures: Figures) -> None:
    """Print figures as lines for people."""
    for name, line in _LINES.items():
        if figures.get(name) is not None:
            print(f"{line[0]:<13} {line[1](figures)}")


def _leading(figures: Figures) -> str:
    values = figures["singular_values"]
    dots = "  ..." if len(values) > _LEADING else ""
    return "  ".join(f"{s:.5g}" for s in values[:_LEADING]) + dots


def _share(figures: Figures) -> str:
    share = 100 * sum(figures["explained_variance_ratio"])
    return f"{figures['rank']}, {share:.4g} % of the variance"


def _relative_error(figures: Figures) -> str:
    error, interval = figures["error"], ""
    if "low" in error and error["relative"] > 0:
        norm = error["value"] / error["relative"]
        low, high = error["low"] / norm, error["high"] / norm
        interval = f"95 % interval [{low:.4g}, {high:.4g}]  "
    return f"{error['relative']:.4g}  {interval}({error['kind']}, {error['method']})"


def _rmse(figures: Figures) -> str:
    error, interval = figures["rmse"], ""
    if "low" in error:
        interval = f"95 % interval [{error['low']:.4g}, {error['high']:.4g}]  "
    return f"{error['value']:.4g}  {interval}({error['kind']}, {error['method']})"


def _method(figures: Figures) -> str:
    passes = figures.get("n_passes")
    told = "" if passes is None else f", {passes} pass{'es' * (passes > 1)}"
    return f"{figures['method']}{told}"


def _files(given: str | list[str]) -> str:
    return given if isinstance(given, str) else f"{given[0]} and {len(given) - 1} below it"


_LINES: dict[str, tuple[str, Any]] = {
    "file": ("file", lambda f: _files(f["file"])),
    "method": ("method", _method),
    "n_states": ("merged", lambda f: f"{f['n_states']} states, {f['n_updates']} updates"),
    "note": ("note", lambda f: f["note"]),
    "shape": ("shape", lambda f: f"{' x '.join(map(str, f['shape']))}, {f['dtype']}"),
    "singular_values": ("singular", _leading),
    "explained_variance_ratio": ("components", _share),
    "rank": ("rank", lambda f: f["rank"]),
    "ranks": ("ranks", lambda f: " ".join(map(str, f["ranks"]))),
    "error": ("rel. error", _relative_error),
    "rmse": ("rmse", _rmse),
    "ridge": ("ridge", lambda f: f"{f['ridge']:.3g}"),
    "n_short": ("short rows", lambda f: f"{f['n_short']}, with fewer known entries than the rank"),
    "compression": ("compression", lambda f: f"{f['compression']:.3g} : 1"),
    "seconds": ("time", lambda f: f"{f['seconds']:.3g} s"),
    "peak_bytes": ("peak memory", lambda f: f"{f['peak_bytes'] / 1e6:.0f} MB"),
    "device_bytes": ("on the GPU", lambda f: f"{f['device_bytes'] / 1e6:.0f} MB"),
    "out": ("result", lambda f: f["out"]),
    "filled": ("filled", lambda f: f["filled"]),
    "scores": ("scores", lambda f: f["scores"]),
    "plot": ("picture", lambda f: f["plot"]),
}


def peak_bytes() -> int:
    """Return the most memory that this process has held so far."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
