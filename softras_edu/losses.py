"""Losses between images, between a mesh and what a mesh should look like, and between surfaces.

    iou                                  two silhouettes
    laplacian, flatten                   SoftRas's: smooth, without sharp folds; sums over the mesh
    edge_length, normal_consistency      their like as means, which do not grow with the faces
    sample_points, chamfer               how far two surfaces are apart

Meshes need not be closed. An edge of one face (the rim of a hole) or of three and more counts as
each function says; vertices without faces and faces without area count for nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .mesh import at_corners
from .precision import outside_autocast


def iou(alpha: Tensor, target: Tensor) -> Tensor:
    """1 - intersection over union of two silhouettes, the L_s of SoftRas (arXiv 1904.01786, section
    4): a scalar in [0, 1].

    Args:
        alpha, target: (..., H, W), values in [0, 1]. Averaged over the leading axes.

    Raises:
        ValueError: the shapes differ, or are not images.
    """
    if alpha.shape != target.shape or alpha.dim() < 2:
        got, wanted = tuple(target.shape), tuple(alpha.shape)
        raise ValueError(f"target: got shape {got}, wanted (..., H, W) like alpha {wanted}")
    intersection = (alpha * target).sum((-2, -1))
    union = (alpha + target - alpha * target).sum((-2, -1))
    # Two empty pictures have no overlap: loss 1.
    return (1 - intersection / union.clamp_min(1e-12)).mean()


def laplacian(verts: Tensor, faces: Tensor) -> Tensor:
    """How far each vertex is from the mean of its neighbours, squared and summed over the mesh:
    smooth surfaces score low.

    The uniform Laplacian loss of SoftRas (arXiv 1904.01786, section 4, L_g). Neighbours are joined
    by an edge of any face, however many faces share it. So a vertex on the rim of a hole has the
    rim and the inside as neighbours: it is pulled inwards, and a flat sheet scores above 0.

    Args:
        verts: (V, 3) or (B, V, 3). faces: (F, 3) int64.
    Returns:
        A scalar, averaged over the batch.
    """
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = torch.cat([edges, edges.flip(1)])  # both directions
    edges = edges[edges[:, 0] != edges[:, 1]]  # a face that names a vertex twice makes it no edge
    # Each edge once: as single numbers they are sorted faster than as pairs.
    edge = (edges[:, 0] * verts.shape[-2] + edges[:, 1]).unique()
    start, end = edge // verts.shape[-2], edge % verts.shape[-2]
    count = torch.bincount(start, minlength=verts.shape[-2]).clamp_min(1).to(verts.dtype)
    neighbours = torch.zeros_like(verts).index_add(-2, start, verts[..., end, :])
    lonely = torch.bincount(start, minlength=verts.shape[-2]) == 0
    offset = (verts - neighbours / count[:, None]).masked_fill(lonely[:, None], 0.0)
    return offset.square().sum((-2, -1)).mean()


def flatten(verts: Tensor, faces: Tensor) -> Tensor:
    """How sharply the surface folds: (cos theta + 1)^2, summed over the edges that two faces share.
    A flat place scores 0, a closed fold 4.

    The flattening loss of SoftRas (arXiv 1904.01786, section 4, L_g). theta is the angle between
    the two faces at their edge: 180 degrees where they lie in one plane. The edges of a hole have
    one face and no angle, so they do not count; nor does a face without area. Where more than two
    faces meet in an edge, each is compared with the next.

    Args:
        verts: (V, 3) or (B, V, 3). faces: (F, 3) int64.
    Returns:
        A scalar, averaged over the batch.
    """
    edge, across = _sides(faces, verts.shape[-2])
    shared = (edge[1:] == edge[:-1]).all(1)
    cos, has_area = _fold(verts, edge[1:][shared], across[:-1][shared], across[1:][shared])
    return (cos + 1).square().where(has_area, 0.0).sum(-1).mean()


def edge_length(verts: Tensor, faces: Tensor, target: float = 0.0) -> Tensor:
    """How far edges are from a wanted length: the mean of (length - target)^2 over the edges.

    With target = 0 it pulls the surface together like a soap film; with the mean length it keeps
    triangles of one size. (PyTorch3D's `mesh_edge_loss`.) An edge counts once, however many faces
    share it.

    Args:
        verts: (V, 3) or (B, V, 3). faces: (F, 3) int64. target: world units.
    Returns:
        A scalar in squared world units, averaged over the batch; 0 without edges.
    """
    edge, _ = _sides(faces, verts.shape[-2])
    first = torch.ones(len(edge), dtype=torch.bool, device=edge.device)
    first[1:] = (edge[1:] != edge[:-1]).any(1)
    a, b = edge[first & (edge[:, 0] != edge[:, 1])].unbind(1)
    length: Tensor = (verts[..., a, :] - verts[..., b, :]).norm(dim=-1)
    return (length - target).square().sum(-1).mean() / max(len(a), 1)


def normal_consistency(verts: Tensor, faces: Tensor) -> Tensor:
    """How much neighbouring faces turn: the mean of 1 - cos of the angle between their normals.

    0 where two faces lie in one plane, 1 at a right angle, 2 for a closed fold. (PyTorch3D's
    `mesh_normal_consistency`; `flatten` sums the squares of the same numbers.) The mean runs over
    all pairs of faces that share an edge: none at the rim of a hole, three where three faces meet.
    The normals are those of two faces that run the same way round, whichever way they are listed. A
    face without area has no normal and makes no pair.

    Args:
        verts: (V, 3) or (B, V, 3). faces: (F, 3) int64.
    Returns:
        A scalar in [0, 2], averaged over the batch; 0 without pairs.
    """
    edge, across = _sides(faces, verts.shape[-2])
    pairs = []
    # The sides of an edge stand next to each other: the first and second, then the first and third.
    for apart in range(1, len(edge)):
        shared = (edge[apart:] == edge[:-apart]).all(1).nonzero()[:, 0]
        if not len(shared):
            break
        pairs.append(torch.stack([shared, shared + apart]))
    one, other = torch.cat([*pairs, edge.new_empty(2, 0)], dim=1)
    cos, has_area = _fold(verts, edge[one], across[one], across[other])
    turns = (cos + 1).where(has_area, 0.0).sum(-1)
    return (turns / has_area.sum(-1).clamp_min(1)).mean()


def _sides(faces: Tensor, verts: int) -> tuple[Tensor, Tensor]:
    """Every side of every face: its edge, (3 F, 2), the smaller vertex first, and the corner across
    from it, (3 F,). The sides of one edge stand next to each other.
    """
    corners = torch.cat([faces[:, [0, 1, 2]], faces[:, [1, 2, 0]], faces[:, [2, 0, 1]]])
    edge = corners[:, :2].sort(dim=1).values
    order = (edge[:, 0] * verts + edge[:, 1]).argsort(stable=True)
    return edge[order], corners[order, 2]


def _fold(verts: Tensor, edge: Tensor, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """cos theta of two faces at their common edge, theta = 180 degrees where they lie in one plane.

    (K, 2) edges, and the corner (K,) of either face across from it -> (..., K) cosines, and whether
    both faces have an area; where not, the cosine means nothing.
    """
    a, b = verts[..., edge[:, 0], :], verts[..., edge[:, 1], :]
    along = torch.nn.functional.normalize(b - a, dim=-1, eps=1e-6)
    sides = []
    for corner in (one, other):
        to = verts[..., corner, :] - a
        # In the face, at a right angle to the edge.
        sides.append(to - (to * along).sum(-1, keepdim=True) * along)
    u2, v2 = (side.square().sum(-1) for side in sides)
    has_area = (u2 > 1e-12) & (v2 > 1e-12) & ((b - a).square().sum(-1) > 1e-12)
    cos = (sides[0] * sides[1]).sum(-1) / (u2 * v2).where(has_area, 1.0).sqrt()
    return cos, has_area


# ---------------------------------------------------------------- points on surfaces

CHUNK = 1 << 22  # distances at a time: 32 MB in float64


@outside_autocast
def sample_points(
    verts: Tensor, faces: Tensor, count: int, *, generator: torch.Generator | None = None
) -> Tensor:
    """Random points on a surface, as many on each part as it has area. Their gradient moves verts.

    Each point stays where it is in its face: it is a fixed mean of the face's corners. Which faces
    get how many points has no gradient.

    Args:
        verts: (V, 3) or (B, V, 3). faces: (F, 3) int64. count: how many points.
        generator: of verts' device, for points that are the same each time; None is PyTorch's own.
    Returns:
        (count, 3), or (B, count, 3).

    Raises:
        ValueError: count < 1, or a surface without area.
    """
    if not isinstance(count, int) or count < 1:
        raise ValueError(f"count: got {count!r}, wanted an int >= 1")
    corners = at_corners(verts, faces)  # (..., F, 3, 3)
    a, b, c = corners.detach().unbind(-2)
    area = torch.linalg.cross(b - a, c - a).norm(dim=-1) / 2
    if not len(faces) or not (area.sum(-1) > 0).all():
        raise ValueError(
            f"faces: got {len(faces)} of no area, wanted a surface to take points from"
        )
    face = area.multinomial(count, replacement=True, generator=generator)  # (..., count)
    u, v = torch.rand(2, *face.shape, generator=generator, dtype=verts.dtype, device=verts.device)
    # The root makes the points even: of a triangle, the part within r of corner a has area r^2.
    weights = torch.stack([1 - u.sqrt(), u.sqrt() * (1 - v), u.sqrt() * v], dim=-1)
    chosen = corners.gather(-3, face[..., None, None].expand(*face.shape, 3, 3))
    return (weights[..., None] * chosen).sum(-2)


@outside_autocast
def chamfer(points: Tensor, target: Tensor) -> Tensor:
    """Chamfer distance: from each point the squared distance to the nearest point of the other set.
    The mean over one set plus the mean over the other.

    Fan, Su and Guibas, CVPR 2017, arXiv 1612.00603, with means for sums, as in PyTorch3D. For two
    meshes, of points that are spread over both:
    `chamfer(sample_points(verts, faces, 5000), sample_points(target_verts, target_faces, 5000))`.
    Two samples of one surface do not score 0: with n points on an area A about 2 A / (pi n).

    Args:
        points: (N, 3) or (B, N, 3). target: (M, 3) or (B, M, 3). One set may serve a whole batch.
    Returns:
        A scalar in squared world units, averaged over the batch. Time N x M; memory N + M.

    Raises:
        ValueError: other shapes, an empty set, or batches that do not fit.
    """
    for name, x in (("points", points), ("target", target)):
        if x.dim() not in (2, 3) or x.shape[-1] != 3 or not x.numel():
            raise ValueError(f"{name}: got shape {tuple(x.shape)}, wanted (N, 3) or (B, N, 3)")
    batches = [x if x.dim() == 3 else x[None] for x in (points, target)]
    many = max(map(len, batches))
    if not {*map(len, batches)} <= {1, many}:
        raise ValueError(f"target: got {len(batches[1])} sets for {len(batches[0])} of points")
    pairs = list(zip(*(x.expand(many, -1, -1) for x in batches), strict=True))
    return torch.stack([_to_nearest(p, q) + _to_nearest(q, p) for p, q in pairs]).mean()


def _to_nearest(points: Tensor, target: Tensor) -> Tensor:
    """Mean squared distance from (N, 3) points to the nearest of (M, 3).

    Which one is nearest is found without a gradient: while it stays the same, it has none.
    """
    with torch.no_grad():
        exact = "donot_use_mm_for_euclid_dist"  # a product of matrices would lose half the digits
        rows = points.split(max(1, CHUNK // len(target)))
        nearest = torch.cat([torch.cdist(r, target, compute_mode=exact).argmin(1) for r in rows])
    return (points - target[nearest]).square().sum(-1).mean()
