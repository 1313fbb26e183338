"""What every example of the gallery starts with: one style of figures, warnings as errors."""

from __future__ import annotations

import warnings
from typing import Any

ORDER = (
    "climate",
    "gaps_in_a_field",
    "single_cells",
    "hyperspectral",
    "fluorescence",
    "image",
    "inpainting",
    "words",
    "knowledge_graph",
    "low_rank_plus_sparse",
    "ratings",
    "genotypes",
    "drift",
    "cluster",
    "cookies",
    "random_forest",
    "samples",
    "published",
)


FILTERS = list(warnings.filters)


def reset(gallery_conf: dict[str, Any], name: str, when: str) -> None:
    """Set the style and make warnings errors before an example; undo the latter after it."""
    import matplotlib

    if when == "after":
        warnings.filters[:] = FILTERS
        return

    matplotlib.rcParams.update(
        {
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "figure.dpi": 100,
            "legend.fontsize": "small",
        }
    )
    warnings.simplefilter("error")


class Order:
    """Sort the examples as they are listed above."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, filename: str) -> int:
        """Return the place of a file."""
        return ORDER.index(filename.removesuffix(".py"))

    def __repr__(self) -> str:
        return "the order of strict.ORDER"
