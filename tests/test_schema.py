"""Headers of states and results, altered with a checksum that fits: refused, or what they say."""

from __future__ import annotations

import copy
import json
import math
import zipfile
from pathlib import Path

import pytest

import sketch
from sketch.files import archive as sealed_files

STATES = sorted((Path(__file__).parent / "data" / "states-1").glob("*.npz"))
ABSENT = object()
VALUES = [ABSENT, None, -1, 2.5, 10**400, math.inf, "x", [], {}, True]


def leaves(value, place=()):
    """Yield the places of all values within nested ones."""
    yield place
    inner = enumerate(value) if isinstance(value, list) else ()
    for key, part in value.items() if isinstance(value, dict) else inner:
        yield from leaves(part, (*place, key))


def altered(header, place, value):
    changed = copy.deepcopy(header)
    holder = changed
    for key in place[:-1]:
        holder = holder[key]
    if value is ABSENT:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return changed


def write(path, members, header):
    sealed = {**header, "checksum": sealed_files._seal(header)}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**members, "header.json": json.dumps(sealed).encode()}.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("state", STATES, ids=lambda path: path.stem)
def test_altered_fields_are_refused_or_kept_as_they_are(state, tmp_path):
    path, again = tmp_path / "a.npz", tmp_path / "again.npz"
    sketch.load(state).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = json.loads(members["header.json"])
    del header["checksum"]
    for place in list(leaves(header))[1:]:
        for value in VALUES:
            changed = altered(header, place, value)
            write(path, members, changed)
            try:
                held = sketch.load(path)
            except sketch.StateFileError as error:
                assert str(path) in str(error)  # noqa: PT017
                continue
            held.save(again)
            with zipfile.ZipFile(again) as archive:
                saved = json.loads(archive.read("header.json"))
            for field in {*changed} - {"axes", "sha256", "checksum"}:
                assert saved[field] == changed[field]
