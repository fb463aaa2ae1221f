"""Settings of the documentation site, which `make docs` builds with Sphinx.

The source folder is the repository, not `docs/`: a page and a file next to it have the same links
to each other here, on GitHub and in an editor.
"""

from importlib.metadata import version as installed_version

project = "trinity-chord"
author = "The trinity-chord authors"
project_copyright = author
release = installed_version("trinity-chord")

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "docs/index"
include_patterns = ["docs/*.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/mix_chord/README.md"]
# Only keeps Sphinx from searching these folders.
exclude_patterns = [
    ".*",
    "build",
    "checkpoints",
    "data",
    "outputs",
    "runs",
    "tests",
    "trinity_chord",
]
# docs/index.md lists two pages that may not exist yet: docs/study.md and docs/scaling.md.
suppress_warnings = ["toc.not_readable"]
nitpicky = True

# As GitHub makes them, so that a link to a heading works in both places.
myst_heading_anchors = 4
# A fence without a language is a command or plain text.
highlight_language = "none"

html_theme = "furo"
html_title = f"trinity-chord {release}"
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["wide.css"]
templates_path = ["_templates"]
# The start page is docs/index.html; the top of the site leads there.
html_additional_pages = {"index": "start.html"}
