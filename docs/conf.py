"""Sphinx: `make docs` builds the pages, the notebooks and the explorer into build/docs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from obslaws import __version__

project = "obslaws"
author = "The obslaws developers"
copyright = "the obslaws developers"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "obslaws"
# no request to anywhere when a page is read
html_theme_options = {"footer_icons": []}
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["pages.css"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = False
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
# rendered by docs/pages.py, if that has run
_PAGES = Path(__file__).resolve().parent.parent / "build" / "pages"
html_extra_path = [str(_PAGES)] if _PAGES.is_dir() else []
