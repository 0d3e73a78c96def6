"""What a sound text becomes: states, targets, transitions, actions, children. The rest of the engine builds on it."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine
from engine.language.expr import tree
from engine.language.expr.text import to_text
from engine.language.load import constant, load_contract, load_text
from engine.language.model import Assign, CallAction, Chart, Foreach, If, Log, Raise, Send, Spawn, StateKind, Stop
from engine.language.problems import ChartError
from engine.language.types import DURATION, INT, UNITS, Kind, Type
from tests.load.contracts import CONTRACTS


def chart_of(text: str) -> Chart:
    return load_text(text, "car.yaml", CONTRACTS)


TREE = """\
machine: car
events: {go: , stop: }
states:
  a:
    on: {go: TARGET}
    states:
      x: {on: {stop: TARGET}}
      y: {states: {deep: }}
  b:
    type: parallel
    states:
      left: {states: {x: , z: }}
      right: {states: {u: , v: }}
"""


@pytest.mark.parametrize(
    ("event", "target", "found"),
    [
        ("go", "b", "b"),  # a sibling
        ("go", ".y", "a.y"),  # below the source
        ("go", ".y.deep", "a.y.deep"),
        ("go", "b.left", "b.left"),
        ("go", "deep", "a.y.deep"),  # the only one of this name
        ("go", "left.z", "b.left.z"),
        ("stop", "y", "a.y"),  # a sibling
        ("stop", "y.deep", "a.y.deep"),
        ("stop", "b", "b"),  # a sibling of the parent
        ("stop", "x", "a.x"),  # itself: its own sibling level wins over b.left.x
        ("stop", "b.left.x", "b.left.x"),
        ("stop", "{target: [b.left.z, b.right.v]}", "b.left.z b.right.v"),
    ],
)
def test_a_target_is_looked_for_near_its_source_first(event: str, target: str, found: str) -> None:
    text = TREE.replace("go: TARGET", f"go: {target}" if event == "go" else "go: b")
    text = text.replace("stop: TARGET", f"stop: {target}" if event == "stop" else "stop: b")
    chart = chart_of(text)
    (transition,) = [t for t in chart.transitions if t.descriptors == (event,)]
    assert " ".join(state.id for state in transition.targets) == found


def test_a_name_that_several_states_have_is_no_target_from_afar() -> None:
    with pytest.raises(ChartError, match=r"'x' is ambiguous"):
        chart_of(TREE.replace("stop: TARGET", "stop: b").replace("go: TARGET", "go: x"))


KINDS = """\
machine: kinds
title: All kinds
events: {go: }
initial: {target: second, actions: [log: here]}
states:
  first:
    states:
      one:
      two:
      was: {type: history, target: two}
      all: {type: history, history: deep, target: [one]}
      end: {type: final}
    onDone: second
  second:
    type: parallel
    states:
      l: {states: {p: , q: {type: final}}}
      r: {states: {s: , t: {type: final}}}
    onDone: over
  over: {type: final}
