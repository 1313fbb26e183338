"""Draw the charts and tables of the pages from the numbers that are kept in ``numbers/``.

Charts are SVG inside the page and follow the colour of its text.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diagrams
import matplotlib
import numpy as np
from matplotlib.figure import Figure

import sketch
from sketch.testing import polynomial, with_spectrum

NUMBERS = Path(__file__).parent / "numbers"
INK, BLUE, RED, GREY = "#010203", "#3b82c4", "#d9692c", "#808080"
COLOURS = (BLUE, RED, "#4c9f70", "#9b6fc2", "#b59a2e", GREY)
FAMILIES = {"Nyström": GREY, "HMT": BLUE, "krylov": RED, "pca": "#4c9f70"}
SPECTRA = ("0.8^i", "1/i", "i^-1/2", "20 and noise", "flat")


def numbers(name: str) -> dict[str, Any]:
    """Return the numbers of one measurement."""
    found: dict[str, Any] = json.loads((NUMBERS / f"{name}.json").read_text())
    return found


def tidy(ax: Any) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="x", color=GREY, alpha=0.25, linewidth=0.7)
    ax.set_axisbelow(True)


def save(figure: Figure, path: Path, label: str) -> None:
    """Write a figure as SVG for a page, in the colour of its text."""
    content = io.StringIO()
    figure.savefig(content, format="svg", transparent=True, bbox_inches="tight")
    svg = content.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    least = min(520, round(float(figure.get_figwidth()) * 72))
    marks = f'<svg style="min-width:{least}px" role="img" aria-label="{label}" '
    svg = svg.replace("<svg ", marks, 1)
    path.write_text(f'<div class="drawing">{svg}</div>\n')


def errors_by_spectrum() -> tuple[Figure, str]:
    """Error over the best one, by method and spectrum."""
    table = numbers("errors")
    methods = [name for name in table if name != "where"]
    figure = Figure(figsize=(8.4, 3.8), layout="constrained")
    axes = figure.subplots(1, len(SPECTRA), sharey=True)
    colours = [FAMILIES[name.split(",")[0]] for name in methods]
    for ax, spectrum in zip(axes, SPECTRA, strict=True):
        for place, (name, colour) in enumerate(zip(methods, colours, strict=True)):
            low, middle, high = table[name][spectrum]["error"]
            ax.plot([low, high], [place] * 2, color=colour, linewidth=3, alpha=0.5)
            ax.plot(middle, place, "o", color=colour, markersize=5)
        ax.set(title=spectrum, xlim=(0.95, 1.9), xticks=(1, 1.25, 1.5, 1.75))
        ax.set_xticklabels(("1", "1.25", "1.5", ""))
        tidy(ax)
    axes[0].set_yticks(range(len(methods)), methods)
    axes[0].invert_yaxis()
    axes[2].set_xlabel("error over that of the best matrix of rank 20")
    return figure, "error over the best one for eleven calls and five spectra"


def excess_by_readings() -> tuple[Figure, str]:
    """What the error is above the best one, by how often the data were read."""
    table = numbers("errors")
    lines = {
        "HMT": ("HMT", "HMT, one step", "HMT, two steps"),
        "krylov": ("HMT", "krylov, 2 readings", "krylov, 3 readings", "krylov, 4 readings"),
    }
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, spectrum in zip(axes, ("1/i", "i^-1/2"), strict=True):
        for family, methods in lines.items():
            found = [table[name][spectrum] for name in methods]
            readings = [case["readings"][0] for case in found]
            excess = [100 * (case["error"][1] - 1) for case in found]
            ax.semilogy(readings, excess, "o-", color=FAMILIES[family], label=family)
        ax.set(title=spectrum, xlabel="readings of whole rows", xticks=(1, 2, 3, 4))
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("% above the best error")
    axes[0].legend(frameon=False, labelcolor=INK)
    return figure, "error above the best one against the number of readings, HMT and block Krylov"


def errors_of_trains() -> tuple[Figure, str]:
    """Error over that of TT-SVD, by method and tensor."""
    table = numbers("trains")
    tensors = list(table["stta"])
    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    ax = figure.subplots()
    for shift, (method, colour) in enumerate(
        zip(("stta", "tt-hmt", "otts"), COLOURS, strict=False)
    ):
        for place, tensor in enumerate(tensors):
            low, middle, high = table[method][tensor]["error"]
            y = place + 0.2 * (shift - 1)
            ax.plot([low, high], [y] * 2, color=colour, linewidth=3, alpha=0.5)
            ax.plot(middle, y, "o", color=colour, markersize=5, label=method if not place else None)
    ax.set_yticks(range(len(tensors)), tensors)
    ax.invert_yaxis()
    ax.set(xlabel="error over that of TT-SVD, rank 8", xlim=(0.9, 2.7))
    ax.legend(frameon=False, labelcolor=INK)
    tidy(ax)
    return figure, "error over that of TT-SVD for three methods and five tensors"


def widths_of_intervals() -> tuple[Figure, str]:
    """Truth over estimate, and the interval, by method and spectrum."""
    cases = numbers("intervals")["cases"]
    figure = Figure(figsize=(8.2, 4.6), layout="constrained")
    ax = figure.subplots()
    place, ticks, labels = 0.0, [], []
    for name, by_spectrum in cases.items():
        if by_spectrum["1/i"]["kind"] == ["exact"]:
            continue
        for spectrum in SPECTRA:
            one = by_spectrum[spectrum]
            low, high = one["interval"]
            truth = one["truth"]
            ax.plot(
                [low, high], [place] * 2, color=BLUE, linewidth=7, alpha=0.35, solid_capstyle="butt"
            )
            ax.plot([truth[0], truth[4]], [place] * 2, color=RED, linewidth=1.5)
            ax.plot(truth[2], place, "o", color=RED, markersize=4)
            ticks.append(place)
            labels.append(f"{name}, {spectrum}")
            place += 1
        place += 0.7
    ax.set_yticks(ticks, labels)
    ax.invert_yaxis()
    ax.axvline(1, color=GREY, linewidth=0.8)
    ax.set(xlabel="in units of the estimate", xlim=(0, None))
    ax.plot([], [], color=BLUE, linewidth=7, alpha=0.35, label="95 % interval, median")
    ax.plot([], [], "o-", color=RED, markersize=4, label="truth: median, 95 % of 400 seeds")
    ax.legend(
        frameon=False, labelcolor=INK, loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=2
    )
    tidy(ax)
    return figure, "intervals and the spread of the truth in units of the estimate"


def how_often_they_hold() -> tuple[Figure, str]:
    """Share of truths inside the interval against what it says."""
    found = numbers("intervals")
    levels = found["levels"]
    figure = Figure(figsize=(4.8, 3.6), layout="constrained")
    ax = figure.subplots()
    ax.plot([0.45, 1], [0.45, 1], color=GREY, linewidth=0.8, linestyle=":")
    for (name, by_spectrum), colour in zip(found["cases"].items(), COLOURS, strict=False):
        held = np.array([by_spectrum[spectrum]["held"] for spectrum in SPECTRA])
        ax.plot(levels, held.min(0), "o-", color=colour, markersize=4, linewidth=1, label=name)
    ax.set(xlabel="confidence asked for", ylabel="share held, worst spectrum", ylim=(0.45, 1.02))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, labelcolor=INK, fontsize="small", loc="lower right")
    return figure, "share of truths inside intervals against the confidence asked for"


def test_matrices() -> tuple[Figure, str]:
    """Sixty rows of the three families."""
    figure = Figure(figsize=(6.4, 2.6), layout="constrained")
    axes = figure.subplots(1, 3)
    from sketch.maps import DrawnMatrix

    families = {
        "Gaussian": sketch.Gaussian(),
        "Sign": sketch.Sign(),
        "SparseSign": sketch.SparseSign(),
    }
    for ax, (name, family) in zip(axes, families.items(), strict=True):
        drawn = DrawnMatrix(family, width=24, seed=0, stream=0)
        rows = drawn.rows(0, 36).array(np.zeros(1))
        ax.imshow(np.asarray(rows), cmap="RdBu_r", vmin=-2.5, vmax=2.5, aspect="auto")
        ax.set(title=name, xticks=[], yticks=[])
    return figure, "entries of Gaussian, sign and sparse sign test matrices"


def spectrum_example() -> tuple[Figure, str]:
    """What `result.plot()` shows."""
    a = with_spectrum((400, 300), polynomial(300))
    figure = Figure(figsize=(8, 3), layout="constrained")
    sketch.svd(a, 20).plot(figure.subplots(1, 2))
    for ax in figure.axes:
        for text in ax.get_legend().get_texts():
            text.set_color(INK)
    return figure, "singular values with intervals, and the error after truncation"


CHARTS: tuple[Callable[[], tuple[Figure, str]], ...] = (
    errors_by_spectrum,
    excess_by_readings,
    errors_of_trains,
    widths_of_intervals,
    how_often_they_hold,
    test_matrices,
    spectrum_example,
)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def costs_table() -> str:
    """Readings, numbers held, seconds and errors of each method."""
    found, best = numbers("costs"), numbers("errors")
    rows = []
    for name, case in found["methods"].items():
        errors = (f"{best[name][spectrum]['error'][1]:.3f}" for spectrum in SPECTRA)
        sizes = (f"{case['readings']}", f"{case['held'] / 1e6:.1f}", f"{case['seconds']:.2f}")
        rows.append([name, *sizes, *errors])
    return table(["", "readings", "MB held", "seconds", *SPECTRA], rows)


def trains_table() -> str:
    """Seconds and errors of the tensor methods."""
    found = numbers("trains")
    tensors = list(found["stta"])
    rows = [
        [
            method,
            *(f"{case['error'][1]:.2f} ({1e3 * case['seconds']:.0f} ms)" for case in by.values()),
        ]
        for method, by in found.items()
        if method != "where"
    ]
    return table(["error over TT-SVD (time)", *tensors], rows)


TABLES = {"costs": costs_table, "trains": trains_table}


def draw_all(folder: Path) -> None:
    """Draw each picture and write each table into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    diagrams.draw_all(folder)
    style = {
        "svg.fonttype": "none",
        "font.size": 10,
        **{name: INK for name in ("text.color", "axes.labelcolor", "xtick.color", "ytick.color")},
        "axes.edgecolor": INK,
        "axes.titlesize": "medium",
    }
    for chart in CHARTS:
        with matplotlib.rc_context({**style, "svg.hashsalt": chart.__name__}):
            figure, label = chart()
            save(figure, folder / f"{chart.__name__}.html", label)
    for name, made in TABLES.items():
        (folder / f"{name}.md").write_text(made())


def draw_overview(path: Path) -> None:
    """Draw the picture of the README: fluorescence of three substances, sketched in one pass."""
    import scipy.io

    data = Path(__file__).parents[1] / "examples" / "data" / "aminoacids.mat"
    tensor = scipy.io.loadmat(data)["X"][0, 0]["data"].astype(float)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    emission = np.moveaxis(tensor, 1, 0).reshape(201, -1)
    sketch.svd(emission, 12, method="nystrom").plot((left, right))
    left.set_title("Three substances, seen in one pass", fontsize="medium")
    right.set_title("Error after truncation, and how sure it is", fontsize="medium")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    draw_overview(Path(__file__).parent / "_static" / "overview.png")
