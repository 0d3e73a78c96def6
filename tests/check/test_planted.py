"""Charts with one planted problem each, in several disguises, and near misses in which the same finding would be wrong.
A reviewer who trusts the checker would ship the first and rewrite the second for nothing.

A planted chart gives just the findings listed (``code place``); a near miss gives none at all, notes included."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.language.load import load, load_contract, load_text
from engine.tools.check import check
from engine.tools.check.main_path import gaps

CONTRACT = """
contract: lamp
actions:
  set: {args: {on: bool}}
  warm_up: {args: {}, result: {watts: float W}}
events:
  failed: {payload: {code: int}}
  warm:
values:
  level: {type: int, min: 0, max: 9}
  watts: {type: float W, stale: 1 s}
"""
CHILDREN = {
    "ends": "machine: ends\nstates: {over: {type: final}}\n",
    "stays": "machine: stays\nstates: {only: {}}\n",
    "waits": """machine: waits
parameters:
  T_wait: {type: duration, default: 5 s}
  names: {type: list of string, default: "['a']"}
  n: {type: int, min: 0, default: 1}
states: {only: {entry: {log: '{names} {n}'}, after: {T_wait: only}}}
""",
    "asks": "machine: asks\nparameters: {T_wait: {type: duration}}\nstates: {only: {after: {T_wait: only}}}\n",
    "tells": "machine: tells\nevents: {ready: {direction: out}}\n"
    "states: {only: {entry: {send: {event: ready, to: parent}}}}\n",
}
EVENTS = """
machine: planted
events:
  go: {direction: in}
  stop: {direction: in}
  level:
    direction: in
    payload:
      v: float V
      n: int
      percent: {type: int, min: 0, max: 100}
      colour: enum(red, green, blue)
      ok: bool
      maybe: int?
"""
# name: (findings, chart); `EVENTS` stands before a text that begins with a section other than `machine`.
PLANTED: dict[str, tuple[str, str]] = {
    # ------------------------------------------------ C111
    "state put between two of the main path": (
        "C111 a",
        """
main: [a, b]
states:
  a: {on: {go: new, level: a}}
  new: {on: {go: b}}
  b: {on: {stop: a}}
""",
    ),
    "main path whose step is left deep inside, to a state put between": (
        "C111 work.deep",
        """
main: [work.deep.one, work.last]
states:
  idle: {on: {go: work, stop: idle, level: idle}}
  work:
    on: {stop: idle}
    states:
      deep: {states: {one: {on: {go: work.new}}}}
      new: {on: {go: last}}
      last: {on: {level: idle}}
""",
    ),
    # ------------------------------------------------ C101
    "state nobody targets": (
        "C101 lost",
        """
states:
  a: {on: {go: b, level: a}}
  b: {on: {go: a, stop: a}}
  lost: {on: {go: a}}
""",
    ),
    "state that only itself targets": (
        "C101 lost",
        """
states:
  a: {on: {go: b, level: a, stop: b}}
  b: {on: {go: a}}
  lost: {on: {go: lost, stop: a}}
""",
    ),
    "two states that only target each other": (
        "C101 lost_1; C101 lost_2",
        """
states:
  a: {on: {go: b, level: a, stop: b}}
  b: {on: {go: a}}
  lost_1: {on: {go: lost_2}}
  lost_2: {on: {go: lost_1}}
""",
    ),
    "initial child that every transition passes by": (
        "C101 work.first",
        """
states:
  idle: {on: {go: work.second}}
  work:
    on: {stop: idle}
    states:
      first: {on: {go: second}}
      second: {on: {level: second}}
""",
    ),
    "region of a parallel state with a state nobody targets": (
        "C101 both.right.lost",
        """
states:
  both:
    type: parallel
    states:
      left: {states: {a: {on: {go: b}}, b: {on: {stop: a}}}}
      right: {states: {c: {on: {level: d}}, d: {on: {level: c}}, lost: {on: {level: c}}}}
""",
    ),
    "history that nothing leads to": (
        "C101 work.back",
        """
states:
  work:
    on: {stop: idle}
    states:
      a: {on: {go: b}}
      b: {on: {level: a}}
      back: {type: history, target: a}
  idle: {on: {go: work}}
""",
    ),
    "state that only the default of an unused history leads to": (
        "C101 work.back; C101 work.c",
        """
states:
  work:
    on: {stop: idle}
    states:
      a: {on: {go: b}}
      b: {on: {level: a}}
      c: {on: {level: a}}
      back: {type: history, target: c}
  idle: {on: {go: work}}
""",
    ),
    # ------------------------------------------------ C102
    "state without a transition": (
        "C102 b",
        """
states:
  a: {on: {go: b, stop: c, level: a}}
  b: {}
  c: {on: {go: a}}
""",
    ),
    "state with transitions only to itself": (
        "C102 b",
        """
states:
  a: {on: {go: b, stop: a, level: a}}
  b: {on: {level: b, go: {actions: [log: still here]}}}
""",
    ),
    "state whose only way out has a guard that is never true": (
        "C105 b/level; C102 b",
        """
states:
  a: {on: {go: b, stop: a}}
  b: {on: {level: {guard: event.n > 3 and event.n < 4, target: a}}}
""",
    ),
    "state in a region that nothing leaves": (
        "C102 both.left.b",
        """
states:
  both:
    type: parallel
    states:
      left: {states: {a: {on: {go: b}}, b: {}}}
      right: {states: {c: {on: {level: d}}, d: {on: {stop: c}}}}
""",
    ),
    "end of a compound state that nobody waits for": (
        "C102 work.end",
        """
states:
  idle: {on: {go: work, stop: idle, level: idle}}
  work:
    states:
      a: {on: {go: end}}
      end: {type: final}
""",
    ),
    "state whose way out is an outer transition back to it": (
        "C102 work.a",
        """
states:
  idle: {on: {go: work, stop: idle, level: idle}}
  work:
    on: {stop: work.a}
    states:
      a: {}
""",
    ),
    # ------------------------------------------------ C103
    "unconditional transition first": (
        "C103 a/level#2",
        """
states:
  a:
    on:
      go: b
      stop: b
      level:
        - target: b
        - {guard: event.n > 3, actions: [log: large]}
  b: {on: {go: a}}
