"""The examples on the pages run as they stand, and the reference knows every public name."""

from __future__ import annotations

import doctest
import importlib.util
import re
import shlex
from pathlib import Path

import pytest

import sketch
import sketch.plot
import sketch.testing
from sketch.cli import main

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
DOCS = Path(__file__).parent.parent / "docs"
BLOCK = re.compile(
    r"^(?:<!-- needs (\w+) -->\n\n)?```(pycon|python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if BLOCK.search(path.read_text())]


def run_transcript(text: str, place: str, line: int, variables: dict[str, object]) -> None:
    test = doctest.DocTestParser().get_doctest(text, variables, place, place, line)
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    said: list[str] = []
    runner.run(test, out=said.append, clear_globs=False)
    variables.update(test.globs)
    assert not runner.failures, "".join(said)


def run_commands(text: str) -> None:
    """Run the lines of a shell that call `sketch`; the others set things up and are left alone."""
    for line in text.splitlines():
        if line.startswith("$ sketch "):
            assert main(shlex.split(line.removeprefix("$ sketch "))) == 0, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_examples_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, variables = page.read_text(), {"__name__": "__main__"}
    for block in BLOCK.finditer(text):
        library, language, code = block.groups()
        if library and not importlib.util.find_spec(library):
            continue
        line = text[: block.start()].count("\n") + 1
        if language == "pycon":
            run_transcript(code, page.name, line, variables)
        elif language == "python":
            exec(compile("\n" * line + code, str(page), "exec"), variables)
        else:
            run_commands(code)


def test_the_reference_lists_every_public_name():
    listed = set(re.findall(r"^   (\w+)$", (DOCS / "reference.md").read_text(), re.MULTILINE))
    public = {*sketch.__all__, *sketch.testing.__all__, *sketch.plot.__all__}
    public |= {"SketchPCA", "SketchSVD"}  # of sketch.sklearn, which needs scikit-learn
    assert listed == public


def test_every_example_of_the_gallery_has_its_place():
    order = re.search(r"ORDER = \((.*?)\)", (DOCS / "strict.py").read_text(), re.DOTALL).group(1)
    files = (DOCS.parent / "examples" / "gallery").glob("*.py")
    assert sorted(re.findall(r'"(\w+)"', order)) == sorted(path.stem for path in files)


def test_six_trades_have_a_first_result_within_ten_lines():
    blocks = [code for _, _, code in BLOCK.findall((DOCS / "trades.md").read_text())]
    typed = [sum(line.startswith((">>> ", "... ")) for line in b.splitlines()) for b in blocks]
    assert len(typed) == 6
    assert max(typed) <= 10
