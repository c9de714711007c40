"""The API reference as web pages, from the docstrings: `make api`. pdoc writes it, to build/api.

    .venv/bin/python scripts/make_reference.py [FOLDER]

The pages are plain files that ask for nothing from the network: formulas stand in the docstrings as
text, so there is no MathJax; the search runs in the page.
"""

from __future__ import annotations

import sys
import warnings

import pdoc
import pdoc.render
from public_api import MODULES, ROOT

STYLE = ROOT / "docs" / "reference"
UNDER = "softras_edu, its public names"


def main(folder: str = "build/api", back: str | None = None) -> int:
    """Write the pages, each with a link to `back`, seen from the folder, if that is given; 1 if a
    module could not be read.
    """
    pdoc.render.configure(
        docformat="google", template_directory=STYLE, footer_text=UNDER, logo_link=back
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a module that does not import is only a warning to pdoc
        warnings.filterwarnings("ignore", "Error parsing type annotation")
        pdoc.pdoc(MODULES[0], f"!{MODULES[0]}[.]", *MODULES[1:], output_directory=ROOT / folder)
    print(f"file://{ROOT / folder}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
