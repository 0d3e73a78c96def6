"""What an extra brings is asked for before any work: one line with a command that works, exit code 2."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.tools.diagram.elkjs import find_bundle
from tests.cli.conftest import Engine

DRAWING = "in the clone of chargechart, pip install '.[diagram]'"
TEXTS = "(--format dot, mermaid or plantuml needs none)"


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    from importlib import util

    find = util.find_spec
    monkeypatch.setattr("engine.tools.extras.find_spec", lambda name: None if name in modules else find(name))
    for module in modules:
        for loaded in [name for name in sys.modules if name.startswith(f"{module}.")]:  # found without their package
            monkeypatch.delitem(sys.modules, loaded)
        monkeypatch.setitem(sys.modules, module, None)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("diagram", "no.yaml", "--format", "svg,png"), f"PNG needs reportlab, pypdfium2, PIL: {DRAWING} {TEXTS}"),
        (("diagram", "no.yaml"), f"PDF needs reportlab: {DRAWING} {TEXTS}"),
        (("trace", "sequence", "no.jsonl", "-o", "x.pdf"), f"PDF needs reportlab: {DRAWING}"),
        (("trace", "sequence", "no.jsonl", "-o", "x.png"), f"PNG needs reportlab, pypdfium2, PIL: {DRAWING}"),
        (("mutate", "no.yaml"), "engine mutate needs pytest: in the clone of chargechart, pip install '.[test]'"),
    ],
)
def test_nothing_else_is_done_first(
    arguments: tuple[str, ...], told: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "reportlab", "pypdfium2", "PIL", "pytest")
    assert engine(*arguments) == (2, "", f"engine: {told}\n")


@pytest.mark.parametrize(
    ("line", "module", "library"), [("websocket", "websocket", "websockets"), ("mqtt", "mqtt_line", "paho.mqtt.client")]
)
def test_a_charge_point_without_its_libraries(
    line: str, module: str, library: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, library)
    for name in (module, line, "line"):
        monkeypatch.delitem(sys.modules, f"adapters.ocpp.{name}", raising=False)
    code, out, err = engine("run", "charge_point", "--set", f"ocpp.adapters.csms.use={line}", "--for", "1s")
    assert (code, out) == (2, "")
    assert err.startswith(f"engine: adapter {line} cannot be imported: ")
    assert err.endswith(": in the clone of chargechart, pip install '.[ocpp]'\n")


def test_a_drawing_without_node(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that says what to install and what can be had without it; the texts are written."""
    monkeypatch.setattr("engine.tools.diagram.elkjs.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "/nowhere")
    code, out, err = engine("diagram", "light.yaml", "--format", "svg", "-o", "out")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert DRAWING in err
    assert "--format dot, mermaid or plantuml" in err
    assert not Path("out").exists()
    assert engine("diagram", "light.yaml", "--format", "dot,mermaid,plantuml", "-o", "out")[0] == 0


def test_many_processes_fetch_elkjs_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the first run of parallel tests each of them does; none may take another's away."""
    npm = tmp_path / "npm"
    npm.write_text(
        "#!/bin/sh\nmkdir -p node_modules/elkjs/lib && echo layout > node_modules/elkjs/lib/elk.bundled.js\n"
    )
    npm.chmod(0o755)
    monkeypatch.setattr("engine.tools.diagram.elkjs.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CHARGECHART_ELKJS", raising=False)
    with ThreadPoolExecutor(8) as pool:
        bundles = [future.result() for future in [pool.submit(find_bundle) for _ in range(8)]]
    assert {bundle.read_text() for bundle in bundles} == {"layout\n"}
    assert len(list((tmp_path / "cache" / "chargechart").iterdir())) == 1


def test_elkjs_that_cannot_be_fetched(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, once: npm's reason and the way round it, in one line."""
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error network of this machine is down' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setattr("engine.tools.diagram.elkjs.find_spec", lambda name: None)
    monkeypatch.setattr("engine.tools.diagram.elkjs.find_node", lambda: "node")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CHARGECHART_ELKJS", raising=False)
    code, _, err = engine("diagram", "light.yaml", "--format", "svg", "-o", "out")
    assert code == 2
    assert err.count("\n") == 1
    assert "network of this machine is down" in err
    assert "CHARGECHART_ELKJS" in err
