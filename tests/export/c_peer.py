"""A chart's C as a program that takes a script and prints what each macrostep did."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.language.model import DataDef
from engine.language.types import Kind, Type
from engine.tools.export.c.design import Design
from engine.tools.export.c.names import identifier
from engine.tools.export.c.types import kept

ROOT = Path(__file__).parents[2]
CORE = ROOT / "firmware" / "core"
HERE = Path(__file__).parent
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", "-ffp-contract=off", "-DCHART_TRACE"]
SANITIZED = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
MOST_TEXT = 4096
CHARTS = (
    "pilot/evse",
    "pilot/pev",
    "pilot/firmware",
    "sdp/secc",
    "sdp/evcc",
    "slac/evse",
    "slac/session",
    "slac/pev",
    "slac/modem",
)
"""What a microcontroller is to run: compared with the engine on this computer and on emulated cores, and fuzzed."""


def compiler(name: str) -> str:
    """The path of a compiler. Skips where there is none; where it can be installed (``.ci/run``) that is a failure."""
    found = shutil.which(name)
    if found is None:
        if "CHARGECHART_COMPILERS" in os.environ:
            pytest.fail(f"{name} is not installed, though .ci/run installs it")
        pytest.skip(f"no {name} on this machine")
    return found


def compile_c(
    sources: list[Path], to: Path, options: list[str], cc: str = "cc", common: Sequence[str] = STRICT
) -> Path:
    """Compile and link. Fails with what the compiler says."""
    command = [compiler(cc), *common, *options, f"-I{CORE}", f"-I{HERE}", *map(str, sources), "-o", str(to)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        pytest.fail(f"{' '.join(command)}\n{run.stderr[-6000:]}")
    return to


def run_script(program: Path, script: str, sound: bool = True) -> list[str]:
    """What the program prints for a script, line by line. ``sound``: it may not fail."""
    run = subprocess.run([str(program)], input=script, capture_output=True, text=True, check=False, timeout=300)
    if run.returncode and sound:
        pytest.fail(f"{program.name}: exit code {run.returncode}\n{run.stderr[-6000:]}")
    return run.stdout.splitlines()


def write_program(design: Design, files: dict[str, str], folder: Path) -> list[Path]:
    """Write a chart's files and the program that drives them; all sources to compile, the core's included."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {**files, "script.c": script_c(design)}.items():
        (folder / name).write_text(text)
    return [folder / f"{design.name}.c", folder / "script.c", HERE / "script_host.c", *sorted(CORE.glob("*.c"))]


