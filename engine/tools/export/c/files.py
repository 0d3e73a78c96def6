"""The two files of a chart in C: its header for a host, its source with the tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from engine.language.expr import tree
from engine.language.model import ParameterDef, Raise, Send
from engine.language.types import Kind, Type
from engine.language.values import describe
from engine.semantics.errors import ParameterError
from engine.semantics.parameters import bind_parameters
from engine.tools.export.c.blocks import Functions, given_to
from engine.tools.export.c.design import Design, EventOf
from engine.tools.export.c.expressions import Expression, number, real
from engine.tools.export.c.names import comment, identifier, quoted
from engine.tools.export.c.tables import Tables, set_text
from engine.tools.export.c.types import NotInC, kept, most_items, most_octets, text_octets, whole_range
from engine.tools.export.losses import Construct

_LEAST_QUEUE = 4


class Files:
    """Writes the header and the source of a design whose functions and tables are done."""

    def __init__(self, design: Design, functions: Functions, tables: Tables) -> None:
        self.design = design
        self.functions = functions
        self.tables = tables
        self.name = design.name
        self.words = max(1, math.ceil(len(design.states) / 32))
        self.defaults = self._defaults()
        self.initial = self._initial()
        self.accessors = [*self._accessors(), *self._searches()]
        self.checks = self._parameter_checks()
        self.doors = [self._door(event) for event in design.events if event.from_outside]

    # ------------------------------------------------------------ header

    def header(self) -> str:
        """``NAME.h``."""
        design, name, upper = self.design, self.name, self.design.upper
        chart = design.chart
        lines = [
            f"/* {comment(chart.title or chart.name)}: made by `engine export --to c`, do not edit. */",
            f"#ifndef {upper}_H",
            f"#define {upper}_H",
            "",
            '#include "chart.h"',
            "",
            "/* States, by document order: chart_in(&machine.chart, STATE). */",
            *_enum([f"{design.state_name(s.id)} = {i}" for i, s in enumerate(design.states)]),
            f"#define {upper}_STATES {len(design.states)}U",
            "",
            "/* Events, as the numbers of their triggers; timers come behind them. */",
            *_enum([f"{design.event_name(e.name)} = {e.number}" for e in design.events]),
            f"#define {upper}_EVENTS {len(design.events)}U",
            f"#define {upper}_TIMERS {len(design.timers)}U",
            f"#define {upper}_TRANSITIONS {len(design.transitions)}U",
            f"#define {upper}_QUEUE {self.queue}U",
            *[f"#define {upper}_MOST_{identifier(child)} {most}U" for child, most in design.most.items()],
            "",
        ]
        if design.all_words:
            lines += [f"enum {name}_word {{", *_listed(design.word(value) for value in design.all_words), "};", ""]
        lines += self._struct("parameters", {n: p.type for n, p in chart.parameters.items()}, design.parameter_names.of)
        lines += self._struct("data", {n: d.type for n, d in chart.data.items()}, design.data_names.of)
        lines += self._struct("output", design.output, identifier)
        lines += self._event_struct()
        lines += self._ports()
        lines += self._machine()
        lines += [
            f"extern const struct {name}_parameters {name}_defaults;",
            "",
            "/* Where in the YAML a place is that ports->error tells. */",
            f"extern const char *const {name}_places[{len(design.places)}];",
            "",
            "/* False, and nothing is done, when a parameter is out of its range or a port is missing. */",
            f"bool {name}_init(struct {name} *me, const struct {name}_ports *ports, void *context,",
            f"    const struct {name}_parameters *parameters);",
            f"bool {name}_begin(struct {name} *me, int64_t now_ns);",
            "",
            "/* One macrostep for an event. False, and nothing is done, when a value is not as it is declared. */",
            *[f"{head};" for head, _ in self.doors],
            "",
            "#endif",
            "",
        ]
        return "\n".join(lines)

    @property
    def queue(self) -> int:
        """Internal events that may wait: each of the actions that raise one, twice."""
        raised = sum(
            isinstance(a, (Raise, Send)) and bool((sent := a.sent()) and sent.is_internal)
            for block in self.design.blocks()
            for a in block
        )
        return max(_LEAST_QUEUE, 2 * raised)

    def _struct(self, what: str, fields: dict[str, Type], named: Any) -> list[str]:
        members = [self._member(type_, named(field)) for field, type_ in fields.items()]
        return [f"struct {self.name}_{what} {{", *[f"    {m};" for m in members or ["char none"]], "};", ""]

    def _member(self, type_: Type, name: str) -> str:
        unit = f" /* {type_.unit.symbol} */" if type_.unit is not None else ""
        unit = " /* ns */" if type_.kind is Kind.DURATION else unit
        try:
            return self.design.declared(type_, name) + unit
        except NotInC:
            return f"int {name}"  # refused already, by the place of its declaration

    def _event_struct(self) -> list[str]:
        lines = [f"struct {self.name}_event {{", "    struct chart_event base;", "    union {", "        char none;"]
        for event in self.design.events:
            if event.payload:
                members = [self._member(type_, self.design.field_names.of(f)) for f, type_ in event.payload.items()]
                name = self.design.event_names.of(event.name)
                lines += ["        struct {", *[f"            {m};" for m in members], f"        }} {name};"]
        return [*lines, "    } of;", "};", ""]

    def _ports(self) -> list[str]:
        lines = [
            "/* What the host provides. Called inside a step: they may not call the machine, and an order changes no",
            " * reading before the step is over. */",
            f"struct {self.name}_ports {{",
        ]
        for port in self.design.ports.values():
            arguments = ["void *context", *(self.design.passed(type_, identifier(n)) for n, type_ in port.arguments)]
            result = port.returns
            if port.result is not None:
                result = "bool"
                arguments.append(f"{kept(port.result, self.design.words)} *value".replace("* *", "**"))
            about = port.about + ("; false: it cannot be read" if port.result is not None else "")
            lines.append(f"    {result} (*{port.name})({', '.join(arguments)}); /* {comment(about)} */")
        if self.ends:
            lines.append(f"    void (*done)(void *context, const struct {self.name}_output *output);")
        return [
            *lines,
            "    void (*error)(void *context, uint16_t place); /* a guard or an action has no value */",
            "    void (*fault)(void *context, uint16_t number); /* an assertion failed: to the safe state */",
            "};",
            "",
        ]

    @property
    def ends(self) -> bool:
        """Whether the machine may end by itself."""
        return any(row.split(", ")[2] == "(uint8_t)CHART_FINAL" for row in self.tables.states)

    def _machine(self) -> list[str]:
        lines = [f"struct {self.name} {{", "    struct chart chart;", f"    const struct {self.name}_ports *ports;"]
        lines += ["    void *context;", f"    struct {self.name}_parameters parameters;"]
        lines += [f"    struct {self.name}_data data;"]
        if self.ends:
            lines.append(f"    struct {self.name}_output output;")
        for index, ((role, name), type_) in enumerate(self.design.readings.items()):
            lines += [
                f"    {self.design.passed(type_, f'reading_{index}')}; /* {role}.{name} */",
                f"    uint8_t read_{index};",
            ]
        lines += [
            f"    {self.design.internal_event} queue[{self.design.upper}_QUEUE];",
            f"    {self.design.internal_event} taken;",
            f"    struct chart_timer timers[{max(1, len(self.design.timers))}];",
            f"    uint32_t told[{max(1, math.ceil(len(self.design.transitions) / 32))}];",
            "};",
            "",
        ]
        return lines

    # ------------------------------------------------------------ source

    def source(self) -> str:
        """``NAME.c``."""
        design, name, upper = self.design, self.name, self.design.upper
        lines = [
            "/* Made by `engine export --to c`, do not edit. */",
            f'#include "{name}.h"',
            "",
            *(["#include <math.h>"] if design.uses_real else []),
            "#include <string.h>",
            "",
            *(['#include "real.h"'] if design.uses_real else []),
            '#include "values.h"',
            "",
            f"#if CHART_STATES < {len(design.states)}",
            f'#error "compile everything with -DCHART_STATES={len(design.states)} or more"',
            "#endif",
            "",
        ]
        if design.uses_texts:
            texts = [quoted(value) for value in design.all_words]
            lines += [f"static const char *const texts[{len(texts)}] = {{", *_listed(texts), "};", ""]
        lines += [
            f"static struct {name} *own(struct chart *chart)",
            "{",
            f"    return (struct {name} *)(void *)chart; /* its first member */",
            "}",
            "",
        ]
        if design.uses_event:
            lines += [
                f"static const struct {name}_event *in_work(const struct {name} *me)",
                "{",
                f"    return (const struct {name}_event *)(const void *)me->chart.event;",
                "}",
                "",
            ]
        lines += [*self.accessors, *self.functions.text]
        lines += self._tables()
        lines += self._definition()
        lines += [
            f"const struct {name}_parameters {name}_defaults = {{",
            *_listed(self.defaults or ["'\\0'"]),
            "};",
            "",
        ]
        lines += [
            f"const char *const {name}_places[{len(design.places)}] = {{",
            *_listed(map(quoted, design.places)),
            "};",
        ]
        lines += ["", *self._init(), *(f"{head}\n{text}" for head, text in self.doors)]
        return "\n".join(lines).replace(f"{upper}_WORDS", str(self.words))

    def _tables(self) -> list[str]:
        tables = self.tables
        lines = [
            f"static const struct chart_state states[{len(tables.states)}] = {{",
            *_indented(tables.states),
            "};",
            "",
        ]
        rows = tables.transitions or ["{0U, CHART_NONE, 0U, 0U, 0U, 0U},"]
        lines += [f"static const struct chart_transition transitions[{len(rows)}] = {{", *_indented(rows), "};", ""]
        triggers = [
            f"{{{first}U, {len(own)}U, {set_text(sources, self.words)}, {set_text(atoms, self.words)}}}, "
            f"/* {comment(label)} */"
            for label, first, own, sources, atoms in tables.triggers
        ]
        lines += [f"static const struct chart_trigger triggers[{len(triggers)}] = {{", *_indented(triggers), "};", ""]
        heard = [f"{one}U" for one in tables.heard] or ["0U"]
        lines += [f"static const uint16_t heard[{len(heard)}] = {{", *_listed(heard, 16), "};", ""]
        sets = [set_text(mask, self.words) for mask in tables.sets]
        lines += [f"static const chart_set sets[{len(sets)}] = {{", *_listed(sets, 1), "};", ""]
        guards, blocks = self.functions.guards, self.functions.blocks
        lines += [f"static const chart_guard guards[{len(guards)}] = {{", *_listed(guards, 8), "};", ""]
        lines += [f"static const chart_block blocks[{len(blocks)}] = {{", *_listed(blocks, 8), "};", ""]
        clocks = tables.clocks or ["{NULL, 0U, CHART_NONE, false},"]
        return [*lines, f"static const struct chart_clock clocks[{len(clocks)}] = {{", *_indented(clocks), "};", ""]

    def _definition(self) -> list[str]:
        design, name, upper = self.design, self.name, self.design.upper
        lines = [
            "static void initial_data(struct chart *chart)",
            "{",
            *_indented(
                [f"struct {name} *const me = own(chart);", "(void)me;"]
                if "me->" in "".join(self.initial)
                else ["(void)chart;"]
            ),
            *_indented(self.initial),
            "}",
            "",
        ]
        if design.readings:
            forgotten = [f"me->read_{index} = 0U;" for index in range(len(design.readings))]
            lines += ["static void forget(struct chart *chart)", "{", f"    struct {name} *const me = own(chart);"]
            lines += [*_indented(forgotten), "}", ""]
        for what, argument in (("error", "place"), ("fault", "number")):
            lines += [f"static void tell_{what}(struct chart *chart, uint16_t {argument})", "{"]
            lines += [
                f"    const struct {name} *const me = own(chart);",
                f"    me->ports->{what}(me->context, {argument});",
            ]
            lines += ["}", ""]
        told = "me->ports->done(me->context, &me->output);" if self.ends else "(void)me;"
        lines += ["static void tell_done(struct chart *chart)", "{", f"    const struct {name} *const me = own(chart);"]
        lines += [f"    {told}", "}", ""]
        members = [
            f"{upper}_STATES",
            f"{upper}_EVENTS",
            f"{upper}_TIMERS",
            f"{upper}_TRANSITIONS",
            f"{upper}_QUEUE",
            f"(uint16_t)sizeof({design.internal_event})",
            self.tables.failure,
            f"{self.tables.initial}U",
            set_text(design.topology.atomic, self.words),
            "states",
            "transitions",
            "triggers",
            "heard",
            "sets",
            "guards",
            "blocks",
            "clocks",
            "initial_data",
            "forget" if design.readings else "NULL",
            "tell_error",
            "tell_fault",
            "tell_done",
        ]
        return [*lines, "static const struct chart_definition definition = {", *_listed(members, 1), "};", ""]

    def _init(self) -> list[str]:
        design, name = self.design, self.name
        ports = [*(p.name for p in design.ports.values()), *(["done"] if self.ends else []), "error", "fault"]
        checks = [f"(ports->{port} != NULL)" for port in ports] + self.checks
        return [
            f"bool {name}_init(struct {name} *me, const struct {name}_ports *ports, void *context,",
            f"    const struct {name}_parameters *parameters)",
            "{",
            f"    const bool good = {' && '.join(checks)};".replace(" && ", " &&\n        "),
            "    if (good) {",
            "        (void)memset(me, 0, sizeof *me);",
            "        me->ports = ports;",
            "        me->context = context;",
            "        me->parameters = *parameters;",
            "        me->chart.is = &definition;",
            "        me->chart.timer = me->timers;",
            "        me->chart.told = me->told;",
            "        me->chart.told_words = (uint16_t)(sizeof me->told / sizeof me->told[0]);",
            "        me->chart.queue = (unsigned char *)me->queue;",
            "        me->chart.taken = (unsigned char *)&me->taken;",
            "    }",
            "    return good;",
            "}",
            "",
            f"bool {name}_begin(struct {name} *me, int64_t now_ns)",
            "{",
            "    return chart_begin(&me->chart, now_ns);",
            "}",
            "",
        ]

    def _door(self, event: EventOf) -> tuple[str, str]:
        """The function by which an event comes from outside: what it carries is checked here, once."""
        design, own = self.design, design_event(self.design, event)
        arguments = [f"struct {self.name} *me", "int64_t now_ns"]
        checks: list[str] = []
        given: list[str] = []
        for field, type_ in event.payload.items():
            name = f"{design.field_names.of(field)}_given"
            try:
                arguments.append(design.passed(type_, name))
            except NotInC as why:
                where = design.event_position(event)
                design.refuse(f"its field {field!r}: {why}", event.name, where, Construct.TYPES)
                continue
            checks += self._fits(type_, name)
            to = f"event.of.{own}.{design.field_names.of(field)}"
            given.append(given_to(type_, to).format(name))
        lines = ["{", f"    struct {self.name}_event event;"]
        lines += [f"    const bool good = {' && '.join(checks) or 'true'};"]
        lines += ["    if (good) {", "        (void)memset(&event, 0, sizeof event);"]
        lines += [f"        event.base.name = {design.event_name(event.name)};", *[f"        {line}" for line in given]]
        lines += ["        (void)chart_process(&me->chart, &event.base, now_ns);", "    }", "    return good;", "}", ""]
        return f"bool {self.name}_{own}({', '.join(arguments)})", "\n".join(lines)

    def _fits(self, type_: Type, name: str) -> list[str]:
        """Conditions for a value of its C type to be one of the chart's."""
        design = self.design
        if type_.kind is Kind.FLOAT:
            design.uses_real = True
            low = "-INFINITY" if type_.minimum is None else real(float(type_.minimum))
            high = "INFINITY" if type_.maximum is None else real(float(type_.maximum))
            return [f"chart_between({name}, {low}, {high})"]
        if type_.kind is Kind.STRING:
            return [f"chart_fits({name}, {int(type_.minimum or 0)}U, {text_octets(type_)}U)"]
        if type_.kind is Kind.BYTES:
            stored = f"chart_octets({name}.octet, {name}.length)" if name.startswith("parameters->") else name
            return [f"chart_has_length({stored}, {int(type_.minimum or 0)}U, {most_octets(type_)}U)"]
        if type_.kind is Kind.LIST:
            if type_.item is None or type_.item.kind not in (Kind.INT, Kind.DURATION, Kind.BOOL) or type_.item.minimum:
                raise NotInC(f"{describe(type_)}: such a list is not translated as a parameter")
            return [f"({name}.count <= {most_items(type_)}U)"]
        if type_.kind is Kind.ENUM:
            return ["(" + " || ".join(f"({name} == {design.word(value)})" for value in type_.values) + ")"]
        if type_.kind in (Kind.INT, Kind.DURATION):
            own, held = whole_range(type_), design.c_type(type_)
            signed = not held.startswith("u")
            bits = int("".join(c for c in held if c.isdigit()))
            least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
            found = [f"({name} >= {number(own.low)})"] if own.low > least else []
            return found + ([f"({name} <= {number(own.high)})"] if own.high < most else [])
        return []

    # ------------------------------------------------------------ values

    def _defaults(self) -> list[str]:
        chart = self.design.chart
        found: list[str] = []
        required = [p for p in chart.parameters.values() if p.default is None]
        base = {p.name: _nothing(p.type) for p in required}
        try:
            values = bind_parameters(chart, base)
        except ParameterError as error:
            self.design.refuse(str(error), "", chart.position, Construct.TYPES)
            return found
        for parameter in chart.parameters.values():
            try:
                self.design.c_type(parameter.type)
                found.append(f"{_constant(self.design, parameter.type, values[parameter.name])}{_told(parameter)}")
            except NotInC as why:
                self.design.refuse(str(why), parameter.name, parameter.position, Construct.TYPES)
        return found

    def _parameter_checks(self) -> list[str]:
        checks: list[str] = []
        for name, parameter in self.design.chart.parameters.items():
            try:
                checks += self._fits(parameter.type, f"parameters->{self.design.parameter_names.of(name)}")
            except NotInC as why:
                self.design.refuse(str(why), name, parameter.position, Construct.TYPES)
        return checks

    def _initial(self) -> list[str]:
        lines: list[str] = []
        for item in self.design.chart.data.values():
            to = f"me->data.{self.design.data_names.of(item.name)}"
            expression = Expression(self.design)
            try:
                self.design.declared(item.type, "value")
                if item.initial is None:
                    if item.argument_of:
                        continue  # every target that enters its state gives it
                    raise NotInC("a data item without an initial value is not translated")
                if item.type.kind is Kind.LIST:
                    if not isinstance(item.initial, tree.ListOf) or item.initial.items:
                        raise NotInC("a list that begins with elements is not translated")
                    lines.append(f"{to}.count = 0U;")
                    continue
                value = expression.stored(item.initial, item.type)
                if expression.fails:
                    raise NotInC("an initial value that may not be had is not translated")
            except NotInC as why:
                self.design.refuse(str(why), item.name, item.position, Construct.TYPES)
                continue
            lines += [*expression.before, given_to(item.type, to).format(value)]
        return lines

    def _accessors(self) -> Iterator[str]:
        """Functions that read a field of the event in work, or a value of an adapter once in a step."""
        name = self.name
        for (field, _), type_ in self.design.fields.items():
            result = kept(type_, self.design.words)
            result = result if result.endswith("*") else f"{result} "
            nothing = _nothing_of(self.design, type_)
            lines = [f"static {result}{self.design.field(field, type_)}(struct {name} *me)", "{"]
            lines += [
                f"    const struct {name}_event *const event =",
                f"        (const struct {name}_event *)(const void *)me->chart.event;",
            ]
            lines += [f"    {result}value = {nothing};", "    switch ((event == NULL) ? 0U : event->base.name) {"]
            for event in self.design.events:
                own = event.payload.get(field)
                if own is not None and own.kind is type_.kind:
                    to = f"event->of.{design_event(self.design, event)}.{self.design.field_names.of(field)}"
                    view = f"chart_octets({to}.octet, {to}.length)" if type_.kind is Kind.BYTES else to
                    lines += [f"    case {self.design.event_name(event.name)}:", f"        value = {view};"]
                    lines += ["        break;"]
            lines += [
                "    default:",
                "        me->chart.failed = true;",
                "        break;",
                "    }",
                "    return value;",
                "}",
                "",
            ]
            yield "\n".join(lines)
        for index, ((role, value), type_) in enumerate(self.design.readings.items()):
            held = kept(type_, self.design.words)
            held = held if held.endswith("*") else f"{held} "
            function = self.design.reading(role, value, type_)
            stored = f"me->reading_{index}"
            fits = " && ".join([f"me->ports->{function}(me->context, &{stored})", *self._fits(type_, stored)])
            yield "\n".join(
                [
                    f"static {held}{function}(struct {name} *me)",
                    "{",
                    f"    if ((me->read_{index} == 0U) && !me->chart.failed) {{",
                    f"        me->read_{index} = ({fits}) ? 1U : 0U;",
                    "    }",
                    f"    me->chart.failed = me->chart.failed || (me->read_{index} == 0U);",
                    f"    return {stored};",
                    "}",
                    "",
                ]
            )

    def _searches(self) -> Iterator[str]:
        """Functions that look for a value in a list."""
        for place, item in self.design.members.items():
            same = f"{place}.item[i] == value"
            if item.kind is Kind.BYTES:
                same = f"chart_same_octets(chart_octets({place}.item[i].octet, {place}.item[i].length), value)"
            if item.kind not in (Kind.BYTES, Kind.INT, Kind.DURATION, Kind.BOOL, Kind.ENUM):
                raise NotInC(f"looking for {describe(item)} in a list is not translated")
            function = self.design.member_of(place, item)
            lines = [f"static bool {function}(const struct {self.name} *me, {self.design.passed(item, 'value')})", "{"]
            lines += ["    bool found = false;", f"    for (uint8_t i = 0; i < {place}.count; i++) {{"]
            yield "\n".join([*lines, f"        found = found || ({same});", "    }", "    return found;", "}", ""])


