"""What notebooks show of a result: a few facts and a small picture, without any library."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

_LINE = 'stroke="currentColor" stroke-opacity="0.55" fill="none"'
_TEXT = 'fill="currentColor" font-size="11" text-anchor="middle" font-family="sans-serif"'
_DRAWN_MODES = 12


def card(title: str, facts: dict[str, str], picture: str = "") -> str:
    """Return a table of facts with a picture beside it."""
    rows = "".join(
        f'<tr><th style="text-align:left">{html.escape(name)}</th>'
        f'<td style="text-align:left">{html.escape(value)}</td></tr>'
        for name, value in facts.items()
    )
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:1.5em;align-items:center">'
        f"<table><caption style='text-align:left;font-weight:bold'>{html.escape(title)}</caption>"
        f"{rows}</table>{picture}</div>"
    )


def values_picture(values: Sequence[float]) -> str:
    """Return falling values on a logarithmic scale, zeros as hollow circles on its lower edge."""
    positive = [v for v in values if v > 0 and math.isfinite(v)]
    if not positive:
        return ""
    shown = list(values)[:200]
    top, low = math.log10(max(positive)), math.log10(max(min(positive), 1e-17 * max(positive)))
    span = max(top - low, 1e-3)
    step = min(14.0, 240.0 / max(1, len(shown)))
    dots = []
    for k, value in enumerate(shown):
        inside = value > 0 and math.log10(value) >= low
        y = 8 + 60 * (top - math.log10(value)) / span if inside else 72.0
        fill = "#2a6db0" if inside else "none"
        x = 8 + step * k
        dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{fill}" stroke="#2a6db0"/>')
    width = 16 + step * len(shown)
    label = f"singular values from {max(positive):.3g} to {min(positive):.3g}, logarithmic"
    return (
        f'<svg width="{width:.0f}" height="80" role="img" aria-label="{label}">'
        f'<path d="M2 76H{width - 2:.0f}" {_LINE}/>{"".join(dots)}</svg>'
    )


def train_picture(shape: Sequence[int], ranks: Sequence[int]) -> str:
    """Return a train as a tensor diagram with its ranks and sizes; long ones with a gap."""
    places: list[int | None] = list(range(len(shape)))
    if len(shape) > _DRAWN_MODES:
        half = _DRAWN_MODES // 2
        places = [*range(half), None, *range(len(shape) - half, len(shape))]
    parts, step = [], 54
    for x, k in enumerate(places):
        centre = 24 + step * x
        if k is None:
            parts.append(f'<text x="{centre}" y="34" {_TEXT}>...</text>')
            continue
        after = places[x + 1] if x + 1 < len(places) else None
        if after is not None:
            parts.append(f'<path d="M{centre} 30H{centre + step}" {_LINE} stroke-width="2"/>')
            parts.append(f'<text x="{centre + step / 2}" y="22" {_TEXT}>{ranks[k]}</text>')
        parts.append(f'<path d="M{centre} 30V52" {_LINE} stroke-width="1.5"/>')
        parts.append(f'<circle cx="{centre}" cy="30" r="8" fill="#2a6db0"/>')
        parts.append(f'<text x="{centre}" y="66" {_TEXT}>{shape[k]}</text>')
    width = 48 + step * (len(places) - 1)
    label = f"tensor train of order {len(shape)}"
    return (
        f'<svg width="{width}" height="72" viewBox="0 0 {width} 72" role="img" '
        f'aria-label="{label}">{"".join(parts)}</svg>'
    )