def script_c(design: Design) -> str:
    """The program. A script's first word of a line says what to do:

    ``N`` parameters: a new machine; ``B`` now: begin; ``V`` number value: what an adapter shows, ``!`` for nothing;
    ``A`` number count 1: how many children of an id run, and whether the one of a key does;
    ``E`` event now values; ``X`` timer now: it expires; ``T`` now: the first due timer; ``F`` now: end it.
    """
    name, upper = design.name, design.upper
    parts = [_HEAD.replace("NAME", name).replace("UPPER", upper)]
    texts = ", ".join(f'"{word}"' for word in design.all_words) or '""'
    parts.append(f"extern const char *const words[];\nconst char *const words[] = {{{texts}}};\n")
    for index, ((role, value), type_) in enumerate(design.readings.items()):
        parts.append(f"static {room(design, type_, f'shown_{index}')}; /* {role}.{value} */\n")
        parts.append(f"static bool is_shown_{index};\n")
    parts.append(f"static long alive[{len(alive_children(design)) + 1}];\n")
    parts.append(f"static bool has[{len(alive_children(design)) + 1}];\n")
    ports = []
    for port in design.ports.values():
        ports.append(f".{port.name} = port_{port.name}")
        if port.result is not None:
            index = [f"read_{identifier(r)}_{identifier(v)}" for r, v in design.readings].index(port.name)
            held = f"{kept(port.result, design.words)} "
            lines = [f"static bool port_{port.name}(void *context, {held}*value)", "{", "(void)context;"]
            of = f"chart_octets(shown_{index}.octet, shown_{index}.length)"
            lines += [
                f"*value = {of if port.result.kind is Kind.BYTES else f'shown_{index}'};",
                f"return is_shown_{index};",
                "}",
            ]
        elif port.returns != "void":
            index = alive_children(design).index(port.name.partition("_")[2])
            counts = port.name.startswith("alive_")
            arguments = ["void *context", *(design.passed(type_, one) for one, type_ in port.arguments)]
            lines = [f"static {port.returns} port_{port.name}({', '.join(arguments)})", "{", "(void)context;"]
            lines += [f"(void){one};" for one, _ in port.arguments]
            lines += [f"return (uint8_t)alive[{index}];" if counts else f"return has[{index}];", "}"]
        else:
            given = [(f"given_{i}", type_) for i, (_, type_) in enumerate(port.arguments)]
            arguments = ["void *context", *(design.passed(type_, one) for one, type_ in given)]
            lines = [f"static void port_{port.name}({', '.join(arguments)})", "{", "(void)context;"]
            lines += [f'say("{port.name}(");', *(_shown(type_, one) for one, type_ in given)]
            lines += ['say(") ");', "}"]
        parts.append("\n".join(lines) + "\n")
    if "*done)" in _header_of(design):
        lines = [f"static void port_done(void *context, const struct {name}_output *output)", "{"]
        lines += ["(void)context;", "(void)output;", 'say("done(");']
        lines += [_shown(type_, f"output->{identifier(one)}") for one, type_ in design.output.items()]
        parts.append("\n".join([*lines, 'say(") ");', "}"]) + "\n")
        ports.append(".done = port_done")
    parts.append(_ERRORS)
    ports += [".error = port_error", ".fault = port_fault"]
    parts.append(f"static const struct {name}_ports ports = {{{', '.join(ports)}}};\n")
    parts.append(_RECORD.replace("UPPER", upper))
    data = [_shown(d.type, f"machine.data.{design.data_names.of(n)}") for n, d in kept_data(design)]
    parts.append("\n".join(["static void show_data(void)", "{", *data, "}"]) + "\n")
    parts.append("static void new_machine(void)\n{\n" + f"static struct {name}_parameters given;\n")
    for one, parameter in design.chart.parameters.items():
        to = f"given.{design.parameter_names.of(one)}"
        parts.append(_read(design, parameter.type, to))
    parts += [f"is_shown_{index} = false;\n" for index in range(len(design.readings))]
    parts.append("(void)memset(alive, 0, sizeof alive);\n(void)memset(has, 0, sizeof has);\n")
    parts.append(f"check({name}_init(&machine, &ports, NULL, &given));\n}}\n")
    parts.append("static bool event(long which, int64_t now)\n{\n(void)now;\nswitch (which) {\n")
    for one in design.events:
        if not one.from_outside:
            continue
        own = design.event_names.of(one.name)
        lines = [f"case {design.event_name(one.name)}: {{"]
        arguments = ["&machine", "now"]
        for field, type_ in one.payload.items():
            lines.append(f"static {room(design, type_, f'{field}_read')};")
            view = f"chart_octets({field}_read.octet, {field}_read.length)"
            arguments.append(view if type_.kind is Kind.BYTES else f"{field}_read")
        lines += [_read(design, type_, f"{field}_read") for field, type_ in one.payload.items()]
        parts.append("\n".join([*lines, f"return {name}_{own}({', '.join(arguments)});", "}"]) + "\n")
    parts.append("default:\ncheck(false);\nreturn false;\n}\n}\nstatic void show(long which)\n{\nswitch (which) {\n")
    for index, type_ in enumerate(design.readings.values()):
        lines = [f"case {index}:", f"is_shown_{index} = !nothing();", f"if (is_shown_{index}) {{"]
        parts.append("\n".join([*lines, _read(design, type_, f"shown_{index}"), "}", "break;"]) + "\n")
    parts.append("default:\ncheck(false);\nbreak;\n}\n}\n" + _MAIN.replace("NAME", name))
    return "".join(parts)


def _header_of(design: Design) -> str:
    return design.exported.files.get(f"{design.name}.h", "")


def kept_data(design: Design) -> list[tuple[str, DataDef]]:
    """The data to compare. Arguments of states have no value before a target gives them one, and are read behind it."""
    return [(name, item) for name, item in design.chart.data.items() if not item.argument_of]


