"""The header of a chart in C: what a host sees of it."""

from __future__ import annotations

import math
from collections.abc import Callable

from engine.language.types import Kind, Type
from engine.tools.export.c.bound import Bound
from engine.tools.export.c.design import Design
from engine.tools.export.c.layout import enum, listed
from engine.tools.export.c.names import comment, identifier
from engine.tools.export.c.types import NotInC, kept


class Header:
    """Writes the header of a design whose functions and tables are done. ``doors``: the functions for events."""

    def __init__(self, design: Design, doors: list[str], bound: Bound) -> None:
        self.design = design
        self.bound = bound
        self.name = design.name
        self.doors = doors

    def text(self) -> str:
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
            *enum([f"{design.state_name(s.id)} = {i}" for i, s in enumerate(design.states)]),
            f"#define {upper}_STATES {len(design.states)}U",
            "",
            "/* Events, as the numbers of their triggers; timers come behind them. */",
            *enum([f"{design.event_name(e.name)} = {e.number}" for e in design.events]),
            f"#define {upper}_EVENTS {len(design.events)}U",
            f"#define {upper}_TIMERS {len(design.timers)}U",
            f"#define {upper}_TRANSITIONS {len(design.transitions)}U",
            f"/* Internal events that may wait, {comment(self._proven())}. */",
            f"#define {upper}_QUEUE {self.bound.events}U",
            *[f"#define {upper}_MOST_{identifier(child)} {most}U" for child, most in design.most.items()],
            "",
        ]
        if design.all_words:
            lines += [f"enum {name}_word {{", *listed(design.word(value) for value in design.all_words), "};", ""]
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
            "/* Once. False: an assertion failed, or the machine has ended. */",
            f"bool {name}_begin(struct {name} *me, int64_t now_ns);",
            "",
            "/* One macrostep for an event; none when the machine has ended. False: a value is not as it is declared,",
            " * and nothing is done; or an assertion failed, now or before. */",
            *[f"{head};" for head in self.doors],
            "",
            "#endif",
            "",
        ]
        return "\n".join(lines)

    def _proven(self) -> str:
        return (self.bound.why and f"not proven: {self.bound.why}; one more is CHART_FAULT_QUEUE") or "which is proven"

    def _struct(self, what: str, fields: dict[str, Type], named: Callable[[str], str]) -> list[str]:
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
        if self.design.ends:
            lines.append(f"    void (*done)(void *context, const struct {self.name}_output *output);")
        return [
            *lines,
            "    void (*error)(void *context, uint16_t place); /* a guard or an action has no value */",
            "    void (*fault)(void *context, uint16_t number); /* an assertion failed: to the safe state */",
            "};",
            "",
        ]

    def _machine(self) -> list[str]:
        lines = [f"struct {self.name} {{", "    struct chart chart;", f"    const struct {self.name}_ports *ports;"]
        lines += ["    void *context;", f"    struct {self.name}_parameters parameters;"]
        lines += [f"    struct {self.name}_data data;"]
        if self.design.ends:
            lines.append(f"    struct {self.name}_output output;")
        for index, ((role, name), type_) in enumerate(self.design.readings.items()):
            lines += [
                f"    {self.design.passed(type_, f'reading_{index}')}; /* {role}.{name} */",
                f"    uint8_t read_{index};",
            ]
        lines += [
            f"    {self.design.internal_event} queue[{self.design.upper}_QUEUE + 1U]; /* and the one in work */",
            f"    struct chart_timer timers[{max(1, len(self.design.timers))}];",
            f"    uint32_t told[{max(1, math.ceil(len(self.design.transitions) / 32))}];",
            "};",
            "",
        ]
        return lines
