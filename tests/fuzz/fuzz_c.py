"""The libFuzzer program of a chart's C: any events, values and times; see test_fuzz_c.py."""

from __future__ import annotations

from engine.language.types import Kind, Type
from engine.tools.export.c.design import Design
from engine.tools.export.c.names import identifier
from engine.tools.export.c.types import kept, most_octets, text_octets


def fuzz_c(design: Design) -> str:
    """``LLVMFuzzerTestOneInput``: aborts when an assertion of the core fails or a configuration is not legal."""
    name = design.name
    parts = [_HEAD.replace("NAME", name).replace("UPPER", design.upper), _ERRORS]
    ports = []
    for port in design.ports.values():
        given = [f"given_{i}" for i in range(len(port.arguments))]
        arguments = [design.passed(type_, one) for one, (_, type_) in zip(given, port.arguments, strict=True)]
        unused = [f"(void){one};" for one in ("context", *given)]
        ports.append(f".{port.name} = port_{port.name}")
        if port.returns != "void":
            lines = [
                f"static {port.returns} port_{port.name}({', '.join(['void *context', *arguments])})",
                "{",
                *unused,
            ]
            lines += ["return (octet() & 1U) != 0U;" if port.returns == "bool" else "return octet() & 7U;", "}"]
        elif port.result is None:
            unused += [
                f"(void){one}_count;" for one, (_, t) in zip(given, port.arguments, strict=True) if t.kind is Kind.LIST
            ]
            lines = [f"static void port_{port.name}({', '.join(['void *context', *arguments])})", "{", *unused, "}"]
        else:
            held = f"{kept(port.result, design.words)} "
            lines = [f"static bool port_{port.name}(void *context, {held}*value)", "{", "(void)context;"]
            lines += [*_taken(design, port.result, "*value"), "return (octet() & 7U) != 0U;", "}"]
        parts.append("\n".join(lines) + "\n")
    if "(*done)" in design.exported.files[f"{name}.h"]:
        parts.append(f"static void port_done(void *context, const struct {name}_output *output)\n")
        parts.append("{\n(void)context;\n(void)output;\n}\n")
        ports.append(".done = port_done")
    ports += [".error = port_error", ".fault = port_fault"]
    parts.append(f"static const struct {name}_ports ports = {{{', '.join(ports)}}};\n")
    outside = [event for event in design.events if event.from_outside]
    parts.append(f"static void event(void)\n{{\nswitch (octet() % {max(1, len(outside))}U) {{\n")
    for number, event in enumerate(outside):
        lines = [f"case {number}: {{"]
        arguments = ["&machine", "now"]
        for field, type_ in event.payload.items():
            own = identifier(f"{field}_given")
            lines += [f"{kept(type_, design.words)} {own};", *_taken(design, type_, own)]
            arguments.append(own)
        call = f"(void){name}_{design.event_names.of(event.name)}({', '.join(arguments)});"
        parts.append("\n".join([*lines, call, "break;", "}"]) + "\n")
    parts.append("default:\nbreak;\n}\n}\n")
    parents = ", ".join(map(str, design.topology.parent))
    kinds = ", ".join(f"'{state.kind.value[0]}'" for state in design.states)  # 'c' compound, 'p' parallel
    parts.append(f"static const int parents[] = {{{parents}}};\nstatic const char kinds[] = {{{kinds}}};\n")
    parts.append(_MAIN.replace("NAME", name).replace("UPPER", design.upper))
    return "".join(parts)


def _taken(design: Design, type_: Type, to: str) -> list[str]:
    """Statements that take a value from the input: any octets a variable of the type may hold."""
    match type_.kind:
        case Kind.FLOAT:  # often a plain one: guards ask for volts and percent, not for any pattern of bits
            return [f"{to} = ((octet() & 3U) != 0U) ? (double)(int8_t)octet() : odd_real();"]
        case Kind.BOOL:
            return [f"{to} = (octet() & 1U) != 0U;"]
        case Kind.ENUM:
            return [f"{to} = ({design.words})(octet() % {len(design.all_words) + 1}U);"]
        case Kind.BYTES:
            return [f"{to} = some({most_octets(type_) + 2}U);"]
        case Kind.STRING:
            return [f"{to} = text({text_octets(type_) + 2}U);"]
    return [f"{to} = ({design.c_type(type_)})(((octet() & 3U) != 0U) ? (int64_t)octet() : (int64_t)whole());"]