def alive_children(design: Design) -> list[str]:
    """The children that the chart asks for, by `alive`."""
    found = [port.name.partition("_")[2] for port in design.ports.values() if port.returns != "void"]
    return list(dict.fromkeys(found))


def room(design: Design, type_: Type, name: str) -> str:
    """What a value of a script is read into: more than the chart takes, so that too long ones can be tried."""
    if type_.kind is Kind.STRING:
        return f"char {name}[{MOST_TEXT}]"
    if type_.kind is Kind.BYTES:
        return f"struct {{ uint16_t length; uint8_t octet[{MOST_TEXT}]; }} {name}"
    return f"{design.c_type(type_)} {name}"


def _shown(type_: Type, value: str) -> str:
    match type_.kind:
        case Kind.BYTES:
            return f"show_octets({value}.octet, {value}.length);"
        case Kind.LIST:
            assert type_.item is not None
            given = value.startswith("given_")
            count, item = (f"{value}_count", f"{value}[i]") if given else (f"{value}.count", f"{value}.item[i]")
            each = _shown(type_.item, item)
            return f'say("[");\nfor (unsigned i = 0; i < {count}; i++) {{\n{each}\n}}\nsay("],");'
        case Kind.FLOAT:
            return f"show_real({value});"
        case Kind.BOOL:
            return f'say({value} ? "1," : "0,");'
        case Kind.ENUM:
            return f'say(words[{value}]);\nsay(",");'
        case Kind.STRING:
            return f"show_octets((const unsigned char *){value}, strlen({value}));"
    return f'say_number({value});\nsay(",");'


def _read(design: Design, type_: Type, to: str) -> str:
    match type_.kind:
        case Kind.FLOAT:
            return f"{to} = real();\n"
        case Kind.BOOL:
            return f"{to} = number() != 0;\n"
        case Kind.ENUM:
            return f"{to} = ({design.words})number();\n"
        case Kind.STRING:
            return f"(void)read_octets((unsigned char *){to}, sizeof {to});\n"
        case Kind.BYTES:
            return f"{to}.length = (uint16_t)read_octets({to}.octet, sizeof {to}.octet);\n"
        case Kind.LIST:
            assert type_.item is not None
            lines = [f"{to}.count = (uint8_t)number();", f"for (unsigned i = 0; i < {to}.count; i++) {{"]
            return "\n".join([*lines, _read(design, type_.item, f"{to}.item[i]"), "}"]) + "\n"
    return f"{to} = ({design.c_type(type_)})number();\n"


