"""The history as one page: a line for each case over the commits, what got slower first."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from history import Record, names_of, regressions

WIDTH, HEIGHT, PAD = 460, 90, 8

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
section { border-top: 1px solid #8886; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; align-items: end; }
svg { width: 100%; max-width: 29rem; height: auto; overflow: visible; }
.slower { border-left: .3rem solid #c2571a; padding-left: .8rem; }
.fine { border-left: .3rem solid #2f8f5b; padding-left: .8rem; }
.dim { opacity: .7; font-size: .9rem; }
"""


def page(records: Sequence[Record]) -> str:
    """Return the page for the records of one machine."""
    records = list(records)
    newest = records[-1]
    slower = regressions(records)
    told = "".join(
        f"<p class='slower'><b>{html.escape(name)}</b> takes {ratio:.2f} times as long as at "
        f"{named(best)}, since {named(since)} at the latest.</p>"
        for name, ratio, best, since in slower
    )
    told = told or "<p class='fine'>No case is slower now than it was at its fastest commit.</p>"
    sections = "".join(section(name, records) for name in names_of(records))
    dates = f"from {records[0]['date'][:10]} to {newest['date'][:10]}"
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>sketch over time</title>"
        f"<meta name='viewport' content='width=device-width'><style>{STYLE}</style>"
        f"<h1>How fast and how accurate sketch has been</h1>"
        f"<p>{len(records)} commits, {dates}, on one machine ({html.escape(newest['machine'])}). "
        "Each point is a commit; lower is better. Times are of the processor, one thread, the "
        "least of three runs, and differ by some ten percent from run to run; point at one to see "
        f"its commit.</p>{told}{sections}"
        "<p class='dim'>Measure more: <code>python3 dev dashboard --range A..B</code></p></html>"
    )


def section(name: str, records: list[Record]) -> str:
    """Return the history of one case."""
    known = [record for record in records if name in record["results"]]
    seconds = [record["results"][name]["seconds"] for record in known]
    errors = [record["results"][name]["error"] for record in known]
    ratio = seconds[0] / seconds[-1]
    change = f"{ratio:.1f} times as fast as" if ratio > 1.05 else "as fast as"
    change = f"{1 / ratio:.1f} times as slow as" if ratio < 0.95 else change
    text = f"{1e3 * seconds[-1]:.3g} ms now, {change} the first commit measured"
    plots = plot(known, seconds, lambda s: f"{1e3 * s:.3g} ms", "#2a6db0")
    if all(error is not None for error in errors):
        text += f"; relative error {errors[-1]:.2g}, at first {errors[0]:.2g}"
        plots += plot(known, errors, lambda e: f"error {e:.2g}", "#c2571a")
    return (
        f"<section><h2>{html.escape(name)}</h2><p class='dim'>{text}</p>"
        f"<div class='plots'>{plots}</div></section>"
    )


def plot(records: list[Record], values: list[float], label: Any, color: str) -> str:
    """Return a line over the commits, from zero to the largest value."""
    top = max(values) or 1.0
    step = (WIDTH - 2 * PAD) / max(1, len(values) - 1)
    points = [
        (PAD + k * step, HEIGHT - (HEIGHT - 2 * PAD) * value / top)
        for k, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(
        f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='{color}'><title>{label(value)} at "
        f"{named(record)}</title></circle>"
        for (x, y), value, record in zip(points, values, records, strict=True)
    )
    return (
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT + 4}' role='img' aria-label='{label(values[-1])} now'>"
        f"<line x1='0' x2='{WIDTH}' y1='{HEIGHT}' y2='{HEIGHT}' stroke='currentColor' "
        f"stroke-opacity='.4'/><text x='0' y='10' font-size='11' fill='currentColor'>{label(top)}"
        f"</text><polyline points='{line}' fill='none' stroke='{color}' stroke-width='1.5'/>{dots}"
        "</svg>"
    )


def named(record: Record) -> str:
    """Return a commit for people."""
    return html.escape(f"{record['commit'][:9]} ({record['date'][:10]}, {record['subject']})")
