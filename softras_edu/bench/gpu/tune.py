"""Which launch sizes are best on this card: a sweep over what `triton_gpu.Launch` holds, and over
two rivals of how the package does it today.

    lists      stable sort, or a cursor a tile (list_cursor.py), for tiles of 8 and of 16 pixels
    forward    tile 8 or 16, warps 1, 2, 4, pipeline depth 1, 2, 3
    backward   by triangles: block of pixels and warps, depth, stripes; by tiles (tile_major.py)

Every variant is compared with `pairs` in float64 at the first size before any time of it counts;
what is wrong is not timed. Times are of the one kernel (of the list: of all that makes it),
medians."""

from __future__ import annotations

import functools
import importlib
import itertools
import math
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...rasterizers import tiles, triton_gpu
from ...rasterizers.options import Options
from ...rasterizers.triton_gpu import Launch
from ..case import Case
from . import speed, timing
from .session import Session
from .speed import Pictures, short

TODAY = triton_gpu.LAUNCH
STRIPES = (1, 2048, 8192, 32768)  # few_programs: the more, the more stripes
BLOCKS = ((4, 8, 1), (8, 8, 1), (8, 8, 2), (8, 16, 4))  # height, width, warps
BY_TILE = ((8, 1), (8, 2), (16, 2), (16, 4))  # tile, warps
BOUND = (
    2e-2  # largest |difference| / |right answer|: rounding, and pairs on the other side of the cut
)


@contextmanager
def launching(launch: Launch) -> Iterator[None]:
    """Launch sizes as given, inside."""
    before, triton_gpu.LAUNCH = triton_gpu.LAUNCH, launch
    try:
        yield
    finally:
        triton_gpu.LAUNCH = before


def forward_choices(rehearsal: bool) -> list[Launch]:
    """What is tried, today's choice first."""
    if rehearsal:
        return [TODAY, replace(TODAY, tile=16)]
    grid = itertools.product((1, 2, 3), (8, 16), (1, 2, 4))
    tried = [replace(TODAY, tile=t, forward_warps=w, forward_stages=s) for s, t, w in grid]
    return [TODAY, *(launch for launch in tried if launch != TODAY)]


def backward_choices(rehearsal: bool) -> list[Launch]:
    """The same for the backward kernel."""
    if rehearsal:
        return [TODAY, replace(TODAY, few_programs=1)]
    tried = [
        replace(TODAY, few_programs=f, block_h=h, block_w=w, backward_warps=n, backward_stages=s)
        for s, (h, w, n), f in itertools.product((1, 2, 3), BLOCKS, STRIPES)
    ]
    return [TODAY, *(launch for launch in tried if launch != TODAY)]


@dataclass
class Work:
    """One case, prepared so that each kernel can be launched alone."""

    case: Case
    triangles: Tensor
    colors: Tensor | None
    background: Tensor
    grad: Tensor
    o: Options

    @staticmethod
    def of(case: Case, device: str) -> Work:
        """The scene of speed.py, on the device."""
        pictures = Pictures(case, device)
        triangles = pictures.triangles.detach()
        colors = None if pictures.colors is None else pictures.colors.detach()
        channels = 0 if colors is None else colors.shape[-1]
        wanted = (case.batch, case.side, case.side, channels)
        background = triangles.new_zeros(()).expand(wanted)
        if not channels:
            background = triangles.new_empty(wanted)
        o = Options(height=case.side, width=case.side, sigma=case.sigma)
        return Work(case, triangles, colors, background, pictures.weights, o)

    def lists(self) -> tuple[tiles.Tiles, Tensor, Tensor]:
        """Lists, boxes and facts for the launch sizes in force."""
        boxes, count, facts = triton_gpu.launch_setup(
            self.triangles, self.colors, self.background, self.o
        )
        ends, length = triton_gpu.wait_for_length(
            count, self.triangles, self.colors, self.background
        )
        return triton_gpu.launch_fill(boxes, count, ends, length, self.o), boxes, facts

    def forward(self, lists: tiles.Tiles, facts: Tensor) -> tuple[Tensor, Tensor]:
        """Image and state."""
        return triton_gpu.launch_forward(
            self.triangles, facts, self.colors, self.background, lists, self.o
        )


@dataclass(frozen=True)
class Truth:
    """Image and gradients of the first case, by `pairs` in float64."""

    image: Tensor
    grads: tuple[Tensor, ...]


def step(session: Session) -> None:
    """The whole sweep: RGB at all sizes, then silhouettes, as far as the time goes."""
    sweep = Sweep(session)
    for case in speed.cases(session.rehearsal):
        if session.rehearsal and case.silhouette:
            continue
        if session.has_time(f"tuning of {short(case)}", 5.0 if not session.rehearsal else 0.0):
            sweep.case(case)
    for line in best(session.report.tables.get("tune", [])):
        session.report.note(line)


