"""The figures: what is drawn where, and the alt text that goes with them."""

from __future__ import annotations

import base64
import io

import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from softras_edu.teaching import figures


def test_pictures_measure_ndc_and_keep_values() -> None:
    image = torch.rand(4, 6)
    figure = figures.pictures([image, image], ["a", "b"], vmin=-1, vmax=2, colorbar="value")
    ax = figure.axes[0]
    assert isinstance(figure, Figure)
    assert [a.get_title() for a in figure.axes[:2]] == ["a", "b"]
    assert tuple(ax.images[0].get_extent()) == (-1.5, 1.5, -1, 1)
    assert torch.equal(torch.from_numpy(ax.images[0].get_array().data), image)
    assert ax.images[0].get_clim() == (-1, 2)


def test_outlines_are_closed_and_arrows_of_nothing_are_dots() -> None:
    triangle = torch.tensor([[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]])
    steps = torch.tensor([[0.0, 0.0], [0.3, 0.0], [0.0, 0.0]])
    figure = figures.pictures(
        [torch.zeros(4, 4)], ["t"], outlines=[[(triangle, "red")]], arrows=[(triangle, steps)]
    )
    outline, *dots = figure.axes[0].lines
    assert outline.get_xydata()[0].tolist() == outline.get_xydata()[-1].tolist()
    assert len(dots) == 2
    assert len(figure.axes[0].texts) == 1  # the one arrow is an annotation


def test_curves_differ_in_style_and_not_only_in_colour() -> None:
    x = torch.linspace(0, 1, 5)
    figure = figures.curves(
        x,
        {name: x * k for k, name in enumerate("abcd")},
        xlabel="x",
        ylabel="y",
        marks={"here": 0.5},
        logy=True,
    )
    lines = figure.axes[0].lines[:4]
    assert len({line.get_linestyle() for line in lines}) == 4
    assert len({line.get_color() for line in lines}) == 4
    assert figure.axes[0].get_yscale() == "log"
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        *"abcd",
        "here",
    ]


def test_conventions_puts_row_0_at_the_top() -> None:
    texts = {text.get_text(): text.xy for text in figures.conventions().axes[0].texts}
    assert texts["0, 0"] == (-1.25, 0.75)
    assert texts["3, 5"] == (1.25, -0.75)


def test_show_carries_the_alt_text(monkeypatch) -> None:
    sent = {}
    monkeypatch.setattr(
        "IPython.display.display",
        lambda bundle, raw, metadata: sent.update(bundle=bundle, metadata=metadata),
    )
    figures.show(figures.conventions(), "a grid of pixels")
    assert (
        sent["metadata"]["image/png"]["alt"] == sent["bundle"]["text/plain"] == "a grid of pixels"
    )


def test_a_table_of_axes_draws_a_box_for_each_axis_and_a_dashed_one_where_it_is_stretched():
    (ax,) = figures.axes_table(["B", "F", "H"], {"a": ["", "3", "1"], "b": ["2", "1", "4"]}).axes
    styles = [patch.get_linestyle() for patch in ax.patches]
    assert len(styles) == 5
    assert styles.count("--") == 2


def test_gather_and_sum_draws_two_arrows_a_pair_and_names_everything():
    (ax,) = figures.gather_and_sum([0, 0, 1], [2, 0, 2], faces=2, pixels=3).axes
    texts = [text.get_text() for text in ax.texts]
    assert texts.count("") == 6  # the arrows
    assert {"face 0", "face 1", "0, 2", "0, 0", "1, 2", "pixel 0", "pixel 1", "pixel 2"} <= set(
        texts
    )


def test_bars_say_how_high_they_are():
    (ax,) = figures.bars(
        ["small", "large"], {"all": [999, 5_242_880], "live": [12, 16_352]}, ylabel="pairs"
    ).axes
    assert {text.get_text() for text in ax.texts} == {"999", "5.24 M", "12", "16.4 k"}
    assert ax.get_yscale() == "log"


def test_a_flip_book_keeps_its_frames_and_their_times():
    frames = [torch.full((4, 4), k / 4) for k in range(5)]
    for kind in ("gif", "png"):
        book = Image.open(io.BytesIO(figures.flip_book(frames, seconds=0.1, side=9, format=kind)))
        assert book.n_frames == 5
        assert book.size == (8, 8)  # enlarged by a whole factor
        assert book.info["loop"] == 0
        for k in range(5):
            book.seek(k)
            assert abs(book.convert("L").getpixel((3, 3)) - 255 * k / 4) <= 1
        assert book.info["duration"] == 300
    coloured = Image.open(
        io.BytesIO(
            figures.flip_book(
                [torch.tensor([0.0, 0.5, 1.0, 1.0]).expand(2, 2, 4)], side=2, format="png"
            )
        )
    )
    assert coloured.convert("RGB").getpixel((0, 0)) == (0, 128, 255)
    with pytest.raises(ValueError, match="frames: got none"):
        figures.flip_book([])


