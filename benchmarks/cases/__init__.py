"""All works that are measured, by groups: what to do, on which data, by which methods.

A new case is a method in the mapping of a work, or a `Work` in the mapping of its file.
"""

from __future__ import annotations

import today  # noqa: F401

from sketch.bench import Work

from . import (
    applications,
    components,
    dask_arrays,
    estimates,
    files,
    history,
    matrices,
    scaling,
    streams,
    systems,
    tensors,
)

GROUPS: dict[str, dict[str, Work]] = {
    "matrices": matrices.WORKS,
    "components": components.WORKS,
    "dask": dask_arrays.WORKS,
    "files": files.WORKS,
    "streams": streams.WORKS,
    "tensors": tensors.WORKS,
    "systems": systems.WORKS,
    "applications": applications.WORKS,
    "estimates": estimates.WORKS,
    "scaling": scaling.WORKS,
    "history": history.WORKS,
}
WORKS: dict[str, Work] = {name: work for group in GROUPS.values() for name, work in group.items()}
