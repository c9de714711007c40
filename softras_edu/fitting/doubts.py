"""What looks wrong about silhouettes and their cameras, before anything is fitted to them.

Masks that show the background, shapes cut off by the border of the picture, and cameras with which
no shape at all has these silhouettes. For the last, each pixel of a mask is asked whether some
point on its ray lies in all the masks: that point may belong to the shape. Where there is none, no
shape explains the pixel (it is not in the silhouette of the visual hull, `hull.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, adaptive_max_pool2d, max_pool2d
from tqdm.auto import tqdm

from ..camera import Camera
from .locate import Scene, locate
from .views import Views

SIDE = 64  # pixels: larger masks are looked at in this size
RAYS, WATCHERS, PIXELS = 16, 24, 120  # views that send rays, views that judge them, rays a view
SOUND = 0.97  # of the masks explained: nothing to say
GAIN = 0.04  # by which another reading must be better to be named
HOPELESS = 0.5  # explained by no reading at all
ZOOMS = (1 / 3, 0.5, 0.7, 0.85, 1.2, 1.4, 2.0, 3.0)  # factors of tan(fov / 2)


@dataclass
class Doubts:
    """Sentences about what was given.

    Attributes:
        grave: a fit would come out wrong.
        notes: it may come out well, and not be what was wanted.
        explained: the share of the masks that some shape explains; None if it was not asked.
    """

    grave: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    explained: float | None = None


def doubts(views: Views) -> Doubts:
    """Look at masks, then at cameras: a second, or some more if something is wrong."""
    found = Doubts()
    inside = views.masks > 0.5
    rim = border(inside)
    inverted = rim.float().mean(1) > 0.9
    if inverted.any():
        found.grave.append(
            f"the masks of {_some(views.names, inverted)} look inverted: nearly all of the "
            "picture's border belongs to the shape. The shape must be white on black, or opaque; "
            "--invert takes dark for the shape"
        )
        return found  # of such masks, nothing else can be asked
    if (cut := rim.any(1)).any():
        found.notes.append(
            f"the shape touches the border of {_some(views.names, cut)}: what is cut off there "
            "has no outline. Leave a margin of some pixels if you can"
        )
    given = found.explained = explained(views)
    if given < SOUND:
        bar = tqdm(other_readings(views), delay=5.0, leave=False)
        readings = [(text, explained(other)) for text, other in bar]
        best = max(share for _, share in readings)
        # The first of those that are as good: the simplest mistake, and the narrowest lens.
        text, share = next(one for one in readings if one[1] > best - GAIN / 2)
        agree = f"with these cameras some shape explains {given:.0%} of the masks' area"
        if share > given + GAIN:
            found.grave.append(f"{agree}, {share:.0%} {text}")
        elif given < HOPELESS:
            found.grave.append(
                f"{agree}; for silhouettes of one shape it is nearly all. Does each picture have "
                "its own camera, and did nothing move?"
            )
    return found


def border(inside: Tensor) -> Tensor:
    """(N, H, W) -> (N, 2 H + 2 W), the outermost pixels."""
    sides = [inside[:, 0], inside[:, -1], inside[:, :, 0], inside[:, :, -1]]
    return torch.cat(sides, dim=1)


def _some(names: list[str], which: Tensor) -> str:
    """One name, or how many; all names, if it is all of them."""
    chosen: list[str] = [names[k] for k in which.nonzero()[:, 0].tolist()]
    if len(chosen) == len(names) > 1:
        return f"all {len(names)} pictures"
    return chosen[0] + (f" and {len(chosen) - 1} more" if len(chosen) > 1 else "")


# ---------------------------------------------------------------- cameras


def explained(views: Views) -> float:
    """The share of the masks that silhouettes of one shape can have, 0 to 1.

    One pixel more is allowed around each mask, and anything beyond the border where a mask touches
    it. 0 if the cameras do not look at one place at all.
    """
    try:
        scene = locate(views)
    except ValueError:
        return 0.0
    count, height, width = views.masks.shape
    shrink = min(1.0, SIDE / max(height, width))
    size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
    small = adaptive_avg_pool2d(views.masks[:, None], size)[:, 0] > 0.5
    large = max_pool2d(adaptive_max_pool2d(views.masks[:, None], size), 3, 1, 1)[:, 0] > 0.5
    beyond = border(views.masks > 0.5).any(1)
    reach = _reach(small, scene)
    watch = _spread(count, WATCHERS)
    few = [watch[k::4] for k in range(min(4, count))]  # each on several sides
    watchers = [(scene.camera[w].to(torch.float32), large[w], beyond[w]) for w in few]
    shares = []
    for k in _spread(count, RAYS):
        points = _along_rays(small[k], scene.camera[[k]], reach)
        if len(points):
            shares.append(float(_in_all(points, watchers).any(1).float().mean()))
    return sum(shares) / len(shares) if shares else 0.0


def other_readings(views: Views) -> list[tuple[str, Views]]:
    """The same files, as they would have to be read if one usual mistake had been made in them.

    A sign of the azimuth or the elevation turns the world into its mirror image. So it is the same
    as to mirror the pictures, which can be done with cameras of any kind.
    """
    orbit = orbit_numbers(views.camera)
    words = [
        ("with azimuth negated", "with the pictures mirrored left to right"),
        ("with elevation negated", "with the pictures upside down"),
        ("with azimuth and elevation negated", "with the pictures turned by 180 degrees"),
    ]
    out = [
        (of_orbit if orbit is not None else of_matrices, _mirrored(views, axes))
        for (of_orbit, of_matrices), axes in zip(words, ([2], [1], [1, 2]), strict=True)
    ]
    if orbit is None:
        text = "if R and t lead from the camera to the world"
        out.append((text, replace(views, camera=_other_way(views.camera))))
    else:
        distance, elevation, azimuth = orbit
        scale = views.camera.scale
        for text, e, a in (
            ("with elevation and azimuth exchanged", azimuth, elevation),
            ("if the angles are radians", torch.rad2deg(elevation), torch.rad2deg(azimuth)),
        ):
            turned = Camera.orbit(distance, e, a)
            other = Camera(turned.eye, turned.rotation, scale, shift=views.camera.shift)
            out.append((text, replace(views, camera=other)))
    for zoom in ZOOMS:
        camera = views.camera
        other = Camera(camera.eye, camera.rotation, camera.scale * zoom, shift=camera.shift)
        fov = float(torch.rad2deg(2 * torch.atan(other.pairs("scale")[:, 1])).median())
        out.append(
            (f"with a field of view of about {fov:.0f} degrees", replace(views, camera=other))
        )
    return out


def orbit_numbers(camera: Camera) -> tuple[Tensor, Tensor, Tensor] | None:
    """Distance, elevation and azimuth in degrees, (N,) each; None unless all look at the origin as
    `Camera.orbit` does.
    """
    x, y, z = camera.eye.unbind(1)
    distance = camera.eye.norm(dim=1)
    if (distance == 0).any():
        return None
    elevation = torch.rad2deg(torch.asin((y / distance).clamp(-1, 1)))
    azimuth = torch.rad2deg(torch.atan2(x, z))
    over = camera.rotation[:, 1, 1] < 0  # beyond the pole, and so upside down
    elevation = torch.where(over, 180 - elevation, elevation)
    azimuth = torch.where(over, azimuth + 180, azimuth)
    same = Camera.orbit(distance, elevation, azimuth).rotation
    alike = torch.allclose(same, camera.rotation, atol=1e-4)
    return (distance, elevation, azimuth) if alike else None


def _mirrored(views: Views, axes: list[int]) -> Views:
    camera = views.camera
    sign = torch.tensor([-1.0 if axis in axes else 1.0 for axis in (2, 1)], dtype=torch.float64)
    other = Camera(camera.eye, camera.rotation, camera.scale, shift=camera.pairs("shift") * sign)
    return replace(views, masks=views.masks.flip(axes), camera=other)


def _other_way(camera: Camera) -> Camera:
    """R and t of `Camera.pinhole`, taken for the way from the camera to the world."""
    down = torch.tensor([1.0, -1.0, -1.0], dtype=camera.eye.dtype)  # OpenCV's axes: y down, z ahead
    R = down[:, None] * camera.rotation  # noqa: N806
    t = -(R @ camera.eye[..., None])[..., 0]
    return Camera(t, down[:, None] * R.transpose(1, 2), camera.scale, shift=camera.shift)


def _spread(count: int, wanted: int) -> list[int]:
    """At most so many of 0 ... count - 1, evenly."""
    many = min(count, wanted)
    return [k * count // many for k in range(many)]


def _pixels(inside: Tensor) -> Tensor:
    """Centres of the pixels in a mask (H, W) -> (P, 2), NDC."""
    height, width = inside.shape
    i, j = inside.nonzero().double().unbind(1)
    return torch.stack([2 * j + 1 - width, height - 2 * i - 1], dim=1) / height


def _reach(inside: Tensor, scene: Scene) -> float:
    """How far from the middle of the scene the masks see anything, in radii."""
    middle = scene.camera.project(torch.zeros(1, 3, dtype=torch.float64))[:, 0]  # (N, 3)
    scale = scene.camera.pairs("scale").amax(1)
    far = [
        float((_pixels(mask) - m[:2]).norm(dim=1).max() * s * m[2])
        for mask, m, s in zip(inside, middle, scale, strict=True)
        if mask.any()
    ]
    return max(far, default=1.0)


def _along_rays(inside: Tensor, camera: Camera, reach: float) -> Tensor:
    """Points on the rays through some pixels of a mask, one pixel apart -> (P, K, 3) float32."""
    pixels = _pixels(inside)
    pixels = pixels[_spread(len(pixels), PIXELS)] if len(pixels) else pixels
    depth = float(camera.project(torch.zeros(1, 3, dtype=torch.float64))[0, 0, 2])
    scale, shift = camera.pairs("scale"), camera.pairs("shift")
    ray = torch.cat([(pixels - shift) * scale, -torch.ones(len(pixels), 1).double()], dim=1)
    ray = ray @ camera.rotation[0]
    pixel = 2 / inside.shape[0] * float(scale.amax()) * depth  # how large one is, at the middle
    many = min(4 * SIDE, max(16, round(2 * reach / pixel)))
    z = torch.linspace(max(depth - reach, 0.02 * depth), depth + reach, many, dtype=torch.float64)
    return (camera.eye + z[:, None] * ray[:, None]).float()


def _in_all(points: Tensor, watchers: list[tuple[Camera, Tensor, Tensor]]) -> Tensor:
    """Which of (P, K, 3) points all masks see inside them, (P, K).

    A few cameras at a time, with their masks (N, H, W) and which of these go on outside the picture
    (N,): most points fall out early, and need not be looked at again.
    """
    flat = points.view(-1, 3)
    left = torch.arange(len(flat))
    for camera, masks, beyond in watchers:
        left = left[_in_few(flat[left], camera, masks, beyond)]
    inside = torch.zeros(len(flat), dtype=torch.bool)
    inside[left] = True
    return inside.view(points.shape[:2])


def _in_few(points: Tensor, camera: Camera, masks: Tensor, beyond: Tensor) -> Tensor:
    """Which of (P, 3) points all these masks see inside them, (P,)."""
    height, width = masks.shape[1:]
    place = camera.project(points)
    j = ((place[..., 0] * height + width) / 2).floor().long()
    i = ((1 - place[..., 1]) * height / 2).floor().long()
    there = (i >= 0) & (i < height) & (j >= 0) & (j < width)
    pixel = i.clamp(0, height - 1) * width + j.clamp(0, width - 1)
    seen = masks.flatten(1).gather(1, pixel)
    inside = torch.where(there, seen, beyond[:, None]) & (place[..., 2] > 0)
    return inside.all(0)
