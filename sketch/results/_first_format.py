"""Error estimates in files of the first format, which had no law of its own name."""

from __future__ import annotations

from ..files.archive import Header

_COMMON = ("residual", "norm", "kind", "method", "floor", "truncation")


def of_first_format(header: Header) -> Header:
    """Return the header of an estimate as it is written now.

    Whether Gaussian probes were of an orthogonal projection was not written: then it is not taken
    for granted.
    """
    new = {name: header[name] for name in _COMMON}
    orthogonal = header["method"] != "Gaussian probes"
    if header["kind"] == "exact" and header["residual"] > 0:  # a difference of squares
        blur = (header["floor"] / header["residual"]) ** 2
        floor = header["floor"] ** 2 / header["norm"]
        return {**new, "floor": floor, "law": {"name": "Certain", "blur": blur}}
    return {**new, "orthogonal": orthogonal, "law": _law(header)}


def _law(header: Header) -> Header:
    if header["kind"] == "exact" or header["kind"] == "heuristic":
        return {"name": "Certain"}
    if header["dof"] is None:
        return {"name": "Bound"}
    if header["bonds"] or header["blocks"] > 1:
        bonds = header["bonds"] or [header["dof"]]
        return {"name": "TrainProbes", "bonds": bonds, "blocks": header["blocks"]}
    if header["leverage"]:
        names = ("dof", "leverage", "overlap", "drift")
        return {"name": "Regression", **{name: header[name] for name in names}}
    return {"name": "ChiSquare", "dof": header["dof"], "one_sided": header["one_sided"]}