""",
    ),
    "prefix before the event it matches": (
        "C103 only/light.failed",
        """
machine: planted
adapters: {light: lamp}
states:
  only:
    entry: light.set(on=True)
    on:
      light.*: {actions: [log: something]}
      light.failed: {actions: [log: failed]}
""",
    ),
    "star before everything": (
        "C103 a/stop",
        """
states:
  a:
    on:
      go: b
      "*": b
      stop: a
  b: {on: {go: a, level: a}}
""",
    ),
    "prefix after all events it matches": (
        "C103 only/light.*",
        """
machine: planted
adapters: {light: lamp}
states:
  only:
    entry: light.set(on=True)
    on:
      light.warm: {actions: [log: warm]}
      light.failed: {actions: [log: failed]}
      light.stale: {actions: [log: stale]}
      light.*: {actions: [log: something]}
""",
    ),
    "two guards that leave nothing over": (
        "C103 a/level#3",
        """
states:
  a:
    on:
      level:
        - {guard: event.v > 5 V, target: b}
        - {guard: event.v <= 5 V, target: a}
        - {target: b}
  b: {on: {go: a, stop: a}}
""",
    ),
    "values of an enum all handled": (
        "C103 a/level#3",
        """
states:
  a:
    on:
      level:
        - {guard: event.colour == 'red', target: b}
        - {guard: "event.colour in ['green', 'blue']", target: a}
        - {target: b}
  b: {on: {go: a, stop: a}}
""",
    ),
    "bounds of a payload all handled": (
        "C103 a/level#3",
        """
states:
  a:
    on:
      level:
        - {guard: event.percent < 50, target: b}
        - {guard: 50 <= event.percent <= 100, target: a}
        - {target: b}
  b: {on: {go: a, stop: a}}
""",
    ),
    "the larger limit after the smaller": (
        "C103 a/level#2",
        """
states:
  a:
    on:
      level:
        - {guard: event.v > 5 V, target: b}
        - {guard: event.v > 9 V or event.v > 0.4 kV, target: a}
  b: {on: {go: a, stop: a}}
""",
    ),
    "De Morgan": (
        "C103 a/level#3",
        """
states:
  a:
    on:
      level:
        - {guard: not (event.ok and event.n > 3), target: b}
        - {guard: event.ok and event.n > 3, target: a}
        - {target: b}
  b: {on: {go: a, stop: a}}
""",
    ),
    "a parameter's limit and its complement": (
        "C103 a/level#3",
        """
parameters: {limit: {type: int, default: 5}}
states:
  a:
    on:
      level:
        - {guard: event.n > limit, target: b}
        - {guard: event.n <= limit, target: a}
        - {target: b}
  b: {on: {go: a, stop: a}}
""",
    ),
    "eventless transition after an unconditional one": (
        "C103 a/always#2",
        """
data: {n: {type: int, initial: 0}}
states:
  a:
    always:
      - {target: b, actions: [assign: {n: n + 1}]}
      - {guard: n > 3, target: c}
  b: {on: {go: a, level: c, stop: b}}
  c: {on: {go: a}}
""",
    ),
    "second transition of a timer": (
        "C103 a/after 5 s#2",
        """
data: {n: {type: int, initial: 0}}
states:
  a:
    after:
      5 s:
        - b
        - {guard: n > 3, target: c}
  b: {on: {go: a, level: {target: c, actions: [assign: {n: event.n}]}, stop: b}}
  c: {on: {go: a}}
""",
    ),
    "In() of the parent and its complement": (
        "C103 work.left.a/level#3",
        """
states:
  work:
    type: parallel
    states:
      left:
        states:
          a:
            on:
              level:
                - {guard: In('work.right.c'), target: b}
                - {guard: not In('work.right.c'), target: a}
                - {target: b}
          b: {on: {go: a}}
      right:
        states: {c: {on: {stop: d}}, d: {on: {go: c}}}
""",
    ),
    "In() of every state beside it": (
        "C103 work.left.a/level#3",
        """
states:
  work:
    type: parallel
    states:
      left:
        states:
          a:
            on:
              level:
                - {guard: In('work.right.c'), target: b}
                - {guard: In('work.right.d'), target: a}
                - {target: b}
          b: {on: {go: a}}
      right:
        states: {c: {on: {stop: d}}, d: {on: {go: c}}}
""",
    ),
    # ------------------------------------------------ C104
    "every inner state handles it": (
        "C104 work/stop",
        """
states:
  work:
    on: {stop: off}
    states:
      a: {on: {stop: b}}
      b: {on: {stop: a, go: off}}
  off: {on: {go: work, level: work}}
""",
    ),
    "a state between handles it": (
        "C104 work/stop",
        """
states:
  work:
    on: {stop: off}
    states:
      inner:
        on: {stop: inner}
        states: {a: {on: {level: b}}, b: {on: {go: off}}}
  off: {on: {go: work, level: work}}
""",
    ),
    "inner states handle it by prefix and by guards": (
        "C104 work/level",
        """
states:
  work:
    on: {level: off, stop: off}
    states:
      a: {on: {level: [{guard: event.n > 3, target: b}, {guard: event.n < 4, target: a}]}}
      b: {on: {"*": a}}
  off: {on: {go: work, stop: work}}
""",
    ),
    "one region always handles it": (
        "C104 work/stop",
        """
states:
  work:
    type: parallel
    on: {stop: off, level: off}
    states:
      left: {states: {a: {on: {stop: b}}, b: {on: {stop: a}}}}
      right: {states: {c: {on: {go: d}}, d: {on: {go: c}}}}
  off: {on: {go: work}}
""",
    ),
    # ------------------------------------------------ C105, C106
    "contradiction of bounds": (
        "C105 a/level",
        """
states:
  a: {on: {level: {guard: event.percent > 100, target: b}, go: b}}
  b: {on: {go: a, stop: a}}
""",
    ),
    "contradiction of enum values": (
        "C105 a/level",
        """
states:
  a: {on: {level: {guard: "event.colour not in ['red', 'green', 'blue']", target: b}, go: b}}
  b: {on: {go: a, stop: a}}
