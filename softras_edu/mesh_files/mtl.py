"""Wavefront MTL: what the materials of an OBJ file say of colour.

trimesh's reader takes the options of a map, as in "map_Kd -clamp on wood.png", for a part of the
picture's name, and says nothing of a picture that is missing.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from .beside import find
from .raw import decode

# Options of a map and how many words follow; "123": one to three numbers.
OPTIONS = {
    "-blendu": "1", "-blendv": "1", "-cc": "1", "-clamp": "1", "-texres": "1", "-bm": "1",
    "-boost": "1", "-imfchan": "1", "-type": "1", "-mm": "2", "-o": "123", "-s": "123",
    "-t": "123",
}  # fmt: skip
CLAMP = "# clamp"  # a comment of ours; see `write`


@dataclass
class Material:
    """One material. `picture` is "" if there is none."""

    color: tuple[float, float, float] | None = None  # Kd
    picture: str = ""  # map_Kd
    wrap: str = "repeat"  # MTL's own, or "clamp"
    scale: tuple[float, float] = (1.0, 1.0)  # place on the picture: uv * scale + offset
    offset: tuple[float, float] = (0.0, 0.0)


def read(path: Path, libraries: list[str], notes: list[str]) -> dict[str, Material]:
    """By name, the materials of the MTL files that the OBJ file `path` names.

    Of a library that is missing `notes` says so.
    """
    out: dict[str, Material] = {}
    for library in libraries:
        whole = find(path, library)  # a name may have spaces, or there may be several names
        files = [whole] if whole else [find(path, name) for name in library.split()]
        if None in files:
            notes.append(f"the materials {library!r} are not there, so colours of theirs are white")
        for file in files:
            if file is not None:
                _parse(decode(file.read_bytes()), out)
    return out


def _parse(text: str, out: dict[str, Material]) -> None:
    now = Material()  # before the first newmtl: nobody's
    for line in text.splitlines():
        if line.strip() == CLAMP:
            now.wrap = "clamp"
        words = re.split(r"(?:^|\s)#", line)[0].strip().split(None, 1)
        kind, rest = (words[0].lower(), words[1]) if len(words) == 2 else ("", "")
        if kind == "newmtl":
            now = out[rest] = Material()
        elif kind == "kd":
            numbers = _numbers(rest.split())
            if len(numbers) in (1, 3):  # one number is a grey
                now.color = tuple((numbers * 3)[:3])  # type: ignore[assignment]
        elif kind == "map_kd":
            _map(now, rest)


def write(name: str, picture: str, wrap: str, beyond: bool) -> str:
    """The lines of a material with a picture.

    Programs that know no options of a map, as trimesh and others, would not find the picture of
    "map_Kd -clamp on wood.png". So the option is there only where faces reach beyond the picture's
    border. Else clamping changes half a texel along the border, and a comment says it.
    """
    lines = [f"newmtl {name}", "Kd 1 1 1", f"map_Kd {picture}"]
    if wrap == "clamp":
        lines[2:] = [f"map_Kd -clamp on {picture}"] if beyond else [CLAMP, lines[2]]
    return "\n".join(lines) + "\n"


def _map(material: Material, rest: str) -> None:
    while (option := rest.partition(" ")[0].lower()) in OPTIONS:
        words = rest.split()[1:]
        many = OPTIONS[option]
        count = max(1, len(_numbers(words[:3]))) if many == "123" else int(many)
        rest = " ".join(words[count:])
        if option == "-clamp":
            material.wrap = "clamp" if words[:1] in (["on"], ["ON"]) else "repeat"
        elif option in ("-o", "-s"):
            start = {"-o": 0.0, "-s": 1.0}[option]
            u, v = (*_numbers(words[:count]), start, start)[:2]
            name = {"-o": "offset", "-s": "scale"}[option]
            setattr(material, name, (u, v))
    material.picture = rest


def _numbers(words: list[str]) -> list[float]:
    """The words up to the first one that is no finite number."""
    numbers: list[float] = []
    for word in words:
        try:
            number = float(word)
        except ValueError:
            break
        if not math.isfinite(number):
            break
        numbers.append(number)
    return numbers
