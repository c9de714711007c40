"""A real JupyterLab in a headless Chromium, for whatever looks at notebooks as a reader meets them.

`tests/test_browser.py`, `scripts/browse_notebooks.py` and `benchmarks/explorers_in_browser.py` use
it. The server knows nothing of the user's settings, and nothing goes to a network.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# --no-sandbox: in containers, where CI runs as root, Chromium has no other way. The others keep it
# off the network.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 180  # seconds; CI has two slow cores and other tests beside this one

# JupyterLab shows its frame long before the notebook and its kernel are there.
READY = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    const session = panel?.sessionContext;
    const idle = session?.isReady && session.session?.kernel?.status === 'idle';
    return Boolean(panel?.context?.isReady && idle);
}"""
# All cells ran, or one failed that may not.
DONE = """() => {
    const models = window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model);
    const code = models.filter(model => model.type === 'code');
    const stub = model => (model.getMetadata('tags') || []).includes('raises-exception');
    const error = model => model.outputs.toJSON().some(o => o.output_type === 'error');
    const failed = model => !stub(model) && error(model);
    return code.at(-1).executionCount === code.length || code.some(failed);
}"""
COMMAND = "name => window.jupyterapp.commands.execute(name)"
# The notebook that is seen goes, and its kernel with it; what it has not saved is lost.
CHANGE = """async name => {
    const { shell, commands } = window.jupyterapp, before = shell.currentWidget;
    await before.sessionContext.shutdown();
    before.dispose();
    await commands.execute('docmanager:open', { path: name });
}"""
SHOWN = "() => window.jupyterapp.shell.currentWidget.context.path"
RUN = """async source => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = 0;
    notebook.activeCell.model.sharedModel.setSource(source);
    await window.jupyterapp.commands.execute('notebook:run-cell');
}"""
# Writes down, for each of `count` explorers, the milliseconds from a press of a key to the picture
# that it changed, decoded.
WATCH = """count => {
    const pictures = [...document.querySelectorAll('.jp-OutputArea-output img.widget-image')];
    if (pictures.length < count || pictures.some(picture => !picture.naturalWidth)) return false;
    window.trips = pictures.map(() => []);
    document.addEventListener('keydown', () => { window.pressed = performance.now(); }, true);
    pictures.forEach((picture, k) => picture.addEventListener('load', () => {
        window.trips[k].push(performance.now() - window.pressed);
    }));
    return true;
}"""


def find_chromium() -> str | None:
    """Its path, if this machine has one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium.

    Raises:
        FileNotFoundError: there is none.
    """
    path = find_chromium()
    if path is None:
        raise FileNotFoundError("no Chromium found; looked for " + ", ".join(NAMES))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def server(room: Path, home: Path, app: str = "jupyterlab") -> Iterator[tuple[str, str]]:
    """JupyterLab, or Notebook 7 (`app="notebook"`), on the folder `room`: its address, its token.

    `home` keeps its settings and what it says.

    Raises:
        RuntimeError: it did not start; the end of what it said.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    environment = dict(os.environ)
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        environment[name] = str(home / name.lower())
    # The app is exposed so that a script can run all cells and wait for the last one, where a user
    # would look and click.
    rest = [
        "--allow-root",
        "--expose-app-in-browser",
        "--LabApp.news_url=None",
        f"--ServerApp.root_dir={room}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
    ]
    log = home / "log"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", app, "--no-browser", *rest],
            env=environment,
            stdout=sink,
            stderr=sink,
            stdin=subprocess.DEVNULL,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for_server(process, f"{address}/api/status?token={token}", log)
        yield address, token
    finally:
        process.terminate()  # it takes its kernels with it
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_server(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Until it answers."""
    # No proxy: some machines send even this request through one.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            opener.open(url, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError("the server did not start:\n" + log.read_text()[-3000:])


def listen(page: Page) -> None:
    """`page.complaints` collects what the browser's console says from now on."""
    complaints: list[str] = []
    page.complaints = complaints  # type: ignore[attr-defined]
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))


def new_page(browser: Browser, **options: Any) -> Page:
    """A page, tall, since cells out of sight are not drawn.

    Its console is listened to: see `listen`.
    """
    page = browser.new_page(**({"viewport": {"width": 1280, "height": 6000}} | options))
    page.set_default_timeout(PATIENCE * 1000)
    listen(page)
    return page


def open_notebook(browser: Browser, lab: tuple[str, str], name: str, **options: Any) -> Page:
    """A notebook in JupyterLab, open and with an idle kernel; see `new_page`."""
    address, token = lab
    page = new_page(browser, **options)
    page.goto(f"{address}/lab/tree/{name}?token={token}&reset")
    page.wait_for_function(READY)
    return page


def change_notebook(page: Page, name: str) -> None:
    """Another notebook on a page of JupyterLab, in place of the one that is seen.

    Much quicker than a new page.
    """
    if page.evaluate(SHOWN) != name:
        page.evaluate(CHANGE, name)
        page.wait_for_function(READY)


def run_cell(page: Page, source: str) -> None:
    """The notebook's first cell gets this source, and runs to its end."""
    page.evaluate(RUN, source)


def run_all(page: Page) -> None:
    """Run all cells, to the end or to a failure; a stub that raises does not end it."""
    # so that what was stored is not taken for what ran
    page.evaluate(COMMAND, "notebook:clear-all-cell-outputs")
    page.wait_for_function(f"() => !({DONE})()")
    page.evaluate(COMMAND, "notebook:run-all-cells")
    page.wait_for_function(DONE)


def cells(page: Page) -> list[dict[str, Any]]:
    """The notebook as JupyterLab has it now."""
    model = "window.jupyterapp.shell.currentWidget.content.model.toJSON()"
    found: list[dict[str, Any]] = json.loads(page.evaluate(f"() => JSON.stringify({model})"))[
        "cells"
    ]
    return found


def new_notebook(path: Path, *sources: str) -> None:
    """Write a notebook of these code cells."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources]
    )
    notebook.metadata.kernelspec = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    nbformat.write(notebook, path)