""",
    ),
    "contradiction with a parameter's bounds": (
        "C105 a/level",
        """
parameters: {limit: {type: int, default: 50, min: 10, max: 90}}
states:
  a: {on: {level: {guard: event.percent < limit and limit < 10, target: b}, go: b}}
  b: {on: {go: a, stop: a}}
""",
    ),
    "contradiction with data's bounds": (
        "C105 a/go",
        """
data: {n: {type: int, initial: 0, min: 0, max: 3}}
states:
  a:
    on:
      level: {actions: [assign: {n: n + 1}]}
      go: {guard: n > 3, target: b}
      stop: b
  b: {on: {go: a}}
""",
    ),
    "data that is never assigned": (
        "C105 a/go",
        """
data: {armed: {type: bool, initial: False}}
states:
  a: {on: {go: {guard: armed, target: b}, stop: b}}
  b: {on: {go: a, level: a}}
""",
    ),
    "enum that is never given the value": (
        "C105 a/go",
        """
data: {mode: {type: "enum(off, slow, fast)", initial: "'off'"}}
states:
  a: {on: {go: {guard: mode == 'fast', target: b}, stop: {target: b, actions: [assign: {mode: "'slow'"}]}}}
  b: {on: {go: {guard: mode == 'slow', target: a}, level: {target: a, actions: [assign: {mode: "'off'"}]}}}
""",
    ),
    "bound of a function": (
        "C105 a/level",
        """
states:
  a: {on: {level: {guard: "clamp(event.n, 0, 10) > 10 or max(event.n, 3) < 3", target: b}, go: b}}
  b: {on: {go: a, stop: a}}
""",
    ),
    "two states that exclude each other": (
        "C105 work.left.a/level",
        """
states:
  work:
    type: parallel
    states:
      left:
        states:
          a: {on: {level: {guard: In('work.right.c') and In('work.right.d'), target: b}, go: b}}
          b: {on: {go: a}}
      right:
        states: {c: {on: {stop: d}}, d: {on: {go: c}}}
""",
    ),
    "a state that cannot be active here": (
        "C105 a/level",
        """
states:
  a: {on: {level: {guard: event.n > 3 and not (event.ok or not In('b')), target: b}, go: b}}
  b: {on: {go: a, stop: a}}
""",
    ),
    "None and a number": (
        "C105 a/level",
        """
states:
  a: {on: {level: {guard: event.maybe is None and event.maybe > 3, target: b}, go: b}}
  b: {on: {go: a, stop: a}}
""",
    ),
    "an `if` that cannot be": (
        "C105 a/level",
        """
states:
  a:
    on:
      go: b
      level:
        - guard: event.n > 9
          target: b
          actions: [{if: event.n < 5, then: [log: small]}]
  b: {on: {go: a, stop: a}}
""",
    ),
    "lower bound of a payload": (
        "C106 a/level",
        """
states:
  a: {on: {level: {guard: event.percent >= 0 or event.ok, target: b}, go: b}}
  b: {on: {go: a, stop: a}}
""",
    ),
    # ------------------------------------------------ C107
    "two fields of an event": (
        "C107 a/level#2",
        """
states:
  a: {on: {go: b, level: [{guard: event.n > 3, target: b}, {guard: event.ok, target: a}]}}
  b: {on: {go: a, stop: a}}
""",
    ),
    "limits that overlap": (
        "C107 a/level#2",
        """
states:
  a: {on: {go: b, level: [{guard: event.percent < 60, target: b}, {guard: event.percent > 40, target: a}]}}
  b: {on: {go: a, stop: a}}
""",
    ),
    "enum values that overlap": (
        "C107 a/level#2",
        """
states:
  a:
    on:
      go: b
      level:
        - {guard: "event.colour in ['red', 'green']", target: b}
        - {guard: event.colour != 'red', target: a}
  b: {on: {go: a, stop: a}}
""",
    ),
    "guard of a prefix and guard of its event": (
        "C107 a/light.failed",
        """
adapters: {light: lamp}
data: {n: {type: int, initial: 0}}
states:
  a:
    on:
      light.*: {guard: n > 3, target: b}
      light.failed: {guard: event.code > 1, target: a}
      go: {target: b, actions: [assign: {n: n + 1}]}
  b: {entry: light.set(on=True), on: {go: a, level: a, stop: a}}
""",
    ),
    "eventless guards": (
        "C107 a/always#2",
        """
data: {n: {type: int, initial: 0}, m: {type: int, initial: 0}}
states:
  a:
    always: [{guard: n > 3, target: b}, {guard: m > 3, target: c}]
    on: {level: {actions: [assign: {n: event.n, m: event.percent}]}}
  b: {on: {go: a}}
  c: {on: {stop: a}}
""",
    ),
    # ------------------------------------------------ C108
    "onDone without a final state": (
        "C108 work/done.state.work",
        """
states:
  work:
    onDone: rest
    states: {a: {on: {go: b, stop: b}}, b: {on: {go: a, level: a}}}
  rest: {on: {go: work}}
""",
    ),
    "final state that only a dead transition leads to": (
        "C105 work.b/level; C108 work/done.state.work",
        """
states:
  work:
    onDone: rest
    states:
      a: {on: {go: b, stop: b}}
      b: {on: {go: a, level: {guard: event.n > 5 and event.n < 5, target: end}}}
      end: {type: final}
  rest: {on: {go: work}}
""",
    ),
    "one region that never ends": (
        "C108 work/done.state.work",
        """
states:
  work:
    type: parallel
    onDone: rest
    states:
      left: {states: {a: {on: {go: end}}, end: {type: final}}}
      right: {states: {c: {on: {level: d}}, d: {on: {stop: c}}}}
  rest: {on: {go: work}}
""",
    ),
    "end of a child that never ends": (
        "C108 work/done.invoke.stays",
        """
states:
  work: {invoke: {src: stays.yaml, onDone: rest}, on: {level: work, stop: work}}
  rest: {on: {go: work}}
""",
    ),
    # ------------------------------------------------ C109
    "parallel state that seems to stay": (
        "C109 both/go",
        """
