"""Lights -> colours: what lamps and a sky make of a surface's normals.

    light = ambient + sum over lamps of diffuse * max(n . l, 0) * fading       (Lambert's law)
    highlight = sum over lamps of specular * max(r . v, 0)^shininess * fading  (Phong's highlight)
    colour = light * the surface's colour + highlight

n is the normal, l the direction to the lamp, r = 2 (n . l) n - l its mirror image, v the direction
to the eye; a highlight is only where n . l > 0 (Phong, "Illumination for Computer Generated
Pictures", CACM 1975). A number for a brightness is white light, three are RGB. All numbers may be
tensors, through which gradients flow. A normal of length 0 (`unit`) is lit by the ambient light and
by the mean of a sky alone, and gets no gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from .mesh import at_corners, face_normals, vertex_normals
from .precision import is_any, outside_autocast, unit

Brightness = float | Sequence[Any] | Tensor  # a number, or RGB (3,)
Vector = Sequence[Any] | Tensor  # (3,)
Shading = Literal["flat", "gouraud", "per_pixel"]

# ---------------------------------------------------------------- what shines


@dataclass(frozen=True)
class Lamp:
    """A lamp so far away that its light is parallel.

    Attributes:
        direction: towards the lamp, world axes; its length does not count.
        diffuse: brightness of its light on a surface that faces it.
        specular: brightness of its highlight.

    Raises:
        ValueError: numbers of another shape, or a direction of length 0.
    """

    direction: Vector
    diffuse: Brightness = 1.0
    specular: Brightness = 0.0

    def __post_init__(self) -> None:
        _check_direction(self.direction)
        _check_brightness(diffuse=self.diffuse, specular=self.specular)

    def reach(self, normals: Tensor, points: Tensor | None) -> tuple[Tensor, Any]:
        """Directions to the lamp, which broadcast with normals (..., 3), and the fading. It is far
        away, so `points` do not count.
        """
        return unit(_tensor(self.direction, normals)), 1.0


@dataclass(frozen=True)
class PointLamp:
    """A lamp at a place.

    Attributes:
        place: (3,), world.
        diffuse, specular: as of `Lamp`, right at the lamp.
        falloff: its light fades by 1 / (1 + falloff * distance^2); 0 does not fade.

    Raises:
        ValueError: numbers of another shape, or a falloff < 0.
    """

    place: Vector
    diffuse: Brightness = 1.0
    specular: Brightness = 0.0
    falloff: float | Tensor = 0.0

    def __post_init__(self) -> None:
        _check("place", self.place, (3,))
        _check_brightness(diffuse=self.diffuse, specular=self.specular)
        if _any(_check("falloff", self.falloff, ()) < 0):
            raise ValueError(f"falloff: got {self.falloff!r}, wanted a number >= 0")

    def reach(self, normals: Tensor, points: Tensor | None) -> tuple[Tensor, Any]:
        """Directions to the lamp, like normals (..., 3), and the fading (...).

        A point right at the lamp has no direction to it, so no light from it.

        Raises:
            ValueError: no points.
        """
        if points is None:
            raise ValueError("points: got None, wanted the places of normals for a PointLamp")
        way = _tensor(self.place, normals) - points
        falloff = self.falloff if isinstance(self.falloff, Real) else _tensor(self.falloff, normals)
        return unit(way), 1 / (1 + falloff * way.square().sum(-1))


@dataclass(frozen=True)
class Sky:
    """Light from everywhere, of another brightness from each side: spherical harmonics of order 2.

    Attributes:
        coefficients: (9,), or (9, 3) for RGB, of `harmonics`; light = sum_k coefficients_k Y_k(n).
            It may be negative where the sum is: nothing is cut off, so that it stays linear.

    For a sky whose radiance has the coefficients L_k, a matt white surface has L_k times 1, 2/3 and
    1/4 for the orders 0, 1 and 2 (Ramamoorthi and Hanrahan, SIGGRAPH 2001, equation 8, over pi).

    Raises:
        ValueError: another shape.
    """

    coefficients: Vector

    def __post_init__(self) -> None:
        _check("coefficients", self.coefficients, (9,), (9, 3))

    @staticmethod
    def of_lamp(direction: Vector, diffuse: float | Tensor = 1.0) -> Sky:
        """The sky nearest to a far lamp, in the mean square over all normals: the lamp's light
        max(n . l, 0), but for what nine numbers cannot say of it.

        Args:
            direction: towards the lamp, (3,). diffuse: its brightness, a number or (3,).

        Raises:
            ValueError: another shape, or a direction of no length.
        """
        _check_direction(direction)
        if not isinstance(direction, Tensor) or not direction.is_floating_point():
            direction = _tensor(direction, _plain())
        orders = [1.0] + [2 / 3] * 3 + [1 / 4] * 5
        return Sky(diffuse * math.pi * direction.new_tensor(orders) * harmonics(unit(direction)))


@dataclass(frozen=True)
class Lights:
    """Light from everywhere, a far lamp, and as many more lamps and skies as you like.

    Attributes:
        ambient: brightness of the light from everywhere.
        diffuse, direction, specular: of the lamp, see `Lamp`.
        shininess: of the surface, how small its highlights are, at least 1.
        more: other `Lamp`s, `PointLamp`s and `Sky`s.

    Raises:
        ValueError: numbers of another shape or out of range; the message names them.
    """

    ambient: Brightness = 0.35
    diffuse: Brightness = 0.65
    direction: Vector = (0.4, 1.0, 0.7)
    specular: Brightness = 0.0
    shininess: float | Tensor = 16.0
    more: Sequence[Lamp | PointLamp | Sky] = ()

    def __post_init__(self) -> None:
        Lamp(self.direction, self.diffuse, self.specular)
        _check_brightness(ambient=self.ambient)
        if _any(_check("shininess", self.shininess, ()) < 1):
            raise ValueError(f"shininess: got {self.shininess!r}, wanted a number >= 1")
        for light in self.more:
            if not isinstance(light, Lamp | PointLamp | Sky):
                wanted = "Lamps, PointLamps and Skies"
                raise ValueError(f"more: got {type(light).__name__}, wanted {wanted}")

    @property
    def lamps(self) -> list[Lamp | PointLamp]:
        """All that has a direction."""
        more = [light for light in self.more if not isinstance(light, Sky)]
        return [Lamp(self.direction, self.diffuse, self.specular), *more]

    @property
    def shine(self) -> bool:
        """Whether there is a highlight, which depends on the eye."""
        return any(not _is_zero(lamp.specular) for lamp in self.lamps)


# ---------------------------------------------------------------- shading


@outside_autocast
def shade(
    normals: Tensor,
    colors: Tensor,
    lights: Lights,
    points: Tensor | None = None,
    to_eye: Tensor | None = None,
) -> Tensor:
    """Colours under the lights.

    Args:
        normals: (..., 3) of unit length, or 0, world axes. colors: (..., 3).
        points: (..., 3), where the normals are; only `PointLamp`s need them.
        to_eye: (..., 3) unit vectors to the eye (`Camera.to_eye`); only highlights need them.

    Returns:
        (..., 3).

    Raises:
        ValueError: points or to_eye missing.
    """
    light, highlight = illuminate(normals, lights, points, to_eye)
    return colors * light + highlight if isinstance(highlight, Tensor) else colors * light


def illuminate(
    normals: Tensor, lights: Lights, points: Tensor | None, to_eye: Tensor | None
) -> tuple[Tensor, Tensor | float]:
    """What multiplies the surface's colour, and what is added to it, see `shade`: (..., 1 or 3)
    each; the number 0 where there is no highlight.
    """
    light = _brightness(lights.ambient, normals)
    highlight: Any = 0.0
    for lamp in lights.lamps:
        towards, fading = lamp.reach(normals, points)
        facing = normals @ towards if towards.dim() == 1 else (normals * towards).sum(-1)
        lambert = facing.clamp_min(0) * fading
        light = light + _brightness(lamp.diffuse, normals) * lambert[..., None]
        if not _is_zero(lamp.specular):
            shine = _phong(normals, towards, facing, lights.shininess, to_eye) * fading
            highlight = highlight + _brightness(lamp.specular, normals) * shine[..., None]
    for sky in (light for light in lights.more if isinstance(light, Sky)):
        c = _tensor(sky.coefficients, normals)
        light = light + harmonics(normals) @ (c if c.dim() == 2 else c[:, None])
    return light, highlight


def _phong(
    normals: Tensor,
    towards: Tensor,
    facing: Tensor,
    shininess: float | Tensor,
    to_eye: Tensor | None,
) -> Tensor:
    """max(r . v, 0)^shininess where the lamp is above the surface, (...)."""
    if to_eye is None:
        raise ValueError("to_eye: got None, wanted unit vectors to the eye for a highlight")
    mirrored = 2 * facing[..., None] * normals - towards
    along = (mirrored * to_eye).sum(-1)
    seen = (facing > 0) & (along > 0)
    power = shininess if isinstance(shininess, Real) else _tensor(shininess, normals)
    return torch.where(seen, along.where(seen, 1.0) ** power, 0.0)


def harmonics(normals: Tensor) -> Tensor:
    """The real spherical harmonics of order 0, 1 and 2, orthonormal on the sphere: (..., 3) unit
    vectors x, y, z -> (..., 9).

    In the order 1; y, z, x; xy, yz, 2 z^2 - x^2 - y^2, xz, x^2 - y^2, each with its factor.
    """
    x, y, z = normals.unbind(-1)
    one = 0.5 / math.sqrt(math.pi)
    a, b = math.sqrt(3) * one, math.sqrt(15) * one
    c = math.sqrt(5) / 2 * one
    values = [torch.full_like(x, one), a * y, a * z, a * x, b * x * y, b * y * z]
    values += [c * (2 * z * z - x * x - y * y), b * x * z, b / 2 * (x * x - y * y)]
    return torch.stack(values, dim=-1)


# ---------------------------------------------------------------- normals of a mesh


def corner_normals(verts: Tensor, faces: Tensor, shading: Shading) -> tuple[Tensor, Tensor]:
    """What lights look at, at each corner of each face: normals (F, 3, 3) and places (F, 3, 3).

    Args:
        shading: "flat": the face's normal and its centroid at its three corners, which so have one
            brightness. "gouraud" and "per_pixel": the vertices' normals and places.

    Raises:
        ValueError: another shading.
    """
    corners = at_corners(verts, faces)
    if shading == "flat":
        flat = face_normals(verts, faces)[:, None], corners.mean(1, keepdim=True)
        return flat[0].expand_as(corners), flat[1].expand_as(corners)
    if shading not in ("gouraud", "per_pixel"):
        wanted = "'flat', 'gouraud' or 'per_pixel'"
        raise ValueError(f"shading: got {shading!r}, wanted {wanted}")
    return at_corners(vertex_normals(verts, faces), faces), corners


@outside_autocast
def light_pixels(
    color: Tensor,
    surface: Tensor,
    share: Tensor,
    lights: Lights,
    to_eye: Callable[[Tensor], Tensor],
) -> Tensor:
    """Light a picture of a surface, pixel by pixel: (B, H, W, 3), its share of the pixel's colour.

    All that is drawn is a mean over the faces in a pixel and a background of 0, so it is multiplied
    by what the faces have of the pixel. A normal forgets that when its length becomes 1, a place
    when it is divided by it.

    Args:
        color: (B, H, W, 3), drawn on a background of 0. surface: (B, H, W, 7), normals, places, and
            a channel that is 1 (or any other number) on all faces. share: (B, H, W, 1), what the
            faces have of the pixel.
        to_eye: from places to unit vectors to the eye, `Camera.to_eye`.
    """
    normal, place, one = surface.split([3, 3, 1], dim=-1)
    normal, place = unit(normal), place / one.where(one > 0, 1.0)
    light, highlight = illuminate(normal, lights, place, to_eye(place) if lights.shine else None)
    return color * light + share * highlight


# ---------------------------------------------------------------- numbers


def _plain() -> Tensor:
    return torch.zeros((), dtype=torch.get_default_dtype())


def _tensor(x: Any, like: Tensor) -> Tensor:
    """Numbers of any kind in the dtype and on the device of `like`, with their gradient."""
    if not isinstance(x, Tensor):
        if _holds_tensors(x):
            x = torch.stack([_tensor(y, like) for y in x])
        else:
            x = torch.as_tensor(x, dtype=like.dtype)
    tensor: Tensor = x.to(like, non_blocking=like.is_cuda)  # the GPU need not wait
    return tensor


def _brightness(x: Brightness, like: Tensor) -> Any:
    """A number as it is; else a tensor that colours the last axis, the channels."""
    return x if isinstance(x, Real) else _tensor(x, like)


def _is_zero(x: Brightness) -> bool:
    return isinstance(x, Real) and x == 0


def _check(name: str, x: Any, *shapes: tuple[int, ...]) -> Any:
    """x as an array or a tensor; ValueError unless it has one of the shapes and is finite.

    Numbers are looked at by NumPy. Those of a tensor on a GPU, which would have to be waited for,
    are not: ones stand here.
    """
    array: Any
    wanted = " or ".join("a number" if not shape else str(shape) for shape in shapes)
    try:
        if isinstance(x, Tensor) or _holds_tensors(x):
            array = x.detach() if isinstance(x, Tensor) else _tensor(x, _plain()).detach()
        else:
            array = np.asarray(x, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name}: got {x!r}, wanted {wanted}") from None
    if tuple(array.shape) not in shapes:
        raise ValueError(f"{name}: got shape {tuple(array.shape)}, wanted {wanted}")
    if isinstance(x, Tensor) and x.is_cuda:
        return np.ones(array.shape)
    if _any(~(abs(array) < math.inf)):
        raise ValueError(f"{name}: got {x!r}, wanted finite numbers")
    return array


def _any(bad: Any) -> bool:
    return is_any(bad) if isinstance(bad, Tensor) else bool(bad.any())


def _holds_tensors(x: Any) -> bool:
    """Whether it is a list with a tensor in it."""
    return isinstance(x, Sequence) and any(isinstance(y, Tensor) for y in x)


def _check_direction(direction: Vector) -> None:
    numbers = _check("direction", direction, (3,))
    if _any((numbers == 0).all()):
        raise ValueError(f"direction: got {direction!r}, wanted a vector that is not 0")


def _check_brightness(**numbers: Brightness) -> None:
    for name, x in numbers.items():
        _check(name, x, (), (3,))
