"""The documentation as a site: `make docs` builds it into `build/site`.

The root of the repository is the source, so that links between pages lead to the same places here and on GitHub.
"""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from onecurve.scripts.publish.command_line import command_line

project = "Onecurve"
author = "the authors of Onecurve"
try:
    release = metadata.version("onecurve")
except metadata.PackageNotFoundError:  # run from a folder that is not installed
    release = ""
extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
root_doc = "docs/index"
include_patterns = [
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *(f"results/reference/{page}.md" for page in ("calibration", "zoo", "study")),
    *(f"{room}/README.md" for room in ("architectures", "benchmark", "collapse", "datasets", "results")),
    *("scripts/cluster/README.md", "docs/**"),
]
exclude_patterns = [".*", "build", "dist", "runs", "tests", "docs/runs"]

myst_heading_anchors = 4
myst_links_external_new_tab = False
# Pages with code cells are run anew at each build, each in a folder of its own: a page shows what its code does.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 1800
nb_execution_raise_on_error = True
if tags.has("untrained"):  # noqa: F821  (Sphinx puts it here)
    nb_execution_excludepatterns = ["docs/notebook.ipynb"]
nb_ipywidgets_js = {}  # nothing is loaded from elsewhere
numpydoc_show_class_members = False
autodoc_typehints = "none"
smartquotes = False  # what is written is to be copied
python_maximum_signature_line_length = 100

html_theme = "furo"
html_title = "Onecurve"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"top_of_page_buttons": []}

_ENTRY = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=docs/index.html">'


def _fill(app, docname: str, content: list[str]) -> None:
    """The page on the command line is made from the command line's own parser."""
    if docname == "docs/command-line":
        content[0] += command_line()


def _unfold(app, what: str, name: str, obj, options, lines: list[str]) -> None:
    """Our docstrings say what a parameter is behind its colon, where numpydoc looks for a type."""
    listed, found = False, []
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if set(below) == {"-"}:
            listed = line in ("Parameters", "Attributes")
        name_of, colon, said = line.partition(" : ")
        whole = listed and colon and re.fullmatch(r"[\w*, ]+", name_of) and not line.startswith(" ")
        found += [name_of, f"    {said}"] if whole else [line]
    lines[:] = found


def _enter(app, error: Exception | None) -> None:
    """The folder opens on the first page."""
    if error is None and app.builder.format == "html":
        link = '<title>Onecurve</title><a href="docs/index.html">Onecurve</a>'
        Path(app.outdir, "index.html").write_text(f"{_ENTRY}{link}\n")


def setup(app) -> None:
    app.connect("source-read", _fill)
    app.connect("autodoc-process-docstring", _unfold, priority=400)  # before numpydoc reads it
    app.connect("build-finished", _enter)