states:
  both:
    type: parallel
    on: {go: .left.two}
    states:
      left: {states: {one: {on: {stop: two}}, two: {on: {stop: one}}}}
      right: {states: {a: {on: {level: b}}, b: {on: {level: a}}}}
""",
    ),
    "history of a region that stays": (
        "C109 work.a/go",
        """
states:
  work:
    on: {stop: rest}
    states:
      a: {on: {go: before}}
      b: {on: {level: a}}
      before: {type: history, target: b}
  rest: {on: {level: work.before}}
""",
    ),
    "history of a state's own that it does not leave": (
        "C109 work/go",
        """
states:
  work:
    on: {stop: rest, go: .before}
    states:
      a: {on: {level: b}}
      b: {on: {level: a}}
      before: {type: history, target: b}
  rest: {on: {level: work.before}}
""",
    ),
    # ------------------------------------------------ C110
    "shorter timer beside it": (
        "C110 a/after 8 s",
        """
states:
  a: {after: {5 s: b, 8 s: c}}
  b: {on: {go: c}}
  c: {on: {stop: a, level: b}}
""",
    ),
    "shorter timer after it, in another unit": (
        "C110 a/after 8 s",
        """
states:
  a: {after: {8 s: c, 900 ms: b}}
  b: {on: {go: c}}
  c: {on: {stop: a, level: b}}
""",
    ),
    "shorter timer outside": (
        "C110 work.a/after 20 s",
        """
states:
  work:
    after: {10 s: b}
    states:
      a: {after: {20 s: c}, on: {level: c}}
      c: {on: {stop: a}}
  b: {on: {go: work}}
""",
    ),
    "shorter timer with guards that leave nothing over": (
        "C110 a/after 8 s",
        """
data: {n: {type: int, initial: 0}}
states:
  a:
    on: {level: {actions: [assign: {n: event.n}]}}
    after:
      5 s: [{guard: n > 3, target: b}, {guard: n <= 3, target: c}]
      8 s: c
  b: {on: {go: c}}
  c: {on: {stop: a}}
""",
    ),
    "the same parameter twice": (
        "C110 a/after T + 1 s",
        """
parameters: {T: {type: duration, default: 5 s}}
states:
  a: {after: {T: b, "T + 1 s": c}}
  b: {on: {go: c}}
  c: {on: {stop: a, level: b}}
""",
    ),
    "parameters whose bounds do not meet": (
        "C110 a/after T_long",
        """
parameters:
  T_short: {type: {type: duration, max: 5 s}, default: 5 s}
  T_long: {type: {type: duration, min: 10 s}, default: 20 s}
states:
  a: {after: {T_short: b, T_long: c}}
  b: {on: {go: c}}
  c: {on: {stop: a, level: b}}
""",
    ),
    "state left at once": (
        "C110 a/after 5 s",
        """
states:
  a: {always: b, after: {5 s: c}}
  b: {on: {go: c}}
  c: {on: {stop: a, level: b}}
""",
    ),
    "state left at once, by one guard or the other": (
        "C110 a/after 5 s",
        """
data: {n: {type: int, initial: 0}}
states:
  a:
    always: [{guard: n > 3, target: b}, {guard: n <= 3, target: c}]
    after: {5 s: c}
  b: {on: {go: c}}
  c: {on: {stop: a, level: {actions: [assign: {n: event.n}]}}}
""",
    ),
    "state left at once by what is around it": (
        "C110 work.a/after 5 s",
        """
states:
  work:
    always: b
    states: {a: {after: {5 s: c}}, c: {on: {level: a}}}
  b: {on: {go: work, stop: work}}
""",
    ),
    # ------------------------------------------------ C120 to C127
    "data nobody names": (
        "C120 n",
        "data: {n: {type: int, initial: 0}}\nstates: {a: {on: {go: a, stop: a, level: a}}}",
    ),
    "data that counts for itself": (
        "C121 n",
        """
data: {n: {type: int, initial: 0}}
states:
  a: {on: {go: {actions: [assign: {n: "min(n + 1, 5) if n < 5 else n"}]}, stop: a, level: a}}
""",
    ),
    "two items that only feed each other": (
        "C121 n; C121 m",
        """
data: {n: {type: int, initial: 0}, m: {type: int, initial: 0}}
states:
  a: {on: {go: {actions: [{assign: {n: m + 1}}, {assign: {m: n}}]}, stop: a, level: a}}
""",
    ),
    "item of a foreach hides data": (
        "C120 n",
        """
data: {n: {type: int, initial: 0}, all: {type: list of int, initial: "[1, 2]"}}
states:
  a: {on: {go: {actions: [{foreach: {in: all, item: k, do: [log: "{k}"]}}]}, stop: a, level: a}}
""",
    ),
    "parameter nobody names": (
        "C122 T",
        "parameters: {T: {type: duration, default: 1 s}}\nstates: {a: {on: {go: a, stop: a, level: a}}}",
    ),
    "parameter that only a text names": (
        "C122 T",
        """
parameters: {T: {type: duration, default: 1 s}}
states: {a: {title: waits T, entry: {log: T is over}, on: {go: a, stop: a, level: a}}}
""",
    ),
    "own event nobody names": (
        "C123 next",
        "machine: planted\nevents: {next: }\nstates: {a: {}}",
    ),
    "event raised in an `if` and handled nowhere": (
        "C124 next",
        """
machine: planted
events: {next: , level: {direction: in, payload: {n: int}}}
states:
  a: {on: {level: {actions: [{if: event.n > 3, then: [{raise: next}]}]}}}
""",
    ),
    "event waited for in one region, raised in none": (
        "C125 next",
        """
machine: planted
events: {next: , go: {direction: in}}
states:
  both:
    type: parallel
    states:
      left: {states: {a: {on: {next: b}}, b: {on: {next: a}}}}
      right: {states: {c: {on: {go: d}}, d: {on: {go: c}}}}
""",
    ),
    "event for the parent that is raised instead": (
        "C126 ready",
        """
machine: planted
events: {ready: {direction: out}, go: {direction: in}}
states:
  a: {on: {go: {actions: [log: ready]}}}
""",
    ),
    "event from outside with another's prefix": (
        "C127 go",
        """
