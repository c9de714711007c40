"""The picture of docs/instructors.md: what each notebook needs of the others.

    python scripts/draw_course.py

Read from the notebooks' own boxes ("You need: notebooks 04 and 05"). An arrow is drawn only where
no other way leads there, a dashed one where a notebook helps but need not be known.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from softras_edu.plotting.palette import BLUE, GREEN, GREY, ORANGE

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "course.png"
PARTS = {  # the first notebook of each
    "Part I, see it": ("00", BLUE),
    "Part II, build it fast": ("06", ORANGE),
    "Part III, use it": ("11", GREEN),
}
PLACES = {
    "00": (0, 2), "01": (1, 2), "02": (2, 2), "03": (3, 2), "04": (4, 2), "05": (5, 2),
    "06": (4, 0), "07": (5, 0), "08": (6, 0), "09": (7, 0), "10": (8, -0.9),
    "11": (5, 1), "12": (6, 3.1), "15": (7, 3.5), "17": (7, 2.6), "16": (6, 2), "13": (6, 1),
    "14": (7, 1),
}  # fmt: skip
SIDES = {("07", "10"): ("bottom", "left"), ("09", "10"): ("right", "top")}  # where arrows bend
SIDES |= {("04", "11"): ("bottom", "left"), ("04", "06"): ("bottom", "top")}
HALF, TALL = 0.4, 0.36  # of a box: half its width, half its height


class Notebook(NamedTuple):
    """What a notebook's first cell says of it."""

    title: str
    needs: tuple[str, ...]
    helped_by: tuple[str, ...]
    minutes: int


def main() -> None:
    course = read()
    draw(course).savefig(
        PICTURE, dpi=110, metadata={"Software": None, "Description": description(course)}
    )
    print(f"{PICTURE.name}: {PICTURE.stat().st_size / 1024:.0f} KiB")


# ---------------------------------------------------------------- what the notebooks say


def read() -> dict[str, Notebook]:
    """All notebooks, by number."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        box = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        found[path.name[:2]] = parse(box)
    return found


def parse(box: str) -> Notebook:
    """One notebook's box. Only the first sentence of what one needs is a need."""
    heading = re.search(r"^# (?:\d\d )?([^:\n]*)", box, re.MULTILINE)
    need = re.search(r"\*\*You need:\*\* (.*)", box)
    minutes = re.search(r"(\d+) minutes", box)
    if heading is None or need is None or minutes is None:
        raise ValueError(f"a first cell without its box: {box[:200]}")
    first, _, rest = need[1].partition(". ")
    return Notebook(heading[1], numbers(first), numbers(rest), int(minutes[1]))


def numbers(sentence: str) -> tuple[str, ...]:
    """ "02 to 04" is 02, 03, 04."""
    spans = re.findall(r"\b(\d\d)(?: to (\d\d))?\b", sentence)
    return tuple(f"{k:02}" for a, b in spans for k in range(int(a), int(b or a) + 1))


def before(course: dict[str, Notebook], name: str) -> set[str]:
    """All that must be known before a notebook, whatever way leads there."""
    return {*course[name].needs}.union(*(before(course, one) for one in course[name].needs))


def arrows(course: dict[str, Notebook]) -> list[tuple[str, str]]:
    """(from, to) without those that other arrows say already."""
    return [
        (one, name)
        for name, notebook in course.items()
        for one in notebook.needs
        if not any(one in before(course, other) for other in notebook.needs)
    ]


def dashed(course: dict[str, Notebook]) -> list[tuple[str, str]]:
    """(from, to) of what helps, the last of several."""
    return [
        (notebook.helped_by[-1], name) for name, notebook in course.items() if notebook.helped_by
    ]


def description(course: dict[str, Notebook]) -> str:
    """All arrows in words; it stands in the picture's file, so that a test can read it."""
    plain = [f"{a}>{b}" for a, b in arrows(course)]
    return " ".join([*plain, *(f"{a}~{b}" for a, b in dashed(course))])


# ---------------------------------------------------------------- the picture


def draw(course: dict[str, Notebook]) -> Figure:
    figure = Figure(figsize=(12.6, 6.6), layout="constrained", facecolor="white")
    ax = figure.add_subplot()
    ax.set(xlim=(-0.5, 8.5), ylim=(-1.3, 4.0))
    ax.axis("off")
    for a, b in arrows(course):
        arrow(ax, a, b, "-")
    for a, b in dashed(course):
        arrow(ax, a, b, (0, (3, 3)))
    for name, notebook in course.items():
        box(ax, name, notebook)
    for k, (part, (_, color)) in enumerate(PARTS.items()):
        ax.text(-0.4, 3.75 - 0.26 * k, part, color=color, fontsize=11, fontweight="bold")
    ax.text(-0.4, 2.92, "dashed: helps, but need not be known", color=GREY, fontsize=9)
    return figure


def box(ax: Axes, name: str, notebook: Notebook) -> None:
    x, y = PLACES[name]
    color = [color for first, color in PARTS.values() if first <= name][-1]
    shape = FancyBboxPatch(
        (x - HALF, y - TALL), 2 * HALF, 2 * TALL, boxstyle="round,pad=0.02,rounding_size=0.06",
        facecolor="white", edgecolor=color, linewidth=1.8,
    )  # fmt: skip
    ax.add_patch(shape)
    ax.text(
        x, y + 0.24, name, ha="center", va="center", fontsize=10, fontweight="bold", color=color
    )
    ax.text(x, y - 0.02, folded(notebook.title), ha="center", va="center", fontsize=7.6)
    ax.text(
        x, y - 0.29, f"{notebook.minutes} min", ha="center", va="center", fontsize=7.6, color=GREY
    )


def folded(title: str, width: int = 16) -> str:
    """On as many lines as it takes."""
    lines = [""]
    for word in title.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def arrow(ax: Axes, a: str, b: str, style: object) -> None:
    """From the right of one box to the left of the next, or between those that stand in a column,
    or as SIDES says."""
    column = PLACES[a][0] == PLACES[b][0]
    up = PLACES[a][1] < PLACES[b][1]
    usual = ("top" if up else "bottom", "bottom" if up else "top") if column else ("right", "left")
    start, end = SIDES.get((a, b), usual)
    straight = column or PLACES[a][1] == PLACES[b][1]
    turn = "arc3" if straight else "angle3,angleA=0,angleB=90"
    if (start, end) == ("bottom", "left"):
        turn = "angle3,angleA=90,angleB=0"
    elif (start, end) == ("right", "left") and not straight:
        turn = f"arc3,rad={0.1 if up else -0.1}"
    look = {"arrowstyle": "-|>", "color": "black", "linewidth": 1.1, "linestyle": style}
    look |= {"connectionstyle": turn, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", xy=side(b, end), xytext=side(a, start), arrowprops=look)


def side(name: str, which: str) -> tuple[float, float]:
    """The middle of a side of a box."""
    x, y = PLACES[name]
    right, up = {"right": (1, 0), "left": (-1, 0), "top": (0, 1), "bottom": (0, -1)}[which]
    return x + right * (HALF + 0.03), y + up * (TALL + 0.03)


if __name__ == "__main__":
    main()
