"""Figures from plain numbers; matplotlib is imported when one is drawn.

Zeros, which a logarithmic axis cannot show, are drawn as hollow triangles on its lower edge and
named in the legend.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SketchError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLUE, RED, GREY = "#2a6db0", "#c2571a", "#808080"
_SPAN = 1e-17  # of the largest value, below which nothing is drawn
_DRAWN_RANKS = 60  # whose errors are drawn; intervals take time to find
_DRAWN_MODES = 12  # of a train, beyond which its ranks are drawn as a profile


def needs_matplotlib() -> None:
    """Refuse to draw where matplotlib is not installed.

    Raises
    ------
    SketchError
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise SketchError("drawing needs matplotlib; pip install 'sketch-lowrank[plot]'") from error


def fresh_axes(axes: object, count: int, size: tuple[float, float]) -> list[Axes]:
    """Return the axes that were given, or new ones side by side.

    Raises
    ------
    SketchError
        If matplotlib is not installed, or another number of axes is given.
    """
    needs_matplotlib()
    if axes is None:
        from matplotlib import pyplot

        _, axes = pyplot.subplots(1, count, figsize=size, layout="constrained", squeeze=False)
    given = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(given) != count:
        raise SketchError(f"the picture needs {count} axes, got {len(given)}")
    return given


