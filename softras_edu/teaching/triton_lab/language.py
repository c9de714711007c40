"""Triton for reading and trying out, in notebook 09: `from
softras_edu.teaching.triton_lab.language import tl, triton`.

Where Triton is installed these are Triton's own, running in its interpreter: on the CPU, slowly,
whether there is a GPU or not. Elsewhere they are the stand-in of `stand_in.py`. `HERE` tells
which: "interpreter" or "stand-in".
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from ...rasterizers.triton_gpu import use_interpreter

HERE = "stand-in"
triton: Any
tl: Any
if importlib.util.find_spec("triton") is not None:
    try:
        use_interpreter()
        HERE = "interpreter"
    except (
        RuntimeError
    ):  # triton is imported for a GPU already, or cannot interpret with this NumPy
        pass
if HERE == "interpreter":
    triton = importlib.import_module("triton")
    tl = importlib.import_module("triton.language")
else:
    stand_in = importlib.import_module(".stand_in", __package__)
    triton, tl = stand_in.triton, stand_in.tl
