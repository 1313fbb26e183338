"""Draw the pictures of the pages as SVG that follows the colours of the page."""

from __future__ import annotations

from pathlib import Path


def draw_all(folder: Path) -> None:
    """Draw each picture into a folder, from the numbers that are kept beside this file."""
    folder.mkdir(parents=True, exist_ok=True)
