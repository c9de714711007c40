#!/bin/sh
# Makes .venv and installs requirements.lock and this package into it. Does nothing when that is already so.
# Called by the Makefile. Reads PYTHON (the interpreter to use), CPU (1: PyTorch without CUDA, 0: with it, unset: with it where an
# NVIDIA driver is found), MIN_FREE_GB (disk space to ask for) and PIP_FLAGS (more arguments for pip).
set -eu
cd "$(dirname "$0")/.."

stop() {
    echo >&2
    for line in "$@"; do echo "softras-edu: $line" >&2; done
    exit 1
}

recent() { # is this command a Python 3.11 or newer?
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

# PyTorch's own index of builds without CUDA. On Linux the builds on PyPI bring some 5 GB of CUDA along.
cpu_index=${CPU_INDEX:-https://download.pytorch.org/whl/cpu}

wants_cpu() { # is it PyTorch without CUDA that should be installed?
    [ "$(uname -s)" = Linux ] || return 1 # elsewhere there is only one build
    case "${CPU:-}" in
        1) return 0 ;;
        0) return 1 ;;
        "") ! { command -v nvidia-smi || ls /proc/driver/nvidia /dev/nvidiactl /dev/dxg; } >/dev/null 2>&1 ;;
        *) stop "CPU=$CPU: wanted 1 (PyTorch without CUDA), 0 (with CUDA), or nothing (with CUDA where there is an NVIDIA driver)." ;;
    esac
}

torch_fits() { # is the PyTorch in .venv the one that was asked for? Where nobody asked, any is.
    [ -n "${CPU:-}" ] && [ "$(uname -s)" = Linux ] || return 0
    $venv/bin/python -c "import sys, torch; sys.exit((torch.version.cuda is None) != ($CPU == 1))" >/dev/null 2>&1
}

# What was installed: the same files, in the same place (a virtual environment that was moved does not work).
state() {
    cksum requirements.lock pyproject.toml
    pwd
}

if [ -n "${PYTHON:-}" ]; then
    recent "$PYTHON" || stop "PYTHON=$PYTHON is not a Python 3.11 or newer that runs."
fi

venv=.venv
stamp=$venv/softras-edu-installed
wants_cpu || true # says what is wrong with CPU, before anything is done
if [ -f $stamp ] && [ "$(cat $stamp)" = "$(state)" ] && recent $venv/bin/python && torch_fits; then
    if [ -z "${PYTHON:-}" ] || [ "$(version "$PYTHON")" = "$(version $venv/bin/python)" ]; then
        exit 0
    fi
fi

if [ -z "${PYTHON:-}" ]; then
    for candidate in python3.13 python3.12 python3.11 python3 python; do
        if recent $candidate; then
            PYTHON=$candidate
            break
        fi
    done
    [ -n "${PYTHON:-}" ] || stop "no Python 3.11 or newer found (looked for python3.13, python3.12, python3.11, python3, python)." \
        "Install one, from python.org or your package manager, or name it:  make lab PYTHON=/path/to/python3"
fi

# Keep an environment that works, is in its place, and is of the right Python; make any other anew.
if [ -e $venv ]; then
    [ -d $venv ] || stop "$venv is in the way: it is not a folder. Remove or rename it."
    if [ -f $stamp ] && [ "$(tail -n 1 $stamp)" != "$(pwd)" ]; then
        echo "==> $venv was made in another folder: making it anew"
        rm -rf $venv
    elif ! recent $venv/bin/python || ! $venv/bin/python -m pip --version >/dev/null 2>&1; then
        echo "==> $venv is broken or was left half made: making it anew"
        rm -rf $venv
    elif [ "$(version "$PYTHON")" != "$(version $venv/bin/python)" ]; then
        echo "==> $venv has Python $(version $venv/bin/python), and $PYTHON is Python $(version "$PYTHON"): making it anew"
        rm -rf $venv
    fi
fi
rm -f $stamp

quiet=--quiet # the second time, when little is left to do
if [ ! -d "$(echo $venv/lib/python*/site-packages/torch)" ]; then
    quiet=
    # PyTorch for Linux brings the CUDA packages along, unless it is told not to.
    if [ "$(uname -s)" = Linux ] && ! wants_cpu; then need=${MIN_FREE_GB:-6}; else need=${MIN_FREE_GB:-2}; fi
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024 / 1024) }')
    [ "$free" -ge "$need" ] || stop "not enough disk space here: $free GB free, about $need GB needed (PyTorch is the large part)." \
        "If you know better:  make lab MIN_FREE_GB=0"
fi

if [ ! -d $venv ]; then
    "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null || stop "$PYTHON has no venv module, which makes the environment." \
        "On Debian and Ubuntu:  sudo apt install python3-venv   (or python$(version "$PYTHON")-venv)"
    echo "==> Making $venv with $PYTHON ($("$PYTHON" --version 2>&1))"
    "$PYTHON" -m venv $venv || stop "$PYTHON -m venv $venv failed; its message is above."
fi

log=$venv/pip.log
rm -f $log
if ! torch_fits; then
    echo "==> Removing this PyTorch: CPU=$CPU asks for the other one"
    $venv/bin/python -m pip uninstall --disable-pip-version-check --quiet --yes torch || true
fi
torch=$(grep '^torch==' requirements.lock || true)
if [ -n "$torch" ] && wants_cpu && [ ! -d "$(echo $venv/lib/python*/site-packages/torch)" ]; then
    echo "==> Installing $torch without CUDA$([ -n "${CPU:-}" ] || echo " (no NVIDIA driver was found here; CPU=0 asks for CUDA all the same)")"
    # What it needs besides comes with the rest of requirements.lock.
    # shellcheck disable=SC2086
    if ! $venv/bin/python -m pip install --disable-pip-version-check --log $log --retries 1 --timeout 20 --no-deps \
        --index-url "$cpu_index" "$torch" ${PIP_FLAGS:-}; then
        echo "==> That did not work, so PyTorch comes with CUDA (about 5 GB more on disk). It runs without a GPU just as well."
    fi
fi

echo "==> Installing what requirements.lock lists into $venv (the first time this downloads PyTorch and takes some minutes)"
# $quiet and PIP_FLAGS are split into words on purpose.
# shellcheck disable=SC2086
if ! $venv/bin/python -m pip install --disable-pip-version-check --log $log $quiet -r requirements.lock ${PIP_FLAGS:-}; then
    stop "pip could not install requirements.lock; its message is above, and all it did is in $log." \
        "Is the network there? Is the disk full? Then run the same make command again: it goes on from here."
fi
echo "==> Installing softras-edu itself, editable: changes to the code count at once"
# Everything it needs is there already, setuptools included; so this step needs no network.
if ! $venv/bin/python -m pip install --disable-pip-version-check --log $log --quiet --no-deps --no-build-isolation --editable .; then
    stop "pip could not install softras-edu itself; its message is above, and all it did is in $log."
fi
echo "==> Compiling the CPU kernels, once"
$venv/bin/python -c "from softras_edu.rasterizers.numba_cpu import warm; warm()" || stop "the CPU kernels did not compile; the message is above."
state >$stamp
