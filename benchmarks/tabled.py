"""Markdown tables."""

from __future__ import annotations


def table(head: list[str], rows: list[list[object]]) -> str:
    """Return a Markdown table, floats with three digits."""
    cells = [[_text(cell) for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _text(cell: object) -> str:
    return f"{cell:.3g}" if isinstance(cell, float) else "" if cell is None else str(cell)
