"""What a z-buffer knows of each pixel: the face that is seen, how far away, where on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .batches import groups, in_order, together
from .camera import Camera, image_size
from .mesh import Mesh
from .precision import no_autocast
from .rasterizers.hard import hard_options, visible_face, visible_weights
from .rasterizers.options import Options, check_finite
from .scene import Auto, Scene, first, stage, what_is_drawn


class Buffers(NamedTuple):
    """What each pixel sees, by `render_buffers`.

    An attribute of the corners, (F, 3, C), is seen as
    `(barycentric[..., None] * attribute[face]).sum(-2)`, which is 0 where there is no face.

    Attributes:
        face: (B, H, W) int64, the face of the image's mesh that is seen; -1 where there is none.
        depth: (B, H, W) along the view axis, world units; `far` where there is none.
        barycentric: (B, H, W, 3), the point that is seen as a mean of the face's three corners in
            the world (perspective correct); 0 where there is none.
        normal: (B, H, W, 3), the face's unit normal in world axes, to the side from which its
            corners run counter-clockwise; 0 where there is none.
    """

    face: Tensor
    depth: Tensor
    barycentric: Tensor
    normal: Tensor


def render_buffers(
    mesh: Mesh | Sequence[Mesh],
    camera: Camera,
    *,
    size: int | tuple[int, int],
    near: float | Auto | None = None,
    far: float | Auto | None = None,
    clip: bool | None = None,
    cull_backfaces: bool = False,
) -> Buffers:
    """Draw the numbers behind a picture: face, depth, barycentric weights and normal of each pixel.

    Hard: a pixel sees the nearest face over its centre, as in `rasterize_hard`. Depth, weights and
    normals have a gradient to vertices and camera while the same face is seen; the jump from one to
    another has none. (`render(depth=True, normals=True)` has soft ones.)

    Args:
        mesh, camera, size, near, far, clip: as in `render`. A face that is cut at the near plane
            keeps its number, and its weights are those of the whole face.
        cull_backfaces: leave out faces that are seen from behind.

    Raises:
        ValueError, Warns UserWarning: as in `render`.
    """
    height, width = image_size(size)
    verts = first(mesh).verts
    looks = not (verts.is_cuda or torch.compiler.is_compiling())
    marked = _marked(mesh) if isinstance(mesh, Mesh) else [_marked(m) for m in mesh]
    drawn = what_is_drawn(marked, camera, None)
    with no_autocast(verts.device):
        scenes, depths = stage(drawn, "flat", near, far, clip, looks)
        o = hard_options(height, width, cull_backfaces=cull_backfaces, **depths)
        parts = groups([scene.triangles.shape[1] for scene in scenes])
        found = [_look([scenes[k] for k in which], o) for which in parts]
        return Buffers(*(in_order(list(field), parts) for field in zip(*found, strict=True)))


def _look(scenes: list[Scene], o: Options) -> Buffers:
    """The buffers of scenes whose colours are marks."""
    triangles = together([scene.triangles for scene in scenes], 1.0, least=1)
    marks = together([scene.colors for scene in scenes], 0.0, least=1)
    normals = together([scene.normals()[:, :, :1] for scene in scenes], 0.0, least=1)
    sources = together([scene.sources() for scene in scenes], -1, least=1)
    check_finite(triangles, None, triangles.new_empty(0))
    perspective = scenes[0].camera.perspective
    seen = visible_face(triangles, o, parallel=not perspective)  # (B, H, W)
    u = torch.stack(visible_weights(triangles, seen, perspective), dim=-1)[..., None]
    b = torch.arange(len(seen), device=seen.device)[:, None, None]
    covered, index = (seen >= 0)[..., None], (b, seen.clamp_min(0))
    return Buffers(
        face=sources[index][..., 0, 0].where(covered[..., 0], -1),
        depth=(u * triangles[index][..., 2:]).sum(-2).where(covered, o.far)[..., 0],
        barycentric=(u * marks[index]).sum(-2).where(covered, 0.0),
        normal=normals[index][..., 0, :].where(covered, 0.0),
    )


def _marked(mesh: Mesh) -> Mesh:
    """The mesh with the corners' own weights for colours, (1, 0, 0), (0, 1, 0) and (0, 0, 1)."""
    marks = torch.eye(3, dtype=mesh.verts.dtype, device=mesh.verts.device)
    return Mesh(mesh.verts, mesh.faces, marks.expand(len(mesh.faces), 3, 3))
