"""Other differentiable renderers, measured beside ours wherever they are installed.

None is needed; each is imported when it is used.

An adapter takes a Scene and gives back a function that draws it, with the tensors whose gradients
the image has; the gradients go all the way to vertices on the screen and to colours, as ours do.
Some peers draw our image (then `difference` asserts it), others a hard one with gradients at the
edges, which is another and easier problem: `what` says it, and the columns `rgb_difference` and
`alpha_difference` how far the image is from ours.

CONTRIBUTING.md says how to install each, and which of the adapters have been run.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..rasterizers import rasterize
from .case import DIST_EPS, EPS, FAR, GAMMA, NEAR, Scene

# draw() -> (B, H, W, 4), (B, H, W, 3) or a silhouette (B, H, W, 1); its leaves
Prepared = tuple[Callable[[], Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Peer:
    """One renderer of somebody else's.

    Attributes:
        module: what Python imports.
        devices: where it runs.
        install: what to do to have it, in a few words.
        what: what it draws, and how that differs from ours.
        rgb, alpha: the largest share of the pixels whose colours, whose alpha may be off ours by
            more than TOLERANCE, or the measurement fails; None where it draws another image.
        prepare: the adapter.
    """

    module: str
    devices: tuple[str, ...]
    install: str
    what: str
    rgb: float | None
    alpha: float | None
    prepare: Callable[[Scene], Prepared]

    def why_not(self, device: str) -> str | None:
        """Why it cannot be measured on this device, or None."""
        if device not in self.devices:
            return f"needs {' or '.join(self.devices)}"
        return None if importlib.util.find_spec(self.module) else self.install


# A pair whose D rounds to the other side of DIST_EPS changes alpha by up to DIST_EPS; a pixel may
# have a few of those.
TOLERANCE = 1e-3


def difference(peer: Peer, image: Tensor, scene: Scene) -> dict[str, str | int | float]:
    """What the peer draws, and the largest difference of any pixel from our image.

    Empty for channels that it does not draw.

    Raises:
        AssertionError: the peer is known to draw our image, and this is another.
    """
    c = scene.case
    with torch.no_grad():
        ours = rasterize(
            scene.triangles(),
            None if c.silhouette else scene.corner_colors(),
            size=c.side,
            sigma=c.sigma,
        )
    image, found = (
        image.detach().to(ours),
        {"what": peer.what, "rgb_difference": "", "alpha_difference": ""},
    )
    channels = {
        "rgb": (not c.silhouette, slice(0, 3)),
        "alpha": (c.silhouette or image.shape[-1] == 4, slice(-1, None)),
    }
    for name, (drawn, part) in channels.items():
        if drawn:
            off = (image[..., part] - ours[..., part]).abs().amax(-1)  # (B, H, W)
            share, allowed = float((off > TOLERANCE).float().mean()), getattr(peer, name)
            assert allowed is None or share <= allowed, (
                f"{name} should be ours, but {share:.1%} of the pixels are off, by up to "
                f"{off.max():.2g}"
            )
            found[f"{name}_difference"] = f"{off.max():.2g}"
    return dict(found)


def prepare_pytorch3d(scene: Scene) -> Prepared:
    """PyTorch3D's rasterize_meshes, on our triangles as a mesh of 3 F vertices.

    Its NDC has x to the left; it keeps K faces a pixel.
    """
    from pytorch3d.ops import interpolate_face_attributes
    from pytorch3d.renderer.blending import BlendParams, sigmoid_alpha_blend, softmax_rgb_blend
    from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
    from pytorch3d.renderer.mesh.rasterizer import Fragments
    from pytorch3d.structures import Meshes

    c, triangles, colors = scene.case, scene.triangles(), scene.corner_colors()
    # (B, F, 3)
    faces = (
        torch.arange(3 * len(scene.faces), device=triangles.device)
        .view(1, -1, 3)
        .expand(c.batch, -1, -1)
    )
    flip = triangles.new_tensor([-1.0, 1.0, 1.0])
    blend = BlendParams(c.sigma, GAMMA, (0.0, 0.0, 0.0))

    def draw() -> Tensor:
        fragments = Fragments(
            *rasterize_meshes(
                Meshes((triangles * flip).flatten(1, 2), faces),
                image_size=c.side,
                blur_radius=math.log(1 / DIST_EPS - 1)
                * c.sigma,  # a squared distance: where D = DIST_EPS
                faces_per_pixel=scene.most
                + 1,  # one more than there are, so that no pixel is cut short
                perspective_correct=False,
                clip_barycentric_coords=True,
                cull_backfaces=False,
            )
        )
        if c.silhouette:
            alpha: Tensor = sigmoid_alpha_blend(
                torch.ones_like(fragments.bary_coords), fragments, blend
            )[..., 3:]
            return alpha
        # (B, H, W, K, 3)
        texels = interpolate_face_attributes(
            fragments.pix_to_face, fragments.bary_coords, colors.flatten(0, 1)
        )
        image: Tensor = softmax_rgb_blend(texels, fragments, blend, znear=NEAR, zfar=FAR)
        return image

    return draw, (triangles,) if c.silhouette else (triangles, colors)


def prepare_deodr(scene: Scene) -> Prepared:
    """DEODR's Scene2D: C++, float64, one thread.

    Which edges are on the silhouette it finds anew for every image, and that is timed too.
    """
    import numpy as np
    from deodr.differentiable_renderer import Scene2D
    from deodr.triangulated_mesh import TriMeshAdjacencies

    c, faces = scene.case, scene.faces.numpy().astype(np.uint32)
    points = scene.points.double().requires_grad_()
    colors = torch.ones_like(points[..., :1]) if c.silhouette else scene.colors.double()
    colors = colors.contiguous().requires_grad_(not c.silhouette)
    mesh = TriMeshAdjacencies(scene.faces.numpy())
    many, each, channels = len(faces), scene.points.shape[1], colors.shape[-1]
    # From NDC to pixels: centres at whole numbers, y down.
    scale = torch.tensor([c.side / 2, -c.side / 2], dtype=torch.float64)
    middle = torch.full((2,), (c.side - 1) / 2, dtype=torch.float64)

    class Draw(torch.autograd.Function):
        @staticmethod
        # (V, 3), (V, C) -> (H, W, C)
        def forward(ctx: Any, points: Tensor, colors: Tensor) -> Tensor:
            pixels = torch.addcmul(middle, points[:, :2], scale).numpy()
            ctx.scene = Scene2D(
                faces=faces,
                faces_uv=faces,
                ij=pixels,
                depths=points[:, 2].contiguous().numpy(),
                textured=np.zeros(many, bool),
                uv=np.zeros((each, 2)),
                shade=np.zeros(each),
                colors=colors.numpy(),
                shaded=np.zeros(many, bool),
                edgeflags=mesh.edge_on_silhouette(pixels),
                height=c.side,
                width=c.side,
                nb_colors=channels,
                texture=np.zeros((0, 0)),
                background_color=np.zeros(channels),
                backface_culling=True,
            )
            return torch.from_numpy(ctx.scene.render()[0])

        @staticmethod
        def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor, Tensor]:
            ctx.scene.render_backward(grad[0].contiguous().numpy())
            # None to z: a z-buffer has no such gradient.
            to_points = torch.zeros(each, 3, dtype=torch.float64)
            torch.mul(torch.from_numpy(ctx.scene.ij_b), scale, out=to_points[:, :2])
            return to_points, torch.from_numpy(ctx.scene.colors_b)

    def draw() -> Tensor:
        return torch.stack([Draw.apply(p, k) for p, k in zip(points, colors, strict=True)])

    return draw, (points,) if c.silhouette else (points, colors)


def prepare_softras(scene: Scene) -> Prepared:
    """The official kernels.

    They weigh the background with exp(2 eps / gamma) where the paper has exp(eps / gamma), so they
    get eps / 2.
    """
    from soft_renderer.functional import soft_rasterize

    c, triangles, colors = scene.case, scene.triangles(), scene.corner_colors()
    # True: colour both sides
    kind = {
        "aggr_func_rgb": "hard" if c.silhouette else "softmax",
        "texture_type": "vertex",
        "fill_back": True,
    }

    def draw() -> Tensor:
        # (B, 4, H, W)
        image: Tensor = soft_rasterize(
            triangles,
            colors,
            c.side,
            [0, 0, 0],
            NEAR,
            FAR,
            eps=EPS / 2,
            sigma_val=c.sigma,
            dist_eps=DIST_EPS,
            gamma_val=GAMMA,
            **kind,
        )
        return image.permute(0, 2, 3, 1)[..., 3 if c.silhouette else 0 :]

    return draw, (triangles,) if c.silhouette else (triangles, colors)


def prepare_nvdiffrast(scene: Scene) -> Prepared:
    """nvdiffrast: rasterize, interpolate, antialias.

    It takes clip coordinates, and draws rows from the bottom up.
    """
    import nvdiffrast.torch as dr

    c, faces = scene.case, scene.faces.int()
    points, colors = (
        scene.points.contiguous().requires_grad_(),
        scene.colors.contiguous().requires_grad_(not scene.case.silhouette),
    )
    context, edges = (
        dr.RasterizeCudaContext(device=faces.device),
        dr.antialias_construct_topology_hash(faces),
    )

    def draw() -> Tensor:
        x, y, z = points.unbind(-1)
        # (B, V, 4): x, y, z, w as in OpenGL
        clip = torch.stack(
            [x * z, y * z, ((FAR + NEAR) * z - 2 * FAR * NEAR) / (FAR - NEAR), z], -1
        )
        # (B, H, W, 4), the last is the face's number + 1, or 0
        hit, _ = dr.rasterize(context, clip, faces, resolution=[c.side, c.side])
        image = (
            (hit[..., 3:] > 0).to(clip) if c.silhouette else dr.interpolate(colors, hit, faces)[0]
        )
        smooth: Tensor = dr.antialias(image.contiguous(), hit, clip, faces, topology_hash=edges)
        return smooth.flip(1)

    return draw, (points,) if c.silhouette else (points, colors)


def prepare_kaolin(scene: Scene) -> Prepared:
    """Kaolin's DIB-R: hard colours and a mask that is soft outside the silhouette.

    There the mask is 1 - prod(1 - exp(-d2 / sigma)) of at most knum faces.
    """
    from kaolin.render.mesh import dibr_rasterization

    c, triangles, colors = scene.case, scene.triangles(), scene.corner_colors()
    reach = math.sqrt(-math.log(DIST_EPS) * c.sigma)

    def draw() -> Tensor:
        xy, z = triangles[..., :2], triangles[..., 2]
        a, b, d = xy.detach().unbind(-2)
        # (B, F), the z of each normal, up to its length
        front = (b - a)[..., 0] * (d - a)[..., 1] - (b - a)[..., 1] * (d - a)[..., 0]
        rgb, alpha, _ = dibr_rasterization(
            c.side,
            c.side,
            -z,
            xy,
            colors,
            front,
            sigmainv=1 / c.sigma,
            boxlen=reach,
            knum=max(scene.most, 30),
        )
        return alpha[..., None] if c.silhouette else torch.cat([rgb, alpha[..., None]], -1)

    return draw, (triangles,) if c.silhouette else (triangles, colors)


_HARD = "hard image, gradient at its edges: another problem"
PEERS = {
    "pytorch3d": Peer(
        module="pytorch3d",
        devices=("cpu", "cuda"),
        install="build it from source",
        what=(
            "alpha is ours; its colour softmax has another background weight and a depth that is "
            "linear on the screen"
        ),
        rgb=None,
        alpha=0.0,
        prepare=prepare_pytorch3d,
    ),
    "deodr": Peer(
        "deodr",
        ("cpu",),
        "pip install deodr scipy",
        _HARD,
        rgb=None,
        alpha=None,
        prepare=prepare_deodr,
    ),
    "softras": Peer(
        module="soft_renderer",
        devices=("cuda",),
        install="build it from source",
        what=(
            "the same image but for rounding on thin faces; its gradient leaves out the way "
            "through barycentric weights to colour and depth"
        ),
        # float32: its distances lose digits on thin faces; in float64 its formulas give our image
        # to 1e-7
        rgb=0.05,
        alpha=0.05,
        prepare=prepare_softras,
    ),
    "nvdiffrast": Peer(
        "nvdiffrast",
        ("cuda",),
        "build it from source",
        _HARD,
        rgb=None,
        alpha=None,
        prepare=prepare_nvdiffrast,
    ),
    "kaolin": Peer(
        module="kaolin",
        devices=("cuda",),
        install="a wheel from its own site",
        what="hard colours, soft mask outside the silhouette only: another problem",
        rgb=None,
        alpha=None,
        prepare=prepare_kaolin,
    ),
}