"""


def test_kinds_of_states_initial_and_history() -> None:
    chart = chart_of(KINDS)
    kinds = {state.id: state.kind for state in chart.states.values()}
    assert kinds[""] is StateKind.COMPOUND
    assert kinds["first.one"] is StateKind.ATOMIC
    assert kinds["first.was"] is StateKind.SHALLOW_HISTORY
    assert kinds["first.all"] is StateKind.DEEP_HISTORY
    assert kinds["second"] is StateKind.PARALLEL
    assert kinds["over"] is StateKind.FINAL
    initial = chart.root.initial
    assert initial is not None
    assert initial.targets == (chart.states["second"],)
    assert isinstance(initial.actions[0], Log)
    first = chart.states["first"].initial
    assert first is not None
    assert first.targets == (chart.states["first.one"],)  # the first child by default
    history = chart.states["first.was"].history_default
    assert history is not None
    assert history.targets == (chart.states["first.two"],)
    assert [state.order for state in chart.root.walk()] == list(range(len(chart.states)))
    assert [t.descriptors for t in chart.transitions] == [("done.state.first",), ("done.state.second",)]


def test_transition_ids_are_stable_and_numbered_by_descriptor() -> None:
    chart = chart_of(
        "machine: c\nevents: {e: , f: }\nstates:\n  s:\n    on:\n      e: [{target: t}, {}]\n      e f: t\n"
        "    always: t\n    after: {250 ms: t}\n  t:\n"
    )
    assert [t.id for t in chart.transitions] == ["s/e", "s/e#2", "s/e f", "s/always", "s/after 250 ms"]
    assert [t.order for t in chart.transitions] == [0, 1, 2, 3, 4]
    assert chart.transitions[4].timer == chart.states["s"].timers[0].id == "s/after 250 ms"
    assert chart.states["s"].timers[0].delay == tree.Literal(250_000_000, DURATION)


@pytest.mark.parametrize(
    ("assign", "told"),
    [
        ("{n: n + 1, k: 3}", None),  # what it was itself
        ("[{n: n + 1}, {k: n}]", None),
        ("[n: 2, k: n]", None),
        ("{n: 2, k: n * 2}", "'k' reads 'n'"),
        ("{k: n, n: 2}", "'k' reads 'n'"),  # swapped by a reader who thinks they go together
        ("[{n: k, k: 3}]", "'n' reads 'k'"),
    ],
)
def test_what_an_assign_gives_together_reads_nothing_of_it(assign: str, told: str | None) -> None:
    """Whether a mapping reads old values or goes in order would change silently between versions of the language."""
    text = "machine: m\ndata: {n: {type: int, initial: 0}, k: {type: int, initial: 0}}\nstates:\n  s:\n    entry:\n"
    text += f"      - assign: {assign}\n"
    if told is None:
        assert [one.name for one in chart_of(text).states["s"].entry[0]] == ["n", "k"]  # type: ignore[union-attr]
        return
    with pytest.raises(ChartError) as caught:
        chart_of(text)
    (problem,) = caught.value.problems
    assert (problem.code, problem.position.line) == ("ambiguous", 6)
    assert told in problem.message


ACTIONS = """\
machine: doer
adapters: {link: hpgp_link}
parameters: {T: {type: duration, default: 1 s}}
data:
  n: {type: int, initial: 0}
  list: {type: list of int, initial: [1, 2]}
events: {own: {payload: {n: int, note: "string?"}}, told: {direction: out}}
states:
  s:
    entry:
      - [{assign: {n: n + 1}}, link.leave()]
      - [raise: {event: own, data: {n: n}}]
    exit: link.send_parm_cnf(sounds=3, run_id=hex('00'))
    on:
      own:
        guard: event.note is None or event.n > 3
        actions:
          - if: n > 1
            then: {log: 'n is {n} after {T} {{really}}'}
            else: [send: {event: told, to: parent}]
          - foreach: {in: list, item: i, index: k, do: {assign: {n: n + i + k}}}
          - send: {event: own, data: {n: 1}, delay: T * 2, id: later}
          - cancel: later
      link.PARM_REQ link.SOUND: {actions: [assign: {n: len(event.run_id)}]}
      error.*: {}
