"""Silhouettes and their cameras, read from files: pictures in a folder or an array."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..camera import Camera
from .camera_files import Entry, read_cameras, to_camera
from .picture_files import ALPHA, read_photos, read_pictures


@dataclass(frozen=True)
class Views:
    """N silhouettes and the N cameras that saw them.

    Attributes:
        names: what the pictures are called in messages and reports.
        masks: (N, H, W), from 0 (background) to 1.
        camera: N cameras.
        photos: (N, H, W, 3), RGB in [0, 1]; None where the pictures have no colours.
    """

    names: list[str]
    masks: Tensor
    camera: Camera
    photos: Tensor | None = None


def read_views(
    images: Path,
    cameras: Path,
    fov: float = 60.0,
    *,
    photos: Path | None = None,
    invert: bool = False,
) -> Views:
    """Read and match them.

    Args:
        images: a folder of PNG or JPEG files (the alpha channel is the silhouette; a picture
            without one is white on black), in natural order: 2.png before 10.png. Or an .npy or
            .npz file with one array (N, H, W), (N, H, W, C) or (N, C, H, W).
        cameras: .csv, .json, .npy or .npz; `python -m softras_edu fit --help` and the messages say
            what must be in it.
        fov: the whole vertical angle of view of orbit cameras that do not have their own, degrees.
        photos: the photographs in colour whose masks `images` are, of the same names, but for the
            suffix; or an array (N, H, W, 3) or (N, 3, H, W). None: pictures with an alpha channel
            bring their own colours, if what it shows is not of one colour throughout.
        invert: dark, or transparent, is the shape.

    Raises:
        ValueError: anything missing, unreadable, not fitting or ambiguous; the message names the
            file, and the row or picture.
    """
    names, masks, channels, colors = read_pictures(images)
    masks = 1 - masks if invert else masks
    for name, mask, channel in zip(names, masks, channels, strict=True):
        if not (mask > 0.5).any():
            brighter = "no pixel is brighter than one half"
            raise ValueError(f"{name}: the mask is empty, {brighter} in {channel}, which was read")
        if (mask > 0.5).all():
            opaque = "; without that channel the brightness is read" if channel == ALPHA else ""
            raise ValueError(
                f"{name}: the mask covers the whole picture, so it shows no outline: {channel}, "
                f"which was read, is above one half everywhere{opaque}"
            )
    size = (masks.shape[1], masks.shape[2])
    entries = _match(names, read_cameras(cameras, size), cameras)
    camera = to_camera(entries, fov, size)
    if photos is not None:
        colors = read_photos(photos, names, size)
    elif colors is not None and _of_one_color(colors, masks):
        colors = None
    return Views(names, masks, camera, colors)


def _of_one_color(photos: Tensor, masks: Tensor) -> bool:
    """Is what the masks show of one colour throughout, as in a silhouette drawn in black?"""
    shown = photos[masks > 0.5]
    return bool((shown.amax(0) - shown.amin(0)).max() < 0.02)


# ---------------------------------------------------------------- which camera saw which picture


def _match(names: list[str], entries: list[Entry], file: Path) -> list[tuple[str, Entry]]:
    """A camera for every picture, in the order of the pictures, each with a name for messages.

    Raises:
        ValueError: too few or too many, or more than one way to pair them.
    """
    if not any("image" in entry for entry in entries):
        return _match_in_order(names, entries, file)
    named = [(Path(str(entry.get("image") or "")).name, entry) for entry in entries]
    out = []
    missing = []
    for name in names:
        stem = Path(name).stem  # 007 is as good as 007.png
        mine = [entry for other, entry in named if other == name]
        mine = mine or [entry for other, entry in named if stem in (other, Path(other).stem)]
        if len(mine) > 1:
            raise ValueError(f"{file}: {len(mine)} cameras for {name}, wanted one")
        missing += [] if mine else [name]
        out += [(f"{file}, camera of {name}", entry) for entry in mine]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        wanted = "the column 'image' must name every picture"
        raise ValueError(f"{file}: no camera for {missing[0]}{more}; {wanted}")
    return out


def _match_in_order(names: list[str], entries: list[Entry], file: Path) -> list[tuple[str, Entry]]:
    """Cameras without names: the first belongs to the first picture."""
    many, wanted = len(entries), len(names)
    if many != wanted:
        first = f"; the first without a camera is {names[many]}" if many < wanted else ""
        raise ValueError(f"{file}: {many} cameras for {wanted} pictures{first}")
    pictures = [name for name in names if not name.startswith("picture ")]
    for natural_order, letters in zip(pictures, sorted(pictures), strict=True):
        if natural_order != letters:
            raise ValueError(
                f"{file}: the cameras have no names, and the pictures have two orders: by number "
                f"{natural_order} comes where by letters {letters} does. Name the pictures in a "
                "column 'image', or number them 001, 002, ..."
            )
    return [(f"{file}, camera of {n}", entry) for n, entry in zip(names, entries, strict=True)]
