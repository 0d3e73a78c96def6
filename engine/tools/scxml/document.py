"""An SCXML document → the YAML text of a chart (``engine import``)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.language.position import Position
from engine.tools.scxml.content import Actions, Content
from engine.tools.scxml.ecmascript import NotTranslatable
from engine.tools.scxml.emit import dump
from engine.tools.scxml.expressions import Scope, invalid, quoted, text_value
from engine.tools.scxml.xml import Element, ImportProblem, parse

INVOKE_TYPES = ("http://www.w3.org/TR/scxml/", "http://www.w3.org/TR/scxml", "scxml", "")
MAX_INVOKE_DEPTH = 10
MAX_VALUE = 3_000  # characters of a chart's text inside an expression
_LONGEST = 400  # characters of a warning; an expression may have many more
_STATES = ("state", "parallel", "final", "history")
_ACTIVE = {*_STATES, "onentry", "onexit", "transition", "datamodel", "invoke"}
_INSIDE: dict[str, set[str]] = {
    "scxml": {"state", "parallel", "final", "datamodel", "script"},
    "state": _ACTIVE | {"initial"},
    "parallel": _ACTIVE - {"final"},  # SCXML 3.4: a region that is final would be done before it began
    "final": {"onentry", "onexit", "donedata"},
    "history": {"transition"},
}
_ATTRIBUTES: dict[str, set[str]] = {
    "scxml": {"name", "initial", "datamodel", "binding", "version"},
    "state": {"id", "initial"},
    "parallel": {"id"},
    "final": {"id"},
    "history": {"id", "type"},
    "transition": {"event", "cond", "target", "type"},
    "invoke": {"type", "typeexpr", "src", "srcexpr", "id", "idlocation", "namelist", "autoforward"},
}
_RESERVED = {
    "event", "invalid", "startswith", "is_list", "duration", "json", "truthy", "In", "alive", "clamp", "min", "max",
    "lower", "abs", "round", "floor", "ceil", "len", "int", "float", "str", "bool", "hex", "and", "or", "not", "in",
    "is", "if", "else", "True", "False", "None", "for", "lambda", "def", "class", "return",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Imported:
    """``text``: YAML of the chart. ``warnings``: ``file:line:column: …`` of constructs that were read but can only
    fail."""

    text: str
    warnings: tuple[str, ...]


def import_file(path: str | Path) -> Imported:
    """Translate an SCXML file. Raises :class:`ImportProblem` (a document that is not SCXML or has no chart) and
    ``OSError``."""
    path = Path(path)
    return import_text(path.read_bytes(), str(path), path.parent)


def import_text(text: str | bytes, file: str = "<scxml>", base: Path | None = None) -> Imported:
    """Translate SCXML text. ``base``: the folder that ``src`` is relative to; ``None`` refuses ``src``."""
    warnings: list[str] = []
    root = parse(text, file)
    chart = _Document(root, file, base, warnings).chart()
    name = Path(file).name
    return Imported(f"# Imported from {name} by `engine import`.\n{dump(chart)}", tuple(warnings))


@dataclass(slots=True, eq=False)
class _Document:
    root: Element
    file: str
    base: Path | None
    warnings: list[str]
    depth: int = 0
    scope: Scope = field(init=False)
    content: Content = field(init=False)
    names: dict[Element, str] = field(default_factory=dict)
    paths: dict[Element, str] = field(default_factory=dict)
    invokes: int = 0
    children: int = 0

    def __post_init__(self) -> None:
        if self.root.tag != "scxml":
            raise ImportProblem(f"the root element is <{self.root.tag}>, not <scxml>", self.root.position)
        if self.depth > MAX_INVOKE_DEPTH:
            raise ImportProblem(f"children invoked deeper than {MAX_INVOKE_DEPTH}", self.root.position)
        model = self.root.get("datamodel")
        if model not in (None, "", "python", "ecmascript", "c89", "null"):
            raise ImportProblem(
                f"data model {model!r} is not read; python, ecmascript and null are", self.root.position
            )
        ecmascript = model in ("ecmascript", "c89") if model else None
        self.scope = Scope(self.root.get("name") or Path(self.file).stem, ecmascript)
        self.content = Content(self.scope, self.warn, self.child_text, self._script_text)

    def warn(self, message: str, position: Position) -> None:
        if len(message) > _LONGEST:
            message = f"{message[: _LONGEST // 2]} … {message[-_LONGEST // 2 :]}"
        self.warnings.append(f"{position}: {message}")

    # ------------------------------------------------------------ the whole

    def chart(self) -> dict[str, Any]:
        self._name_states(self.root, "")
        self._declare_data()
        chart: dict[str, Any] = {"machine": _machine_name(self.scope.name)}
        if self.root.get("name") is not None and chart["machine"] != self.scope.name:
            chart["title"] = self.scope.name
        chart["events"] = "any"
        if data := self._data():
            chart["data"] = data
        scripts = self.root.all("script")
        if scripts:
            chart["script"] = [action for script in scripts for action in self.content.script(script)]
        chart.update(self._state_body(self.root, ""))
        if "states" not in chart:
            raise ImportProblem("the document has no state", self.root.position)
        return chart

    def _name_states(self, parent: Element, prefix: str) -> None:
        taken: set[str] = set()
        for child in parent.children:
            if child.tag not in _STATES:
                continue
            given = child.get("id")
            name = base = re.sub(r"\W", "_", given, flags=re.ASCII) if given else f"{child.tag}_{len(self.names) + 1}"
            if not name[:1].isalpha() and name[:1] != "_":
                name = base = f"_{name}"
            number = 1
            while name in taken:
                number += 1
                name = f"{base}_{number}"
            taken.add(name)
            path = f"{prefix}.{name}" if prefix else name
            self.names[child], self.paths[child] = name, path
            if given:
                if given in self.scope.states:
                    raise ImportProblem(f"two states have the id '{given}'", child.position)
                self.scope.states[given] = path
            self._name_states(child, path)

    def _declare_data(self) -> None:
        """All names the document can give a value: ``<data>``, foreach items, scripts (SCXML 5.3, 4.6, 5.8)."""
        taken: set[str] = set()

        def declare(name: str) -> None:
            if name in self.scope.data or not re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]*", name):
                return
            base = safe = name.replace("$", "_dollar_")
            if safe in _RESERVED or safe.startswith("_"):
                base = safe = f"v_{safe}"
            number = 1
            while safe in taken:
                number += 1
                safe = f"{base}_{number}"
            taken.add(safe)
            self.scope.data[name] = safe

        elements = [element for element, _ in self._walk(self.root, None)]
        for element in elements:
            if element.tag == "data":
                name = element.get("id") or ""
                if name.startswith("_"):
                    raise ImportProblem(f"data id '{name}': names with '_' are the system's", element.position)
                declare(name)
        for element in elements:
            if element.tag == "foreach":
                for attribute in ("item", "index"):
                    declare(element.get(attribute) or "")
            elif element.tag == "script":
                try:
                    for name, _ in self.scope.script(self._script_text(element)):
                        if not name.startswith("_"):
                            declare(name)
                except NotTranslatable:
                    pass  # told of where it is translated

    def _walk(self, element: Element, state: Element | None) -> list[tuple[Element, Element | None]]:
        """All elements of this document with the state they stand in; not those of documents inside ``<content>``."""
        found = [(element, state)]
        for child in element.children:
            if child.tag == "scxml":
                continue
            found += self._walk(child, child if child.tag in _STATES else state)
        return found

    def _data(self) -> dict[str, Any]:
        late = self.root.get("binding") == "late"
        data: dict[str, Any] = {}
        for element, state in self._walk(self.root, None):
            if element.tag != "data":
                continue
            name = self.scope.data.get(element.get("id") or "")
            if name is None:
                raise ImportProblem(f"data id {element.get('id')!r} is no name", element.position)
            self.scope.warn = lambda text, why, at=element.position: self.warn(  # type: ignore[misc]
                f"{text!r} always fails when evaluated: {why}", at
            )
            entry: dict[str, Any] = {"type": "any", "initial": self._initial(element)}
            if late and state is not None:
                entry["late"] = self.paths[state]
            data[name] = entry
        for name in self.scope.data.values():
            data.setdefault(name, {"type": "any"})
        return data

    def _initial(self, element: Element) -> str:
        if (source := element.get("src")) is None:
            return self.content.value_of(element)
        text = self._read(source, element.position)
        if text.lstrip().startswith("<"):
            self.warn(f"{source}: XML is kept as plain text: the chart language has no XML values", element.position)
        try:
            return text_value(text)
        except NotTranslatable as error:
            self.warn(f"{source}: {error}", element.position)
            return invalid(source, str(error))

    def _file(self, source: str, position: Position) -> Path:
        name = source.removeprefix("file:")
        if self.base is None or not name or Path(name).is_absolute() or ".." in Path(name).parts or ":" in name:
            raise ImportProblem(f"'{source}': only files beside the document are read", position)
        return self.base / name

    def _script_text(self, element: Element) -> str:
        """The text of a script; one whose ``src`` cannot be fetched rejects the document (SCXML 5.8)."""
        source = element.get("src")
        return element.text if source is None else self._read(source, element.position)

    def _read(self, source: str, position: Position) -> str:
        try:
            return self._file(source, position).read_text("utf-8")
        except (OSError, ValueError) as error:
            raise ImportProblem(f"'{source}' cannot be read: {error}", position) from None

    # ------------------------------------------------------------ states

    def _state(self, element: Element) -> dict[str, Any]:
        if element.tag == "history":
            return self._history(element)
        state: dict[str, Any] = {}
        if element.tag in ("parallel", "final"):
            state["type"] = element.tag
        given = element.get("id")
        if given and given != self.names[element]:
            state["title"] = given
        state.update(self._state_body(element, self.paths[element]))
        return state

    def _state_body(self, element: Element, path: str) -> dict[str, Any]:
        for child in element.children:
            if child.tag not in _INSIDE[element.tag]:
                if child.tag.startswith("{"):
                    self.warn(f"<{child.tag}> is of a foreign namespace and left out", child.position)
                    continue
                raise ImportProblem(f"<{child.tag}> has no place in <{element.tag}>", child.position)
        self._check_attributes(element)
        body: dict[str, Any] = {}
        if (initial := self._initial_transition(element)) is not None:
            body["initial"] = initial
        for key, tag in (("entry", "onentry"), ("exit", "onexit")):
            if blocks := [block for e in element.all(tag) if (block := self.content.block(e))]:
                body[key] = blocks[0] if len(blocks) == 1 else blocks
        if invokes := [self._invoke(e, element, path) for e in element.all("invoke")]:
            body["invoke"] = invokes[0] if len(invokes) == 1 else invokes
        body.update(self._transitions(element))
        if (done := element.all("donedata")) and element.tag == "final":
            body.update(self._donedata(done[0]))
        if states := {self.names[c]: self._state(c) for c in element.children if c.tag in _STATES}:
            body["states"] = states
        return body

    def _check_attributes(self, element: Element) -> None:
        allowed = _ATTRIBUTES.get(element.tag)
        for name in element.attributes:
            if allowed is not None and name not in allowed and not name.startswith("{"):
                self.warn(f"<{element.tag}> has no attribute '{name}'; it is left out", element.position)

    def _targets(self, element: Element, text: str | None) -> str | list[str] | None:
        found: list[str] = []
        for name in (text or "").split():
            if name not in self.scope.states:
                raise ImportProblem(f"no state has the id '{name}'", element.position)
            found.append(self.scope.states[name])
        return None if not found else found[0] if len(found) == 1 else found

    def _initial_transition(self, element: Element) -> Any:
        if element.tag == "parallel":
            return None
        if (inner := element.all("initial")) and (transitions := inner[0].all("transition")):
            target = self._targets(transitions[0], transitions[0].get("target"))
            actions = self.content.block(transitions[0])
            return {"target": target, "actions": actions} if actions else target
        return self._targets(element, element.get("initial"))

    def _history(self, element: Element) -> dict[str, Any]:
        self._check_attributes(element)
        state: dict[str, Any] = {"type": "history"}
        if element.get("type") == "deep":
            state["history"] = "deep"
        transitions = element.all("transition")
        target = self._targets(transitions[0], transitions[0].get("target")) if transitions else None
        if target is None:
            raise ImportProblem("<history> needs a <transition> with a target as its default", element.position)
        state["target"] = target
        if actions := self.content.block(transitions[0]):
            state["actions"] = actions
        return state

    def _donedata(self, element: Element) -> dict[str, Any]:
        self.scope.warn = lambda text, why: self.warn(f"{text!r} always fails when evaluated: {why}", element.position)
        if contents := element.all("content"):
            return {"output_content": self.content.value_of(contents[0])}
        params = self.content.params(element)
        return {"output": params} if params else {}

    # ------------------------------------------------------------ transitions

    def _transitions(self, element: Element) -> dict[str, Any]:
        """``on`` and ``always``. Transitions of one descriptor stand together unless that would change their order
        among others that match the same events; then the descriptor is written twice, which is another key."""
        always: list[Any] = []
        on: dict[str, list[Any]] = {}
        order: list[tuple[str, tuple[str, ...]]] = []
        for transition in element.all("transition"):
            self._check_attributes(transition)
            self.scope.warn = lambda text, why, at=transition.position: self.warn(  # type: ignore[misc]
                f"{text!r} always fails when evaluated: {why}", at
            )
            entry = self._transition(transition)
            event = transition.get("event")
            if event is None:
                always.append(entry)
                continue
            descriptors = self._descriptors(event)
            key = " ".join(descriptors)
            while key in on and not self._may_join(key, descriptors, order):
                key = f"{key} {descriptors[0]}"
            if key not in on:
                order.append((key, descriptors))
            on.setdefault(key, []).append(entry)
        body: dict[str, Any] = {}
        if on:
            body["on"] = {key: entries[0] if len(entries) == 1 else entries for key, entries in on.items()}
        if always:
            body["always"] = always[0] if len(always) == 1 else always
        return body

    @staticmethod
    def _may_join(key: str, descriptors: tuple[str, ...], order: list[tuple[str, tuple[str, ...]]]) -> bool:
        after = order[[name for name, _ in order].index(key) + 1 :]
        return not any(_overlap(a, b) for _, others in after for a in others for b in descriptors)

    def _descriptors(self, event: str) -> tuple[str, ...]:
        found: list[str] = []
        for token in event.split():
            name = token.removesuffix(".*").removesuffix(".")
            if name in ("", "*"):
                name = "*"
            elif name.startswith("done.state.") and (given := name.removeprefix("done.state.")) in self.scope.states:
                name = f"done.state.{self.scope.states[given]}"
            found.append(name)
        return tuple(dict.fromkeys(found)) or ("*",)

    def _transition(self, element: Element) -> Any:
        entry: dict[str, Any] = {}
        if (condition := element.get("cond")) is not None:
            entry["guard"] = self.scope.condition(condition)
        if (target := self._targets(element, element.get("target"))) is not None:
            entry["target"] = target
        if element.get("type") == "internal" and target is not None:
            entry["internal"] = True
        if actions := self.content.block(element):
            entry["actions"] = actions
        return target if list(entry) == ["target"] and isinstance(target, str) else entry

    # ------------------------------------------------------------ invoke

    def child_text(self, element: Element) -> str:
        """The chart text of an inline document that stands as a value."""
        return self._as_value(dump(self._child(element)), element.position)

    @staticmethod
    def _as_value(text: str, position: Position) -> str:
        if len(text) > MAX_VALUE:
            message = f"a document of more than {MAX_VALUE:,} characters as a value: put it into a file and name it"
            raise ImportProblem(message, position)
        return text

    def _child(self, element: Element) -> dict[str, Any]:
        self.children += 1
        child = _Document(element, self.file, self.base, self.warnings, self.depth + 1)
        if element.get("name") is None:
            child.scope.name = f"{self.scope.name}_{self.children}"
        return child.chart()

    def _child_file(self, source: str, position: Position) -> dict[str, Any]:
        path = self._file(source, position)
        root = parse(self._read(source, position), str(path))
        return _Document(root, str(path), path.parent, self.warnings, self.depth + 1).chart()

    def _invoke(self, element: Element, state: Element, path: str) -> dict[str, Any]:
        self._check_attributes(element)
        self.scope.warn = lambda text, why: self.warn(f"{text!r} always fails when evaluated: {why}", element.position)
        self.invokes += 1
        # A generated id has the form stateid.platformid (SCXML 6.4.1), with the state's id in the document.
        identifier = element.get("id") or f"{state.get('id') or self.names.get(state, 'root')}.invoke{self.invokes}"
        invoke: dict[str, Any] = {"id": identifier, **self._what(element), "plain_events": True}
        if params := self.content.params(element):
            invoke["input"] = params
        if element.get("autoforward") == "true":
            invoke["autoforward"] = True
        if finalize := element.all("finalize"):
            actions = self.content.block(finalize[0]) or self._empty_finalize(element)
            if actions:
                invoke["finalize"] = actions
        if (location := element.get("idlocation")) is not None:
            name = self.content.location(location)
            if name is None:
                raise ImportProblem(f"idlocation '{location}' is no data item", element.position)
            invoke["id_location"] = name
        return invoke

    def _what(self, element: Element) -> dict[str, Any]:
        """``chart`` for a document known now, ``src_expr`` for one that an expression names or that may be refused."""
        kind, kind_expr = element.get("type") or "", element.get("typeexpr")
        contents, source = element.all("content"), element.get("src")
        if kind not in INVOKE_TYPES:
            self.warn(f"invoke of type {kind!r} always fails: only SCXML is known", element.position)
            return {"src_expr": invalid(f"invoke type {kind}", "only SCXML is known")}
        if element.get("srcexpr") is not None:
            what: dict[str, Any] = {"src_expr": self.scope.value(element.get("srcexpr") or "")}
        elif source is not None:
            what = {"chart": self._child_file(source, element.position)}
        elif contents and contents[0].get("expr") is not None:
            what = {"src_expr": self.scope.value(contents[0].get("expr") or "")}
        elif contents and (documents := contents[0].all("scxml")):
            what = {"chart": self._child(documents[0])}
        else:
            raise ImportProblem("<invoke> needs src, srcexpr or <content> with an <scxml> document", element.position)
        if kind_expr is not None:
            text = (
                what["src_expr"]
                if "src_expr" in what
                else quoted(self._as_value(dump(what["chart"]), element.position))
            )
            refused = invalid(f"invoke type {kind_expr}", "only SCXML is known")
            known = [name for name in INVOKE_TYPES if name]
            what = {"src_expr": f"{text} if {self.scope.value(kind_expr)} in {known!r} else {refused}"}
        return what

    def _empty_finalize(self, element: Element) -> Actions:
        """An empty ``<finalize/>`` takes the returned values of the locations that were passed (SCXML 6.5.2)."""
        names = {name: name for name in (element.get("namelist") or "").split()}
        names |= {p.get("name") or "": p.get("location") or "" for p in element.all("param") if p.get("location")}
        return [
            {
                "if": f"_event.data is not None and {quoted(name)} in _event.data",
                "then": [{"assign": {self.scope.data[location]: f"_event.data[{quoted(name)}]"}}],
            }
            for name, location in names.items()
            if location in self.scope.data
        ]


def _machine_name(name: str) -> str:
    safe = re.sub(r"\W", "_", name, flags=re.ASCII).lower().lstrip("_0123456789")
    return safe or "imported"


def _overlap(a: str, b: str) -> bool:
    return a == "*" or b == "*" or a == b or a.startswith(f"{b}.") or b.startswith(f"{a}.")
