"""Settings of the documentation: ``make docs`` builds it, warnings being errors."""

import inspect
import re
import sys
from importlib import import_module

import skinverse

project = "skinverse"
author = "the skinverse developers"
copyright = author
version = release = skinverse.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = [
    "_build",
    "benchmark/report.md",  # a part of benchmark_report.md
    "**/figures.py",
    "auto_examples/**/*.ipynb",
    "auto_examples/**/*.py",
    "sg_execution_times.rst",
]
templates_path = ["_templates"]
root_doc = "index"
default_role = "code"

# Pages are named by the public path, ``skinverse.MDNInverter``, as ``skinverse.utils.doc_links`` expects.
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"demo\.py$",
    "parallel": 2,
    "capture_repr": (),
    "download_all_examples": False,
    "show_signature": False,
    "remove_config_comments": True,
    "min_reported_time": 1e6,
}

html_theme = "pydata_sphinx_theme"
html_title = "skinverse"
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
}


def skip_foreign(app, what, name, obj, skip, options):
    """Methods that scikit-learn wrote have their documentation there."""
    obj = obj.fget if isinstance(obj, property) else obj
    home = getattr(inspect.unwrap(obj), "__module__", None) if callable(obj) else None
    return True if home is not None and not home.startswith("skinverse") else None


def escape_trailing_underscores(app, what, name, obj, options, lines):
    """``shape (n_features_in_,)`` in a docstring is no link."""
    lines[:] = [re.sub(r"(\([^()]*n_features_in)_(?=[,)])", r"\1\_", line) for line in lines]


def public_page(app, env, node, contnode):
    """Links to a class by any of its paths lead to the page of its outermost one."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target.startswith("skinverse."):
        return None
    module, _, name = target.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        return None
    parts = getattr(found, "__module__", module).split(".")
    places = [".".join(parts[: k + 1]) for k in range(len(parts))]
    home = next((p for p in places if getattr(sys.modules.get(p), name, None) is found), None)
    if home is None or f"{home}.{name}" == target:
        return None
    return env.domains["py"].resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], f"{home}.{name}", node, contnode
    )


def setup(app):
    app.connect("autodoc-skip-member", skip_foreign)
    app.connect("autodoc-process-docstring", escape_trailing_underscores, priority=1)  # before numpydoc
    app.connect("missing-reference", public_page)
