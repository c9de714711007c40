"""python -m softras_edu reconstruct make-data | train | evaluate."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .checkpoint import PRETRAINED
from .config import COMPARED, METHODS, Config, Dial

HELP = """Shape from one image, as in the Soft Rasterizer's paper: a network learns to turn a
picture into a mesh from pictures alone.

  make-data   pictures and voxels of made-up objects, in the layout of the NMR ShapeNet files
              (which train and evaluate read too)
  train       one process, or several:
              torchrun --nproc_per_node 2 -m softras_edu reconstruct train ...
  evaluate    voxel IoU on objects never trained on, and a sheet of pictures

A run that was interrupted goes on when the same command runs again."""


def add(commands: Any) -> None:
    """Hang the sub-commands on `python -m softras_edu`."""
    parser = commands.add_parser(
        "reconstruct",
        help="learn to make a mesh from one picture",
        description=HELP,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="make-data | train | evaluate"
    )
    _add_make_data(actions)
    _add_train(actions)
    _add_evaluate(actions)


def _add_make_data(actions: Any) -> None:
    make = actions.add_parser("make-data", help="make up objects, and photograph them")
    make.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the folder to write to"
    )
    make.add_argument(
        "--objects-per-class", type=int, default=100, metavar="N", help="to train with (100)"
    )
    make.add_argument(
        "--held-out",
        type=int,
        default=20,
        metavar="N",
        help="a class, to validate with, and as many to test with (20)",
    )
    make.add_argument("--seed", type=int, default=0, help="which objects (0)")
    make.add_argument("--classes", nargs="+", metavar="NAME", help="only these")


def _add_train(actions: Any) -> None:
    plain = Config(data="")
    learn = actions.add_parser(
        "train",
        help="train a network, or go on training it",
        formatter_class=argparse.RawTextHelpFormatter,
    )
    learn.add_argument(
        "--data",
        required=True,
        metavar="DIR",
        help="a folder of <class>_train_images.npz and <class>_train_voxels.npz",
    )
    learn.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the folder of this run"
    )
    about = "\n".join(f"{name}: {method.about}" for name, method in METHODS.items())
    learn.add_argument(
        "--method", default=plain.method, metavar="NAME", help=f"({plain.method})\n{about}"
    )
    learn.add_argument("--classes", nargs="+", default=(), metavar="NAME", help="only these")
    for name, kind, text in (
        ("steps", int, ""),
        ("batch", int, "objects a step, over all processes, two pictures each"),
        ("width", float, "of the network, as a part of the paper's"),
        ("gamma", float, "softness in depth"),
        ("color", float, "lambda, the weight of the colours"),
        ("laplacian", float, "mu, the weight of a smooth surface"),
        ("flatten", float, "the weight of flat edges"),
        ("seed", int, ""),
    ):
        default = getattr(plain, name)
        learn.add_argument(
            f"--{name}",
            type=kind,
            default=default,
            metavar="N" if kind is int else "X",
            help=f"{text} ({default:g})".strip(),
        )
    about = "\n".join(f"{name}: {what}" for name, what in COMPARED.items())
    learn.add_argument(
        "--views",
        default=plain.views,
        metavar="NAME",
        help=f"which pictures become meshes, and what these are compared with ({plain.views})\n"
        f"{about}",
    )
    for name, text in (("lr", "%g to %g" % plain.lr), ("sigma", "the method's own")):  # noqa: UP031
        learn.add_argument(
            f"--{name}",
            type=float,
            nargs="+",
            metavar="X",
            help=f"one number, or the first and the last step's ({text})",
        )
    learn.add_argument(
        "--shading", action="store_true", help="draw with the lights of the made-up data"
    )
    learn.add_argument(
        "--unlit",
        action="store_true",
        help="let the network brighten the picture's colours; goes with --shading",
    )
    learn.add_argument(
        "--dials",
        nargs="+",
        default=(),
        metavar="NAME=VALUE",
        help="further arguments of rasterize: distribution=uniform squared=false",
    )
    learn.add_argument("--dtype", default=plain.dtype, help=f"float32 or float64 ({plain.dtype})")
    learn.add_argument(
        "--save-every", type=int, default=100, metavar="N", help="steps between checkpoints (100)"
    )
    learn.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1")
    learn.add_argument(
        "--dist-backend", default="auto", help="of several processes: gloo or nccl (auto)"
    )


def _add_evaluate(actions: Any) -> None:
    judge = actions.add_parser(
        "evaluate", help="voxel IoU on held-out objects, and a sheet of pictures"
    )
    judge.add_argument(
        "--model",
        type=Path,
        default=PRETRAINED,
        metavar="PATH",
        help="the folder of a run, or a model file (the one that comes with the course)",
    )
    judge.add_argument(
        "--data", type=Path, metavar="DIR", help="other data than it was trained with"
    )
    judge.add_argument("--split", default="test", help="val or test (test)")
    judge.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where to write (the run's folder, or for a file the current one)",
    )
    judge.add_argument(
        "--surface",
        action="store_true",
        help="count cells that the surface passes through, as the code of NMR and SoftRas does",
    )
    judge.add_argument(
        "--every", type=int, default=1, metavar="N", help="look at every N-th of the 24 views (1)"
    )
    judge.add_argument("--device", default="cpu", help="cpu, cuda (cpu)")


def run(given: argparse.Namespace) -> int:
    """Do it; the exit status is 0 when done and 130 when interrupted.

    Raises:
        ValueError, OSError: what is wrong.
    """
    if given.action == "make-data":
        from .data import make_data

        make_data(given.out, given.objects_per_class, given.held_out, given.seed, given.classes)
        print(
            f"Wrote {given.out}. Next:  python -m softras_edu reconstruct train --data "
            f"{given.out} --out run"
        )
        return 0
    if given.action == "evaluate":
        from .evaluate import command

        if given.every < 1:
            raise ValueError(f"--every: got {given.every}, wanted 1 or more")
        command(
            given.model,
            given.data,
            given.split,
            given.out,
            given.surface,
            given.every,
            given.device,
        )
        return 0
    from .train import train

    try:
        train(
            config_of(given),
            given.out,
            device=given.device,
            backend=given.dist_backend,
            save_every=given.save_every,
        )
    except KeyboardInterrupt:
        print(
            f"\nInterrupted. The same command goes on where this one stopped ({given.out}).",
            file=sys.stderr,
        )
        return 130
    return 0


def config_of(given: argparse.Namespace) -> Config:
    """The settings of `train`, from the command line."""
    names = (
        "data",
        "method",
        "steps",
        "batch",
        "views",
        "width",
        "gamma",
        "color",
        "laplacian",
        "flatten",
        "seed",
        "shading",
        "unlit",
        "dtype",
    )
    settings: dict[str, Any] = {name: getattr(given, name) for name in names}
    for name in ("lr", "sigma"):
        numbers = getattr(given, name)
        if numbers is not None:
            settings[name] = (numbers[0], numbers[0]) if len(numbers) == 1 else tuple(numbers)
    return Config(
        **settings, classes=tuple(given.classes), dials=dict(_dial(text) for text in given.dials)
    )


def _dial(text: str) -> tuple[str, Dial]:
    """name=value, where the value may be a number, true, false, none or a word."""
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise ValueError(f"--dials: got {text!r}, wanted name=value")
    words: dict[str, Dial] = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return name, words[value.lower()]
    try:
        return name, float(value)
    except ValueError:
        return name, value