_HEAD = r"""#include "NAME.h"
#include "script.h"
#include "values.h"
#include <string.h>

static struct NAME machine;
static char line[1 << 20];
static char *rest;
static uint16_t taken[20000];
static size_t takes;
static uint16_t failed[20000]; /* places; told when the step is over, as the engine's record has them */
static size_t errors;

static void check(bool good)
{
    if (!good) {
        script_say("the script cannot go on: ");
        script_say(line);
        script_say("\n");
        script_stop(3);
    }
}

void say(const char *text);
void say(const char *text) { script_say(text); }

void say_number(int64_t value);
void say_number(int64_t value)
{
    char text[21];
    say(chart_decimal(text, value));
}

static const char *word(void)
{
    char *const found = rest;
    while ((*rest != ' ') && (*rest != '\0')) {
        rest++;
    }
    if (*rest == ' ') {
        *rest = '\0';
        rest++;
    }
    return found;
}

bool nothing(void);
bool nothing(void) { return *rest == '!'; }

static int64_t number(void)
{
    const char *text = word();
    const bool negative = *text == '-';
    uint64_t size = 0;
    for (text += negative ? 1 : 0; *text != '\0'; text++) {
        check((*text >= '0') && (*text <= '9'));
        size = size * 10U + (uint64_t)(*text - '0');
    }
    return (int64_t)(negative ? (0U - size) : size);
}

static unsigned digit(char text)
{
    return (unsigned)((text <= '9') ? (text - '0') : (text - 'a' + 10));
}

/* Floats are the sixteen digits of their bits: nothing is rounded on the way. */
double real(void);
double real(void)
{
    const char *text = word();
    uint64_t bits = 0;
    double value;
    for (; *text != '\0'; text++) {
        bits = (bits << 4U) | digit(*text);
    }
    (void)memcpy(&value, &bits, sizeof value);
    return value;
}

static void say_octet(unsigned octet)
{
    const char text[3] = {"0123456789abcdef"[octet >> 4U], "0123456789abcdef"[octet & 15U], '\0'};
    say(text);
}

void show_real(double value);
void show_real(double value)
{
    uint64_t bits;
    (void)memcpy(&bits, &value, sizeof bits);
    for (int i = 56; i >= 0; i -= 8) {
        say_octet((unsigned)(bits >> i) & 0xFFU);
    }
    say(",");
}

/* Octets are written in hexadecimal behind a ':'. */
size_t read_octets(unsigned char *to, size_t size);
size_t read_octets(unsigned char *to, size_t size)
{
    const char *const from = word();
    const size_t count = (strlen(from) - 1U) / 2U;
    check(count <= size);
    for (size_t i = 0; i < count; i++) {
        to[i] = (unsigned char)(digit(from[1U + 2U * i]) << 4U | digit(from[2U + 2U * i]));
    }
    if (count < size) {
        to[count] = 0U;
    }
    return count;
}

void show_octets(const unsigned char *octets, size_t count);
void show_octets(const unsigned char *octets, size_t count)
{
    say(":");
    for (size_t i = 0; i < count; i++) {
        say_octet(octets[i]);
    }
    say(",");
}

void chart_trace(const struct chart *me, uint16_t transition)
{
    (void)me;
    check(takes < sizeof taken / sizeof taken[0]);
    taken[takes] = transition;
    takes++;
}
"""
_ERRORS = r"""
static void port_error(void *context, uint16_t place)
{
    (void)context;
    check(errors < sizeof failed / sizeof failed[0]);
    failed[errors] = place;
    errors++;
}

static void port_fault(void *context, uint16_t number)
{
    (void)context;
    say("fault(");
    say_number(number);
    say(") ");
}
"""
_RECORD = r"""
static void show_data(void);

static void record(void)
{
    const int64_t deadline = chart_deadline_ns(&machine.chart);
    for (size_t i = 0; i < errors; i++) {
        say("error(");
        say_number(failed[i]);
        say(") ");
    }
    say("|");
    for (size_t i = 0; i < takes; i++) {
        say_number(taken[i]);
        say(",");
    }
    say("|");
    for (unsigned i = 0; i < UPPER_STATES; i++) {
        if (chart_in(&machine.chart, (uint8_t)i)) {
            say_number(i);
            say(",");
        }
    }
    say("|");
    say_number((deadline == CHART_NEVER) ? -1 : deadline);
    say("|");
    for (unsigned i = 0; i < machine.chart.is->timers; i++) {
        const int64_t due = machine.timers[i].due_ns;
        say_number((due == CHART_NEVER) ? -1 : due);
        say(",");
    }
    say("|");
    show_data();
    say("\n");
    takes = 0;
    errors = 0;
}
"""
_MAIN = r"""
int main(void)
{
    while (script_line(line, sizeof line)) {
        int64_t now;
        rest = line;
        switch (*word()) {
        case 'N':
            new_machine();
            continue;
        case 'V':
            show((long)number());
            continue;
        case 'A': {
            const int64_t child = number();
            alive[child] = (long)number();
            has[child] = *word() == '1';
            continue;
        }
        case 'B':
            say(NAME_begin(&machine, number()) ? "" : "refused ");
            break;
        case 'E': {
            const long one = (long)number();
            now = number();
            say(event(one, now) ? "" : "refused ");
            break;
        }
        case 'X': {
            const int64_t timer = number();
            now = number();
            chart_fire(&machine.chart, (uint16_t)timer, now);
            break;
        }
        case 'T':
            say(chart_expire(&machine.chart, number()) ? "" : "not due ");
            break;
        case 'F':
            chart_finish(&machine.chart, number());
            break;
        default:
            check(false);
            break;
        }
        record();
    }
    script_stop(0);
}
"""
