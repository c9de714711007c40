"""`checks.contract` lets the library's own rungs pass, and names the scene of a wrong one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from softras_edu import checks
from softras_edu.checks.exercise import Mistake, YourTurn
from softras_edu.rasterizers.broadcast import rasterize_broadcast
from softras_edu.rasterizers.ladder import load
from softras_edu.rasterizers.loops import rasterize_loops


def first_tiles(image: torch.Tensor, count: int) -> torch.Tensor:
    """(B, H, W, C) with nothing in it but the first so many tiles of 8 x 8."""
    i, j = torch.arange(image.shape[1])[:, None], torch.arange(image.shape[2])
    columns = (image.shape[2] + 7) // 8
    return image * (i // 8 * columns + j // 8 < count)[..., None]


WRONG = {
    "one triangle, silhouette only: the shape of the image": lambda t, c, b, o: rasterize_broadcast(
        t, c, b, o
    ).movedim(-1, 1),
    "one triangle, silhouette only: the gradient of the triangles differs": lambda t, c, b, o: (
        rasterize_broadcast(t.detach(), c, b, o)
    ),
    "one triangle in colour: the image differs": lambda t, c, b, o: rasterize_broadcast(
        t, c, 0 * b, o
    ),
    "one triangle in colour: the gradient of the background": lambda t, c, b, o: (
        rasterize_broadcast(t, c, b.detach(), o)
    ),
    "pairs left out below dist_eps": lambda t, c, b, o: rasterize_broadcast(
        t, c, b, replace(o, dist_eps=0.0)
    ),
    "near and far": lambda t, c, b, o: rasterize_broadcast(t, c, b, replace(o, near=1.0)),
    'distance="barycentric"': lambda t, c, b, o: rasterize_broadcast(
        t, c, b, replace(o, distance="euclidean")
    ),
    "perspective-correct colours": lambda t, c, b, o: rasterize_broadcast(
        t, c, b, replace(o, perspective_correct=False)
    ),
    "back faces culled": lambda t, c, b, o: rasterize_broadcast(
        t, c, b, replace(o, cull_backfaces=False)
    ),
    "two images of seven channels": lambda t, c, b, o: rasterize_broadcast(
        t[:1].expand_as(t), c, b, o
    ),
    "contract, many tiles": lambda t, c, b, o: first_tiles(rasterize_broadcast(t, c, b, o), 1),
    "more tiles than a tile is wide": lambda t, c, b, o: first_tiles(
        rasterize_broadcast(t, c, b, o), 8
    ),
    "a triangle behind the eye": lambda t, c, b, o: rasterize_broadcast(
        torch.cat([t[..., :2], t[..., 2:].abs()], -1), c, b, o
    ),
}


@pytest.mark.parametrize("rung", ["loops", "pairs", "numba"])
def test_the_librarys_own_rungs_pass(rung: str, capsys: pytest.CaptureFixture[str]) -> None:
    checks.contract(rasterize_loops if rung == "loops" else load(rung))
    assert capsys.readouterr().out == "contract: passed, 14 scenes, images and gradients.\n"


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_one_is_told_where(message: str) -> None:
    with pytest.raises(Mistake) as caught:
        checks.contract(WRONG[message])
    assert message in str(caught.value)


@pytest.mark.parametrize("much", [1e-6, float("nan"), float("inf")])
def test_one_pixel_that_is_a_little_off_or_no_number_is_found(much: float) -> None:
    def almost(t, c, b, o):
        off = torch.zeros(len(t), o.height, o.width, b.shape[-1] + 1, dtype=t.dtype)
        off[0, 2, 3, -1] = much
        return rasterize_broadcast(t, c, b, o) + off

    with pytest.raises(Mistake, match=r"the image differs, most at index \(0, 2, 3, 0\)"):
        checks.contract(almost)


def test_an_answer_that_is_no_tensor_is_told_so() -> None:
    with pytest.raises(Mistake, match="returned NoneType"):
        checks.contract(lambda t, c, b, o: None)


def test_a_stub_stays_a_stub() -> None:
    def stub(*arguments: object) -> torch.Tensor:
        raise NotImplementedError("Exercise 06-1")

    with pytest.raises(YourTurn, match="Exercise 06-1"):
        checks.contract(stub)
