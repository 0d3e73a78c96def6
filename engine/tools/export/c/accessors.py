"""Functions of a machine that read a field of the event in work, a value of an adapter, or look into a list."""

from __future__ import annotations

from collections.abc import Iterator

from engine.language.types import Kind
from engine.tools.export.c.design import Design
from engine.tools.export.c.types import kept
from engine.tools.export.c.values import fits, nothing_of


def accessors(design: Design) -> Iterator[str]:
    """Functions that read a field of the event in work, or a value of an adapter once in a step. Raises ``NotInC``."""
    name = design.name
    for (field, _), type_ in design.fields.items():
        result = kept(type_, design.words)
        result = result if result.endswith("*") else f"{result} "
        nothing = nothing_of(design, type_)
        lines = [f"static {result}{design.field(field, type_)}(struct {name} *me)", "{"]
        lines += [
            f"    const struct {name}_event *const event =",
            f"        (const struct {name}_event *)(const void *)me->chart.event;",
        ]
        lines += [f"    {result}value = {nothing};", "    switch ((event == NULL) ? 0U : event->base.name) {"]
        for event in design.events:
            own = event.payload.get(field)
            if own is not None and own.kind is type_.kind:
                to = f"event->of.{design.event_names.of(event.name)}.{design.field_names.of(field)}"
                view = f"chart_octets({to}.octet, {to}.length)" if type_.kind is Kind.BYTES else to
                lines += [f"    case {design.event_name(event.name)}:", f"        value = {view};"]
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
    for index, ((role, value), type_) in enumerate(design.readings.items()):
        held = kept(type_, design.words)
        held = held if held.endswith("*") else f"{held} "
        function = design.reading(role, value, type_)
        stored = f"me->reading_{index}"
        good = " && ".join([f"me->ports->{function}(me->context, &{stored})", *fits(design, type_, stored)])
        yield "\n".join(
            [
                f"static {held}{function}(struct {name} *me)",
                "{",
                f"    if ((me->read_{index} == 0U) && !me->chart.failed) {{",
                f"        me->read_{index} = ({good}) ? 1U : 0U;",
                "    }",
                f"    me->chart.failed = me->chart.failed || (me->read_{index} == 0U);",
                f"    return {stored};",
                "}",
                "",
            ]
        )


def searches(design: Design) -> Iterator[str]:
    """Functions that look for a value in a list."""
    for place, item in design.members.items():
        same = f"{place}.item[i] == value"
        if item.kind is Kind.BYTES:
            same = f"chart_same_octets(chart_octets({place}.item[i].octet, {place}.item[i].length), value)"
        function = design.member_of(place, item)
        lines = [f"static bool {function}(const struct {design.name} *me, {design.passed(item, 'value')})", "{"]
        lines += ["    bool found = false;", f"    for (uint8_t i = 0; i < {place}.count; i++) {{"]
        yield "\n".join([*lines, f"        found = found || ({same});", "    }", "    return found;", "}", ""])