def tidy(axes: Any) -> None:
    """Take away what carries no number."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.7)
    axes.set_axisbelow(True)


def draw_values(
    axes: Axes, s: Floats, low: Floats, high: Floats, further: Floats, label: str
) -> None:
    """Draw singular values with their intervals, and what bounds those that were left out.

    Parameters
    ----------
    axes : matplotlib Axes
    s, low, high : array, shape (k,)
    further : array, shape (p,)
        What the next ones are at most.
    label : str
        Of the values.
    """
    index, k = np.arange(1, s.size + 1), s.size
    unit = _unit(float(s.max(initial=0.0)))
    s, low, high, further = s / unit, low / unit, high / unit, further / unit
    tail = float(further.max(initial=0.0))
    top = float(max(high.max(initial=0.0), s.max(initial=0.0), tail))
    bottom = _lower_edge([*s[s > 0], *([tail / 3] if tail > 0 else [])], top)
    shown = s > 0
    spread = np.array([s - np.maximum(low, bottom), high - s])[:, shown]
    axes.errorbar(
        index[shown],
        s[shown],
        np.maximum(spread, 0.0),
        fmt="o",
        color=BLUE,
        markersize=3.5,
        linewidth=1,
        capsize=2 if k <= 60 else 0,
        label=label,
    )
    _mark_zeros(axes, index[~shown], bottom)
    if tail > 0:
        axes.fill_between(
            k + np.arange(1, further.size + 1),
            bottom,
            further,
            color=RED,
            alpha=0.25,
            linewidth=0,
            label="all further ones lie below",
        )
    _log_scale(axes, bottom, top)
    axes.set(xlabel="index", ylabel=_named("singular value", unit), title="Spectrum")
    axes.legend(frameon=False, fontsize="small")
    tidy(axes)


def draw_errors(
    axes: Axes, ranks: Ints, value: Floats, low: Floats | None, high: Floats | None
) -> None:
    """Draw the relative error after truncation to some ranks.

    Parameters
    ----------
    axes : matplotlib Axes
    ranks : array of int, shape (p,)
    value, low, high : array, shape (p,)
        Without both ends where no law is known.
    """
    shown = value > 0
    top = float(max(value[shown].max(initial=0.0), 0.0 if high is None else high.max(initial=0.0)))
    bottom = _lower_edge(list(value[shown]), top)
    if low is not None and high is not None:
        axes.fill_between(
            ranks,
            np.maximum(low, bottom),
            np.maximum(high, bottom),
            color=RED,
            alpha=0.25,
            linewidth=0,
            label="95 % interval",
        )
    marker = "o" if value.size <= 2 else None
    axes.plot(ranks[shown], value[shown], color=RED, linewidth=1.5, marker=marker, label="estimate")
    _mark_zeros(axes, ranks[value == 0], bottom)
    _log_scale(axes, bottom, top)
    axes.set(xlabel="rank", ylabel="relative error", title="Error after truncation")
    axes.legend(frameon=False, fontsize="small")
    tidy(axes)


def draw_train(axes: Axes, shape: Sequence[int], ranks: Sequence[int]) -> None:
    """Draw a train as a tensor diagram: cores, bonds with ranks, legs with sizes.

    Trains of many modes are drawn as the profile of their ranks.
    """
    if len(shape) > _DRAWN_MODES:
        axes.step(np.arange(1, len(ranks) + 1), ranks, where="mid", color=BLUE)
        axes.set(xlabel="bond", ylabel="rank", title=f"Train of order {len(shape)}", ylim=(0, None))
        tidy(axes)
        return
    place = np.arange(len(shape), dtype=float)
    largest = max([*ranks, 1])
    for k, rank in enumerate(ranks):
        width = 1 + 5 * math.log1p(rank) / math.log1p(largest)
        axes.plot(place[k : k + 2], [0, 0], color=GREY, linewidth=width, zorder=1)
        axes.annotate(
            f"{rank}",
            (place[k] + 0.5, 0),
            (0, 7),
            textcoords="offset points",
            ha="center",
            color=RED,
        )
    for k, size in enumerate(shape):
        axes.plot([place[k]] * 2, [0, -0.6], color=GREY, linewidth=1.5, zorder=1)
        axes.annotate(f"{size}", (place[k], -0.65), ha="center", va="top")
    axes.plot(place, 0 * place, "o", color=BLUE, markersize=14, zorder=2)
    axes.set(xlim=(-0.6, len(shape) - 0.4), ylim=(-1, 0.5), title="Tensor train: ranks and sizes")
    axes.set_axis_off()


def draw_variances(axes: Axes, value: Floats, low: Floats, high: Floats) -> None:
    """Draw shares of the variance with their certain intervals, in per cent."""
    index = np.arange(1, value.size + 1)
    spread = np.maximum([value - low, high - value], 0.0)
    axes.bar(index, 100 * value, color=BLUE, alpha=0.75, label="explained variance")
    axes.errorbar(index, 100 * value, 100 * spread, fmt="none", ecolor=RED, label="certain bounds")
    axes.set(xlabel="component", ylabel="% of the variance", title="Explained variance")
    axes.legend(frameon=False, fontsize="small")
    tidy(axes)


def draw_components(axes: Axes, components: Floats) -> None:
    """Draw the leading components over the columns."""
    colours = (BLUE, RED, GREY)
    for k, (row, colour) in enumerate(zip(components, colours, strict=False)):
        axes.plot(row, color=colour, linewidth=1, label=f"component {k + 1}")
    axes.set(xlabel="column", ylabel="weight", title="Components")
    if len(components):
        axes.legend(frameon=False, fontsize="small")
    tidy(axes)


def draw_scores(axes: Axes, scores: Floats) -> None:
    """Draw the first two coordinates of rows."""
    second = scores[:, 1] if scores.shape[1] > 1 else np.zeros(len(scores))
    axes.plot(scores[:, 0], second, ".", color=BLUE, markersize=3, alpha=0.5)
    axes.set(xlabel="component 1", ylabel="component 2", title="Scores")
    axes.spines[["top", "right"]].set_visible(False)


def relative_errors(
    estimate: Callable[[int], Any], largest: int, norm: float
) -> tuple[Ints, Floats, Floats | None, Floats | None]:
    """Return ranks up to the largest, estimates over a norm, and both ends of their intervals."""
    ranks = np.unique(np.linspace(0, largest, _DRAWN_RANKS + 1).round().astype(np.int64))
    if largest <= _DRAWN_RANKS:
        ranks = np.arange(largest + 1)
    estimates = [estimate(int(rank)) for rank in ranks]
    unit = norm or 1.0
    value = np.array([one.value for one in estimates]) / unit
    if any(one.kind == "heuristic" for one in estimates):
        return ranks, value, None, None
    low, high = np.array([one.interval() for one in estimates]).T / unit
    return ranks, value, low, high


def _unit(top: float) -> float:
    """Return a power of ten to draw in: 1 but near the ends of the range, where axes overflow."""
    extreme = top > 0 and not 1e-100 < top < 1e100
    return 10.0 ** math.floor(math.log10(top)) if extreme else 1.0


def _named(label: str, unit: float) -> str:
    return label if unit == 1 else f"{label} / {unit:.0e}"


def _lower_edge(values: list[float], top: float) -> float:
    """Return where a logarithmic axis ends: below all that is positive and not rounding."""
    worth = [x for x in values if x > _SPAN * top]
    return 0.5 * min(worth, default=0.1 * top or 0.1)


def _log_scale(axes: Axes, bottom: float, top: float) -> None:
    axes.set_yscale("log")
    axes.set_ylim(bottom, 2 * top if top > bottom else 10 * bottom)


def _mark_zeros(axes: Axes, index: Ints, bottom: float) -> None:
    if len(index):
        axes.plot(
            index,
            [1.05 * bottom] * len(index),
            "v",
            color=BLUE,
            fillstyle="none",
            markersize=5,
            label="zero",
        )
