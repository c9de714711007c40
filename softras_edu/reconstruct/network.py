"""One picture -> a coloured mesh.

The encoder and the decoder of the Soft Rasterizer's reconstruction network, at any width.

Layers as in the official code (the decoder goes back to NMR): three convolutions, three full
layers; then full layers to the centroid and to one offset a vertex of a sphere. Width 1 is the
paper's network (26 million numbers, and 4 more for colours). Colours follow section 4 of arXiv
1904.01786: the network samples a palette from the picture, and each vertex selects from it.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, relu

from ..shapes import icosphere
from .data import AMBIENT

PALETTE = 10  # colours
SPOTS = 16  # the palette is sampled from the picture at 16 x 16
CODE = 16  # numbers that describe a vertex in the choice of its colour


class Network(nn.Module):
    """(B, 4, 64, 64) pictures -> (B, V, 3) vertices and (B, V, 3) colours, or None.

    Vertices are in the cube from -1/2 to 1/2, colours in [0, 1].

    Args:
        width: how wide each layer is, as a part of the paper's network.
        color: whether there are colours. unlit: whether they are to be those without light, which
            the picture shows darker than they are.
        level: the sphere has 10 x 4^level + 2 vertices (3: 642, the paper's).

    Attributes:
        faces: (F, 3), those of the sphere.
    """

    sphere: Tensor
    faces: Tensor

    def __init__(
        self, width: float = 1.0, color: bool = True, level: int = 3, *, unlit: bool = False
    ) -> None:
        super().__init__()
        sphere = icosphere(level)
        self.register_buffer("sphere", sphere.verts, persistent=False)
        self.register_buffer("faces", sphere.faces, persistent=False)
        c1, c2, c3, d, e = (max(4, round(width * n)) for n in (64, 128, 256, 1024, 512))
        self.features = nn.Sequential(
            nn.Conv2d(4, c1, 5, stride=2, padding=2), BatchNorm(c1), nn.ReLU(),
            nn.Conv2d(c1, c2, 5, stride=2, padding=2), BatchNorm(c2), nn.ReLU(),
            nn.Conv2d(c2, c3, 5, stride=2, padding=2), BatchNorm(c3), nn.ReLU(),
            nn.Flatten(), nn.Linear(c3 * 8 * 8, d), nn.ReLU(),
            nn.Linear(d, d), nn.ReLU(), nn.Linear(d, e), nn.ReLU(),
        )  # fmt: skip
        self.geometry = nn.Sequential(nn.Linear(e, d), nn.ReLU(), nn.Linear(d, 2 * d), nn.ReLU())
        self.centroid = nn.Linear(2 * d, 3)
        self.offset = nn.Linear(2 * d, 3 * len(sphere.verts))
        self.paint = Paint(e, d, len(sphere.verts), unlit) if color else None

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        code = self.features(images)
        hidden = self.geometry(code)
        offset = self.offset(hidden).unflatten(1, (-1, 3))
        verts = place(self.sphere, torch.tanh(0.1 * self.centroid(hidden)), offset)
        return verts, None if self.paint is None else self.paint(code, images)


def place(sphere: Tensor, centroid: Tensor, offset: Tensor) -> Tensor:
    """Unit sphere, centroid and offsets -> vertices in the cube from -1/2 to 1/2.

    (V, 3), (B, 3) in (-1, 1) and (B, V, 3) -> (B, V, 3).

    Offset 0 leaves a sphere of diameter 1/2. The offset acts on log(x / (1 - x)) of each
    coordinate's size x, which keeps it between 0 and 1, so each vertex stays in its octant; then
    the octants are stretched to meet at the centroid instead of at 0.
    """
    half = sphere.abs() / 2
    size = torch.sigmoid(torch.logit(half, eps=1e-6) + offset)
    # A vertex between two octants stays between them.
    signed = torch.where(sphere < 0, -size, size).where(sphere.abs() > 1e-6, 0.0)
    c = centroid[:, None]
    return (relu(signed) * (1 - c) - relu(-signed) * (1 + c) + c) / 2


class Paint(nn.Module):
    """Code and picture -> one colour a vertex, mixed from a palette.

    The palette is mixed from what the picture shows. A lit picture shows a surface between as
    bright as it is and `LIGHTS.ambient` of that; so for colours without light each colour of the
    palette is brightened, by a factor that the network chooses in between.
    """

    def __init__(self, size: int, hidden: int, verts: int, unlit: bool) -> None:
        super().__init__()
        self.sample = nn.Sequential(
            nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, PALETTE * SPOTS**2)
        )
        self.select = nn.Sequential(
            nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, PALETTE * CODE)
        )
        self.brighten = nn.Linear(size, PALETTE) if unlit else None
        # learned, the same for all pictures
        self.who = nn.Parameter(torch.randn(verts, CODE) / CODE**0.5)

    def forward(self, code: Tensor, images: Tensor) -> Tensor:
        # (B, 4, 256); colours have been multiplied by alpha
        spots = avg_pool2d(images, images.shape[-1] // SPOTS).flatten(2)
        # nothing is taken from the background
        weight = self.sample(code).unflatten(1, (PALETTE, -1)).softmax(-1) * spots[:, None, 3]
        weight = weight / weight.sum(-1, keepdim=True).clamp_min(1e-6)
        # (B, PALETTE, 3)
        palette = weight @ (spots[:, :3] / spots[:, 3:].clamp_min(1e-3)).transpose(1, 2).clamp(0, 1)
        if self.brighten is not None:
            part = torch.sigmoid(self.brighten(code))[..., None]  # (B, PALETTE, 1)
            palette = (palette * AMBIENT**-part).clamp(0, 1)
        choice = self.who @ self.select(code).unflatten(1, (CODE, PALETTE))  # (B, V, PALETTE)
        return cast(Tensor, choice.softmax(-1) @ palette)


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation over the batch of all processes, on any device.

    So that two processes do what one with the whole batch would.
    """

    def forward(self, input: Tensor) -> Tensor:
        if not (
            self.training
            and dist.is_available()
            and dist.is_initialized()
            and dist.get_world_size() > 1
        ):
            return super().forward(input)
        count = input.numel() // input.shape[1] * dist.get_world_size()  # each process has as many
        axes = (0, 2, 3)
        mean = _sum_over_processes(input.sum(axes)) / count
        centred = input - mean[:, None, None]
        var = _sum_over_processes(centred.square().sum(axes)) / count
        with torch.no_grad():
            rate = cast(float, self.momentum)
            for kept, new in (
                (self.running_mean, mean),
                (self.running_var, var * count / (count - 1)),
            ):
                assert kept is not None
                kept.lerp_(new, rate)
            assert self.num_batches_tracked is not None
            self.num_batches_tracked += 1
        return (
            centred * ((var + self.eps).rsqrt() * self.weight)[:, None, None]
            + self.bias[:, None, None]
        )


class _Sum(torch.autograd.Function):
    """The sum over all processes. Its gradient is the sum of the gradients in all of them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x = x.clone()
        dist.all_reduce(x)
        return x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        grad = grad.clone()
        dist.all_reduce(grad)
        return grad


def _sum_over_processes(x: Tensor) -> Tensor:
    return cast(Tensor, _Sum.apply(x))
