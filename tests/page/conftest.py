"""A station with its page, and Chromium in front of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]


@contextmanager
def station(chart: str, *arguments: str) -> Iterator[str]:
    """Runs a chart with its page; gives the page's address."""
    with station_process(chart, *arguments) as (url, _):
        yield url


@contextmanager
def station_process(chart: str, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The same, with its process."""
    command = [sys.executable, "-m", "engine", "run", chart, "--ui", "127.0.0.1:0", "--plain", "--quiet", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r"page: (http\S+)", line):
                yield found[1], process
                break
        else:
            pytest.fail(f"no page: {said}")
    finally:
        process.terminate()
        process.stderr.close()
        process.wait(20)


@pytest.fixture(scope="module")  # its loop runs in this thread: later tests want one of their own
def browser() -> Iterator[Browser]:
    """Chromium as the system has it."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium")
    api = pytest.importorskip("playwright.sync_api", reason="the extra [test] brings playwright")
    with api.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of a desktop; whatever it complains of fails the test, and nothing is fetched from elsewhere."""
    yield from opened(browser, bypass_csp=True)  # the driver itself evaluates texts


@pytest.fixture
def strict_page(browser: Browser) -> Iterator[Page]:
    """The same, held to the policy the station sends."""
    yield from opened(browser)


def opened(browser: Browser, *, refused: bool = False, **options: Any) -> Iterator[Page]:
    """A page, watched. ``refused``: the station may refuse what is asked, and be away for a while."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, **{"locale": "en-GB", **options})
    found = context.new_page()
    wrong: list[str] = []
    of_net = "Failed to load resource" if refused else "\n"
    found.on(
        "console",
        lambda told: wrong.append(told.text) if told.type in ("error", "warning") and of_net not in told.text else None,
    )
    found.on("pageerror", lambda error: wrong.append(str(error)))
    found.on(
        "request", lambda one: wrong.append(one.url) if not re.match(r"http://127|file:|data:|blob:", one.url) else None
    )
    found.set_default_timeout(60_000)
    yield found
    context.close()
    assert wrong == []