def test_a_flip_book_is_shown_as_a_picture_with_alt_text(monkeypatch) -> None:
    sent = {}
    monkeypatch.setattr(
        "IPython.display.display",
        lambda bundle, raw, metadata: sent.update(bundle=bundle, metadata=metadata),
    )
    figures.show_flip_book([torch.zeros(4, 4), torch.ones(4, 4)], "black, then white")
    assert Image.open(io.BytesIO(base64.b64decode(sent["bundle"]["image/png"]))).n_frames == 2
    assert sent["metadata"]["image/png"]["alt"] == "black, then white"


def test_intervals_draw_every_mean_at_its_height():
    figure = figures.intervals(
        ["a", "b"],
        {"one": [(3.0, 1.0), (5.0, 0.5)], "two": [(4.0, 1.0), (2.0, 0.5)]},
        marks=[6.0, 7.0],
        mark="start",
        ylabel="degrees",
    )
    (ax,) = figure.axes
    assert [container.lines[0].get_ydata().tolist() for container in ax.containers] == [
        [3.0, 5.0],
        [4.0, 2.0],
    ]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["start", "one", "two"]


def test_profiles_and_surfaces_draw_what_they_are_given():
    x = torch.linspace(-1, 1, 5)
    figure = figures.profiles(
        x,
        {"one": {"a": x, "b": -x}, "two": {"c": x}, "three": {"d": x}},
        xlabel="x",
        ylabel="y",
        ylim=(-1, 1),
    )
    assert [ax.get_title() for ax in figure.axes] == ["one", "two", "three", ""]
    assert [len(ax.lines) for ax in figure.axes] == [3, 2, 2, 0]  # and the line at 0
    maps = {name: torch.rand(4, 4) for name in ("max", "yager")}
    assert [ax.get_title() for ax in figures.surfaces(maps, columns=2).axes] == ["max", "yager"]


def test_a_picture_of_few_colours_is_smaller_and_has_the_same_alt(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **rest: shown.append((data, rest)))
    figure = figures.surfaces({"hill": torch.linspace(0, 1, 900).reshape(30, 30)}, columns=1)
    figures.show(figure, "a hill")
    figures.show(figure, "a hill", colors=64)
    assert len(shown[1][0]["image/png"]) < 0.7 * len(shown[0][0]["image/png"])
    assert shown[0][1] == shown[1][1]


# ---------------------------------------------------------------- one triangle


def test_marks_of_curves_are_named_in_the_legend_and_cover_no_line() -> None:
    x = torch.linspace(0, 1, 5)
    figure = figures.curves(x, {"a": x}, xlabel="x", ylabel="y", marks={"here": 0.5})
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "here"]
    assert not axes.texts


def test_the_fourth_half_plane_is_the_triangle_for_both_orders_of_its_corners() -> None:
    triangle = torch.tensor([[-0.5, -0.5], [0.5, -0.5], [0.0, 0.5]])
    for corners in (triangle, triangle.flip(0)):
        masks = [ax.images[0].get_array()[..., 0] < 0.5 for ax in figures.half_planes(corners).axes]
        assert abs(masks[3].mean() - 0.5 / 4) < 0.01  # area 0.5 of 4
        assert (masks[0] & masks[1] & masks[2] == masks[3]).all()


def test_the_weights_of_the_drawing_are_shares_of_the_area() -> None:
    triangle = torch.tensor([[0.0, 0.0], [0.6, 0.0], [0.0, 0.6]])
    figure = figures.weights_as_areas(triangle, torch.tensor([0.3, 0.15]), torch.tensor([0.6, 0.3]))
    texts = [{text.get_text() for text in ax.texts} for ax in figure.axes]
    assert "v0 = +0.25  v1 = +0.50  v2 = +0.25" in texts[0]
    assert "v0 = -0.50  v1 = +1.00  v2 = +0.50" in texts[1]


def test_the_cut_off_stands_where_d_is_dist_eps() -> None:
    for ax in figures.cut_off(1e-2).axes:
        (place,) = {x for line in ax.lines for x in line.get_xdata() if line.get_ls() == "--"}
        assert torch.tensor(place).sigmoid().item() == pytest.approx(1e-2)


def test_panels_are_shown_pixel_by_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, str]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, **rest: shown.append(data))
    figures.show_panels([torch.zeros(64, 64), torch.ones(256, 256, 3)], ["a", "b"], "two squares")
    picture = Image.open(io.BytesIO(base64.b64decode(shown[0]["image/png"])))
    assert picture.size == (2 * 256 + 10, 256 + 24)
    assert shown[0]["text/plain"] == "two squares"
