"""Figures of notebook 10.

Stopwatch readings, sweeps of the benchmark, the roofline, bars on a logarithmic axis.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...plotting.palette import BLUE, COLORS, GREEN, GREY, MARKS, ORANGE, STYLES
from .timings import Measurement, Results

_NAMES = ("loops", "broadcast", "pairs", "numba", "triton")


def readings(samples: Sequence[float], marks: Mapping[str, float]) -> Figure:
    """Stopwatch readings in ms, one dot a call in the order in which they came.

    `marks` are horizontal lines, by name.
    """
    figure = Figure(figsize=(7.0, 3.0), layout="constrained")
    ax = figure.subplots()
    ax.plot(range(1, len(samples) + 1), samples, "o", color=BLUE, ms=6)
    for (name, value), color, style in zip(
        marks.items(), (ORANGE, GREEN, GREY), STYLES, strict=False
    ):
        ax.axhline(value, color=color, ls=style, lw=2, label=name)
    ax.set(yscale="log", xlabel="call", ylabel="milliseconds")
    ax.legend(fontsize=9)
    ax.grid(alpha=0.3, which="both")
    return figure


def strips(samples: Mapping[str, Sequence[float]]) -> Figure:
    """Readings in ms by name, each a row of dots.

    The box spans the middle half, the thick line is the median.
    """
    figure = Figure(figsize=(7.0, 0.6 + 0.55 * len(samples)), layout="constrained")
    ax = figure.subplots()
    for k, values in enumerate(samples.values()):
        low, middle, high = statistics.quantiles(values, n=4)
        ax.fill_betweenx([k - 0.3, k + 0.3], low, high, color=COLORS[k % 6], alpha=0.25, lw=0)
        ax.plot([middle, middle], [k - 0.3, k + 0.3], color="black", lw=2.5)
        ax.plot(
            values,
            [k + 0.2 * (-1) ** n for n in range(len(values))],
            MARKS[k % 6],
            color=COLORS[k % 6],
            ms=4.5,
            alpha=0.8,
        )
    ax.set(xscale="log", xlabel="milliseconds", ylim=(len(samples) - 0.45, -0.55))
    ax.set_yticks(range(len(samples)), labels=list(samples))
    ax.grid(alpha=0.3, axis="x", which="both")
    return figure


def lines(
    ax: Axes, x: Mapping[str, Sequence[float]], y: Mapping[str, Sequence[float]], **labels: Any
) -> None:
    """One line a rung on logarithmic axes, always in the colour, style and mark of that rung."""
    for name in x:
        k = _NAMES.index(name) if name in _NAMES else 5
        ax.plot(
            x[name],
            y[name],
            color=COLORS[k],
            ls=STYLES[k],
            marker=MARKS[k],
            ms=5,
            lw=1.8,
            label=name,
        )
    ax.set(xscale="log", yscale="log", **labels)
    ax.grid(alpha=0.3)


def against(
    x: Mapping[str, Sequence[float]], y: Mapping[str, Sequence[float]], xlabel: str, ylabel: str
) -> Figure:
    """One log-log plot with a line a rung."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    ax = figure.subplots()
    lines(ax, x, y, xlabel=xlabel, ylabel=ylabel)
    ax.legend(fontsize=9)
    return figure


def sweeps(results: Results) -> Figure:
    """Time above, peak memory below, against image side (faces grow too), faces and sigma."""
    figure = Figure(figsize=(11.5, 5.8), layout="constrained")
    axes = figure.subplots(2, 3, sharex="col", sharey="row")
    axis = {
        "growth": ("side", "pixels a side (faces grow too)"),
        "faces": ("faces", "faces, 64 x 64 pixels"),
        "sigma": ("sigma", "sigma, 64 x 64 pixels"),
    }
    for column, (sweep, (field, label)) in enumerate(axis.items()):
        rows = {
            name: [m for m in results.select(sweep=sweep, backend=name) if m.ours]
            for name in results.backends()
        }
        x = {name: [float(getattr(m, field)) for m in ms] for name, ms in rows.items() if ms}
        lines(
            axes[0, column],
            x,
            {name: [m.both_ms for m in rows[name]] for name in x},
            ylabel="" if column else "ms, forward + backward",
        )
        lines(
            axes[1, column],
            x,
            {name: [max(m.memory_mib, 1.0) for m in rows[name]] for name in x},
            xlabel=label,
            ylabel="" if column else "peak memory, MiB\n(below 1: drawn at 1)",
        )
        axes[1, column].axhline(1, color=GREY, lw=1)
    axes[0, 0].legend(fontsize=9)
    figure.suptitle(results.device, fontsize=10)
    return figure