def design_event(design: Design, event: EventOf) -> str:
    """The name of an event as a part of others."""
    return design.event_names.of(event.name)


def _nothing(type_: Type) -> Any:
    """A value of a type, where one must be given."""
    nothing: dict[Kind, Any] = {Kind.BOOL: False, Kind.STRING: "", Kind.BYTES: b"", Kind.LIST: []}
    if type_.kind is Kind.ENUM:
        return type_.values[0]
    return nothing.get(type_.kind, type_.minimum or 0)


def _nothing_of(design: Design, type_: Type) -> str:
    return "{NULL, 0U}" if type_.kind is Kind.BYTES else _constant(design, type_, _nothing(type_))


def _constant(design: Design, type_: Type, value: Any) -> str:
    """A value as a constant of C. Raises ``NotInC``."""
    if type_.kind is Kind.BYTES:
        most_octets(type_)
        return f"{{{len(value)}U, {{{', '.join(f'{octet}U' for octet in value or bytes(1))}}}}}"
    if type_.kind is Kind.LIST and type_.item is not None:
        items = [_constant(design, type_.item, item) for item in value] or ["0"]
        return f"{{{len(value)}U, {{{', '.join(items)}}}}}"
    literal = tree.Literal(value, type_)
    expression = Expression(design)
    if type_.kind is Kind.STRING and len(value.encode()) > text_octets(type_):
        raise NotInC(f"a text of {len(value.encode())} octets where {text_octets(type_)} are held: declare `max`")
    return expression.stored(literal, type_)


def _told(parameter: ParameterDef) -> str:
    return f" /* {parameter.name}{'' if parameter.default is not None else ': must be given'} */"


def _enum(members: Iterable[str]) -> list[str]:
    listed = _listed(members)
    return ["enum {", *listed, "};"] if listed else []


def _listed(parts: Iterable[str], per_line: int = 1) -> list[str]:
    found = [f"{part}," if " /*" not in part else part.replace(" /*", ", /*", 1) for part in parts]
    return [f"    {' '.join(found[at : at + per_line])}" for at in range(0, len(found), per_line)]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]
