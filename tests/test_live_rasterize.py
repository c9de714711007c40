"""The soft rasterizer in the browser against `broadcast`, in Chromium: image and whole gradient."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
import torch
from chromium import module_page
from compare import backdrop, cotangent, options, rounding, values_and_gradients
from torch import Tensor
from ugly import KINDS, random_case

from softras_edu import Camera, icosphere, rasterize
from softras_edu.rasterizers.broadcast import rasterize_broadcast
from softras_edu.rasterizers.options import Options

IMAGE, GRADIENT = 1e-10, 1e-8
SEEDS = 36  # scenes of each of 8 kinds

DRAW = """async scenes => {
    const { rasterize, rasterize_backward } = await import("/rasterize.js");
    const numbers = list => list === null ? null : Float64Array.from(list);
    return JSON.stringify(JSON.parse(scenes).map(scene => {
        const options = { ...scene.options, background: numbers(scene.background) };
        const drawn = rasterize(numbers(scene.triangles), numbers(scene.colors), options);
        const back = rasterize_backward(numbers(scene.d_image), drawn);
        const all = [drawn.image, back.d_triangles, back.d_colors, back.d_background];
        return all.map(list => Array.from(list));
    }));
}"""


class Scene(NamedTuple):
    """What one picture is drawn from: (F, 3, 3), (F, 3, C) or None, (H, W, C)."""

    name: str
    triangles: Tensor
    colors: Tensor | None
    background: Tensor
    o: Options

    def channels(self) -> int:
        return self.background.shape[-1]

    def as_json(self) -> dict[str, Any]:
        o = self.o
        names = ("sigma", "gamma", "eps", "near", "far", "dist_eps", "distance")
        names += ("perspective_correct", "cull_backfaces")
        d_image = cotangent(torch.empty(1, o.height, o.width, self.channels() + 1).double())
        return {
            "triangles": self.triangles.flatten().tolist(),
            "colors": None if self.colors is None else self.colors.flatten().tolist(),
            "background": self.background.flatten().tolist() or [0.0],
            "d_image": d_image.flatten().tolist(),
            "options": {
                "size": [o.height, o.width],
                "channels": self.channels() or None,
                **{name: getattr(o, name) for name in names},
            },
        }

    def wanted(self) -> list[Tensor]:
        """Image and gradients of triangles, colours and background, by `broadcast`."""
        colors = None if self.colors is None else self.colors[None]
        found = values_and_gradients(
            rasterize_broadcast, self.triangles[None], colors, self.background[None], self.o
        )
        image, d_triangles, *rest = found
        d_colors = rest[0] if colors is not None else torch.zeros(0).double()
        return [image, d_triangles, d_colors, rest[-1]]


def scene_of(name: str, triangles: Tensor, colors: Tensor | None, o: Options) -> Scene:
    channels = 0 if colors is None else colors.shape[-1]
    return Scene(name, triangles, colors, backdrop(triangles[None], channels, o)[0], o)


def random_scenes() -> list[Scene]:
    scenes = []
    for kind in KINDS:
        for seed in range(SEEDS):
            triangles, colors, o = random_case(kind, seed)
            first = None if colors is None else colors[0]
            scenes.append(scene_of(f"{kind.__name__} {seed}", triangles[0], first, o))
    return scenes


def named_scenes() -> list[Scene]:
    """What the random ones may miss, each with three faces, or none."""
    generator = torch.Generator().manual_seed(3)
    soup = torch.rand(3, 3, 3, generator=generator, dtype=torch.float64)
    soup = soup * torch.tensor([2.0, 2.0, 3.0]) + torch.tensor([-1.0, -1.0, 2.0])
    colors = torch.rand(3, 3, 3, generator=generator, dtype=torch.float64)
    sliver = soup.clone()
    sliver[0, 2, :2] = (sliver[0, 0, :2] + sliver[0, 1, :2]) / 2 + 1e-9
    behind, beyond = soup.clone(), soup.clone()
    behind[..., 2] -= 6
    beyond[..., 2] += 1000
    shapes = {
        "no face": (soup[:0], colors[:0]),
        "one face": (soup[:1], colors[:1]),
        "silhouette": (soup, None),
        "sliver": (sliver, colors),
        "point": (soup[:, :1].expand(3, 3, 3), colors),
        "behind the eye": (behind, colors),
        "beyond far": (beyond, colors),
        "the same twice": (soup[[0, 0, 1]], colors),
    }
    changes = {
        "plain": {},
        "sigma 1e-12": {"sigma": 1e-12},
        "sigma 1e6": {"sigma": 1e6},
        "gamma 1e-3": {"gamma": 1e-3},
        "gamma 1e6": {"gamma": 1e6},
        "cut": {"dist_eps": 1e-4},
    }
    return [
        scene_of(f"{shape}, {change}", *shapes[shape], options((7, 13), **changes[change]))
        for shape in shapes
        for change in changes
    ]


@pytest.fixture(scope="module")
def page(browser):
    page = module_page(browser)
    yield page
    assert not page.complaints


def check(page, scenes: list[Scene], expected: list[list[Tensor]]) -> None:
    results = json.loads(page.evaluate(DRAW, json.dumps([scene.as_json() for scene in scenes])))
    names = ("image", "d_triangles", "d_colors", "d_background")
    for scene, result, tensors in zip(scenes, results, expected, strict=True):
        for name, got, wanted in zip(names, result, tensors, strict=True):
            largest = max(1.0, wanted.abs().max().item() if wanted.numel() else 0.0)
            bound = IMAGE if name == "image" else GRADIENT
            bound = max(bound, rounding(scene.triangles, scene.o.gamma))
            assert len(got) == wanted.numel(), (scene.name, name)
            far = (torch.tensor(got, dtype=torch.float64) - wanted.flatten()).abs()
            assert (far <= bound * largest).all(), (scene.name, name, far.max().item(), largest)


def test_random_scenes_agree_with_broadcast(page):
    scenes = random_scenes()
    assert len(scenes) >= 200
    wanted = [scene.wanted() for scene in scenes]
    pictures = zip(scenes, wanted, strict=True)
    seen = [scene for scene, (image, *_) in pictures if (image[..., -1] > 1e-3).any()]
    assert len(seen) >= 100, "a comparison of empty pictures"
    assert {scene.o.distance for scene in seen} == {"euclidean", "barycentric"}
    assert {scene.o.perspective_correct for scene in seen} == {False, True}
    check(page, scenes, wanted)


def test_named_scenes_agree_with_broadcast(page):
    scenes = named_scenes()
    check(page, scenes, [scene.wanted() for scene in scenes])


def test_defaults_are_those_of_rasterize(page):
    triangles = torch.tensor([[[-0.5, -0.5, 2.0], [0.6, -0.4, 3.0], [0.1, 0.7, 2.5]]]).double()
    colors = torch.rand(1, 3, 3, generator=torch.Generator().manual_seed(1)).double()
    got = page.evaluate(
        """async ([triangles, colors]) => {
            const { rasterize } = await import("/rasterize.js");
            const numbers = [new Float64Array(triangles), new Float64Array(colors)];
            return Array.from(rasterize(...numbers, { size: 24 }).image);
        }""",
        [triangles.flatten().tolist(), colors.flatten().tolist()],
    )
    wanted = rasterize(triangles, colors, size=24, backend="broadcast")
    torch.testing.assert_close(
        torch.tensor(got, dtype=torch.float64), wanted.flatten(), rtol=0, atol=IMAGE
    )


REFUSED = """async ([triangles, colors, options]) => {
    const { rasterize } = await import("/rasterize.js");
    const number = x => x === "nan" ? NaN : x === "inf" ? Infinity : x;
    const numbers = list => list === null ? null : Float64Array.from(list, number);
    for (const name in options) {
        const value = options[name];
        options[name] = Array.isArray(value) ? value.map(number) : number(value);
        if (name === "background") options[name] = numbers([value].flat());
    }
    try {
        rasterize(numbers(triangles), numbers(colors), options);
    } catch (error) {
        return [error.name, error.message];
    }
    return null;
}"""
ONE = [0, 0, 2, 1, 0, 2, 0, 1, 2]


@pytest.mark.parametrize(
    ("triangles", "colors", "options", "name"),
    [
        ([*ONE[:8], "nan"], None, {}, "triangles"),
        ([*ONE[:8], "inf"], None, {}, "triangles"),
        ([*ONE[:7], 1e15, 2], None, {}, "triangles"),
        (ONE[:8], None, {}, "triangles"),
        (ONE, [0] * 8, {}, "colors"),
        (ONE, ["nan"] * 9, {}, "colors"),
        (ONE, [0] * 9, {"background": "nan"}, "background"),
        (ONE, [0] * 9, {"background": [0, 0]}, "background"),
        (ONE, None, {"sigma": 0}, "sigma"),
        (ONE, None, {"sigma": "nan"}, "sigma"),
        (ONE, None, {"gamma": "inf"}, "gamma"),
        (ONE, None, {"near": -1}, "near"),
        (ONE, None, {"far": 1}, "far"),
        (ONE, None, {"eps": -1}, "eps"),
        (ONE, None, {"dist_eps": 0.5}, "dist_eps"),
        (ONE, None, {"size": 0}, "size"),
        (ONE, None, {"size": [3, 2.5]}, "size"),
        (ONE, None, {"distance": "far"}, "distance"),
    ],
)
def test_bad_input_is_refused_in_the_words_of_rasterize(page, triangles, colors, options, name):
    found = page.evaluate(REFUSED, [triangles, colors, {"size": 4, **options}])
    assert found is not None
    kind, message = found
    assert kind == "RangeError"
    assert message.startswith(f"{name}: got ")
    assert ", wanted " in message


SECONDS = """async ([triangles, colors]) => {
    const { rasterize } = await import("/rasterize.js");
    const given = [new Float64Array(triangles), new Float64Array(colors), { size: 128 }];
    const frames = [], yardsticks = [];
    let sum = 0;
    for (let k = 0; k < 40; k++) {
        const start = performance.now();
        sum += rasterize(...given).image[0];
        const half = performance.now();
        for (let n = 0; n < 1e6; n++) sum += Math.exp(-1e-6 * n);
        frames.push(half - start);
        yardsticks.push(performance.now() - half);
    }
    return [Math.min(...frames), Math.min(...yardsticks), sum];
}"""


def test_a_sphere_is_drawn_in_less_than_a_frame_of_the_screen(page):
    """1,280 triangles at 128 x 128, sigma 1e-4: 16 ms on a laptop, whose exp takes about 6 ns.

    Other tests run beside this one, so the yardstick is a million exps in the same turn.
    """
    mesh = icosphere(3)
    triangles = Camera.orbit(2.7, 20, 30).project(mesh.verts.double())[0][mesh.faces]
    assert len(triangles) == 1280
    given = [triangles.flatten().tolist(), [1.0] * (1280 * 9)]
    rounds = []
    for _ in range(5):
        frame, yardstick, _ = page.evaluate(SECONDS, given)
        rounds.append(frame / yardstick)
        print(f"a frame: {frame:.1f} ms; a million exps: {yardstick:.1f} ms")
        if rounds[-1] <= 16 / 6:
            break
    else:
        pytest.fail(f"frames, in millions of exps: {rounds}, wanted {16 / 6:.2f}")