"""


def test_actions() -> None:
    chart = chart_of(ACTIONS)
    s = chart.states["s"]
    assert [[type(action) for action in block] for block in s.entry] == [[Assign, CallAction], [Raise]]
    (call,) = s.exit[0]
    assert isinstance(call, CallAction)
    assert [name for name, _ in call.args] == ["run_id", "sounds"]  # in the contract's order, optional ones left out
    own, link, error = s.transitions
    assert [type(action).__name__ for action in own.actions] == ["If", "Foreach", "Send", "Cancel"]
    if_, foreach, send = own.actions[:3]
    assert isinstance(if_, If)
    log = if_.branches[0][1][0]
    assert isinstance(log, Log)
    assert [to_text(part) for part in log.parts] == ["'n is '", "n", "' after '", "str(T)", "' {really}'"]
    other = if_.branches[1][1][0]
    assert isinstance(other, Send)
    assert other.target == tree.Literal("parent", Type(Kind.STRING))
    assert isinstance(foreach, Foreach)
    assert (foreach.item, foreach.index) == ("i", "k")
    assert isinstance(send, Send)
    assert (send.target, send.id, to_text(send.delay or send.event)) == (None, "later", "T * 2")
    assert link.descriptors == ("link.PARM_REQ", "link.SOUND")  # both carry run_id, so event.run_id is known
    assert error.descriptors == ("error",)


def test_fields_that_not_all_events_of_a_transition_carry_are_unknown() -> None:
    with pytest.raises(ChartError, match="no field 'count'"):
        chart_of(
            "machine: c\nadapters: {link: hpgp_link}\nstates:\n  s:\n    on:\n      link.*: {guard: event.count > 1}\n"
        )


# ---------------------------------------------------------------- children


@pytest.fixture
def family(tmp_path: Path) -> Path:
    (tmp_path / "parent.yaml").write_text(
        "machine: parent\n"
        "adapters: {link: hpgp_link}\n"
        "data: {got: {type: int, initial: 0}}\n"
        "states:\n"
        "  run:\n"
        "    invoke:\n"
        "      id: kid\n"
        "      src: sub/child.yaml\n"
        "      input: {limit: 3}\n"
        "      adapters: {line: link}\n"
        "      onDone: {target: over, actions: [assign: {got: event.result}]}\n"
        "      onError: {target: over, actions: [log: 'failed: {event.reason}']}\n"
        "    entry:\n"
        "      - spawn: {id: twin, src: sub/twin.yaml, key: got, input: {limit: 1}}\n"
        "    on:\n"
        "      kid.progress: {actions: [assign: {got: event.step}, send: {event: pause, to: kid}]}\n"
        "      twin.progress: {guard: event.key == 3, actions: [stop: {id: twin, key: event.step}]}\n"
        "      link.lost: {guard: 'alive(twin) > 0 or alive(twin, 3)', target: over}\n"
        "  over: {type: final}\n"
    )
    (tmp_path / "sub").mkdir()
    child = (
        "machine: child\n"
        "parameters: {limit: {type: int}, step: {type: int, default: 1}}\n"
        "events: {progress: {direction: out, payload: {step: int}}, pause: {direction: in}}\n"
        "adapters: {line: hpgp_link}\n"
        "output: {result: int}\n"
        "states:\n"
        "  work: {on: {pause: over}}\n"
        "  over: {type: final, output: {result: limit}}\n"
    )
    (tmp_path / "sub" / "child.yaml").write_text(child)
    twin = child.replace("adapters: {line: hpgp_link}\n", "").replace("child", "twin")
    (tmp_path / "sub" / "twin.yaml").write_text(twin)
    return tmp_path


def test_children_by_src(family: Path) -> None:
    chart = engine.load(family / "parent.yaml", CONTRACTS)
    run = chart.states["run"]
    (invoke,) = run.invokes
    assert invoke.chart is not None
    assert (invoke.id, invoke.chart.name, invoke.adapters) == ("kid", "child", (("line", "link"),))
    assert [(name, to_text(value)) for name, value in invoke.input] == [("limit", "3")]
    (spawn,) = run.entry[0]
    assert isinstance(spawn, Spawn)
    assert spawn.chart.name == "twin"
    stop = chart.transitions[3].actions[0]
    assert isinstance(stop, Stop)
    assert [t.descriptors[0] for t in chart.transitions[:3]] == ["done.invoke.kid", "error.invoke.kid", "kid.progress"]


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("input: {limit: 3}", "input: {limt: 3}", "unknown-argument", "no field 'limt'"),
        ("input: {limit: 3}", "input: {}", "missing-argument", "needs limit"),
        ("input: {limit: 3}", "input: {limit: 3 V}", "unit", "V where"),
        ("adapters: {line: link}", "adapters: {}", "unknown-role", "needs an adapter 'line' (hpgp_link)"),
        ("adapters: {line: link}", "adapters: {lin: link}", "unknown-role", "no adapter 'lin'"),
        ("kid.progress", "kid.progres", "unknown-event", "'kid.progres'"),
        ("event: pause, to: kid", "event: paws, to: kid", "unknown-event", "child takes no event 'paws'"),
        ("event.result", "event.results", "unknown-name", "'results'"),
        ("sub/child.yaml", "sub/chld.yaml", "missing-file", "cannot be read"),
        ("alive(twin) > 0", "alive(twn) > 0", "unknown-name", "'twn' is no child"),
    ],
)
def test_a_mistake_in_using_a_child(family: Path, old: str, new: str, code: str, said: str) -> None:
    path = family / "parent.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ChartError) as caught:
        engine.load(path, CONTRACTS)
    assert caught.value.problems[0].code == code, str(caught.value)
    assert said in caught.value.problems[0].message


def test_problems_of_a_child_name_the_childs_file_and_come_once(family: Path) -> None:
    child = family / "sub" / "child.yaml"
    child.write_text(child.read_text().replace("pause: over", "pause: ovr"))
    with pytest.raises(ChartError) as caught:
        engine.load(family / "parent.yaml", CONTRACTS)
    (problem,) = caught.value.problems
    assert (problem.position.file, problem.position.line) == (str(child), 7)


def test_a_chart_that_invokes_itself_in_a_circle_is_refused(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{one}.yaml").write_text(f"machine: {one}\nstates:\n  s: {{invoke: {{src: {other}.yaml}}}}\n")
    with pytest.raises(ChartError) as caught:
        engine.load(tmp_path / "a.yaml", {})
    (problem,) = caught.value.problems
    assert problem.code == "cycle"
    assert "a.yaml → b.yaml → c.yaml → a.yaml" in problem.message


def test_the_hash_changes_with_a_childs_text(family: Path) -> None:
    child = family / "sub" / "child.yaml"
    before = engine.load(family / "parent.yaml", CONTRACTS).text_hash
    child.write_text(child.read_text().replace("default: 1}", "default: 2}"))
    assert engine.load(family / "parent.yaml", CONTRACTS).text_hash != before


# ---------------------------------------------------------------- contracts and constants


def test_a_contract_file(tmp_path: Path) -> None:
    file = tmp_path / "supply.contract.yaml"
    file.write_text(
        "contract: supply\ndescription: A power supply\nactions:\n  set: {args: {voltage: float V, limit: float A?}}\n"
        "  ramp: {args: {}, result: {reached: bool}}\nevents:\n  fault: {payload: {code: int}}\n  ready:\n"
        "values: {voltage: {type: float, unit: V, min: 0}}\n"
    )
    contract = load_contract(file)
    assert contract.actions["set"].args == {
        "voltage": Type(Kind.FLOAT, UNITS["V"]),
        "limit": Type(Kind.FLOAT, UNITS["A"], optional=True),
    }
    assert contract.actions["set"].result is None
    assert contract.actions["ramp"].result == {"reached": Type(Kind.BOOL)}
    assert contract.events["fault"].payload == {"code": INT}
    assert contract.events["ready"].payload == {}
    assert contract.values == {"voltage": Type(Kind.FLOAT, UNITS["V"], minimum=0)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("contract: supply\nactoins: {}\n", "no key 'actoins'"),
        ("contract: other\n", "named 'other' but its file"),
        ("actions: {}\n", "needs a name"),
        ("contract: supply\nvalues: {v: volts}\n", "unknown type 'volts'"),
        ("contract: supply\nevents: {e: {payload: {x: float Vv}}}\n", "unknown unit 'Vv'"),
        ("contract: [\n", "not YAML"),
        ("contract: supply\nactions: {open: }\n", "every adapter has 'open'"),
        ("contract: supply\nvalues: {config: int}\n", "every adapter has 'config'"),
        ("contract: supply\nactions: {level: }\nvalues: {level: int}\n", "'level' is an action already"),
        ("contract: supply\nactions: {ramp: {args: {call_id: int}, result: {}}}\n", "'call_id' of its own"),
    ],
)
def test_a_broken_contract_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "supply.contract.yaml"
    file.write_text(text)
    with pytest.raises(ChartError, match=said):
        load_contract(file)


def test_a_contract_lies_beside_its_chart(tmp_path: Path) -> None:
    """So a chart with a contract of its own loads by every command, with nothing installed for it."""
    chart = tmp_path / "lift.yaml"
    chart.write_text("machine: lift\nadapters: {motor: motor}\nstates: {a: {entry: motor.stop()}}\n")
    with pytest.raises(ChartError, match="no contract 'motor'"):
        engine.load(chart)
    (tmp_path / "motor.contract.yaml").write_text("contract: motor\nactions: {stop: }\n")
    assert list(engine.load(chart).adapters["motor"].actions) == ["stop"]
    (tmp_path / "motor.contract.yaml").write_text("contract: motor\nactoins: {stop: }\n")
    with pytest.raises(ChartError, match="no key 'actoins'"):
        engine.load(chart)
    (tmp_path / "motor.contract.yaml").unlink()
    (tmp_path / "motor.contract.yaml").symlink_to("motor.contract.yaml")
    with pytest.raises(ChartError, match="'motor' cannot be read"):
        engine.load(chart)


def test_parent_and_child_keep_to_one_contract(tmp_path: Path) -> None:
    """Two files may use one name for different things."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "motor.contract.yaml").write_text("contract: motor\nactions: {stop: }\n")
    (tmp_path / "lift.yaml").write_text(
        "machine: lift\nadapters: {motor: motor}\nstates: {a: {invoke: {src: sub/door.yaml}}}\n"
    )
    door = "machine: door\nadapters: {motor: motor}\nstates: {a: {entry: motor.stop()}}\n"
    (tmp_path / "sub" / "door.yaml").write_text(door)
    inner = tmp_path / "sub" / "motor.contract.yaml"
    inner.symlink_to("../motor.contract.yaml")
    engine.load(tmp_path / "lift.yaml")
    inner.unlink()
    inner.write_text("contract: motor\nactions: {stop: }\n")
    with pytest.raises(ChartError, match=r"'motor' of door keeps to .*sub/motor.contract.yaml"):
        engine.load(tmp_path / "lift.yaml")


