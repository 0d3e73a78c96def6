"""The source of a chart in C: its tables and functions."""

from __future__ import annotations

import re

from engine.language.types import Kind
from engine.tools.export.c.accessors import accessors, searches
from engine.tools.export.c.blocks import Functions, given_to
from engine.tools.export.c.design import Design, EventOf
from engine.tools.export.c.layout import indented, listed
from engine.tools.export.c.names import comment, quoted
from engine.tools.export.c.tables import Tables
from engine.tools.export.c.types import NotInC
from engine.tools.export.c.values import defaults, fits, initial_values, parameter_checks
from engine.tools.export.losses import Construct


class Source:
    """Writes the source of a design whose functions and tables are done. ``doors``: the functions for events."""

    def __init__(self, design: Design, functions: Functions, tables: Tables) -> None:
        self.design = design
        self.functions = functions
        self.tables = tables
        self.name = design.name
        self.defaults = defaults(design)
        self.initial = initial_values(design)
        self.accessors = [*accessors(design), *searches(design)]
        self.checks = parameter_checks(design)
        self.doors = [self._door(event) for event in design.events if event.from_outside]

    def text(self) -> str:
        """``NAME.c``."""
        design, name = self.design, self.name
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
            f"#if CHART_ENABLED < {self.tables.enabled}",
            f'#error "compile everything with -DCHART_ENABLED={self.tables.enabled} or more"',
            "#endif",
            "",
        ]
        rest = self._rest()
        written = [*self._helpers(), *self.accessors, *self.functions.text]
        functions = called(written, "\n".join(rest))
        if any("texts[" in function for function in functions):
            texts = [quoted(value) for value in design.all_words]
            lines += [f"static const char *const texts[{len(texts)}] = {{", *listed(texts), "};", ""]
        return "\n".join([*lines, *functions, *rest])

    def _helpers(self) -> list[str]:
        """Functions that give what a function of the core does not know: the machine, the event in work."""
        name = self.name
        own = [f"static struct {name} *own(struct chart *chart)", "{"]
        own += [f"    return (struct {name} *)(void *)chart; /* its first member */", "}", ""]
        event = [f"static const struct {name}_event *in_work(const struct {name} *me)", "{"]
        event += [f"    return (const struct {name}_event *)(const void *)me->chart.event;", "}", ""]
        return ["\n".join(own), "\n".join(event)]

    def _rest(self) -> list[str]:
        """What stands behind the functions of guards and actions."""
        design, name = self.design, self.name
        lines = [*self._tables(), *self._definition()]
        lines += [
            f"const struct {name}_parameters {name}_defaults = {{",
            *listed(self.defaults or ["'\\0'"]),
            "};",
            "",
        ]
        lines += [
            f"const char *const {name}_places[{len(design.places)}] = {{",
            *listed(map(quoted, design.places)),
            "};",
        ]
        return [*lines, "", *self._init(), *(f"{head}\n{text}" for head, text in self.doors)]

    def _tables(self) -> list[str]:
        tables = self.tables
        rows = tables.transitions or ["{0U, 0U, CHART_NONE, CHART_NONE, 0U, 0U, 0U},"]
        lines = [f"static const struct chart_transition transitions[{len(rows)}] = {{", *indented(rows), "};", ""]
        choices = [f"{choice or 'chart_none'}, /* {comment(trigger)} */" for choice, trigger in tables.choices]
        lines += [f"static const chart_choice choices[{len(choices)}] = {{", *indented(choices), "};", ""]
        blocks = [block or "chart_nothing" for block in tables.blocks]
        return [*lines, f"static const chart_block blocks[{len(blocks)}] = {{", *listed(blocks, 8), "};", ""]

    def _definition(self) -> list[str]:
        design, name, upper = self.design, self.name, self.design.upper
        lines = [
            "static void initial_data(struct chart *chart)",
            "{",
            *indented(
                [f"struct {name} *const me = own(chart);", "(void)me;"]
                if "me->" in "".join(self.initial)
                else ["(void)chart;"]
            ),
            *indented(self.initial),
            "}",
            "",
        ]
        if design.readings:
            forgotten = [f"me->read_{index} = 0U;" for index in range(len(design.readings))]
            lines += ["static void forget(struct chart *chart)", "{", f"    struct {name} *const me = own(chart);"]
            lines += [*indented(forgotten), "}", ""]
        for what, argument in (("error", "place"), ("fault", "number")):
            lines += [f"static void tell_{what}(struct chart *chart, uint16_t {argument})", "{"]
            lines += [
                f"    const struct {name} *const me = own(chart);",
                f"    me->ports->{what}(me->context, {argument});",
            ]
            lines += ["}", ""]
        told = "me->ports->done(me->context, &me->output);" if self.design.ends else "(void)me;"
        lines += ["static void tell_done(struct chart *chart)", "{", f"    const struct {name} *const me = own(chart);"]
        lines += [f"    {told}", "}", ""]
        members = [
            f"{upper}_STATES",
            f"{upper}_EVENTS",
            f"{upper}_TIMERS",
            f"{upper}_QUEUE",
            f"(uint16_t)sizeof({design.internal_event})",
            self.tables.failure,
            f"CHART_MICROSTEPS * ({upper}_QUEUE + 2U)",
            "choices",
            "transitions",
            "blocks",
            "initial_data",
            self.tables.begin,
            self.tables.end,
            "forget" if design.readings else "NULL",
            self.tables.invoke or "NULL",
            self.tables.again or "NULL",
            "tell_error",
            "tell_fault",
            "tell_done",
        ]
        return [*lines, "static const struct chart_definition definition = {", *listed(members, 1), "};", ""]

    def _init(self) -> list[str]:
        design, name = self.design, self.name
        ports = [*(p.name for p in design.ports.values()), *(["done"] if self.design.ends else []), "error", "fault"]
        checks = [
            "(ports != NULL)",
            "(parameters != NULL)",
            *(f"(ports->{port} != NULL)" for port in ports),
            *self.checks,
        ]
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
            "        me->chart.due = CHART_NO_TIMER;",
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
        design, own = self.design, self.design.event_names.of(event.name)
        arguments = [f"struct {self.name} *me", "int64_t now_ns"]
        checks: list[str] = []
        given: list[str] = []
        for field, type_ in event.payload.items():
            name = f"{design.field_names.of(field)}_given"
            try:
                if type_.kind is Kind.LIST:
                    raise NotInC("a list in an event is not translated")
                arguments.append(design.passed(type_, name))
            except NotInC as why:
                where = design.event_position(event)
                design.refuse(f"its field {field!r}: {why}", event.name, where, Construct.TYPES)
                continue
            checks += fits(design, type_, name)
            to = f"event.of.{own}.{design.field_names.of(field)}"
            given.append(given_to(type_, to).format(name))
        lines = ["{", f"    struct {self.name}_event event;"]
        lines += [f"    bool good = {' && '.join(checks) or 'true'};"]
        lines += [
            "    if (good) {",
            f"        event.base.name = {design.event_name(event.name)};",
            *[f"        {line}" for line in given],
        ]
        lines += [
            "        good = chart_process(&me->chart, &event.base, now_ns);",
            "    }",
            "    return good;",
            "}",
            "",
        ]
        return f"bool {self.name}_{own}({', '.join(arguments)})", "\n".join(lines)


def called(functions: list[str], by: str) -> list[str]:
    """Of functions, each behind those that it calls, the ones that are called: a compiler warns of the others."""
    kept: list[str] = []
    words = set(re.findall(r"\w+", by))
    for function in reversed(functions):
        head = re.search(r"(\w+)\(", function)
        assert head is not None
        if head[1] in words:
            kept.insert(0, function)
            words.update(re.findall(r"\w+", function))
    return kept
