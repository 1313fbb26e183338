"""The history as one page: what got slower, a card for each case over the commits, the peers."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence

import goals
from history import Record, names_of, regressions
from measure import Found

WIDTH, HEIGHT, PAD = 300, 56, 6
SAME = 1.05  # errors are the same within this factor, and times as good as
ROUNDING = 1e-12  # relative errors below it are rounding

STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { max-width: 66rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .3rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .6rem; }
h3 { font-size: .95rem; margin: 0 0 .2rem; }
.cards { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); }
section { border: 1px solid #8884; border-radius: .5rem; padding: .7rem .9rem; }
svg { display: block; width: 100%; height: auto; overflow: visible; margin-top: .5rem; }
.now { font-size: 1.3rem; font-weight: 600; }
.slower { border-left: .3rem solid #c2571a; padding-left: .8rem; }
.fine { border-left: .3rem solid #2f8f5b; padding-left: .8rem; }
.dim { opacity: .72; font-size: .87rem; } .worse { color: #c2571a; } .better { color: #2f8f5b; }
table { border-collapse: collapse; font-size: .87rem; width: 100%; }
td, th { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #8883; }
.bar { height: .6rem; background: #2a6db0; border-radius: 2px; min-width: 2px; }
"""


def page(records: Sequence[Record], peers: Sequence[Found] = ()) -> str:
    """Return the page for the records of one machine, and for what was measured beside peers."""
    records = list(records)
    newest = records[-1]
    told = "".join(
        f"<p class='slower'><b>{html.escape(name)}</b> takes {ratio:.2f} times as long as at "
        f"{named(best)}, since {named(since)} at the latest.</p>"
        for name, ratio, best, since in regressions(records)
    )
    told = told or "<p class='fine'>No case is slower now than it was at its fastest commit.</p>"
    cards = "".join(card(name, records) for name in names_of(records))
    dates = f"from {records[0]['date'][:10]} to {newest['date'][:10]}"
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>sketch over time</title>"
        f"<meta name='viewport' content='width=device-width'><style>{STYLE}</style>"
        f"<h1>How fast and how accurate sketch has been</h1>"
        f"<p class='dim'>{len(records)} commits, {dates}, on one machine "
        f"({html.escape(newest['machine'])}). Each point is a commit, the newest on the right; the "
        "line below is zero. Times are of the processor, one thread, the least of three runs, and "
        "differ by some ten percent from run to run; point at one to see its commit.</p>"
        f"<h2>Slower than they were</h2>{told}"
        f"<h2>Every case</h2><div class='cards'>{cards}</div>{beside(peers)}"
        "<p class='dim'>Measure more: <code>python3 dev dashboard --range A..B</code></p></html>"
    )


def card(name: str, records: list[Record]) -> str:
    """Return the history of one case."""
    known = [record for record in records if name in record["results"]]
    seconds = [record["results"][name]["seconds"] for record in known]
    errors = [record["results"][name]["error"] for record in known]
    text = f"<span class='now'>{duration(seconds[-1])}</span> {change(seconds[0] / seconds[-1])}"
    plots = plot(known, seconds, duration, "#2a6db0")
    if errors[-1] is not None and errors[0]:
        moved = errors[-1] > ROUNDING and not 1 / SAME < errors[-1] / errors[0] < SAME
        text += f"<br><span class='dim'>error {errors[-1]:.2g}{'' if moved else ', as at first'}"
        text += f", at first {errors[0]:.2g}</span>" if moved else "</span>"
        plots += plot(known, errors, lambda e: f"error {e:.2g}", "#c2571a") if moved else ""
    return f"<section><h3>{html.escape(name)}</h3>{text}{plots}</section>"


def change(ratio: float) -> str:
    """Return in words how the first time compares with the last."""
    if ratio > SAME:
        return f"<span class='better'>{ratio:.1f} times as fast as at first</span>"
    if ratio < 1 / SAME:
        return f"<span class='worse'>{1 / ratio:.1f} times as slow as at first</span>"
    return "<span class='dim'>as at first</span>"


def duration(seconds: float) -> str:
    """Return a time for people."""
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def plot(
    records: list[Record], values: list[float], label: Callable[[float], str], color: str
) -> str:
    """Return a line over the commits, from zero to the largest value."""
    top = max(values) or 1.0
    step = (WIDTH - 2 * PAD) / max(1, len(values) - 1)
    points = [
        (PAD + k * step, HEIGHT - (HEIGHT - 2 * PAD) * value / top)
        for k, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(
        f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{color}'><title>{label(value)} at "
        f"{named(record)}</title></circle>"
        for (x, y), value, record in zip(points, values, records, strict=True)
    )
    return (
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT + 4}' role='img' aria-label='{label(values[-1])} now'>"
        f"<line x1='0' x2='{WIDTH}' y1='{HEIGHT}' y2='{HEIGHT}' stroke='currentColor' "
        f"stroke-opacity='.4'/><polyline points='{line}' fill='none' stroke='{color}' "
        f"stroke-width='1.5'/>{dots}</svg>"
    )


def beside(peers: Sequence[Found]) -> str:
    """Return how long peers take over ours at equal error, as a table with bars."""
    rows = [row for found in peers for row in goals.standings_of(found)]
    if not rows:
        return ""
    longest = math.log(max(2.0, *(ratio for _, _, ratio, _ in rows)))
    lines = "".join(
        f"<tr><td>{html.escape(work)}<td>{html.escape(peer)}<td>{ratio:.3g}"
        f"<td style='width:20%'><div class='bar' style='width:{share(ratio, longest):.0%}'></div>"
        f"<td>{html.escape(best)}"
        for work, peer, ratio, best in rows
    )
    return (
        "<h2>Beside peers</h2><p class='dim'>How many times as long each takes as the fastest of "
        "our methods that is as accurate, on the same data; below 1 the peer is ahead. The bars "
        "are logarithmic.</p><table><tr>"
        f"<th>work<th>peer<th>times<th><th>our fastest of equal error{lines}</table>"
    )


def share(ratio: float, longest: float) -> float:
    """Return how long a bar is on the logarithmic scale that begins at one."""
    return math.log(max(1.0, ratio)) / longest


def named(record: Record) -> str:
    """Return a commit for people."""
    return html.escape(f"{record['commit'][:9]} ({record['date'][:10]}, {record['subject']})")
