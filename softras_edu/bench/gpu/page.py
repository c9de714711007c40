"""The page of Markdown that a run leaves: what was checked, what was measured, what was left
out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .report import Report


def page(report: Report) -> str:
    """All of it, from what the report holds so far."""
    parts = [
        head(report),
        correctness(report.tables.get("correctness", [])),
        speed(report),
        kernels(report.tables.get("kernels", [])),
        peers(report.tables.get("peers", [])),
        tuning(report.tables.get("tune", [])),
        notes(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def head(report: Report) -> str:
    """Title, state of the run, the machine."""
    lines = [f"# The Triton kernels on {report.card}", ""]
    if report.rehearsal:
        lines = [
            "# A rehearsal, not a measurement",
            "",
            "Triton's interpreter ran the kernels on a CPU, at tiny sizes. The path is that of the",
            "real command; **no number on this page says anything about a GPU.**",
            "",
        ]
    if report.running:
        lines += [f"**Not finished:** this was written while the step `{report.running}` ran.", ""]
    lines += [f"{report.day}. " + ", ".join(f"{k} {v}" for k, v in report.facts.items()) + "."]
    lines += [f"Broken off: {error}" for error in report.errors]
    spent = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in report.seconds.items())
    return "\n".join([*lines, *([f"\nSeconds: {spent}."] if spent else [])])


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; | in a cell would break it."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(
        "| " + " | ".join(str(x).replace("|", "/") for x in row) + " |" for row in lines
    )


def correctness(rows: list[dict[str, Any]]) -> str:
    """How many checks, the worst of each dtype, and whatever is wrong."""
    if not rows:
        return ""
    bad = [row for row in rows if row["ok"] == "no"]
    text = ["## Correctness", ""]
    text += [
        f"{len(rows)} checks, {len(bad)} wrong. Scenes are compared with `broadcast` in float64"
    ]
    text += ["on the CPU, image and gradients, as shares of the largest number of each tensor.", ""]
    for dtype in ("float64", "float32"):
        mine = [row for row in rows if row["dtype"] == dtype and row["ok"] == "yes"]
        if mine:
            worst = max(mine, key=lambda row: float(row["error"]) / float(row["tolerance"]))
            error = f"{float(worst['error']):.1e} of {float(worst['tolerance']):.0e}"
            text += [f"- {dtype}: {len(mine)} scenes agree; nearest to its bound comes"]
            text += [f"  `{worst['scene']}`, {error}"]
    text += [
        f"- `{row['scene']}`: {row['what']}" for row in rows if not row["dtype"] and row not in bad
    ]
    if bad:
        text += ["", "**Wrong:**", ""]
        wrong = [(row["scene"], row["dtype"], row["error"], row["what"]) for row in bad]
        text += [table(("scene", "dtype", "error", "what"), wrong)]
    return "\n".join(text)


def speed(report: Report) -> str:
    """The table of times."""
    rows = report.tables.get("speed", [])
    if not rows:
        return ""
    columns = (
        "backend", "case", "pass", "ms", "quartiles", "again", "wall", "% of floor",
        "floors: instructions, bytes (ms)", "launches", "peak MiB", "live pairs",
        "off: image, gradient",
    )  # fmt: skip
    lines = [
        (
            row["backend"], case(row), "forward + backward" if row["both"] else "forward",
            three(row["median_ms"]), f"{three(row['low_ms'])} to {three(row['high_ms'])}",
            three(row["again_ms"]), three(row["wall_ms"]), row["percent_of_floor"],
            f"{row['instruction_floor_ms']}, {row['byte_floor_ms']}", row["launches"],
            row["peak_mib"], f"{row['live_pairs']:,}",
            f"{row['image_error']}, {row['gradient_error']}" if row["image_error"] else "",
        )
        for row in rows
    ]  # fmt: skip
    text = [
        "## Speed",
        "",
        "Medians between CUDA events, the level-2 cache emptied before each run; `again` is a",
        "second measurement, `wall` one call by the host's clock. The floors count the",
        "instructions of live pairs and the bytes of input and output (in",
        "`softras_edu/bench/gpu/floors.py`); the share is that of the larger one. `off` is the",
        "distance from `pairs` in float64.",
        "",
        table(columns, lines),
    ]
    picture = report.path("", ".png")
    if picture is not None and picture.exists():
        text += ["", f"![Time and share of the floor, size by size.]({picture.name})"]
    return "\n".join(text)


def kernels(rows: list[dict[str, Any]]) -> str:
    """Where the GPU's time goes, the longest kernels of each case."""
    if not rows:
        return ""
    lines = [
        (case(r), f"`{str(r['kernel'])[:50]}`", r["launches"], r["microseconds"]) for r in rows
    ]
    text = "## Kernels of one call, forward + backward, as the profiler sees them"
    return f"{text}\n\n" + table(("case", "kernel", "launches", "us"), lines)


def peers(rows: list[dict[str, Any]]) -> str:
    """Other renderers on the same card."""
    if not rows:
        return ""
    columns = ("peer", "case", "forward ms", "forward + backward ms", "peak MiB",
               "image off by (mean)", "gradient off by", "cosine")  # fmt: skip
    lines = [
        (
            r["peer"], case(r), three(r["forward_ms"]), three(r["both_ms"]), r["peak_mib"],
            r["image_difference"], r["gradient_difference"], r["gradient_cosine"],
        )
        for r in rows
    ]  # fmt: skip
    what = dict.fromkeys((r["peer"], r["what"]) for r in rows)
    drawn = "\n".join(f"- {peer}: {text}" for peer, text in what)
    return (
        f"## Other renderers on this card\n\n{table(columns, lines)}\n\nWhat they draw:\n\n{drawn}"
    )


def tuning(rows: list[dict[str, Any]]) -> str:
    """The best of each sweep beside today's choice; every variant is in the CSV file."""
    if not rows:
        return ""
    from .tune import best

    text = f"## Tuning\n\n{len(rows)} variants were timed; the fastest of each:\n\n"
    return text + "\n".join(f"- {line}" for line in best(rows))


def notes(report: Report) -> str:
    """Everything that was said on the way, and what was left out."""
    said = [note.strip() for note in report.notes]
    return "## Notes\n\n" + "\n".join(f"- {note}" for note in said) if said else ""


def case(row: dict[str, Any]) -> str:
    """A row's case in few words."""
    kind = "silhouette" if row["silhouette"] else "RGB"
    return f"{row['batch']} x {row['side']} x {row['side']}, {row['faces']:,} faces, {kind}"


def three(number: str) -> str:
    """Milliseconds with three decimals."""
    return f"{float(number):.3f}"
