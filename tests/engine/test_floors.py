"""The house has floors: each imports only those below it, and no circle crosses a folder. Imports inside functions and
for type checking count as the others do: they bind as much, only later."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = ("engine.language", "engine.semantics", "engine.run", "engine.tools", "engine.cli")
DOOR = "engine.adapter"
"""What adapters know of the engine, and all they know of it: it imports nothing, and every floor may import it."""


def modules(package: str) -> dict[str, Path]:
    """Module name -> file."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


@cache
def imports(path: Path) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]


def imported(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of ``known`` that a file imports, anywhere in it."""
    for node in imports(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        else:
            above = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            module = ".".join((*above, *filter(None, [node.module])))
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                if whole in known or module in known:
                    yield whole if whole in known else module


ENGINE = modules("engine")
ADAPTERS = modules("adapters")


@cache
def uses() -> dict[str, set[str]]:
    """Module of the engine -> those it imports."""
    return {name: set(imported(path, ENGINE)) - {name} for name, path in ENGINE.items()}


def floor(module: str) -> int | None:
    """The number of the floor; None for the door and what stands above the house (``engine``, ``engine.__main__``)."""
    return next((i for i, name in enumerate(FLOORS) if module == name or module.startswith(name + ".")), None)


def test_every_module_has_its_floor() -> None:
    above = {name for name in ENGINE if floor(name) is None}
    assert above == {"engine", "engine.__main__", DOOR}


def test_no_arrow_leads_up() -> None:
    up = [
        f"{name} -> {used}"
        for name, others in uses().items()
        for used in others
        if floor(name) is not None
        and ((used == "engine" and floor(name) != 4) or (floor(used) or 0) > (floor(name) or 0))
    ]
    assert up == []


def test_the_door_imports_nothing() -> None:
    assert uses()[DOOR] == set()


def circles(uses: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one module (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for used in sorted(uses[name]):
            if used not in index:
                visit(used)
                low[name] = min(low[name], low[used])
            elif used in stack:
                low[name] = min(low[name], index[used])
        if low[name] == index[name]:
            at = stack.index(name)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for name in uses:
        if name not in index:
            visit(name)
    return found


@pytest.mark.parametrize("package", ["engine", "adapters"])
def test_no_circle_across_folders(package: str) -> None:
    known = ENGINE if package == "engine" else ADAPTERS
    files = {name: path.parent for name, path in known.items()}
    across = [
        c
        for c in circles({n: set(imported(p, known)) - {n} for n, p in known.items()})
        if len({files[m] for m in c}) > 1
    ]
    assert across == []


def test_adapters_know_the_door_only() -> None:
    wrong = [f"{name} -> {used}" for name, path in ADAPTERS.items() for used in imported(path, ENGINE) if used != DOOR]
    assert wrong == []


def test_the_engine_knows_no_adapters() -> None:
    assert [name for name, path in ENGINE.items() if set(imported(path, ADAPTERS))] == []


def test_adapter_packages_import_one_way() -> None:
    """Between two packages of adapters the arrows have one direction."""

    def package(name: str) -> str:
        parts = ADAPTERS[name].relative_to(ROOT / "adapters").parts
        return parts[0] if len(parts) > 1 else ""

    arrows = {
        (package(name), package(used))
        for name, path in ADAPTERS.items()
        for used in imported(path, ADAPTERS)
        if package(name) and package(used) and package(name) != package(used)
    }
    assert {(a, b) for a, b in arrows if (b, a) in arrows} == set()
