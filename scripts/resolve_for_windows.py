"""Would pip find all of requirements.lock for Windows? Asked on any machine; installs nothing.

    .venv/bin/python scripts/resolve_for_windows.py        exit status 0: yes

pip can resolve for another platform, but asks this machine about the markers behind requirements
(`; platform_system == "Linux"`). So its answer to these is replaced.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from pip._internal.cli.main import main as pip
from pip._vendor.packaging import markers

LOCK = Path(__file__).parent.parent / "requirements.lock"
WINDOWS = {
    "os_name": "nt",
    "platform_system": "Windows",
    "sys_platform": "win32",
    "platform_machine": "AMD64",
    "python_version": "3.12",
    "python_full_version": "3.12.8",
}


def main() -> int:
    here = dict(markers.default_environment())
    markers.default_environment = lambda: {**here, **WINDOWS}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        wheels = "--platform win_amd64 --python-version 3.12 --implementation cp"
        wheels += " --abi cp312 --abi abi3 --abi none --only-binary=:all:"
        where = ["--target", folder, "-r", str(LOCK), "--report", str(report)]
        dry = "install --dry-run --quiet --ignore-installed"
        status = pip([*dry.split(), *wheels.split(), *where])
        if status:
            return int(status)
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    names = {item["metadata"]["name"].lower().replace("_", "-") for item in found}
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    for name in sorted(names - pinned):
        print(f"{name} is wanted on Windows and has no line in {LOCK.name}")
    return 1 if names - pinned else 0


if __name__ == "__main__":
    sys.exit(main())
