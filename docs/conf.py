"""How the site is built: `python3 dev docs`, without network, warnings as errors."""

from __future__ import annotations

import importlib
import shutil
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
    "sphinx_gallery.gen_gallery",
    "sphinx-mathjax-offline",
]
exclude_patterns = ["_build", "drawn", "_templates", "gallery/*.ipynb", "gallery/*.py"]
templates_path = ["_templates"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
default_role = "py:obj"  # a name in single backticks is a link where it is known
nitpicky = False
suppress_warnings = ["config.cache"]  # a function in the context, and every build starts anew

myst_enable_extensions = ["colon_fence", "dollarmath", "deflist", "attrs_inline"]
myst_heading_anchors = 3

autosummary_generate = True


def properties(module: str, name: str, items: list[str]) -> list[str]:
    """Return the attributes that have a docstring of their own; the class tells of the others."""
    found = getattr(importlib.import_module(module), name)
    return [item for item in items if isinstance(getattr(found, item, None), property)]


def own_methods(module: str, name: str, items: list[str]) -> list[str]:
    """Return the methods that this library documents, not those of classes of others."""
    found = getattr(importlib.import_module(module), name)
    homes = {item: getattr(getattr(found, item), "__module__", None) or module for item in items}
    return [item for item in items if homes[item].startswith("sketch")]


autosummary_context = {"properties": properties, "own_methods": own_methods}
autodoc_typehints = "none"  # the docstrings say more
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False  # the templates list them

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "abort_on_example_error": True,
    "reset_modules": ("matplotlib", "strict.reset"),
    "reset_modules_order": "both",
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "write_computation_times": False,  # that page would load a script from elsewhere
    "min_reported_time": 1e9,
    "within_subsection_order": "strict.Order",
    "image_srcset": ["2x"],
}

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
    """Draw the pictures of the pages; forget pages of sources, which are renewed too rarely."""
    shutil.rmtree(HERE / "_build" / "html" / "_modules", ignore_errors=True)
    pictures.draw_all(HERE / "drawn")