class Sweep:
    """The state of the sweep: which variants have been found right, and which wrong."""

    def __init__(self, session: Session):
        self.session = session
        self.truth: dict[bool, Truth] = {}  # by silhouette
        self.errors: dict[tuple[Any, ...], float] = {}
        self.seen: set[bool] = set()  # kinds of picture whose variants have been compared

    def case(self, case: Case) -> None:
        """All variants in one case."""
        session, work = self.session, Work.of(case, self.session.device)
        session.report.say(f"  {short(case)}")
        if case.silhouette not in self.truth:
            image, grads = Pictures(case, session.device).oracle()
            self.truth[case.silhouette] = Truth(image, grads)
        first = case.silhouette not in self.seen
        self.seen.add(case.silhouette)
        self.all_lists(work, first)
        for launch in forward_choices(session.rehearsal):
            with launching(launch):
                self.one_forward(work, launch, first)
        seen = set()
        for launch in backward_choices(session.rehearsal):
            key = (launch.block_h, launch.block_w, launch.backward_warps, launch.backward_stages)
            stripes = number_of_stripes(case, launch)
            if (*key, stripes) not in seen:
                seen.add((*key, stripes))
                with launching(launch):
                    self.one_backward(work, launch, stripes, first)
        for tile, warps in BY_TILE[: 1 if session.rehearsal else None]:
            with launching(replace(TODAY, tile=tile)):
                self.one_by_tile(work, tile, warps, first)

    def timed(
        self,
        work: Work,
        key: tuple[Any, ...],
        run: Callable[[], object],
        error: float | None,
        **row: Any,
    ) -> None:
        """Time a variant, unless it has been found wrong or the time is up; a row of the table."""
        session = self.session
        if error is not None:
            self.errors[key] = error
        if key not in self.errors:
            session.skip(f"{row['part']}, {row['variant']}", "nobody has compared it")
            return
        known = self.errors[key]
        name = f"{row['part']:<8} {row['variant']:<42}"
        if not known <= BOUND:  # so that NaN is not timed either
            if error is not None:
                session.wrong.append(f"tune {row['part']} {row['variant']}")
            session.report.note(f"    {name} WRONG: off by {known:.1e}, not timed")
            return
        ms = statistics.median(timing.samples_ms(run, session.device, 30.0))
        case = work.case
        session.report.row(
            "tune",
            f"    {name} {ms:>9.4f} ms {'<- today' if row['today'] else ''}",
            batch=case.batch,
            side=case.side,
            faces=20 * 4**case.level,
            silhouette=case.silhouette,
            part=row["part"],
            variant=row["variant"],
            tile=row.get("tile", ""),
            warps=row.get("warps", ""),
            stages=row.get("stages", ""),
            stripes=row.get("stripes", ""),
            today="yes" if row["today"] else "no",
            milliseconds=f"{ms:.5f}",
            error=f"{known:.1e}",
        )

    def attempt(self, what: str, run: Callable[[], None]) -> None:
        """A variant that a compiler refuses (too much shared memory, say) is said, not fatal."""
        if not self.session.has_time(what):
            return
        try:
            run()
        except Exception as error:
            self.session.skip(what, f"{type(error).__name__}: {error}".splitlines()[0])

    def all_lists(self, work: Work, first: bool) -> None:
        """Sort against cursor, for both tile sizes."""
        cursor = importlib.import_module(".list_cursor", __package__)
        for tile in (8, 16):
            with launching(replace(TODAY, tile=tile)):
                boxes, count, _ = triton_gpu.launch_setup(
                    work.triangles, work.colors, work.background, work.o
                )
                ends = count.cumsum(0)
                length, o = int(ends[-1]), work.o
                fill, atomic = triton_gpu.launch_fill, cursor.fill
                runs: dict[str, Callable[[], tiles.Tiles]] = {
                    "sort": functools.partial(fill, boxes, count, ends, length, o),
                    "cursor": functools.partial(atomic, boxes, count, length, o, tile),
                }
                for name, run in runs.items():
                    row = {"part": "lists", "variant": f"{name}, tile {tile}", "tile": tile}
                    row["today"] = name == "sort" and tile == TODAY.tile

                    def attempt(run: Any = run, row: dict[str, Any] = row, n: str = name) -> None:
                        error = same_lists(run(), boxes, o) if first else None  # noqa: B023
                        self.timed(work, ("lists", n, row["tile"]), run, error, **row)

                    self.attempt(f"lists by {name}", attempt)

    def one_forward(self, work: Work, launch: Launch, first: bool) -> None:
        """One variant of the forward kernel."""
        size = (launch.tile, launch.forward_warps, launch.forward_stages)
        key = ("forward", work.case.silhouette, *size)
        variant = f"tile {launch.tile}, warps {launch.forward_warps}, depth {launch.forward_stages}"

        def run() -> None:
            lists, _, facts = work.lists()
            image, _ = work.forward(lists, facts)
            error = off(image, self.truth[work.case.silhouette].image) if first else None
            row = {"tile": launch.tile, "warps": launch.forward_warps}
            row |= {"stages": launch.forward_stages, "today": launch == TODAY}
            self.timed(
                work, key, lambda: work.forward(lists, facts), error,
                part="forward", variant=variant, **row,
            )  # fmt: skip

        self.attempt(f"forward, {variant}", run)

    def one_backward(self, work: Work, launch: Launch, stripes: int, first: bool) -> None:
        """One variant of the backward kernel by triangles; the sum over stripes is in its time."""
        size = (launch.block_h, launch.block_w, launch.backward_warps, launch.backward_stages)
        key = ("backward", work.case.silhouette, *size)
        variant = (
            f"block {size[0]} x {size[1]}, warps {size[2]}, depth {size[3]}, stripes {stripes}"
        )

        def run() -> None:
            lists, boxes, facts = work.lists()
            image, state = work.forward(lists, facts)

            def backward() -> Any:
                return triton_gpu.launch_backward(
                    work.triangles, facts, work.colors, boxes, image, work.grad, state, work.o
                )

            error = self.gradient_error(work, backward()) if first else None
            row = {
                "warps": size[2],
                "stages": size[3],
                "stripes": stripes,
                "today": launch == TODAY,
            }
            self.timed(work, key, backward, error, part="backward", variant=variant, **row)

        self.attempt(f"backward, {variant}", run)

    def one_by_tile(self, work: Work, tile: int, warps: int, first: bool) -> None:
        """One variant of the backward kernel by tiles; filling the gradients with 0 is in its
        time."""
        by_tile = importlib.import_module(".tile_major", __package__)
        variant = f"by tiles: tile {tile}, warps {warps}"

        def run() -> None:
            lists, _, facts = work.lists()
            image, state = work.forward(lists, facts)

            def backward() -> Any:
                return by_tile.launch(
                    work.triangles,
                    facts,
                    work.colors,
                    lists,
                    image,
                    work.grad,
                    state,
                    work.o,
                    warps,
                )

            error = self.gradient_error(work, backward()) if first else None
            key = ("by tile", work.case.silhouette, tile, warps)
            row = {"tile": tile, "warps": warps, "today": False}
            self.timed(work, key, backward, error, part="backward", variant=variant, **row)

        self.attempt(f"backward, {variant}", run)

    def gradient_error(self, work: Work, grads: tuple[Tensor, Tensor | None]) -> float:
        """The worse of the two gradients, against the truth."""
        truth = self.truth[work.case.silhouette].grads
        return max(off(a, b) for a, b in zip(grads, truth, strict=False) if a is not None)


