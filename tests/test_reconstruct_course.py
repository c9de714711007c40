"""What notebook 15 stands on.

Objects in memory, the table, the figure of the network, a curve that grows, and the model that
comes with the course.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from softras_edu.reconstruct.checkpoint import PRETRAINED, load_model
from softras_edu.reconstruct.data import make_data, read
from softras_edu.reconstruct.evaluate import evaluate
from softras_edu.reconstruct.families import FAMILIES
from softras_edu.reconstruct.network import Network
from softras_edu.reconstruct.samples import make_shapes
from softras_edu.teaching.live_curve import LiveCurve
from softras_edu.teaching.live_picture import LivePicture
from softras_edu.teaching.network_diagram import diagram
from softras_edu.teaching.results import reconstruction as table
from softras_edu.teaching.results import tables


def test_objects_in_memory_are_those_of_the_files(tmp_path: Path) -> None:
    make_data(tmp_path, objects=2, held_out=1, seed=3, classes=["mug", "car"], progress=False)
    for split, count in (("train", 2), ("test", 1)):
        ours, theirs = make_shapes(["car", "mug"], split, count, seed=3), read(tmp_path, split)
        assert ours.classes == theirs.classes
        for one, other in zip(
            ours.images + ours.voxels, theirs.images + theirs.voxels, strict=True
        ):
            assert torch.equal(one, other)


def test_the_table_takes_the_seeds_together_and_keeps_whose_numbers_they_are() -> None:
    blank = dict.fromkeys(("source", "method", "seed", "steps", *FAMILIES, "mean"), "")
    mine = blank | {"source": "ours", "method": "color", "steps": "1200"}
    rows = [
        mine | {"seed": "0", "car": "60.0", "mean": "50.0"},
        mine | {"seed": "0", "steps": "6000", "car": "80.0", "mean": "80.0"},
        blank
        | {
            "source": "ShapeNet, theirs, not comparable (somebody)",
            "method": "NMR",
            "mean": "57.0",
        },
        mine | {"seed": "1", "car": "70.0", "mean": "51.0"},
    ]
    color, nmr = table.summary(rows, steps=1200).values()
    assert (color.method, color.ours, color.runs) == ("color", True, 2)
    assert color.families == {"car": (65.0, 60.0, 70.0)}
    assert color.mean == (50.5, 50.0, 51.0)
    assert not nmr.ours
    assert nmr.families == {}


def test_the_figure_of_the_families_has_a_mark_for_each_method() -> None:
    line = table.Line(
        "color", "ours", 2, dict.fromkeys(FAMILIES, (50.0, 40.0, 60.0)), (50.0, 45.0, 55.0)
    )
    hull = table.Line(
        table.HULL, "ours", 1, dict.fromkeys(FAMILIES, (70.0, 70.0, 70.0)), (70.0, 70.0, 70.0)
    )
    (ax,) = table.families_figure([hull, line], ["hull", "colour"]).axes
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["hull", "colour"]
    assert [label.get_text() for label in ax.get_xticklabels()] == [*FAMILIES, "mean"]


def test_without_a_table_it_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "folder", lambda: None)
    with pytest.raises(FileNotFoundError, match="reconstruct_table"):
        table.read()


@pytest.mark.parametrize(("color", "level"), [(False, 2), (True, 3)])
def test_the_diagram_tells_the_sizes_of_this_network(color: bool, level: int) -> None:
    network = Network(width=0.1, color=color, level=level)
    texts = " ".join(text.get_text() for text in diagram(network).axes[0].texts)
    assert f"{len(network.sphere)} offsets" in texts
    assert "6 x 32 x 32" in texts
    assert ("palette" in texts) == color


def test_the_curve_is_shown_once_and_then_changed_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []

    def display(data: dict[str, Any], **options: Any) -> SimpleNamespace:
        shown.append(data)
        assert options["metadata"]["image/png"]["alt"] == data["text/plain"]
        return SimpleNamespace(update=lambda data, **options: updates.append(data))

    monkeypatch.setattr("IPython.display.display", display)
    curve = LiveCurve(10)
    for step, loss in ((0, 0.9), (5, 0.5), (9, 0.25)):
        curve(step, loss)
    assert len(shown) == 1
    assert len(updates) == 2
    assert "from 0.90 at step 0 to 0.25 at step 9" in updates[-1]["text/plain"]
    assert updates[0]["image/png"] != updates[1]["image/png"]


def test_a_live_picture_shows_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    pngs: list[bytes] = []

    def keep(data: dict[str, Any], **options: Any) -> SimpleNamespace:
        assert options["metadata"]["image/png"]["alt"] == data["text/plain"] == "a gradient"
        pngs.append(base64.b64decode(data["image/png"]))
        return SimpleNamespace(update=keep)

    monkeypatch.setattr("IPython.display.display", keep)
    live = LivePicture("a gradient", side=12)
    for image in (
        torch.zeros(6, 3),
        torch.linspace(0, 1, 18).view(6, 3)[..., None].expand(6, 3, 4),
    ):
        live(image)
    first, last = (Image.open(io.BytesIO(each)).convert("RGB") for each in pngs)
    assert first.size == last.size == (6, 12)
    assert first.getextrema() == ((0, 0),) * 3
    assert last.getextrema() == ((0, 255),) * 3


@pytest.mark.data
def test_the_model_that_comes_with_the_course_is_small_and_knows_its_families() -> None:
    assert PRETRAINED.stat().st_size <= 5_000_000
    network, config, about = load_model()
    assert {"steps", "seconds", "device"} <= set(about)
    assert config.method == "color"
    score = evaluate(network, make_shapes(FAMILIES, "test", 1), views=[5, 17], progress=False)
    assert score.mean > 0.35
