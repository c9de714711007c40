"""python -m softras_edu doctor | notebooks DEST | bench | gpu | fit | reconstruct.

What runs here, the notebooks, how fast the renderers are, the kernels on a GPU, your own pictures.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from . import __version__, bench, doctor
from .bench import gpu
from .coursework import command as coursework
from .fitting import silhouettes as fit_images
from .rasterizers.ladder import RUNGS
from .reconstruct import cli as reconstruct


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 0 when all went well."""
    parser = argparse.ArgumentParser(
        prog="python -m softras_edu", description="Soft rasterization, taught step by step."
    )
    parser.add_argument("--version", action="version", version=f"softras-edu {__version__}")
    commands = parser.add_subparsers(
        dest="command",
        required=True,
        metavar="doctor | notebooks | bench | gpu | fit | reconstruct",
    )
    commands.add_parser("doctor", help="say what is installed, what runs here, and what is missing")
    coursework.add(commands, argparse.RawTextHelpFormatter)
    _add_bench(commands)
    gpu.add(commands)
    _add_fit(commands)
    reconstruct.add(commands)
    given = parser.parse_args(arguments)
    if given.command == "doctor":
        return doctor.report()
    if given.command == "notebooks":
        return _notebooks(given)
    if given.command == "gpu":
        return gpu.run(given, doctor.report)
    if given.command == "fit":
        options = {name: value for name, value in vars(given).items() if name != "command"}
        try:
            return fit_images.command(**options)
        except (ValueError, OSError) as error:
            return _fail(str(error).removesuffix("."))
    if given.command == "reconstruct":
        try:
            return reconstruct.run(given)
        except (ValueError, OSError, FloatingPointError) as error:
            return _fail(str(error).removesuffix("."))
    only = [name for name in given.backends.split(",") if name]
    if wrong := bench.unknown(only):
        return _fail(
            f"--backends: got {', '.join(wrong)}, wanted some of "
            f"{', '.join((*RUNGS, *bench.PEERS))}"
        )
    return bench.report(given.out, given.limit, only)


def _add_bench(commands: Any) -> None:
    timing = commands.add_parser("bench", help="measure every renderer that runs here")
    timing.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write the numbers there, as <date>-<device>.csv"
    )
    timing.add_argument(
        "--limit",
        type=float,
        default=3.0,
        metavar="SECONDS",
        help="a backend leaves a sweep after a run longer than this (3)",
    )
    timing.add_argument(
        "--backends",
        default="",
        metavar="NAMES",
        help="only these, with commas between: numba,deodr; peers too where they are installed",
    )


def _add_fit(commands: Any) -> None:
    shape = commands.add_parser(
        "fit",
        help="make a mesh from silhouettes or photographs of yours",
        description=fit_images.HELP,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    shape.add_argument(
        "--images",
        type=Path,
        required=True,
        metavar="DIR",
        help="masks: a folder of PNG or JPEG files, or an .npy or .npz file with one array",
    )
    shape.add_argument(
        "--photos",
        type=Path,
        metavar="DIR",
        help="the photographs whose masks --images are, of the same names: the shape is coloured",
    )
    shape.add_argument(
        "--cameras",
        type=Path,
        required=True,
        metavar="FILE",
        help="where they were taken from: .csv, .json, .npy or .npz",
    )
    shape.add_argument(
        "--out",
        type=Path,
        default=Path("fitted"),
        metavar="FOLDER",
        help="where the results go (fitted)",
    )
    shape.add_argument("--steps", type=int, default=400, help="steps of the fit (400)")
    shape.add_argument(
        "--level", type=int, default=4, help="about 10 x 4^level + 2 vertices at the end (4: 2,562)"
    )
    shape.add_argument(
        "--held-out", type=int, metavar="N", help="views kept for the test (one in eight)"
    )
    shape.add_argument(
        "--fov",
        type=float,
        default=60.0,
        metavar="DEGREES",
        help="whole vertical angle of view of orbit cameras (60)",
    )
    shape.add_argument("--invert", action="store_true", help="the shape is what is dark")
    shape.add_argument(
        "--anyway", action="store_true", help="fit even if masks and cameras look wrong"
    )
    shape.add_argument(
        "--seed", type=int, default=0, help="which random numbers choose the views of a step (0)"
    )


def _notebooks(given: argparse.Namespace) -> int:
    """Copy the notebooks, in the variant that is asked for."""
    try:
        print(coursework.run(given, __version__))
    except ValueError as error:
        return _fail(str(error).removesuffix("."))
    except OSError as error:
        return _fail(f"cannot write to {given.dest}: {error.strerror}")
    return 0


def _fail(message: str) -> int:
    print(f"softras-edu: {message}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
