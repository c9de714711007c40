"""What a kernel loads and stores: counted, and drawn with programs down and memory across."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ...plotting.palette import GREY, SKY, VERMILION
from ..triton_lab.stand_in import Access

LOADED, STORED, PURPLE = SKY, VERMILION, "#7B3294"


def traffic_table(seen: Sequence[Access]) -> str:
    """For each argument of the kernel: loads and stores, and the bytes that they ask for.

    A load of a block counts once, its bytes for each lane that is not masked out; nothing is taken
    for cached.
    """
    lines = [f"{'':18}{'loads':>8}{'bytes':>10}{'stores':>8}{'bytes':>10}"]
    for name in dict.fromkeys(access.name for access in seen):
        mine = [access for access in seen if access.name == name]
        cells = ""
        for store in (False, True):
            these = [access.nbytes for access in mine if access.store == store]
            cells += f"{len(these):8,}{sum(these):10,}"
        lines.append(f"{name:18}{cells}")
    return "\n".join(lines)


def traffic(seen: Sequence[Access], sizes: Mapping[str, int]) -> Figure:
    """For each argument named in `sizes` a table: program and place in memory, loaded or stored.

    `sizes` are the tensors' own numbers: a line stands at their end. What lies behind it is
    somebody else's.
    """
    programs = 1 + max((access.program for access in seen), default=0)
    tables = []
    for name, size in sizes.items():
        mine = [access for access in seen if access.name == name]
        length = max([size, *(1 + int(a.places.max()) for a in mine if len(a.places))])
        table = torch.zeros(programs, length, dtype=torch.int64)
        for access in mine:
            table[access.program, access.places] |= 2 if access.store else 1
        tables.append(table)
    longest = max(table.shape[1] for table in tables)
    widths = [max(table.shape[1], 24, longest / 4) for table in tables]
    figure = Figure(figsize=(8.4, 1.35 + 0.13 * min(programs, 20)), layout="constrained")
    axes = figure.subplots(1, len(tables), width_ratios=widths, squeeze=False)[0]
    kinds = ListedColormap(["white", LOADED, STORED, PURPLE])
    for ax, (name, size), table in zip(axes, sizes.items(), tables, strict=True):
        ax.imshow(table.numpy(), cmap=kinds, vmin=0, vmax=3, aspect="auto", interpolation="nearest")
        ax.axvline(size - 0.5, color="black", lw=1.5, ls="--")
        ax.locator_params(integer=True)
        ax.set(title=name)
        ax.title.set_fontsize(10)
        for edge in range(1, programs):
            ax.axhline(edge - 0.5, color=GREY, lw=0.3)
    axes[0].set_ylabel("program")
    figure.supxlabel("place in memory", fontsize=10)
    patches = [Patch(color=LOADED, label="loaded"), Patch(color=STORED, label="stored")]
    figure.legend(handles=patches, loc="outside upper right", ncols=2, fontsize=9, frameon=False)
    return figure
