"""The variants of a notebook, all made from the one that is in the repository.

- course: as it is, hints and solutions to open;
- student: without the solutions; the hints stay;
- solution: every exercise solved. It must be run, so that what it shows is what the solutions give.
"""

from __future__ import annotations

from .source import SOLUTION, Notebook, copied, set_text, solved, stubs, text, without_tag

STUB_TAG = "raises-exception"


def course(notebook: Notebook) -> Notebook:
    """A copy."""
    return copied(notebook)


def student(notebook: Notebook) -> Notebook:
    """A copy without the solutions. A cell that held nothing else goes."""
    result = copied(notebook)
    for cell in result["cells"]:
        if cell["cell_type"] == "markdown":
            # An empty line ends a block of HTML: without it a heading would not be one.
            set_text(cell, SOLUTION.sub("\n\n", text(cell)).strip())
    result["cells"] = [c for c in result["cells"] if c["cell_type"] != "markdown" or text(c)]
    return result


def solution(notebook: Notebook) -> Notebook:
    """A copy with each stub filled in, not yet run: no outputs. Nothing in it may raise."""
    result = copied(notebook)
    for stub in stubs(notebook):
        cell = result["cells"][stub.at]
        set_text(cell, solved(text(cell), stub.solution))
    for cell in result["cells"]:
        without_tag(cell, STUB_TAG)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return result
