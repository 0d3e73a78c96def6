"""Templates: ``templates:`` of a chart, ``use:`` in a state, ``NAME(argument=…)`` among actions.

A use is expanded where the state is read: the nodes of the template are copied, each with a source that tells the
place of the use and what stands for the template's arguments, and what the state says itself is merged into them. So
everything that reads nodes knows where they come from, and nothing else of the loader knows templates. The actions of a
template are expanded in the same way where they are called.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from engine.language.expr import tree
from engine.language.load import keys
from engine.language.load.reader import Reader
from engine.language.load.types import read_long_type, read_type
from engine.language.load.yaml_source import Mapping, Node, Scalar, Sequence, Source
from engine.language.model import State, TemplateDef
from engine.language.position import Position
from engine.language.types import Type
from engine.language.values import describe

KINDS = ("actions", "event", "state")
"""What an argument may be beside a value of a type."""
MAX_COPIES = 20_000  # nodes that the uses of one chart make
MAX_INSIDE = 6  # uses inside templates inside templates …: what nesting a file may have, so many times over
_OWN = frozenset({"title", "description", "source", "waive"})  # a use says them anew
_SECTIONS = frozenset({"on", "after", "states", "args"})


@dataclass(slots=True)
class Parameter:
    """An argument that a template declares: its kind (``value`` or one of :data:`KINDS`), its type, its default."""

    name: str
    kind: str
    type: Type | None
    default: Node | None


@dataclass(slots=True)
class Template:
    """A template as declared."""

    definition: TemplateDef
    parameters: dict[str, Parameter]
    body: Node

    @property
    def is_of_actions(self) -> bool:
        """Whether it is one of actions, not of a state."""
        return self.definition.of == "actions"


@dataclass(slots=True)
class Given:
    """What stands for an argument at a use: its node, and of a value the checked expression."""

    parameter: Parameter
    node: Node
    value: tree.Expr | None = None


@dataclass(slots=True)
class Use:
    """One use of a template."""

    template: Template
    given: dict[str, Given]
    outer: tuple[str, ...]  # the templates it is inside, itself the last
    state: State | None = None

    def values(self) -> dict[str, tree.Expr]:
        """What stands for the arguments that are values."""
        return {name: given.value for name, given in self.given.items() if given.value is not None}

    def texts(self, reader: Reader) -> tuple[tuple[str, str], ...]:
        """The arguments as written, for people."""
        return tuple(
            (name, " ".join(reader.source_of(given.node).raw(given.node).split()))
            for name, given in self.given.items()
            if given.value is None
        )


class Templates:
    """The templates of a chart, and the expansion of their uses."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.known: dict[str, Template] = {}
        self.broken: set[str] = set()
        self.uses: list[Use] = []
        self._calls: list[Use] = []  # of templates of actions
        self._copies = 0

    # ------------------------------------------------------------ declarations

    def read(self, node: Node | None, taken: Collection[str]) -> None:
        """``templates: {NAME: {args: …, state: …}}``. ``taken``: names that mean something in all of the chart."""
        for name, key, value in self.reader.entries(node, "'templates'", "NAME: {args: …, state: …}"):
            self.broken.add(name)
            if not self.reader.name(key, "a template"):
                continue
            body = self.reader.filled(value, f"template {name!r}", "{args: …, state: …}")
            template = None if body is None else self._template(name, key, body, taken)
            if template is not None:
                self.known[name] = template
                self.broken.discard(name)

    def _template(self, name: str, key: Scalar, body: Mapping, taken: Collection[str]) -> Template | None:
        reader = self.reader
        reader.check_keys(body, keys.TEMPLATE, f"template {name!r}")
        actions = body.get("actions")
        written: Node | None = actions
        if actions is None or "state" in body.entries:
            written = reader.filled(body.get("state"), "'state'", "the keys of a state")
            if actions is not None:
                reader.problem(actions, "shape", f"template {name!r} is a state or actions, not both", "two templates")
                return None
        if written is None:
            reader.missing(body, key, f"template {name!r} needs a state or actions", "state: … or actions: …")
            return None
        parameters: dict[str, Parameter] = {}
        for argument, argument_key, value in reader.entries(body.get("args"), "'args'", "name: type"):
            if not reader.name(argument_key, "an argument"):
                continue
            if argument in taken:
                message = f"{argument!r} names data, a parameter or a role of the chart already"
                reader.problem(argument_key, "duplicate-name", message, "another name")
            parameter = self._parameter(argument, value)
            if parameter is not None and parameter.type is None and actions is not None:
                message = f"the argument {argument!r} of a template of actions is a value, no {parameter.kind}"
                reader.problem(value, "shape", message, "a type")
            elif parameter is not None:
                parameters[argument] = parameter
        definition = TemplateDef(
            name,
            {p.name: p.kind if p.type is None else describe(p.type) for p in parameters.values()},
            reader.text(body.get("description"), "'description'"),
            reader.text(body.get("source"), "'source'"),
            reader.position(key),
            of="state" if actions is None else "actions",
        )
        return Template(definition, parameters, written)

    def _parameter(self, name: str, node: Node) -> Parameter | None:
        reader, what = self.reader, f"the argument {name!r}"
        default: Node | None = None
        kind: Node | None = node
        if isinstance(node, Mapping):
            reader.check_keys(node, keys.TEMPLATE_ARGUMENT, what)
            default, kind = node.get("default"), node.get("type")
        if isinstance(kind, Scalar) and kind.text in KINDS:
            return Parameter(name, kind.text, None, default)
        type_ = read_long_type(reader, node, what) if isinstance(node, Mapping) else read_type(reader, node, what)
        return None if type_ is None else Parameter(name, "value", type_, default)

    def definitions(self) -> dict[str, TemplateDef]:
        """The templates with the states that use them. One that none uses is a problem: nothing has checked it."""
        ids: dict[str, list[str]] = {name: [] for name, template in self.known.items() if not template.is_of_actions}
        for use in self.uses:
            if use.state is not None:
                ids[use.template.definition.name].append(use.state.id)
        for name, states in ids.items():
            if not states and not self.broken:
                at = self.known[name].definition.position
                self.reader.problem_at(at, "unused-template", f"no state uses the template {name!r}", f"use: {name}")
        return {name: replace(known.definition, uses=tuple(ids.get(name, ()))) for name, known in self.known.items()}

    def uncalled(self) -> None:
        """A template of actions that is called nowhere is a problem; told when all actions have been read."""
        called = {call.template.definition.name for call in self._calls}
        for name, known in self.known.items():
            if known.is_of_actions and name not in called and not self.broken:
                at = known.definition.position
                self.reader.problem_at(at, "unused-template", f"nothing calls the template {name!r}", f"{name}(…)")

    # ------------------------------------------------------------ uses

    def expanded(self, key: Node, body: Mapping) -> tuple[Mapping, list[Use]]:
        """A state's mapping with its ``use`` expanded, and that use, then those of the templates themselves; without
        what is wrong, after its problems."""
        uses: list[Use] = []
        while "use" in body.entries:
            node = body.entries["use"][1]
            use = self._use(body.entries["use"][0], node)
            rest = _without_use(body)
            if use is None:
                return rest, uses
            uses.append(use)
            self.uses.append(use)
            at = self.reader.position(key)
            copy = self._copy(use.template.body, _UsedSource(self.reader.source, at, use))
            if not isinstance(copy, Mapping):
                return rest, uses
            body = self._merged(use.template.definition.name, copy, rest)
        return body, uses

    def _use(self, key: Scalar, node: Node) -> Use | None:
        """``use: NAME`` or ``use: {NAME: {argument: …}}``."""
        reader = self.reader
        place: Node = node
        arguments: Node | None = None
        if isinstance(node, Mapping):
            if len(node.entries) != 1:
                reader.problem(node, "shape", "'use' names one template", "use: {NAME: {argument: …}}")
                return None
            name, (place, arguments) = next(iter(node.entries.items()))
        else:
            name = reader.text(node, "'use'")
        template = self.known.get(name)
        if template is None:
            if name not in self.broken:
                reader.problem(place, "unknown-name", f"there is no template {name[:80]!r}", known=self.known)
            return None
        if template.is_of_actions:
            reader.problem(place, "shape", f"the template {name!r} is one of actions", f"{name}(…) among actions")
            return None
        outer = self._outer(key, place, name)
        if outer is None:
            return None
        given: dict[str, Given] = {}
        sound = True
        for argument, argument_key, value in reader.entries(arguments, f"what {name} is given", "argument: value"):
            parameter = template.parameters.get(argument)
            if parameter is None:
                sound = False
                message = f"the template {name!r} has no argument {argument[:80]!r}"
                reader.problem(argument_key, "unknown-argument", message, known=template.parameters)
                continue
            given[argument] = Given(parameter, value)
        missing = []
        for argument, parameter in template.parameters.items():
            if argument in given:
                continue
            if parameter.default is not None:
                given[argument] = Given(parameter, parameter.default)
            elif parameter.type is not None and parameter.type.optional:
                given[argument] = Given(parameter, place, tree.Literal(None, parameter.type))
            else:
                missing.append(argument)
        if missing and sound:
            message = f"the template {name!r} needs {', '.join(missing)}"
            reader.problem(place, "missing-argument", message, f"use: {{{name}: {{{missing[0]}: …}}}}")
        return None if missing or not sound else Use(template, given, (*outer, name))

    def _outer(self, node: Node, place: Node, name: str) -> tuple[str, ...] | None:
        """The templates that ``node``, which uses the template ``name``, is inside; None after a problem."""
        source = self.reader.source_of(node)
        outer = source.use.outer if source.use is not None else ()
        if name in outer:
            self.reader.problem(place, "cycle", f"the template uses itself: {' → '.join([*outer, name])}")
            return None
        if len(outer) >= MAX_INSIDE:
            self.reader.problem(place, "limit", f"templates that use templates, more than {MAX_INSIDE} deep")
            return None
        return outer

    def called(self, node: Scalar, name: str, given: dict[str, Given]) -> Node | None:
        """The actions of a template that ``node`` calls, with what it gives; None after a problem."""
        outer = self._outer(node, node, name)
        if outer is None:
            return None
        call = Use(self.known[name], given, (*outer, name))
        self._calls.append(call)  # kept: scopes are known by its id
        return self._copy(call.template.body, _UsedSource(self.reader.source, self.reader.position(node), call))

    def _copy(self, node: Node, source: Source) -> Node:
        self._copies += 1
        if self._copies > MAX_COPIES:
            if self._copies == MAX_COPIES + 1:
                self.reader.problem(node, "limit", f"the uses of templates make more than {MAX_COPIES} values")
            return Scalar(node.start, node.end, "", source=source)
        if isinstance(node, Mapping):
            entries = {
                key: (Scalar(at.start, at.end, at.text, at.plain, source=source), self._copy(value, source))
                for key, (at, value) in node.entries.items()
            }
            return Mapping(node.start, node.end, entries, source=source)
        if isinstance(node, Sequence):
            items = [self._copy(item, source) for item in node.items]
            return Sequence(node.start, node.end, items, node.flow, source=source)
        assert isinstance(node, Scalar)
        return Scalar(node.start, node.end, node.text, node.plain, source=source)

    # ------------------------------------------------------------ merging

    def _merged(self, name: str, copy: Mapping, own: Mapping) -> Mapping:
        """The template's mapping with what the state says itself. Of one delay or key only one of them may speak, but
        for texts about it; the state's transitions are tried before the template's, but for those of one event."""
        entries = dict(copy.entries)
        for key, (place, value) in own.entries.items():
            there = entries.get(key)
            if there is None or _is_null(there[1]) or key in _OWN:
                entries[key] = place, value
            elif _is_null(value):
                continue
            elif key in _SECTIONS and isinstance(value, Mapping) and isinstance(there[1], Mapping):
                entries[key] = place, self._section(name, key, there[1], value)
            else:
                self._conflict(name, place, f"'{key}'", there[0])
        return Mapping(own.start, own.end, entries, source=own.source)

    def _section(self, name: str, section: str, copy: Mapping, own: Mapping) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        if section == "states":
            entries.update(copy.entries)
            for key, (place, value) in own.entries.items():
                there = copy.entries.get(key)
                if there is None or _is_null(there[1]):
                    entries[key] = (there[0] if there is not None else place), value
                elif isinstance(value, Mapping) and isinstance(there[1], Mapping):
                    entries[key] = there[0], self._merged(name, there[1], value)
                elif not _is_null(value):
                    self._conflict(name, place, f"the state {key!r}", there[0])
            return Mapping(copy.start, copy.end, entries, source=copy.source)
        if section == "on":
            return Mapping(own.start, own.end, self._events(name, copy, own), source=own.source)
        for key, (place, value) in own.entries.items():
            if key in copy.entries:
                self._conflict(name, place, f"{section} {key!r}", copy.entries[key][0])
            else:
                entries[key] = place, value
        return Mapping(own.start, own.end, {**entries, **copy.entries}, source=own.source)

    def _events(self, name: str, copy: Mapping, own: Mapping) -> dict[str, tuple[Scalar, Node]]:
        """``on``: of one event only one of them may speak, unless all that the template says of it has a guard: that is
        looked at first, then what the state says."""
        theirs = dict(copy.entries)
        keys_of = {word: key for key, place, _ in copy.items() for word in self.words(place)}
        entries: dict[str, tuple[Scalar, Node]] = {}
        for key, (place, value) in own.entries.items():
            words = self.words(place)
            twice = next((word for word in words if word in keys_of), None)
            entries[key] = place, value
            if twice is None:
                continue
            there, first = copy.entries[keys_of[twice]]
            if set(self.words(there)) == set(words) and _all_guarded(first):
                items = [*_items(first), *_items(value)]
                entries[key] = place, Sequence(value.start, value.end, items, source=value.source)
                theirs.pop(keys_of[twice], None)
            else:
                del entries[key]
                self._conflict(name, place, f"on {twice!r}", there)
        for key, entry in theirs.items():
            while key in entries:  # an argument of either by the same name, for another event
                key += " "
            entries[key] = entry
        return entries

    def _conflict(self, name: str, place: Scalar, what: str, there: Scalar) -> None:
        at = self.reader.position(there)
        hint = f"it is in line {at.line} of {at.file}"
        self.reader.problem(place, "duplicate-key", f"the template {name!r} has {what} already", hint=hint)

    # ------------------------------------------------------------ what stands for a name

    def events_of(self, key: Scalar) -> str:
        """The text of a key of ``on``, arguments replaced by what is given for them."""
        use = key.source.use if key.source is not None else None
        return key.text if use is None else " ".join(self.words(key))

    def words(self, key: Scalar) -> list[str]:
        """The events a key of ``on`` names, arguments replaced by what is given for them."""
        return [word for part in key.text.split() for word in self.text_of(key, part, "event").split()]

    def text_of(self, node: Node, text: str, kind: str) -> str:
        """``text``, a name in ``node``, or the text given for it when it is an argument of this kind there."""
        given = given_for(node, text, kind)
        if given is None:
            return text
        if not isinstance(given.node, Scalar):
            return text
        return self.text_of(given.node, given.node.text, kind)


class _UsedSource(Source):
    """The source of the nodes a use has made."""

    def __init__(self, template: Source, at: Position, use: Use) -> None:
        super().__init__(template.file, template.text)
        self.used = at
        self.use = use


def given_for(node: Node, name: str, kind: str) -> Given | None:
    """What is given for the argument ``name`` of this kind, where ``node`` stands in a template that has it."""
    use = node.source.use if node.source is not None else None
    found = use.given.get(name) if use is not None else None
    return found if found is not None and found.parameter.kind == kind else None


def _without_use(body: Mapping) -> Mapping:
    entries = {key: entry for key, entry in body.entries.items() if key != "use"}
    return Mapping(body.start, body.end, entries, source=body.source)


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.is_null


def _items(node: Node) -> list[Node]:
    return node.items if isinstance(node, Sequence) else [node]


def _all_guarded(node: Node) -> bool:
    """Whether every transition of an event has a guard, so that others may follow."""
    return all(isinstance(item, Mapping) and "guard" in item.entries for item in _items(node))