_HEAD = r"""#include "NAME.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
uint64_t whole(void);
double odd_real(void);
const char *text(size_t most);
struct chart_octets some(size_t most);

static struct NAME machine;
static const uint8_t *at;
static size_t left;
static int64_t now;

static uint8_t octet(void)
{
    uint8_t found = 0;
    if (left > 0U) {
        found = *at;
        at++;
        left--;
    }
    return found;
}

uint64_t whole(void)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8U; i++) {
        value = (value << 8U) | octet();
    }
    return value;
}

double odd_real(void)
{
    const uint64_t bits = whole();
    double value;
    (void)memcpy(&value, &bits, sizeof value);
    return value;
}

/* A copy of its own, so that reading beyond its end is found. */
const char *text(size_t most)
{
    static char *all[16];
    static size_t next;
    const size_t length = ((size_t)octet() * ((most > 64U) ? 4U : 1U)) % most;
    char *const kept = malloc(length + 1U);
    free(all[next]); /* of an event before: one has fewer texts */
    all[next] = kept;
    next = (next + 1U) % 16U;
    if (kept == NULL) {
        abort();
    }
    for (size_t i = 0; i < length; i++) {
        kept[i] = (char)(1U + octet() % 255U);
    }
    kept[length] = '\0';
    return kept;
}
"""
_ERRORS = r"""
struct chart_octets some(size_t most)
{
    const size_t length = (size_t)octet() % most;
    const char *const octets = text(length + 1U);
    const struct chart_octets found = {(const uint8_t *)octets, (uint16_t)strlen(octets)};
    return found;
}

static void port_error(void *context, uint16_t place)
{
    (void)context;
    (void)place;
}

static void port_fault(void *context, uint16_t number)
{
    (void)context;
    (void)number;
    abort();
}
"""
_MAIN = r"""
/* SCXML 3.11: one child of every active compound state, all of every parallel one, none without its parent. */
static void check(void)
{
    const struct chart *const chart = &machine.chart;
    uint16_t behind = chart->due;
    unsigned running = 0;
    if (!chart->running) {
        return;
    }
    for (unsigned i = 0; i < UPPER_TIMERS; i++) { /* those that run, and only they, follow each other by deadline */
        running += (machine.timers[i].due_ns != CHART_NEVER) ? 1U : 0U;
    }
    for (; behind != CHART_NO_TIMER; running--) {
        const struct chart_timer *const timer = &machine.timers[behind];
        behind = timer->next;
        if ((running == 0U) || (timer->due_ns == CHART_NEVER) ||
            ((behind != CHART_NO_TIMER) && (machine.timers[behind].due_ns < timer->due_ns))) {
            abort();
        }
    }
    if (running != 0U) {
        abort();
    }
    for (unsigned i = 0; i < UPPER_STATES; i++) {
        unsigned children = 0;
        unsigned active = 0;
        for (unsigned c = i + 1U; c < UPPER_STATES; c++) {
            if (parents[c] == (int)i) {
                children++;
                active += chart_in(chart, (uint8_t)c) ? 1U : 0U;
            }
        }
        if (!chart_in(chart, (uint8_t)i)) {
            if (active != 0U) {
                abort();
            }
        } else if (((kinds[i] == 'c') && (active != 1U)) || ((kinds[i] == 'p') && (active != children))) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    at = data;
    left = size;
    now = 0;
    if (!NAME_init(&machine, &ports, NULL, &NAME_defaults)) {
        abort();
    }
    (void)NAME_begin(&machine, now);
    check();
    while (left > 0U) {
        const uint8_t what = octet();
        const int64_t due = chart_deadline_ns(&machine.chart);
        if ((what & 3U) != 0U) {
            now += (int64_t)(what >> 2U) * 1000000;
            event();
        } else if (due != CHART_NEVER) {
            now = (due > now) ? due : now;
            (void)chart_expire(&machine.chart, now);
        }
        check();
    }
    chart_finish(&machine.chart, now);
    return 0;
}
"""
