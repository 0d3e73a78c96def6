"""What is public says what it does and which errors it raises: a caller reads the docstring, not the body."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WRITTEN_BY_TOOLS = ROOT / "adapters" / "v2g" / "generated"

Function = ast.FunctionDef | ast.AsyncFunctionDef
Public = Function | ast.ClassDef

# A protocol's placeholder and a broken promise of the program itself: no caller can act on either.
NOT_FOR_CALLERS = {"NotImplementedError", "AssertionError"}


def _files() -> Iterator[Path]:
    for package in ("engine", "adapters"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if WRITTEN_BY_TOOLS not in path.parents and not path.name.removesuffix(".py").startswith("_"):
                yield path


def _public(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, Public]]:
    """Public definitions of a module and of its public classes, by dotted name; not those inside functions.

    Hooks of pytest are explained by pytest.
    """
    for node in body:
        if isinstance(node, Public) and not node.name.startswith(("_", "pytest_")) and not _is_setter(node):
            name = f"{owner}{node.name}"
            yield name, node
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body, f"{name}.")


def _is_setter(node: Public) -> bool:
    return any(isinstance(d, ast.Attribute) and d.attr == "setter" for d in node.decorator_list)


def _called(raised: ast.expr) -> str | None:
    """The name that is raised, None for an error in a variable: it was raised, or said, elsewhere."""
    call = raised.func if isinstance(raised, ast.Call) else raised
    name = call.attr if isinstance(call, ast.Attribute) else call.id if isinstance(call, ast.Name) else ""
    return name if isinstance(raised, ast.Call) or name[:1].isupper() else None


def _raised(node: ast.AST, caught: frozenset[str] = frozenset()) -> Iterator[str]:
    """Errors that leave this node: not those a `try` around them catches, not those of functions within."""
    if isinstance(node, ast.Raise) and node.exc is not None:
        name = _called(node.exc)
        if name is not None and name not in caught | NOT_FOR_CALLERS:
            yield name
        return
    if isinstance(node, ast.Try):
        handled = frozenset(n.id for h in node.handlers if h.type for n in ast.walk(h.type) if isinstance(n, ast.Name))
        for child in node.body:
            yield from _raised(child, caught | handled)
        rest = [*node.handlers, *node.orelse, *node.finalbody]
    else:
        rest = [child for child in ast.iter_child_nodes(node) if not isinstance(child, Public | ast.Lambda)]
    for child in rest:
        yield from _raised(child, caught)


def _raised_by(node: Public) -> list[str]:
    """A function's errors; a class's are those of making one: its `__init__`, `__post_init__` or `__new__`."""
    if not isinstance(node, ast.ClassDef):
        return sorted({name for child in node.body for name in _raised(child)})
    makers = [m for m in node.body if isinstance(m, Function) and m.name in ("__init__", "__post_init__", "__new__")]
    return sorted({name for maker in makers for name in _raised_by(maker)})


def _said(node: Public) -> str:
    makers = (
        [m for m in node.body if isinstance(m, Function) and m.name == "__init__"]
        if isinstance(node, ast.ClassDef)
        else []
    )
    return " ".join(ast.get_docstring(each) or "" for each in (node, *makers)).strip()


def _unsaid(node: Public, text: str) -> list[str]:
    """Errors the text does not name. Of one that a function makes only the word "Raises" can be asked."""
    return [name for name in _raised_by(node) if (name if name[0].isupper() else "Raises") not in text]


def _every() -> Iterator[tuple[str, str, Public]]:
    for path in _files():
        for name, node in _public(ast.parse(path.read_text(encoding="utf-8")).body):
            yield f"{path.relative_to(ROOT)}:{node.lineno} {name}", f"{path}:{name}", node


class Everywhere:
    """What is said once for many: by base classes and protocols of the methods they ask for, by contracts of theirs."""

    def __init__(self) -> None:
        self.classes: dict[str, tuple[list[str], dict[str, str]]] = {}
        """``file:class`` -> names of its bases, docstrings of its methods."""
        self.protocols: list[tuple[set[str], dict[str, str]]] = []
        """Methods that are asked for, docstrings of these and of properties."""
        for path in _files():
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    methods = [m for m in node.body if isinstance(m, Function)]
                    said = {m.name: ast.get_docstring(m) or "" for m in methods}
                    bases = [ast.unparse(base) for base in node.bases]
                    self.classes[f"{path}:{node.name}"] = (bases, said)
                    if "Protocol" in bases:
                        self.protocols.append(({m.name for m in methods if not m.decorator_list}, said))
        self.contracts: set[str] = set()
        for path in (ROOT / "adapters").rglob("*.contract.yaml"):
            contract = yaml.safe_load(path.read_text(encoding="utf-8"))
            self.contracts |= {*contract.get("actions", {}), *contract.get("values", {})}

    def methods(self, key: str) -> dict[str, str]:
        """Method -> docstring of a class, its bases included."""
        bases, said = self.classes.get(key, ([], {}))
        above: dict[str, str] = {}
        for base in bases:
            for other in (k for k in self.classes if k.endswith(f":{base}")):
                above |= self.methods(other)
        return above | {method: text or above.get(method, "") for method, text in said.items()}

    def of(self, name: str) -> str:
        """What is said elsewhere of ``file:Class.method``: a class with all methods of a protocol implements it."""
        owner, _, method = name.rpartition(".")
        methods = self.methods(owner)
        asked = [said.get(method, "") for calls, said in self.protocols if calls <= methods.keys()]
        return " ".join([methods.get(method, ""), *asked]).strip()


@pytest.fixture(scope="module")
def elsewhere() -> Everywhere:
    return Everywhere()


def test_what_is_public_names_the_errors_it_raises(elsewhere: Everywhere) -> None:
    silent = [
        f"{place}: {', '.join(unsaid)}"
        for place, name, node in _every()
        if (unsaid := _unsaid(node, f"{_said(node)} {elsewhere.of(name)}"))
    ]
    assert not silent, "a caller cannot know these errors; name them in the docstring:\n" + "\n".join(silent)


def test_what_is_public_has_a_docstring(elsewhere: Everywhere) -> None:
    mute = [
        place
        for place, name, node in _every()
        if not _said(node) and node.name not in elsewhere.contracts and not elsewhere.of(name)
    ]
    assert not mute, "public, and says nothing:\n" + "\n".join(mute)
