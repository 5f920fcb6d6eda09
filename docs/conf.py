"""Sphinx: `python -m sphinx -W -b html docs docs/_build/html` builds the site.

The API pages are written by `_ext/api_pages.py` from `__all__` of each public module, so that no
public name can be missing.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "src")]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import tensorxp

project = "tensorxp"
author = "The tensorxp developers"
copyright = author
version = release = tensorxp.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "api_pages",
    "drawings",
    "gallery_pages",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "_ext", "gallery"]
default_role = "code"
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False
napoleon_use_ivar = True  # fields of records are members, too

# links to other sites: `python -m sphinx -b linkcheck docs docs/_build/links`
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_workers = 4
linkcheck_rate_limit_timeout = 120
linkcheck_anchors_ignore_for_url = [r"https://github\.com/.*"]  # made by a script of the page

html_theme = "furo"
html_title = f"tensorxp {release}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_theme_options = {
    "source_repository": "https://github.com/tensorxp/tensorxp/",
    "source_branch": "main",
    "source_directory": "docs/",
}
pygments_style = "friendly"
pygments_dark_style = "monokai"