machine: planted
events: {go: {direction: in}, go.on: {direction: in}}
states:
  a: {on: {go.on: {actions: [log: on]}}}
""",
    ),
    # ------------------------------------------------ adapters and children
    "adapter event nobody handles": (
        "C130 light",
        """
adapters: {light: lamp}
states:
  a: {entry: light.set(on=True), on: {light.warm: a, go: a, stop: a, level: a}}
""",
    ),
    "adapter event a strict chart does not handle": (
        "C132 light",
        """
strict: true
adapters: {light: lamp}
states:
  a: {entry: light.set(on=True), on: {light.warm: a, go: a, stop: a, level: a}}
""",
    ),
    "value that may be old, in a guard": (
        "C133 light",
        """
adapters: {light: lamp}
states:
  a: {on: {light.failed: a, light.warm: a, go: {guard: light.watts > 60 W, target: b}, stop: a, level: a}}
  b: {on: {stop: a}}
""",
    ),
    "value that may be old, handed on": (
        "C133 light",
        """
adapters: {light: lamp}
data: {seen: {type: float W, initial: 0 W}}
states:
  a: {on: {light.failed: a, light.warm: a, go: {actions: [assign: {seen: light.watts}, log: "{seen}"]}, stop level: a}}
""",
    ),
    "one of two roles of a contract unused": (
        "C131 spare",
        """
adapters: {light: lamp, spare: lamp}
states:
  a: {entry: light.set(on=True), on: {light.*: a, go: a, stop: a, level: a}}
""",
    ),
    "child's event nobody handles": (
        "C141 tells",
        "states: {a: {invoke: {src: tells.yaml}, on: {go: a, stop: a, level: a}}}",
    ),
    "child's end nobody handles": (
        "C142 ends",
        "states: {a: {invoke: {src: ends.yaml}, on: {go: a, stop: a, level: a}}}",
    ),
    "child's parameter declared again": (
        "C143 T_wait",
        """
parameters: {T_wait: {type: duration, default: 5 s}}
states: {a: {invoke: {id: w, src: waits.yaml, input: {T_wait: T_wait}}, on: {go: a, stop: a, level: a}}}
""",
    ),
    "child's parameter declared again under another name, with another default, in two places": (
        "C143 T_mine",
        """
parameters: {T_mine: {type: duration, default: 9 s}}
states:
  a: {invoke: {id: w, src: waits.yaml, input: {T_wait: T_mine}}, on: {go: b}}
  b: {invoke: {id: w, src: waits.yaml, input: {T_wait: T_mine}}, on: {go: a, stop: a, level: a}}
""",
    ),
    "child's default handed to it": (
        "C143 w",
        """
states: {a: {invoke: {id: w, src: waits.yaml, input: {names: "['a']"}}, on: {go: a, stop: a, level: a}}}
""",
    ),
    "spawned child's default handed to it": (
        "C143 w",
        """
states: {a: {on: {go: {actions: [spawn: {id: w, src: waits.yaml, input: {T_wait: 5 s}}]}, stop: a, level: a}}}
""",
    ),
    # ------------------------------------------------ C150 to C190
    "division by a reading": (
        "C160 a/go",
        """
adapters: {light: lamp}
states:
  a: {on: {go: {guard: 10 / light.level > 3, target: b}, light.*: b}}
  b: {entry: light.set(on=True), on: {level: a, stop: a}}
""",
    ),
    "endless loop through an initial state": (
        "C170 b.c/always",
        """
states:
  a: {on: {go: b, stop: b, level: a}}
  b: {states: {c: {always: d}}}
  d: {always: b}
""",
    ),
    "waiver in the wrong place": (
        "C102 b; C190 state a",
        """
states:
  a: {on: {go: b, stop: a, level: a}, waive: {C102: the end of the test}}
  b: {}
""",
    ),
    "waiver of a code that does not exist": (
        "C190 state a",
        "states: {a: {on: {go: a, stop: a, level: a}, waive: {C999: no such thing}}}",
    ),
}

NEAR: dict[str, str] = {
    "divisor that a parameter's minimum holds": """
parameters: {least: {type: int, default: 2, min: 1}}
states:
  a: {on: {level: {guard: "10 / max(event.n, least) > 3", target: b}, go: b}}
  b: {on: {level: a, stop: a}}
""",
    "child's parameter that a parent must give": """
parameters: {T_wait: {type: duration, default: 5 s}}
states: {a: {invoke: {id: w, src: asks.yaml, input: {T_wait: T_wait}}, on: {go: a, stop: a, level: a}}}
""",
    "parameter that must be given, and hands on": """
parameters: {T_wait: {type: duration}}
states: {a: {invoke: {id: w, src: waits.yaml, input: {T_wait: T_wait}}, on: {go: a, stop: a, level: a}}}
""",
    "one parameter for two children": """
parameters: {T_wait: {type: duration, default: 5 s}}
states:
  a:
    invoke: [{id: one, src: waits.yaml, input: {T_wait: T_wait}}, {id: two, src: waits.yaml, input: {T_wait: T_wait}}]
    on: {go: a, stop: a, level: a}
""",
    "parameter used beside": """
parameters: {T_wait: {type: duration, default: 5 s}}
states:
  a: {invoke: {id: w, src: waits.yaml, input: {T_wait: T_wait}}, on: {go: a, stop: a, level: a}, after: {T_wait: a}}
""",
    "what a parent changes, and what it knows only when it runs": """
data: {level: {type: int, min: 0, initial: 2}}
states:
  a:
    invoke: {id: w, src: waits.yaml, input: {T_wait: 6 s, n: level}}
    on: {go: a, stop: a, level: {target: a, actions: [assign: {level: 1}]}}
""",
    "parameter of a narrower type": """
parameters: {n: {type: int, min: 0, max: 3, default: 1}}
states: {a: {invoke: {id: w, src: waits.yaml, input: {n: n}}, on: {go: a, stop: a, level: a}}}
""",
    "default state of a region that is first named by another transition": """
initial: start
states:
  start: {on: {go: p.one.b, stop: p.two.d}}
  p:
    type: parallel
    on: {level: start}
    states:
      one: {states: {a: {on: {go: b}}, b: {on: {go: a}}}}
      two: {states: {c: {on: {stop: d}}, d: {on: {stop: c}}}}
