"""Tile lists miss no pair that counts.

They hold what the boxes say, no more and no less.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from softras_edu import formulas, softness
from softras_edu.rasterizers.options import Options
from softras_edu.rasterizers.tiles import drawable, reach_boxes, tile_lists


def options(height: int, width: int, **changes: object) -> Options:
    plain = {"sigma": 1e-3, "gamma": 1e-2, "eps": 1e-3, "near": 1.0, "far": 100.0, "dist_eps": 1e-4}
    plain |= {"distance": "euclidean", "perspective_correct": False, "cull_backfaces": False}
    return Options(height=height, width=width, **(plain | changes))


def kept_pairs(triangles: Tensor, o: Options) -> Tensor:
    """Mask (B, F, H, W) of the pairs that count, from the formulas."""
    pixel = formulas.pixel_centers(o.height, o.width, dtype=triangles.dtype)
    xy, z = triangles[:, :, None, None, :, :2], triangles[:, :, None, None, :, 2]
    w = formulas.barycentric(pixel, xy)
    log_d, _ = softness.log_probability(formulas.signed_logit(pixel, xy, w, o.sigma, o.distance))
    depth = formulas.interpolate_depth(formulas.clip_barycentric(w), z)
    return (
        drawable(triangles, o)[:, :, None, None]
        & (log_d >= o.log_dist_eps)
        & (depth >= o.near)
        & (depth <= o.far)
    )


def box_mask(boxes: Tensor, height: int, width: int) -> Tensor:
    """Mask (B, F, H, W) of the pixels in each box."""
    i, j = torch.arange(height)[:, None], torch.arange(width)
    first_row, end_row, first_column, end_column = (
        side[..., None, None] for side in boxes.unbind(-1)
    )
    return (i >= first_row) & (i < end_row) & (j >= first_column) & (j < end_column)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_no_pair_that_counts_lies_outside_its_box(scene, data):
    dtype = data.draw(st.sampled_from([torch.float32, torch.float64]))
    triangles, _ = scene(data.draw(st.integers(0, 10**6)), faces=6, batch=2, dtype=dtype)
    triangles[..., :2] *= 10 ** data.draw(
        st.floats(-3, 2)
    )  # from a hundredth of a pixel to far beyond the image
    o = options(
        data.draw(st.integers(1, 20)),
        data.draw(st.integers(1, 20)),
        sigma=10 ** data.draw(st.floats(-7, 0)),
        dist_eps=data.draw(st.sampled_from([0.0, 1e-8, 1e-4, 0.3])),
        near=data.draw(st.sampled_from([1.0, 3.0])),
        far=data.draw(st.sampled_from([5.0, 100.0])),
        distance=data.draw(st.sampled_from(["euclidean", "barycentric"])),
        cull_backfaces=data.draw(st.booleans()),
    )
    inside = box_mask(reach_boxes(triangles, o), o.height, o.width)
    assert not (kept_pairs(triangles, o) & ~inside).any()


@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
def test_boxes_are_tight(scene, distance):
    # One pixel less on any side, and a pair that counts would be lost: every row and column of a
    # box holds such a pair, unless the reach passes the side between two pixels only at a rounded
    # corner.
    triangles, _ = scene(3, faces=40, batch=1)
    triangles[..., :2] *= 0.3
    o = options(64, 80, distance=distance, sigma=1e-3)
    kept, boxes = kept_pairs(triangles, o)[0], reach_boxes(triangles, o)[0]
    rows, columns = kept.any(2), kept.any(1)
    sides = ((boxes[:, 1] - boxes[:, 0], rows), (boxes[:, 3] - boxes[:, 2], columns))
    slack = torch.cat([length - seen.sum(1) for length, seen in sides])
    assert slack.min() >= 0
    if distance == "euclidean":
        assert slack.max() <= 2  # 1 a side
    else:
        assert slack.sum() < 0.5 * sum(
            length.sum() for length, _ in sides
        )  # a square about a triangle


def test_triangles_that_cannot_be_seen_have_empty_boxes(scene):
    triangles, _ = scene(4, faces=7, batch=1)
    triangles[0, 1, 0, 2] = 0.0  # a corner at the eye
    triangles[0, 2, 2] = triangles[0, 2, 0]  # no area
    triangles[0, 3, :, 0] += 50  # far to the right
    triangles[0, 4, :, 2] = 0.5  # before near
    triangles[0, 5, :, 2] = 101.0  # beyond far
    o = options(16, 16, sigma=1e-2)
    empty = (reach_boxes(triangles, o) == 0).all(-1)[0]
    assert empty.tolist() == [False, True, True, True, True, True, False]
    assert reach_boxes(triangles, o).dtype == torch.int32


def test_backfaces_have_empty_boxes_when_culled(scene):
    triangles, _ = scene(5, faces=20, batch=1)
    back = formulas.doubled_area(triangles[..., :2]) < 0
    assert back.any()
    assert not back.all()
    boxes = reach_boxes(triangles, options(9, 9, cull_backfaces=True, sigma=1.0))
    torch.testing.assert_close((boxes == 0).all(-1), back)


def test_without_a_cut_every_triangle_reaches_every_pixel(scene):
    triangles, _ = scene(6, faces=5, batch=2)
    for distance in ("euclidean", "barycentric"):
        boxes = reach_boxes(triangles, options(7, 13, dist_eps=0.0, distance=distance))
        assert (boxes == torch.tensor([0, 7, 0, 13])).all()


@pytest.mark.parametrize("size", [1, 4, 8, 16])
@pytest.mark.parametrize(("height", "width"), [(7, 13), (13, 7), (1, 1), (16, 16), (33, 5)])
def test_lists_hold_exactly_the_triangles_whose_box_touches_the_tile(scene, size, height, width):
    triangles, _ = scene(7, faces=9, batch=3)
    triangles[..., :2] *= 0.5
    triangles[1, 4, 0, 2] = -1.0
    boxes = reach_boxes(triangles, options(height, width))
    tiles = tile_lists(boxes, height, width, size)
    assert (tiles.rows, tiles.columns) == (-(-height // size), -(-width // size))
    inside = box_mask(boxes, height, width)
    tile = 0
    for b in range(3):
        for row in range(tiles.rows):
            for column in range(tiles.columns):
                part = (
                    inside[b, :, row * size : (row + 1) * size, column * size : (column + 1) * size]
                    .flatten(1)
                    .any(1)
                )
                got = tiles.faces[tiles.starts[tile] : tiles.starts[tile + 1]].tolist()
                assert got == [
                    b * 9 + f for f in part.nonzero().flatten().tolist()
                ]  # and in ascending order
                tile += 1
    assert tiles.starts.shape == (tile + 1,)
    assert tiles.starts[0] == 0
    assert tiles.starts[-1] == len(tiles.faces)


def test_a_list_has_no_limit():
    # 5,000 triangles on one pixel: nothing overflows, nothing is dropped.
    corners = torch.tensor([[-0.1, -0.1, 2.0], [0.1, -0.1, 2.0], [0.0, 0.1, 2.0]])
    tiles = tile_lists(reach_boxes(corners.expand(1, 5000, 3, 3), options(8, 8)), 8, 8, 8)
    assert tiles.faces.tolist() == list(range(5000))


@pytest.mark.parametrize(("batch", "faces"), [(0, 0), (0, 3), (2, 0)])
def test_nothing_gives_empty_lists(batch, faces):
    tiles = tile_lists(reach_boxes(torch.zeros(batch, faces, 3, 3), options(5, 9)), 5, 9, 4)
    assert tiles.faces.numel() == 0
    assert tiles.starts.tolist() == [0] * (batch * 2 * 3 + 1)


def test_more_tiles_than_an_int_can_count_are_refused():
    with pytest.raises(ValueError, match="2\\*\\*31"):
        tile_lists(torch.zeros(3, 1, 4, dtype=torch.int32), 2**15, 2**15, 1)
