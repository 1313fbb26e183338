"""The public list, light imports, and one place for backends."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import sketch

PACKAGE = Path(sketch.__file__).parent


def test_the_public_list_is_complete():
    public = {name for name in vars(sketch) if not name.startswith("_")}
    modules = {path.stem for path in PACKAGE.iterdir()} - {"__init__"}
    assert public - modules == set(sketch.__all__)


def test_importing_pulls_in_no_optional_package():
    code = "import sys, sketch; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    optional = {"cupy", "torch", "dask", "matplotlib", "sklearn", "numba", "h5py", "zarr", "tqdm"}
    assert not optional & set(loaded)
    slow = {
        "numpy.f2py",  # and numpy.testing, by which NumPy's namespace of the standard comes
        "numpy.testing",
        "scipy.linalg",
        "scipy.sparse",
        "scipy.optimize",
        "scipy.special",
        "scipy.stats",
        "pandas",
        "xarray",
    }
    assert not slow & set(loaded)


def test_backends_are_named_in_one_file():
    named = re.compile(r"\b(cupy|torch|jax|array_api_compat)\b")
    users = {path.name for path in PACKAGE.rglob("*.py") if named.search(path.read_text())}
    assert users == {"array.py"}


def trees():
    return {path: ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}


def name_of(node):
    """The name that a base class is written with, its parameters aside."""
    node = node.value if isinstance(node, ast.Subscript) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def test_three_levels_of_inheritance_at_most():
    found = [x for tree in trees().values() for x in ast.walk(tree) if isinstance(x, ast.ClassDef)]
    bases = {cls.name: [name_of(base) for base in cls.bases] for cls in found}
    aside = ("Error", "Warning")  # whose bases a user catches

    def level(name):  # Protocol, ABC, Generic and other libraries' classes are none
        return 1 + max(map(level, bases[name]), default=0) if name in bases else 0

    deep = {name: level(name) for name in bases if not name.endswith(aside)}
    assert max(deep.values()) <= 3, sorted(deep, key=deep.get)[-5:]


def own_names(tree):
    """What a module defines: functions, classes, attributes that it sets, fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
            yield name_of(node)


def test_names_with_an_underscore_stay_where_they_are_defined():
    """But for nine uses among the formats, which know each other."""
    others = {"_getframe", "_meta", "_attributes", "_fields", "_asdict", "_replace"}  # of libraries
    reached = []
    for path, tree in trees().items():
        known = others.union(own_names(tree))
        reached += [
            (path.parent.name, ast.unparse(node))
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and node.attr.startswith("_")
            and not node.attr.startswith("__")
            and node.attr not in known
            and not is_own(node.value)
        ]
    assert len(reached) <= 9, reached
    assert {room for room, _ in reached} == {"formats"}


def is_own(node):
    """Whether an attribute is that of the object at hand."""
    called = node.func if isinstance(node, ast.Call) else node
    return name_of(called) in ("self", "cls", "super")


def lines_of_code(path, tree):
    """How many lines hold code: neither empty, nor comments, nor docstrings."""
    told = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            told.update(range(node.lineno, node.end_lineno + 1))
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    code = set()
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type not in layout and token.type != tokenize.ENDMARKER:
                code.update(range(token.start[0], token.end[0] + 1))
    return len(code - told)


def test_types_say_what_things_are():
    """`Any` at most 15 times in 1000 lines of code."""
    found = trees()
    names = [x for tree in found.values() for x in ast.walk(tree) if isinstance(x, ast.Name)]
    unknown = sum(name.id == "Any" for name in names)
    assert unknown <= 0.015 * sum(lines_of_code(*pair) for pair in found.items())