""",
    "default state of a region of a parallel state that was first entered further down": """
initial: start
states:
  start: {on: {go: p.one.b, stop: p}}
  p:
    type: parallel
    on: {level: start}
    states:
      one: {states: {a: {on: {go: b}}, b: {on: {go: b}}}}
      two: {states: {c: {on: {stop: d}}, d: {on: {stop: c}}}}
""",
    "history brings back what its default does not name": """
states:
  work:
    on: {stop: idle}
    states:
      a: {on: {go: b}}
      b: {on: {level: a}}
      back: {type: history, history: deep, target: a}
  idle: {on: {go: work.back}}
""",
    "entering one region enters the others": """
states:
  idle: {on: {go: both.left.b}}
  both:
    type: parallel
    on: {stop: idle}
    states:
      left: {states: {a: {on: {go: b}}, b: {on: {level: a}}}}
      right: {states: {c: {on: {level: d}}, d: {on: {level: c}}}}
""",
    "left by a transition of the other region": """
states:
  both:
    type: parallel
    states:
      left: {states: {a: {on: {go: b}}, b: {}}}
      right: {states: {c: {on: {stop: over, level: c}}}}
  over: {type: final}
""",
    "left by the end of its region's sibling": """
states:
  both:
    type: parallel
    onDone: over
    states:
      left: {states: {a: {on: {go: b}}, b: {type: final}}}
      right: {states: {c: {on: {stop: d, level: c}}, d: {type: final}}}
  over: {type: final}
""",
    "left by a timer outside": """
states:
  work:
    after: {5 s: over}
    states: {a: {on: {go: b, stop: b, level: a}}, b: {}}
  over: {type: final}
""",
    "end of a compound state that an outer one waits for": """
states:
  idle: {on: {go: work, level: idle}}
  work:
    on: {stop: idle}
    states:
      inner: {states: {a: {on: {go: end}}, end: {type: final}}}
""",
    "end of a region beside others": """
states:
  idle: {on: {go: both, level: idle}}
  both:
    type: parallel
    states:
      left: {states: {a: {on: {go: b}}, b: {type: final}}}
      right: {states: {c: {on: {stop: idle}}}}
""",
    "parallel root whose regions end": """
type: parallel
states:
  left: {states: {a: {on: {go: b, level: a}}, b: {type: final}}}
  right: {states: {c: {on: {stop: d}}, d: {type: final}}}
""",
    "event before its prefix": """
adapters: {light: lamp}
states:
  a: {on: {light.failed: b, light.*: a, go: b}}
  b: {entry: light.set(on=True), on: {level: a, stop: a}}
""",
    "prefix after one of its events": """
adapters: {light: lamp}
states:
  a: {on: {light.failed: b, light.warm: {guard: light.level > 3, target: b}, light.*: a, go: b}}
  b: {entry: light.set(on=True), on: {level: a, stop: a}}
""",
    "an event's name is another's beginning": """
machine: near
events: {go: {direction: in}, going: {direction: in}}
states:
  a: {on: {go: b, going: a}}
  b: {on: {go: a}}
""",
    "a value between the limits": """
states:
  a:
    on:
      stop: b
      level:
        - {guard: event.v > 5 V, target: b}
        - {guard: event.v < 5 V, target: a}
        - {target: b}
  b: {on: {go: a}}
""",
    "a value of an enum left over": """
states:
  a:
    on:
      stop: b
      level:
        - {guard: event.colour == 'red', target: b}
        - {guard: event.colour == 'green', target: a}
        - {target: b}
  b: {on: {go: a}}
""",
    "None is left over": """
states:
  a:
    on:
      stop: b
      level:
        - {guard: event.maybe is not None and event.maybe > 3, target: b}
        - {guard: event.maybe is not None, target: a}
        - {target: b}
  b: {on: {go: a}}
""",
    "a guard that raises on None is not its complement": """
states:
  a:
    on:
      stop: b
      level:
        - {guard: event.maybe > 3, target: b}
        - {guard: event.maybe <= 3, target: a}
        - {target: b}
  b: {on: {go: a}}
""",
    "a reading that may fail": """
adapters: {light: lamp}
states:
  a:
    on:
      light.*: b
      go:
        - {guard: light.level > 3, target: b}
        - {guard: light.level <= 3, target: a}
        - {target: b}
  b: {entry: light.set(on=True), on: {level: a, stop: a}}
""",
    "data that an earlier transition's action changes is another value": """
data: {n: {type: int, initial: 0}}
states:
  a:
    on:
      stop: b
      go: {target: a, actions: [assign: {n: n + 1}]}
      level: [{guard: n > 3, target: b, actions: [{assign: {n: 0}}, {if: n > 3, then: [log: still]}]}]
  b: {on: {go: a}}
""",
    "inner guard lets something through": """
states:
  work:
    on: {level: over, stop: over}
    states:
      a: {on: {level: {guard: event.n != 3, target: b}}}
      b: {on: {go: a, level: a}}
  over: {type: final}
""",
    "outer net for the inner state that is final": """
states:
  work:
    on: {stop: idle}
    states: {a: {on: {stop: end, level: a}}, end: {type: final}}
  idle: {on: {go: work}}
""",
    "one region handles it without leaving": """
states:
  work:
    type: parallel
    on: {stop: off, level: off}
    states:
      left: {states: {a: {on: {stop: {actions: [log: left]}, go: b}}, b: {on: {stop: {actions: [log: left]}, go: a}}}}
      right: {states: {c: {on: {go: d}}, d: {on: {go: c}}}}
  off: {on: {go: work}}
""",
    "outer transition that names more than the inner one": """
adapters: {light: lamp}
states:
  work:
    on: {light.*: off}
    states: {a: {on: {light.warm: b}}, b: {on: {light.warm: a, go: off}}}
  off: {entry: light.set(on=True), on: {go: work, level: work, stop: work}}
""",
    "bounds that touch": """
states:
  a: {on: {level: {guard: event.percent >= 100 or event.percent <= 0, target: b}, go: b}}
  b: {on: {go: a, stop: a}}
""",
    "data assigned from an event": """
