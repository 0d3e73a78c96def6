"""What a host may do wrong with the C of a chart: values that are none, and functions called out of order."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.semantics.errors import EngineError, PayloadError
from engine.semantics.parameters import bind_parameters
from engine.semantics.payloads import check_payload
from engine.tools.export.c import export_c
from tests.export.c_peer import CORE, ROOT, SANITIZED, STRICT, compile_c

CHART = """\
machine: shop
parameters:
  most: {type: int, default: 5, min: 2, max: 60}
  share: {type: float %, default: 50 %, min: 0 %, max: 100 %}
  way: {type: "enum(up, down)", default: up}
data:
  n: {type: int, initial: 0, min: 0, max: 1000}
  last: {type: float %, initial: 0 %}
  name: {type: string, initial: "''", max: 4}
  key: {type: bytes, initial: "hex('')", max: 3}
adapters: {pilot: pilot_evse}
events:
  go:
    direction: in
    payload:
      count: {type: int, min: 2, max: 60}
      part: {type: float %, min: 0 %, max: 100 %}
      way: "enum(up, down)"
      name: {type: string, max: 4}
      key: {type: bytes, max: 3}
  read: {direction: in}
  stop: {direction: in}
initial: a
states:
  a:
    invoke: {id: child, src: child.yaml}
    on:
      go:
        guard: event.way == 'up'
        actions: [assign: {n: event.count, last: event.part, name: event.name, key: event.key}]
      read: {actions: [assign: {last: pilot.duty}]}
      done.invoke.child: {actions: [assign: {n: event.most}]}
      stop: z
  z: {type: final}
"""
CHILD = """\
machine: child
data: {most: {type: int, min: 2, max: 60, initial: 2}}
output: {most: {type: int, min: 2, max: 60}}
states: {only: {type: final, output: {most: most}}}
"""
HOST = r"""
#include "shop.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct shop me; /* zeros */
static double shown;
static struct shop_parameters with;

static bool read_duty(void *context, double *value) { (void)context; *value = shown; return true; }
static void done(void *context, const struct shop_output *output) { (void)context; (void)output; }
static void started(void *context) { (void)context; }
static void error(void *context, uint16_t place) { (void)context; (void)place; (void)printf("error "); }
static void fault(void *context, uint16_t number) { (void)context; (void)printf("fault(%u) ", (unsigned)number); }
static const struct shop_ports ports = {
    .read_pilot_duty = read_duty, .start_child = started, .stop_child = started, .done = done, .error = error,
    .fault = fault};

static bool go(uint8_t count, double part, enum shop_word way, const char *name, const uint8_t *key, uint16_t length)
{
    const struct chart_octets octets = {key, length};
    return shop_go(&me, 1, count, part, way, name, octets);
}

static bool fresh(void)
{
    return shop_init(&me, &ports, NULL, &shop_defaults);
}

int main(int count, char **given)
{
    static const uint8_t key[4] = {1, 2, 3, 4};
    const enum shop_word up = SHOP_WORD_up;
    bool good = true;
    with = shop_defaults;
    switch ((count > 1) ? atoi(given[1]) : -1) {
        CASES
    default:
        break;
    }
    (void)printf("%s %u\n", good ? "taken" : "refused", (unsigned)me.chart.fault);
    return 0;
}
"""
BEGUN = "(void)fresh(); (void)shop_begin(&me, 0);"
ORDER = {
    "begin before init": ("good = shop_begin(&me, 0);", "refused 104"),
    "an event before init": ("good = shop_stop(&me, 0);", "refused 104"),
    "time before init": ("good = chart_expire(&me.chart, 5);", "refused 0"),
    "no deadline before init": ("good = chart_deadline_ns(&me.chart) == CHART_NEVER;", "taken 0"),
    "a timer before init": ("chart_fire(&me.chart, 0, 0);", "taken 104"),
    "the end before init": ("chart_finish(&me.chart, 0);", "taken 0"),
    "init mends that": ("(void)shop_begin(&me, 0); good = fresh() && shop_begin(&me, 0);", "taken 0"),
    "no ports": ("good = shop_init(&me, NULL, NULL, &with);", "refused 0"),
    "no parameters": ("good = shop_init(&me, &ports, NULL, NULL);", "refused 0"),
    "begin after an init that was refused": (
        "(void)shop_init(&me, &ports, NULL, NULL); good = shop_begin(&me, 0);",
        "refused 104",
    ),
    "an event before begin": ("(void)fresh(); good = shop_stop(&me, 0);", "fault(107) refused 107"),
    "the end before begin": ("(void)fresh(); chart_finish(&me.chart, 0); good = shop_begin(&me, 0);", "taken 0"),
    "begin twice": (f"{BEGUN} good = shop_begin(&me, 1);", "fault(109) refused 109"),
    "an event after that": (f"{BEGUN} (void)shop_begin(&me, 1); good = shop_read(&me, 1);", "fault(109) refused 109"),
    "a timer that is none": (f"{BEGUN} chart_fire(&me.chart, 7, 1);", "fault(105) taken 105"),
    "an event after the end": (f"{BEGUN} (void)shop_stop(&me, 1); good = shop_read(&me, 2);", "taken 0"),
    "begin after the end": (f"{BEGUN} (void)shop_stop(&me, 1); good = shop_begin(&me, 2);", "refused 0"),
    "the end twice": (f"{BEGUN} chart_finish(&me.chart, 1); chart_finish(&me.chart, 1);", "taken 0"),
}
GO: dict[str, Any] = {"count": 2, "part": 0.0, "way": "up", "name": "", "key": b""}
EVENTS: dict[str, dict[str, Any]] = {  # what the C is given and what the engine is given
    '2, 0.0, up, "", NULL, 0': {},
    '60, 100.0, up, "abcd", key, 3': {"count": 60, "part": 100.0, "name": "abcd", "key": b"abc"},
    '1, 0.0, up, "", NULL, 0': {"count": 1},
    '61, 0.0, up, "", NULL, 0': {"count": 61},
    '2, 150.0, up, "", NULL, 0': {"part": 150.0},
    '2, -0.5, up, "", NULL, 0': {"part": -0.5},
    '2, (double)NAN, up, "", NULL, 0': {"part": float("nan")},
    '2, 0.0, (enum shop_word)7, "", NULL, 0': {"way": "sideways"},
    '2, 0.0, up, "abcde", NULL, 0': {"name": "abcde"},
    "2, 0.0, up, NULL, NULL, 0": {"name": None},
    '2, 0.0, up, "", key, 4': {"key": b"abcd"},
    '2, 0.0, up, "", NULL, 3': {"key": None},
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "with.most = 60": {"most": 60},
    "with.most = 1": {"most": 1},
    "with.most = 61": {"most": 61},
    "with.share = 100.0": {"share": 100.0},
    "with.share = 100.1": {"share": 100.1},
    "with.share = (double)NAN": {"share": float("nan")},
    "with.share = -(double)INFINITY": {"share": float("-inf")},
    "with.way = (enum shop_word)9": {"way": "sideways"},
}

READINGS = {"50.0": "taken 0", "(double)NAN": "error taken 0"}
CHILDREN = {"2": "taken 0", "60": "taken 0", "1": "refused 0", "61": "refused 0"}
"""By the type of its output: the engine's child cannot end with another value."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "child.yaml").write_text(CHILD)
    (folder / "shop.yaml").write_text(CHART)
    exported = export_c(engine.load(folder / "shop.yaml"))
    assert not exported.losses, exported.losses
    for name, text in exported.files.items():
        (folder / name).write_text(text)
    return folder


