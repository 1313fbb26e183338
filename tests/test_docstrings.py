"""Every public name tells its shapes, its cost, its errors, an example and its source."""

from __future__ import annotations

import inspect
import re
from functools import cached_property
from pathlib import Path

import pytest

import sketch
import sketch.plot
import sketch.testing

ROOT = Path(__file__).parent.parent
TITLE = re.compile(r"^(\w+)\n-+$", re.MULTILINE)
EXAMPLE = re.compile(r"^ *(?:>>>|\.\.\.) .*$", re.MULTILINE)
FIELDS = (property, cached_property)
PLAIN = {"bool", "float", "int", "str", "None", "Self", "range"}  # and what is public itself


def public_names():
    for module in (sketch, sketch.plot, sketch.testing):
        yield from ((name, getattr(module, name)) for name in module.__all__)
    try:
        from sketch.sklearn import SketchPCA, SketchSVD
    except ModuleNotFoundError:  # an extra
        return
    yield from (("SketchPCA", SketchPCA), ("SketchSVD", SketchSVD))


def is_trouble(found):
    return isinstance(found, type) and issubclass(found, Exception)


def function_of(member):
    """Return what a method, a class method or a property calls."""
    for inside in ("__func__", "fget", "func"):
        member = getattr(member, inside, member)
    return member


def public_methods():
    """Yield the methods and properties of this library, each at the class that defines it."""
    classes = {
        parent
        for _, found in public_names()
        if isinstance(found, type) and not is_trouble(found)
        for parent in found.__mro__
        if parent.__module__.startswith("sketch.")
    }
    for owner in sorted(classes, key=lambda owner: owner.__qualname__):
        for name, member in vars(owner).items():
            if not name.startswith("_") and inspect.isfunction(function_of(member)):
                yield f"{owner.__qualname__}.{name}", owner, member


NAMES = dict(public_names())
METHODS = {path: (owner, member) for path, owner, member in public_methods()}


def titles(doc):
    return set(TITLE.findall(inspect.cleandoc(doc or "")))


def takes_arguments(found):
    return bool(inspect.signature(found).parameters.keys() - {"self", "cls"})


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_tells_its_shapes_cost_errors_example_and_source(name):
    found = NAMES[name]
    assert found.__doc__
    if is_trouble(found):  # what it means is all there is
        return
    told, needed = titles(found.__doc__), {"Raises", "Notes", "References", "Examples"}
    if inspect.isfunction(found):
        needed |= {"Parameters", "Returns"}
    elif takes_arguments(found):
        assert told & {"Parameters", "Attributes"}
    if found.__module__.startswith("sketch.testing"):  # makes data, and meets none to refuse
        needed -= {"Raises", "Notes"}
    assert needed <= told, needed - told


@pytest.mark.parametrize("path", METHODS)
def test_every_public_method_tells_its_arguments_and_shapes(path):
    owner, member = METHODS[path]
    function = function_of(member)
    above = [vars(parent).get(function.__name__) for parent in owner.__mro__[1:]]
    doc = function.__doc__
    assert doc
    if any(above) or isinstance(member, FIELDS):
        return  # the class above tells of it; a property is told of in a sentence or by its class
    told, needed = titles(doc), set()
    if takes_arguments(function):
        needed |= {"Parameters"}
    if inspect.signature(function).return_annotation not in {*PLAIN, *NAMES}:
        needed |= {"Returns"}
    if re.search(r"^\s+raise ", inspect.getsource(function), re.MULTILINE):
        needed |= {"Raises"}
    assert needed <= told, needed - told


def test_every_public_method_is_shown_at_work():
    pages = [*(ROOT / "sketch").rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    shown = {
        name
        for page in pages
        for line in EXAMPLE.findall(page.read_text())
        for name in re.findall(r"\.(\w+)", line)
    }
    calls = {path for path, (_, member) in METHODS.items() if not isinstance(member, FIELDS)}
    assert not {path for path in calls if path.rpartition(".")[2] not in shown}