data: {mode: {type: "enum(red, green, blue)", initial: "'red'"}, armed: {type: bool, initial: False}}
states:
  a: {on: {go: {guard: mode == 'blue' and armed, target: b}, stop: b}}
  b: {on: {go: a, level: {target: a, actions: [assign: {mode: event.colour, armed: True}]}}}
""",
    "a reading within its bounds, which may fail": """
adapters: {light: lamp}
states:
  a: {on: {go: {guard: light.level < 10, target: b}, light.*: b}}
  b: {entry: light.set(on=True), on: {level: a, stop: a}}
""",
    "a shorter timer of a state around it that is over already": """
states:
  work:
    after: {10 s: .b}
    states:
      a: {after: {20 s: b}, on: {level: b}}
      b: {on: {go: a, stop: b}}
""",
    "divisor that is written in the chart": """
data: {n: {type: int, initial: 4}}
states:
  a: {on: {level: {guard: event.n / n > 2, target: b}}}
  b: {on: {stop: a, go: a}}
""",
    "data given by a condition over an event": """
data: {mode: {type: "enum(off, slow, fast)", initial: "'off'"}}
states:
  a:
    on:
      go: {guard: mode == 'fast', target: b}
      level: {actions: [assign: {mode: "'fast' if event.ok else 'slow'"}]}
  b: {on: {stop: {target: a, actions: [assign: {mode: "'off'"}]}}}
""",
    "a state that is left when the actions run": """
states:
  a:
    on:
      go: {target: b, actions: [{if: In('a'), then: [log: still here], else: [log: gone]}]}
      level: {target: b, actions: [{if: In('b') or In('a'), then: [log: there]}]}
      stop: b
  b: {on: {go: a}}
""",
    "data given by one action and read by the next": """
data: {n: {type: int, initial: 0}, m: {type: int, initial: 0}}
states:
  a: {on: {go: {actions: [{assign: {n: m}}, {log: "{n}"}]}, level: {actions: [assign: {m: event.n}]}, stop: a}}
""",
    "constant data given by a parameter": """
parameters: {limit: {type: int, default: 5}}
data: {twice: {type: int, initial: 2 * limit}}
states:
  a: {on: {level: {guard: event.n > twice, target: b}, go: b}}
  b: {on: {go: a, stop: a}}
""",
    "counter that reaches its limit": """
data: {n: {type: int, initial: 0, min: 0, max: 3}}
states:
  a: {on: {go: [{guard: n >= 3, target: b}, {actions: [assign: {n: n + 1}]}], level: a}}
  b: {on: {stop: {target: a, actions: [assign: {n: 0}]}}}
""",
    "states of two regions at once": """
states:
  work:
    type: parallel
    states:
      left:
        states:
          a: {on: {level: {guard: In('work.right.c'), target: b}, go: b}}
          b: {on: {go: {guard: In('work.right.d'), target: a}}}
      right:
        states: {c: {on: {stop: d}}, d: {on: {go: c}}}
""",
    "ladders": """
states:
  a:
    on:
      stop: a
      level:
        - {guard: event.percent > 80, target: b}
        - {guard: event.percent > 50, target: a}
        - {guard: event.percent > 20, target: c}
  b: {on: {go: a}}
  c: {on: {go: a}}
""",
    "guards that exclude each other by another value": """
states:
  a:
    on:
      stop: b
      level:
        - {guard: event.ok and event.n > 3, target: b}
        - {guard: not event.ok and event.v > 1 V, target: a}
  b: {on: {go: a}}
""",
    "shorter timer that goes nowhere": """
states:
  a: {after: {5 s: {actions: [log: half]}, 8 s: b}}
  b: {on: {go: a, stop: a, level: b}}
""",
    "shorter timer with a guard": """
data: {n: {type: int, initial: 0}}
states:
  a:
    on: {level: {actions: [assign: {n: event.n}]}}
    after: {5 s: {guard: n > 3, target: b}, 8 s: b}
  b: {on: {go: a, stop: a}}
""",
    "longer timer outside": """
states:
  work:
    after: {20 s: b}
    states:
      a: {after: {10 s: c}, on: {level: c}}
      c: {on: {stop: a}}
  b: {on: {go: work}}
""",
    "two parameters": """
parameters: {T_1: {type: duration, default: 5 s}, T_2: {type: duration, default: 8 s}}
states:
  a: {after: {T_1: b, T_2: c}}
  b: {on: {go: c}}
  c: {on: {stop: a, level: b}}
""",
    "a delay that data shortens on the way": """
data: {wait: {type: duration, initial: 5 s}}
states:
  work:
    after: {wait: b}
    states:
      a: {after: {wait: c}, entry: {assign: {wait: wait - 1 s}}}
      c: {on: {stop: a, level: a}}
  b: {on: {go: work}}
""",
    "a shorter timer of a state around it that only starts it anew": """
data: {n: {type: int, initial: 0}}
states:
  work:
    after: {5 s: {actions: [assign: {n: n + 1}]}}
    states: {a: {after: {8 s: c}, on: {level: c}}, c: {on: {stop: a}}}
    on: {go: {guard: n > 3, target: work}}
""",
    "raised event that another state waits for": """
machine: near
events: {next: , go: {direction: in}}
states:
  a: {entry: {raise: next}, after: {5 s: b}}
  b: {on: {next: b, go: a}}
""",
    "data read only in a log": """
data: {n: {type: int, initial: 0}}
states: {a: {entry: {log: "{n}"}, on: {go: {actions: [assign: {n: n + 1}]}, stop: a, level: a}}}
""",
    "data read only as a child's input or an output": """
machine: near
data: {n: {type: int, initial: 0}}
output: {n: int}
events: {go: {direction: in}}
states:
  a: {on: {go: {target: b, actions: [assign: {n: n + 1}]}}}
  b: {type: final, output: {n: n}}
""",
    "parameter read only by a delay": """
parameters: {T: {type: duration, default: 1 s}}
states: {a: {after: {2 * T: b}}, b: {on: {go: a, stop: a, level: a}}}
""",
    "events handled by star only": "states: {a: {on: {'*': a}}}",
    "event raised in an exit block": """
