"""One word for one thing, from the Python loop to the Triton kernel and in notebooks 06 to 09.

A reader compares one rung with the next, so a thing has the same name in both; CONTRIBUTING.md has
the table. Here stand other words for those things, as they have been or might be written, each
with the word of the table. Names of other libraries (what follows a dot) are their own.
"""

from __future__ import annotations

import io
import json
import keyword
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
RASTERIZERS = ROOT / "softras_edu" / "rasterizers"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("0[6-9]_*.ipynb"))
FILES = [
    ROOT / "softras_edu" / "formulas.py",
    *(path for name in ("loops", "broadcast", "pairs") for path in RASTERIZERS.glob(f"{name}*.py")),
    *sorted((RASTERIZERS / "numba_cpu").glob("*.py")),
    *sorted((RASTERIZERS / "triton_gpu").glob("*.py")),
]


class Ban(NamedTuple):
    """Names that match `other` say `right` instead; only after the token `after`, if given."""

    other: str
    right: str
    after: str = ""


# Matched with the whole name, in lower case and without leading underscores.
BANS = [
    # corners and depths
    Ban(r"q[012]|inverse|inverse_z\w*|z_inv\w*|rz[012]?", "inv_z0 inv_z1 inv_z2, inv_z"),
    Ban(r"inverse_area|area_inv|double_area", "area, inv_area"),
    # weights
    Ban(r"raw[012]?", "v0 v1 v2, v: barycentric weights that are not clipped"),
    Ban(r"inv_total|w_total|total_w|wsum|sum_w", "w_sum, inv_w_sum"),
    Ban(r"p[012]|perspective_weights", "u0 u1 u2, u: weights of the corner colours"),
    Ban(r"smallest_weight|min_v|vmin|v_min|lowest", "least: the smallest raw weight"),
    Ban(r"clip|clip_weights|clip01|saturate", "clamp (one number) or clip_barycentric (weights)"),
    # distances
    Ban(r"dist2|distance2|d_squared|sqdist|dd", "d2"),
    Ban(r"g[xy](_?\d\d)?|dx|dy|away_[xy]", "gap_x gap_y"),
    Ban(r"at[012]", "lever0 lever1 lever2: weights of the corners in the closest point"),
    Ban(r"signed_distance|signed_d2|score", "logit; the function is signed_logit"),
    # sums of a pixel
    Ban(r"log_1m_d|log_one_minus_d|log_not_d|log_rest_d", "log_outside"),
    Ban(r"lift_total|lifted_sum|lift_all", "lift_sum"),
    Ban(r"max_log_weight|log_weight_max|running_max|peak_weight|highest", "peak"),
    Ban(r"denom\w*|weight_sum|sum_weights", "den"),
    Ban(r"numer|numerator|weighted_color", "num"),
    Ban(r"fraction_of_weight|weight_share|softmax_weight", "share"),
    Ban(r"valid|alive|counts_here|is_live|included", "keep"),
    # derivatives
    Ban(
        r"g_\w+|g[012]|gz[012]?|gc[012]?|g[xy][012]", "d_x: the loss's derivative with respect to x"
    ),
    Ban(r"grad_\w+|grad", "d_x; PyTorch's gradient of the image is d_image"),
    Ban(r"v_(logit|d2|z|color|triangles|image|log_\w+)", "d_x"),
    Ban(r"d_[pq][012]?", "d_u0 d_u1 d_u2, or d_inv_z0 d_inv_z1 d_inv_z2"),
    Ban(r"d_inverse\w*", "d_inv_z"),
    Ban(r"d_state", "d_saved, or what it is the derivative of"),
    Ban(r"d_\w+", "f_backward", after="def"),
    Ban(r"\w+_(back|bwd|vjp|pullback|adjoint)", "f_backward", after="def"),
    Ban(r"\w+_(deriv|derivative|prime|grad)", "f_slope or f_backward", after="def"),
    Ban(r"d_slope|slope_of_d|slope_log_d", "slope_d"),
    Ban(r"outside_slope|slope_log_outside", "slope_outside"),
    # what is kept, and how many there are
    Ban(r"state|state_\w+|memo|residuals", "saved"),
    Ban(r"total", "faces, length, or what it is the sum of"),
    Ban(r"p", "pixel: p is the conorm's parameter", after="for"),
    Ban(r"n_faces|num_faces|face_count|nfaces", "faces or triangles_count"),
    # the paper's
    Ban(r"combine_silhouette|silhouette_aggregate", "aggregate_silhouette"),
    Ban(r"color_aggregate|mix_colors", "aggregate_color"),
]

# (file or number of a notebook, name): why it may stay.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("06", "grad_by_broadcast"): "the gradient of a whole rung, compared with another's",
    ("06", "grad_by_loops"): "the gradient of a whole rung, compared with another's",
}


def names(code: str) -> Iterator[tuple[int, str, str]]:
    """(line, the token before, name) of every name that is not an attribute."""
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.NAME and not keyword.iskeyword(token.string) and before != ".":
            yield token.start[0], before, token.string
        if token.type not in (tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT):
            before = token.string


def violations(where: str, code: str) -> list[str]:
    """What another word in some code should be, one line a place."""
    found = []
    for line, before, name in names(code):
        plain = name.lstrip("_").lower()
        for ban in BANS:
            if ban.after in ("", before) and re.fullmatch(ban.other, plain):
                if (where, name) not in EXCEPTIONS:
                    found.append(f"{where}:{line}: {name}, wanted {ban.right}")
                break
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_rung_says_the_words_of_the_table(path: Path) -> None:
    found = violations(path.name, path.read_text(encoding="utf-8"))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_the_words_of_the_table(path: Path) -> None:
    found = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            found += violations(path.stem[:2], "".join(cell["source"]))
    assert not found, "\n".join(found)


def test_all_rungs_and_notebooks_are_looked_at() -> None:
    assert len(NOTEBOOKS) == 4
    folders = {path.parent.name for path in FILES}
    assert folders == {"softras_edu", "rasterizers", "numba_cpu", "triton_gpu"}


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("g_logit = 1", "g_logit"),
        ("S[D_P0] = 1", "D_P0"),
        ("def d_clip(x): pass", "d_clip"),
        ("for p in pixels: pass", "p"),
        ("_inv_total = 2", "_inv_total"),
    ],
)
def test_another_word_is_found(code: str, name: str) -> None:
    (found,) = violations("a.py", code)
    assert found.startswith(f"a.py:1: {name}, wanted ")


@pytest.mark.parametrize(
    "code",
    ["d_logit = 1", "x.grad", "tl.state", "p = o.p", "def clip_barycentric(v): pass", "w_sum = 1"],
)
def test_the_right_words_pass(code: str) -> None:
    assert violations("a.py", code) == []


def test_every_exception_is_still_needed() -> None:
    """An exception whose name is gone would hide the next one of that name."""
    used = {(path.name, name) for path in FILES for _, _, name in names(path.read_text("utf-8"))}
    for path in NOTEBOOKS:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                used |= {(path.stem[:2], name) for _, _, name in names("".join(cell["source"]))}
    assert not set(EXCEPTIONS) - used