def off(got: Tensor, wanted: Tensor) -> float:
    """|difference| / |wanted|; infinity for what is not finite."""
    if not bool(got.isfinite().all()):
        return float("inf")
    return float((got.double() - wanted).norm() / wanted.norm())


def same_lists(got: tiles.Tiles, boxes: Tensor, o: Options) -> float:
    """0 if every list has the triangles that tiles.py says, in any order; else infinity."""
    wanted = tiles.tile_lists(boxes, o.height, o.width, got.size)
    if not torch.equal(got.starts, wanted.starts):
        return float("inf")
    lengths = (wanted.starts[1:] - wanted.starts[:-1]).long()
    tile = torch.repeat_interleave(torch.arange(len(lengths), device=boxes.device), lengths)
    most = boxes.shape[0] * boxes.shape[1]
    keys = [(tile * most + faces.long()).sort().values for faces in (got.faces, wanted.faces)]
    return 0.0 if torch.equal(*keys) else float("inf")


def number_of_stripes(case: Case, launch: Launch) -> int:
    """Programs that share one triangle, as `launch_backward` reckons them."""
    faces: int = case.batch * 20 * 4**case.level
    return max(1, min(math.ceil(case.side / launch.block_h), launch.few_programs // faces))


def best(rows: list[dict[str, Any]]) -> list[str]:
    """For each case and part the fastest variant beside today's choice, in words."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        where = tuple(row[name] for name in ("batch", "side", "faces", "silhouette", "part"))
        groups.setdefault(where, []).append(row)
    lines = []
    for (batch, side, faces, silhouette, part), mine in groups.items():
        fastest = min(mine, key=lambda row: float(row["milliseconds"]))
        today = next((row for row in mine if row["today"] == "yes"), None)
        kind = "silhouette" if silhouette else "RGB"
        text = (
            f"{batch} x {side} x {side}, {faces:,} faces, {kind}, {part}: best {fastest['variant']}"
        )
        text += f" {float(fastest['milliseconds']):.4f} ms"
        if today is not None:
            now, then = float(today["milliseconds"]), float(fastest["milliseconds"])
            text += f"; today {today['variant']} {now:.4f} ms, {now / then:.2f} x as long"
        lines.append(text)
    return lines
