"""The picture of one run: milliseconds and share of the floor, size by size."""

from __future__ import annotations

from typing import Any

from ...plotting.palette import COLORS
from .report import Report

MARKS = {"triton": "o", "pairs": "s", "broadcast": "^"}


def plot(report: Report) -> None:
    """Write the plot beside the page, if there is something to show and somewhere to put it."""
    rows, path = report.tables.get("speed", []), report.path("", ".png")
    if not rows or path is None:
        return
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), layout="constrained")
    times, shares = figure.subplots(1, 2)
    rows = [row for row in rows if row["both"]]
    names = list(dict.fromkeys(case_name(row) for row in rows))
    draw_times(times, rows, report.tables.get("peers", []), names)
    draw_shares(shares, [row for row in rows if row["backend"] == "triton"], names)
    title = f"{report.card}, {report.day}: forward + backward, float32, sigma 0.0001"
    figure.suptitle(f"REHEARSAL, NO MEASUREMENT. {title}" if report.rehearsal else title)
    figure.savefig(path, dpi=100)


def case_name(row: dict[str, Any]) -> str:
    """Size and faces of a row, on two lines."""
    return f"{row['batch']} x {row['side']}²\n{row['faces']:,} faces"


def draw_times(ax: Any, rows: list[Any], peers: list[Any], names: list[str]) -> None:
    """Milliseconds: ours by backend, RGB filled and silhouettes hollow; peers in grey."""
    for k, (backend, mark) in enumerate(MARKS.items()):
        for silhouette in (False, True):
            mine = [r for r in rows if r["backend"] == backend and r["silhouette"] == silhouette]
            at = [names.index(case_name(row)) for row in mine]
            ms = [float(row["median_ms"]) for row in mine]
            low = [m - float(row["low_ms"]) for m, row in zip(ms, mine, strict=True)]
            high = [float(row["high_ms"]) - m for m, row in zip(ms, mine, strict=True)]
            face = "none" if silhouette else COLORS[k]
            label = f"{backend}, {'silhouette' if silhouette else 'RGB'}"
            if mine:
                ax.errorbar(
                    at, ms, yerr=[[max(0, x) for x in low], [max(0, x) for x in high]],
                    color=COLORS[k], marker=mark, mfc=face, label=label, capsize=3,
                    ls=":" if silhouette else "-",
                )  # fmt: skip
    for k, peer in enumerate(dict.fromkeys(row["peer"] for row in peers)):
        mine = [row for row in peers if row["peer"] == peer and not row["silhouette"]]
        known = [row for row in mine if case_name(row) in names]
        at = [names.index(case_name(row)) for row in known]
        ms = [float(row["both_ms"]) for row in known]
        ax.plot(at, ms, color="#777777", marker="x+dvP"[k % 5], ls=(0, (2, 2)), label=peer)
    ax.set(yscale="log", ylabel="milliseconds (median, quartiles)")
    ax.set_xticks(range(len(names)), names, fontsize=8)
    ax.grid(alpha=0.3)
    ax.legend(fontsize=7)


def draw_shares(ax: Any, rows: list[Any], names: list[str]) -> None:
    """How much of the measured time the floors would take."""
    for k, silhouette in enumerate((False, True)):
        mine = [row for row in rows if row["silhouette"] == silhouette]
        at = [names.index(case_name(row)) + 0.35 * k - 0.175 for row in mine]
        share = [float(row["percent_of_floor"]) for row in mine]
        label = "silhouette" if silhouette else "RGB"
        ax.bar(at, share, width=0.33, color=COLORS[k], label=label)
    ax.set(ylabel="the larger floor, % of the measured time")
    ax.set_xticks(range(len(names)), names, fontsize=8)
    ax.grid(alpha=0.3, axis="y")
    ax.legend(fontsize=8)
