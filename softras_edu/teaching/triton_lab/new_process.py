"""A module of ours in a Python process of its own: Triton decides at its first import whether it
compiles or interprets, and a notebook's has decided.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run(module: str, *arguments: str, interpret: bool = False) -> str:
    """What `python -m softras_edu.<module> <arguments>` prints. RuntimeError with its words if it
    fails."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    if interpret:
        environment["TRITON_INTERPRET"] = "1"
    path = [str(Path(__file__).parents[3]), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path)
    command = [sys.executable, "-m", f"softras_edu.{module}", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.strip()