def collapse(results: Results, names: Sequence[str] = ("broadcast", "pairs", "numba")) -> Figure:
    """All sweeps in one cloud: time against all pairs, and against live pairs.

    The grey lines have slope 1.
    """
    figure = Figure(figsize=(9.6, 3.9), layout="constrained")
    for ax, field, label in zip(
        figure.subplots(1, 2, sharey=True),
        ("dense_pairs", "live_pairs"),
        ("all pairs, B F H W", "live pairs"),
        strict=True,
    ):
        for name in names:
            k = _NAMES.index(name)
            rows: list[Measurement] = [m for m in results.select(backend=name) if not m.silhouette]
            ax.plot(
                [getattr(m, field) for m in rows],
                [m.both_ms for m in rows],
                MARKS[k],
                color=COLORS[k],
                ms=6,
                alpha=0.8,
                label=name,
            )
        for first in (1e-7, 1e-5, 1e-3):
            ax.plot([1e2, 1e11], [first * 1e2, first * 1e11], color=GREY, lw=0.6)
        found = [getattr(m, field) for name in names for m in results.select(backend=name)]
        times = [m.both_ms for name in names for m in results.select(backend=name)]
        ax.set(
            xscale="log",
            yscale="log",
            xlabel=label,
            xlim=(min(found) / 2, max(found) * 2),
            ylim=(min(times) / 2, max(times) * 2),
        )
    figure.axes[0].set_ylabel("ms, forward + backward")
    figure.axes[0].legend(fontsize=9)
    figure.suptitle(results.device, fontsize=10)
    return figure


def roofline_plot(
    places: Mapping[str, tuple[float, float]], bandwidth: float, peaks: Mapping[str, float]
) -> Figure:
    """The roof, bytes a second x intensity up to each peak, and under it the rungs.

    (operations a byte, operations a second) each.
    """
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    ax = figure.subplots()
    low, high = 0.01, max(1e3, 3 * max(x for x, _ in places.values()))
    for (name, peak), style in zip(peaks.items(), ("-", "--"), strict=False):
        ridge = peak / bandwidth
        ax.plot(
            [low, ridge, high],
            [low * bandwidth / 1e9, peak / 1e9, peak / 1e9],
            color="black",
            ls=style,
            lw=2,
        )
        ax.text(high, peak / 1e9 * 1.1, f"{name}: {peak / 1e9:.0f} ", ha="right", fontsize=9)
    ax.text(
        low * 1.15,
        low * bandwidth / 1e9 * 80,
        f"memory: {bandwidth / 1e9:.0f} GB a second",
        fontsize=9,
    )
    for name, (x, y) in places.items():
        k = _NAMES.index(name.split(",")[0])
        ax.plot(x, y / 1e9, MARKS[k], ms=11, color=COLORS[k], mec="black")
        left = name == "pairs" or x > 10  # away from broadcast, and from the frame
        away = (-9 if left else 9, 10 if x > 10 else -14)
        ax.annotate(
            name,
            (x, y / 1e9),
            xytext=away,
            textcoords="offset points",
            fontsize=10,
            ha="right" if left else "left",
        )
    bottom = min([y for _, y in places.values()] + [low * bandwidth]) / 1e9
    ax.set(
        xscale="log",
        yscale="log",
        xlim=(low, high),
        ylim=(bottom / 3, max(peaks.values()) / 1e9 * 3),
    )
    ax.set(xlabel="operations a byte of memory traffic", ylabel="billion operations a second")
    ax.grid(alpha=0.3)
    return figure


def bars(values: Mapping[str, float], xlabel: str, hatched: Sequence[str] = ()) -> Figure:
    """Horizontal bars on a logarithmic axis, each with its number.

    The `hatched` ones are of another kind.
    """
    figure = Figure(figsize=(8.4, 0.9 + 0.36 * len(values)), layout="constrained")
    ax = figure.subplots()
    least = min(values.values()) / 3
    for k, (name, value) in enumerate(values.items()):
        other = name in hatched
        ax.barh(
            k,
            value - least,
            left=least,
            height=0.6,
            color="#f0d9a8" if other else BLUE,
            hatch="//" if other else "",
            edgecolor="black",
            lw=0.6,
        )
        ax.text(
            value * 1.1,
            k,
            f"{value:,.0f}" if value >= 100 else f"{value:.3g}",
            va="center",
            fontsize=9,
        )
    ax.set_yticks(range(len(values)), labels=list(values), fontsize=9)
    ax.set(
        xscale="log",
        xlim=(least, max(values.values()) * 5),
        ylim=(len(values) - 0.4, -0.6),
        xlabel=xlabel,
    )
    ax.grid(alpha=0.3, axis="x")
    return figure