def steps() -> dict[str, str]:
    """Statements of a host, by what it does."""
    found = {what: statement for what, (statement, _) in ORDER.items()}
    found |= {one: f"{BEGUN} good = go({one});" for one in EVENTS}
    found |= {one: f"{one}; good = shop_init(&me, &ports, NULL, &with);" for one in PARAMETERS}
    found |= {f"reads {one}": f"{BEGUN} shown = {one}; good = shop_read(&me, 1);" for one in READINGS}
    return found | {f"child {one}": f"{BEGUN} good = shop_done_invoke_child(&me, 1, {one});" for one in CHILDREN}


@pytest.fixture(scope="module")
def told(folder: Path) -> dict[str, str]:
    """What comes of each step, in a process of its own: a machine is zeros once only."""
    cases = "".join(f"    case {n}:\n        {one}\n        break;\n" for n, one in enumerate(steps().values()))
    (folder / "host.c").write_text(HOST.replace("        CASES\n", cases))
    common = [one for one in STRICT if one != "-DCHART_TRACE"]
    sources = [folder / "shop.c", folder / "host.c", *sorted(CORE.glob("*.c"))]
    program = compile_c(sources, folder / "host", SANITIZED, common=common)
    found = {}
    for number, what in enumerate(steps()):
        run = subprocess.run([program, str(number)], capture_output=True, text=True, check=False)
        assert run.returncode == 0, f"{what}\n{run.stderr[-2000:]}"
        found[what] = run.stdout.strip()
    return found


def test_a_call_out_of_order_is_an_assertion_with_a_number_or_refused(told: dict[str, str]) -> None:
    assert {what: told[what] for what in ORDER} == {what: wanted for what, (_, wanted) in ORDER.items()}


def verdict(take: Callable[[], object]) -> str:
    """What the engine says of the same value."""
    try:
        take()
    except EngineError:
        return "refused 0"
    return "taken 0"


def test_a_value_is_taken_where_the_engine_takes_it(told: dict[str, str], folder: Path) -> None:
    """Of an event, as a parameter, of a child that is done; what an adapter shows is an error in its step, as there."""
    chart = engine.load(folder / "shop.yaml")
    wanted = {one: verdict(lambda: check_payload(chart, "go", GO | given)) for one, given in EVENTS.items()}  # noqa: B023
    wanted |= {one: verdict(lambda: bind_parameters(chart, given)) for one, given in PARAMETERS.items()}  # noqa: B023
    assert {what: told[what] for what in wanted} == wanted
    assert list(wanted.values()).count("taken 0") == 4
    assert {what: told[f"reads {what}"] for what in READINGS} == READINGS
    assert {what: told[f"child {what}"] for what in CHILDREN} == CHILDREN


def test_a_vehicle_is_never_shown_more_than_all_the_time() -> None:
    """The duty that a host hands over has its range in the chart."""
    chart = engine.load(ROOT / "machines" / "pilot" / "evse.yaml")
    with pytest.raises(PayloadError, match="150"):
        check_payload(chart, "nominal", {"duty": 150.0})
    assert "chart_between(duty_given, 0.0, 100.0)" in export_c(chart).files["pilot_evse.c"]
