"""How the site is built: `python3 dev docs`, without network, warnings as errors."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import pictures  # noqa: E402

import sketch  # noqa: E402

project = "sketch"
author = "the sketch developers"
copyright = "the sketch developers, BSD-3-Clause"
version = release = sketch.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx-mathjax-offline",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
default_role = "py:obj"  # a name in single backticks is a link where it is known
nitpicky = False
suppress_warnings: list[str] = []

myst_enable_extensions = ["colon_fence", "dollarmath", "deflist", "attrs_inline"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say more
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False  # the templates list them

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = f"sketch {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f4e79", "color-brand-content": "#1f5f99"},
    "dark_css_variables": {"color-brand-primary": "#8fc1ee", "color-brand-content": "#7fb5e6"},
}
pygments_style = "friendly"
pygments_dark_style = "monokai"


def setup(app: object) -> None:
    """Draw the pictures of the pages, from the numbers that are kept."""
    pictures.draw_all(HERE / "_build" / "pictures")