def test_no_contract_may_take_a_name_every_adapter_has() -> None:
    """An action `close` would switch something instead of closing the adapter."""
    from engine.adapter import Adapter, World
    from engine.language.load.contract import ADAPTER_NAMES

    own = {name for name in [*vars(Adapter), *vars(Adapter({}, World()))] if not name.startswith("_")}
    assert own | {"port", "contract"} == ADAPTER_NAMES


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("40 s", DURATION, 40_000_000_000),
        ("8", INT, 8),
        ("slow", Type(Kind.ENUM, values=("slow", "fast")), "slow"),
        ("ZZ00000", Type(Kind.STRING), "ZZ00000"),
        ("'it''s'", Type(Kind.STRING), None),
        ("it's", Type(Kind.STRING), "it's"),
        ("true", Type(Kind.BOOL), True),
        ("0.5 kV", Type(Kind.FLOAT, UNITS["V"]), 500.0),
        ("[1, 2]", Type(Kind.LIST, item=INT), [1, 2]),
        ("None", Type(Kind.STRING, optional=True), None),
    ],
)
def test_a_value_given_on_the_command_line(text: str, type_: Type, value: object) -> None:
    if text == "'it''s'":
        with pytest.raises(ValueError, match="unexpected"):
            constant(text, type_)
    else:
        assert constant(text, type_) == value


