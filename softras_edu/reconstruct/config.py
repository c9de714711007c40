"""What makes one training run different from another: kept in its config.json."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..fitting.optimize import schedule

Dial = float | str | bool | None
Pair = tuple[float, float]


@dataclass(frozen=True)
class Method:
    """One way to draw, and whether there are colours."""

    about: str
    color: bool
    hard: bool = False  # the z-buffer with NMR's hand-made gradient, instead of a soft image
    supersample: int = 1  # draw so many times as many rows and columns, and average
    # Of this method's own kind, where the paper's sigma would mean something else.
    sigma: Pair | None = None
    dials: dict[str, Dial] = field(default_factory=dict)  # further arguments of `rasterize`


# GenDR's experiments give distributions over the distance (not squared) the scale 10^-1.5, and
# multiply it by 0.3 when three fifths of the steps are done; here it goes there in equal ratios.
GENDR_BLUR = (10**-1.5, 0.3 * 10**-1.5)
METHODS = {
    "silhouette": Method("silhouettes only, as in arXiv 1901.05567", color=False),
    "color": Method("silhouettes and colours, as in arXiv 1904.01786", color=True),
    # NMR draws four samples a pixel, as its code does by default ("anti-aliasing").
    "nmr": Method(
        "hard silhouettes with the hand-made gradient of arXiv 1711.07566",
        color=False,
        hard=True,
        supersample=2,
    ),
    **{
        f"gendr-{name}": Method(
            f"silhouettes with a {name} distribution, as in arXiv 2204.13845",
            color=False,
            sigma=GENDR_BLUR,
            dials={"distribution": name, "squared": False},
        )
        for name in ("uniform", "gaussian")
    },
}
# Which pictures become meshes, and from which views each mesh is drawn and compared.
COMPARED = {
    "own": "the first picture; its own view",
    "both": "the first picture; its own view and the second one",
    "cross": "both pictures; both views, as in the official code",
}


@dataclass(frozen=True)
class Config:
    """One run.

    Pairs are the value at the first and at the last step; between them it goes in equal ratios.

    Attributes:
        classes: as in the files' names; none for all.
        batch: objects in a step, over all processes, each in two pictures.
        views: "own", "both" or "cross": see COMPARED.
        width: of the network, as a part of the paper's.
        sigma, gamma: as in `rasterize`; sigma in NDC squared, or in the unit that the dials ask
            for. None: the method's own.
        color: lambda, the weight of the mean absolute difference of colours on the object.
            laplacian, flatten: the two parts of mu L_g.
        shading: draw with the lights of the made-up data. unlit: let the network brighten the
            picture's colours, so that they are lit once, when the mesh is drawn, and not twice.
        dials: further arguments of `rasterize`, after those of the method.
    """

    data: str
    method: str = "color"
    classes: tuple[str, ...] = ()
    steps: int = 2000
    batch: int = 16
    views: str = "both"
    width: float = 0.1875
    lr: Pair = (1e-3, 1e-4)
    sigma: Pair | None = None
    gamma: float = 1e-4
    color: float = 1.0
    laplacian: float = 5e-3
    flatten: float = 5e-4
    shading: bool = False
    unlit: bool = False
    seed: int = 0
    dtype: str = "float32"
    dials: dict[str, Dial] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method: got {self.method!r}, wanted one of {', '.join(METHODS)}")
        if self.views not in COMPARED:
            raise ValueError(f"views: got {self.views!r}, wanted one of {', '.join(COMPARED)}")
        if self.unlit and not self.shading:
            raise ValueError("unlit: got True, but shading is off: nothing would light the colours")
        if self.sigma is None:
            object.__setattr__(self, "sigma", METHODS[self.method].sigma or (1e-4, 3e-5))
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, wanted 1 or more")
        for name in ("width", "gamma"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name}: got {getattr(self, name)}, wanted a number > 0")
        for name in ("lr", "sigma"):
            pair = getattr(self, name)
            if len(pair) != 2 or not all(0 < x < math.inf for x in pair):
                raise ValueError(f"{name}: got {pair}, wanted two numbers > 0")
        for name in ("color", "laplacian", "flatten"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}: got {getattr(self, name)}, wanted a weight >= 0")
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype: got {self.dtype!r}, wanted 'float32' or 'float64'")

    def at(self, name: str, step: int) -> float:
        """`lr` or `sigma` at a step."""
        return schedule(*getattr(self, name))(step / max(self.steps - 1, 1))

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @staticmethod
    def from_json(text: str, where: str | Path = "config") -> Config:
        """What `to_json` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            given: dict[str, Any] = json.loads(text)
            settings: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in given.items()
            }
            return Config(**settings)
        except (TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{where}: not the settings of a reconstruction ({error})") from None

    def differences(self, other: Config) -> str:
        """In words, what is not the same."""
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        return ", ".join(
            f"{name} {theirs[name]} there, {mine[name]} here"
            for name in mine
            if mine[name] != theirs[name]
        )