machine: near
events: {next: , go: {direction: in}}
states:
  a: {exit: [{raise: next}], on: {go: b}}
  b: {on: {next: a, go: a}}
""",
    "event sent to itself after a delay": """
machine: near
events: {next: , go: {direction: in}}
states:
  a: {entry: [{send: {event: next, delay: 2 s, id: x}}], exit: [{cancel: x}], on: {next: b, go: a}}
  b: {on: {go: a}}
""",
    "role that only a child uses": """
machine: near
adapters: {light: lamp}
states:
  a: {invoke: {src: lit.yaml}}
""",
    "role that only a long action uses": """
machine: near
adapters: {light: lamp}
states:
  a: {invoke: {call: light.warm_up(), onDone: b, onError: b}, on: {light.*: a}}
  b: {on: {light.warm: a}}
""",
    "divisor held by data's bounds": """
data: {n: {type: int, initial: 1, min: 1, max: 9}}
states:
  a: {on: {level: {guard: event.n / n > 2, target: b}, go: {actions: [assign: {n: "min(n + 1, 9)"}]}}}
  b: {on: {stop: a}}
""",
    "eventless loop that the region beside it ends": """
data: {n: {type: int, initial: 0}}
states:
  both:
    type: parallel
    states:
      watch: {always: {guard: n > 3, target: over}}
      work: {states: {a: {always: {target: b, actions: [assign: {n: n + 1}]}}, b: {always: a}}}
  over: {on: {go: over, stop: both, level: over}}
""",
    "value that may be old, of which the chart hears": """
adapters: {light: lamp}
states:
  a: {on: {light.*: a, go: {guard: light.watts > 60 W, target: b}, stop: a, level: a}}
  b: {on: {stop: a}}
""",
    "value that may be old, whose age is asked": """
adapters: {light: lamp}
on: {stop level: a}
states:
  a: {on: {light.failed: a, light.warm: a, go: {guard: light.watts > 60 W and light.watts.age < 1 s, target: b}}}
  b: {on: {stop: a}}
""",
    "main path through a junction, by a composite's own transition and by a default": """
data: {n: {type: int, initial: 0}}
main: [a, work.first, work.second, work.third, c]
states:
  a: {on: {go: {target: fork, actions: {assign: {n: n + 1}}}}}
  fork: {always: [{guard: n > 5, target: c}, work]}
  work:
    on: {stop: .third, level: c}
    states:
      first: {on: {go: second}}
      second: {on: {go: first}}
      third: {on: {go: first}}
  c: {on: {go: a}}
""",
    "value that may be old, of which a child hears": """
adapters: {light: lamp}
states:
  a: {invoke: {src: lit.yaml}, on: {go: {guard: light.watts > 60 W, target: b}, stop: a, level: a}}
  b: {on: {stop: a}}
""",
    "values that do not grow old": """
adapters: {light: lamp}
states:
  a: {on: {light.failed: a, light.warm: a, go: {guard: light.level > 6, target: b}, stop: a, level: a}}
  b: {on: {stop: a}}
""",
    "waiver of a note": """
adapters: {light: lamp}
waive: {C130: the lamp is watched elsewhere}
states:
  a: {entry: light.set(on=True), on: {light.warm: a, go: a, stop: a, level: a}}
""",
}
CHILDREN["lit"] = (
    "machine: lit\nadapters: {light: lamp}\n"
    "states: {only: {entry: light.set(on=True), on: {light.*: {actions: [{log: heard}]}}}}\n"
)


def found(text: str, folder: Path) -> list[str]:
    """``code place`` of all findings of the chart."""
    (folder / "lamp.contract.yaml").write_text(CONTRACT)
    for name, child in CHILDREN.items():
        (folder / f"{name}.yaml").write_text(child)
    path = folder / "chart.yaml"
    path.write_text(text if "machine:" in text else EVENTS + text)
    contracts = {"lamp": load_contract(folder / "lamp.contract.yaml")}
    return [f"{finding.code} {finding.place}" for finding in check(load(path, contracts)).findings]


@pytest.mark.parametrize("name", list(PLANTED))
def test_a_planted_problem_is_found_and_nothing_else(name: str, tmp_path: Path) -> None:
    expected, text = PLANTED[name]
    assert sorted(found(text, tmp_path)) == sorted(expected.split("; "))


@pytest.mark.parametrize("name", list(NEAR))
def test_a_near_miss_is_no_finding(name: str, tmp_path: Path) -> None:
    assert found(NEAR[name], tmp_path) == []


def test_a_finding_of_a_role_points_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "lamp.contract.yaml").write_text(CONTRACT)
    (tmp_path / "chart.yaml").write_text("machine: c\nadapters:\n  light: lamp\n  spare: lamp\nstates: {a: {}}\n")
    chart = load(tmp_path / "chart.yaml", {"lamp": load_contract(tmp_path / "lamp.contract.yaml")})
    assert [(f.place, f.position.line) for f in check(chart).findings] == [("light", 3), ("spare", 4)]


def test_a_guard_over_data_that_never_changes_says_so(tmp_path: Path) -> None:
    (tmp_path / "chart.yaml").write_text(EVENTS + PLANTED["enum that is never given the value"][1])
    (finding,) = check(load(tmp_path / "chart.yaml")).findings
    assert finding.message == "the guard is never true ('mode' is only ever 'off' or 'slow')"


def test_a_state_put_between_two_steps_of_the_station_is_told() -> None:
    """Its overview would draw it aside, as if a session that goes well did not pass it."""
    file = Path(__file__).parents[2] / "machines" / "evse_dc.yaml"
    text = file.read_text("utf-8")
    assert list(gaps(load_text(text, str(file)))) == []
    ends, begins = "target: pre_charge\n", "                  pre_charge:\n"
    assert text.count(ends) == text.count(begins) == 1
    between = "                  warming:\n                    after: {T_lock: pre_charge}\n"
    text = text.replace(ends, "target: warming\n").replace(begins, between + begins)
    (gap,) = gaps(load_text(text, str(file)))
    assert gap.finding.place == "outlet.plugged.session.power.checking"
    assert "'outlet.plugged.session.power.pre_charge' of the main path" in gap.finding.message