@pytest.mark.parametrize(
    ("text", "type_", "said"),
    [
        ("40", DURATION, "40 ms"),
        ("x", INT, "unknown name"),
        ("quick", Type(Kind.ENUM, values=("slow", "fast")), "not a value"),
    ],
)
def test_a_wrong_value_on_the_command_line_says_why(text: str, type_: Type, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        constant(text, type_)


# ---------------------------------------------------------------- shipped charts


MACHINES = sorted((Path(__file__).parents[2] / "machines").rglob("*.yaml"))


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.stem)
def test_every_chart_we_ship_loads(path: Path) -> None:
    contracts = {}
    for file in (Path(__file__).parents[2] / "adapters").rglob("*.contract.yaml"):
        contract = load_contract(file)
        contracts[contract.name] = contract
    chart = engine.load(path, contracts)
    assert chart.transitions
    for state in chart.states.values():
        for transition in state.transitions:
            if transition.guard is not None:
                assert transition.guard.type.kind is Kind.BOOL


def test_an_adapter_package_that_cannot_be_imported_is_told_where_a_chart_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from engine.adapter import AdapterError
    from engine.language.load import contract

    def broken() -> None:
        raise AdapterError("entry point x = y:Z cannot be imported: no module y")

    monkeypatch.setattr(contract, "registries", broken)
    contract._registered_files.cache_clear()
    with pytest.raises(ChartError) as caught:
        load_text("machine: c\nadapters: {link: hpgp_link}\nstates: {s: {on: {link.x: s}}}\n")
    contract._registered_files.cache_clear()
    (problem,) = caught.value.problems
    assert (problem.code, problem.position.line, problem.position.column) == ("contract", 2, 18)
    assert "no module y" in problem.message
