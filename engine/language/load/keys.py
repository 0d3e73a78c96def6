"""ONE table of the keys of the chart language: the keys of every kind of mapping in charts and contracts.

A new key is added here and in no other list. The loader refuses keys that are not here; the JSON Schema
(:mod:`engine.language.load.schema`) and the key tables of docs/chart-reference.md and docs/adapters.md are generated
from it, by ``python -m tests.load.key_tables`` and ``engine schema > engine/schema.json``; tests fail when they are
stale. The code that reads a mapping gives its keys their meaning (``body.get("key")``).

The kind of a value is a kind of mapping in :data:`TABLE`, a kind of ``schema.VALUES``, ``'a' | 'b'`` for words of a
closed list, ``NAME: kind`` for a mapping of names, ``TEXT: kind`` for one of any texts, ``[kind]`` for none, one or a
list.
"""

from __future__ import annotations

from dataclasses import dataclass

LANGUAGE = 2
"""The version of the language that is read. Charts of the one before are rewritten by ``engine upgrade``."""
OLDER = ("1",)
"""The versions that ``engine upgrade`` takes."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key. ``about`` is one line for people; it is empty where the name and the kind of the value say all.
    ``imported``: known in imported documents only (``events: any``). ``beside``: the action it belongs to."""

    value: str
    about: str = ""
    required: bool = False
    imported: bool = False
    beside: str = ""


class Keys:
    """A kind of mapping. ``what`` names it in problems; ``short`` are kinds of values that may stand for the whole
    mapping; ``one_of`` are keys of which just one must be there."""

    def __init__(self, what: str, keys: dict[str, Key], short: tuple[str, ...] = (), one_of: tuple[str, ...] = ()):
        self.what = what
        self.keys = keys
        self.short = short
        self.one_of = one_of
        self.all = frozenset(keys)
        self.own = frozenset(name for name, key in keys.items() if not key.imported)

    def known(self, imported: bool) -> frozenset[str]:
        """The keys that may be there."""
        return self.all if imported else self.own


_CLAUSE = Key("note", "standard and place in it: `IEC 61851-23 CC.3.3`; several separated by `;`")
_SOURCE = Key("note", "where it comes from that no standard gives")
_NOTE = Key("note")
_WAIVE = Key("waive", "`{CODE: reason}` for findings of `engine check`")
_ACTIONS = Key("actions")
_TRANSITIONS = Key("transitions")

_TYPE = {
    "type": Key("type text | 'enum' | 'list'", "", required=True),
    "unit": Key("unit", "of a number"),
    "min": Key("expression", "bound of a number, in its unit; of the length of a string, bytes or list"),
    "max": Key("expression", "the same"),
    "optional": Key("flag", "may be `None`"),
    "values": Key("texts", "of an `enum`"),
    "of": Key("type", "type of a list's elements"),
    "secret": Key("flag", "hidden in lines, views and traces (string, bytes, list, any)"),
}
_DESCRIBED = {
    "title": Key("note", "a few words, for diagrams"),
    "description": _NOTE,
    "clause": _CLAUSE,
    "source": _SOURCE,
    "waive": _WAIVE,
}
_ACTIVE = {
    "type": Key("'parallel'", "all children are active at once; without it compound when it has `states`, else atomic"),
    "initial": Key("initial", "default: the first child"),
    "states": Key("NAME: any state", "names unique among siblings"),
    "entry": Key("blocks", "a list of lists is several blocks (an error ends its block only)"),
    "exit": Key("blocks", "the same"),
    "on": Key(
        "TEXT: transitions",
        "by event: its name, a dotted prefix `v2g.*`, those of them with one end `v2g.*Req`, or `*`; several, "
        "separated by spaces, share the transitions",
    ),
    "ignore": Key(
        "[text]",
        "events, named as in `on`, that do nothing here: as with an entry of `on` that is empty, after all of `on`",
    ),
    "defer": Key(
        "[text]",
        "events, named as in `on`, that are kept until no active state defers them, see [below](#how-a-chart-runs)",
    ),
    "always": Key("transitions", "without an event"),
    "after": Key(
        "TEXT: transitions", "by delay: a parameter, a literal or an expression of type duration, evaluated on entry"
    ),
    "args": Key("NAME: type", "what a target that enters it gives: `failed(reason='late')`; read inside it by name"),
    "use": Key("use", "a template, `{NAME: {argument: value}}`; the state's other keys are added to its"),
    "poll": Key("[poll]", "what is looked at again and again while the state is active"),
    "onDone": Key("transitions", "when the compound or parallel state is done"),
    "invoke": Key("[invoke]", "children that run while the state is active, see [below](#children)"),
    "invariant": Key("[invariant]", "a promise while the state is active"),
    **_DESCRIBED,
}
_INNER = ("args", "use", "onDone", "states")  # what the root has not, or otherwise
_EVENT = {
    "payload": Key("NAME: type", "what it carries; `name: {}` and `name:` mean nothing"),
    "urgent": Key("flag", "it is taken before everything that waits, and never lost to a full queue"),
    "description": _NOTE,
    "clause": _CLAUSE,
    "source": _SOURCE,
}
_CHILD = {
    "id": Key("text", "its events are named `<id>.<event>`; left out: its machine's name, or the action's"),
    "src": Key("text", "path of a chart, from this file"),
    "input": Key("values", "the child's parameters; all without a default must be there"),
    "adapters": Key("NAME: text", "child's role: own role, where the names differ"),
}

_TRANSITION = {
    "target": Key("target or nothing", "without it nothing is exited; a list leads into parallel regions"),
    "guard": Key("expression", "a bool; without it, always"),
    "actions": _ACTIONS,
    "internal": Key("flag", "the source is not left when the target is inside it"),
    "description": _NOTE,
    "clause": _CLAUSE,
    "source": _SOURCE,
    "waive": _WAIVE,
}

TABLE: dict[str, Keys] = {
    "chart": Keys(
        "a chart",
        {
            "machine": Key("chart name", "name of the chart: `[a-z][a-z0-9_]*`", required=True),
            "language": Key(
                "language",
                "version of this language, without it the present one; `engine upgrade` rewrites older charts",
            ),
            "title": _NOTE,
            "description": _NOTE,
            "clause": _CLAUSE,
            "source": _SOURCE,
            "version": _NOTE,
            "station": Key("note", "default station file, from this file: `engine run` without `--station`"),
            "strict": Key("flag", "an event no state handles is an error"),
            "parameters": Key("NAME: parameter", "fixed when the machine starts"),
            "adapters": Key(
                "NAME: text", "role: contract; `CONTRACT.contract.yaml` beside the chart, else an installed one"
            ),
            "serves": Key(
                "text", "the contract for which the chart stands where an adapter does, see [below](#serving)"
            ),
            "units": Key("NAME: unit of roles", "sets of roles that a station has several times; see below"),
            "data": Key("NAME: data", "what changes while it runs"),
            "events": Key("events", "what others send it, what it sends to its parent, what it raises itself"),
            "output": Key("NAME: type", "what a top-level final state gives"),
            "templates": Key("NAME: template", "states that `use` writes out, and actions, see [below](#templates)"),
            "session": Key("session", "what the chart is asked to do, again and again; see below"),
            "stages": Key("TEXT: expression", "the steps of that work in a row, `TITLE: In('state')`; see below"),
            "shutdown": Key("shutdown", "how it ends in order; see below"),
            "main": Key(
                "target", "the states that a run which goes well passes, in its order: drawn as one column in overviews"
            ),
            "waive": _WAIVE,
            **{name: key for name, key in _ACTIVE.items() if name not in (*_DESCRIBED, *_INNER)},
            "states": Key("NAME: any state", "the root is a state", required=True),
            "script": Key("actions", "run before the initial configuration is entered (SCXML 5.8)", imported=True),
        },
    ),
    "template": Keys(
        "a template",
        {
            "args": Key("NAME: template argument", "what a use gives"),
            "state": Key("template state", "the state, in which the arguments stand by their names"),
            "actions": Key("template actions", "in place of `state`: what `NAME(argument=…)` among actions does"),
            "description": _NOTE,
            "source": _SOURCE,
        },
        one_of=("state", "actions"),
    ),
    "template argument": Keys(
        "an argument of a template",
        {
            **_TYPE,
            "type": Key("type text | 'enum' | 'list' | 'actions' | 'event' | 'state'", "", required=True),
            "default": Key("any value", "given where a use does not"),
            "description": _NOTE,
        },
        short=("type text", "'actions'", "'event'", "'state'"),
    ),
    "parameter": Keys(
        "a parameter",
        {
            **_TYPE,
            "min": Key("expression", f"{_TYPE['min'].about}; of a duration 0 s unless said: `min: -1 h`"),
            "default": Key("expression", "a literal; without it the parameter must be given"),
            "before": Key(
                "text",
                "of a duration: a longer one, `NAME` or `MACHINE.NAME` (what the peer waits): C161 of `engine check`",
            ),
            "clause": _CLAUSE,
            "source": _SOURCE,
            "description": _NOTE,
            "waive": _WAIVE,
        },
    ),
    "unit of roles": Keys(
        "a unit",
        {
            "count": Key("expression", "an int over parameters: how many there are, numbered from 1", required=True),
            "kinds": Key("expression", "a list of strings over parameters: what each of them is, in turn"),
            "description": _NOTE,
        },
    ),
    "data": Keys(
        "data",
        {
            **_TYPE,
            "initial": Key("expression", "over parameters; needed unless the type has a `?`"),
            "clause": _CLAUSE,
            "source": _SOURCE,
            "description": _NOTE,
            "waive": _WAIVE,
            "late": Key("note", "a state: set when that is first entered (SCXML 5.3, late binding)", imported=True),
        },
    ),
    "event": Keys(
        "an event",
        {
            **_EVENT,
            "direction": Key(
                "'in' | 'out'", "`in`: the parent or the user may send it; `out`: sent to the parent; else own"
            ),
            "waive": _WAIVE,
        },
        short=("nothing",),
    ),
    "type": Keys("a type", _TYPE, short=("type text",)),
    "session": Keys(
        "'session'",
        {
            "result": Key("text", "the event (direction out) that ends a session", required=True),
            "success": Key("expression", "over its payload and the parameters: whether it went well", required=True),
            "during": Key("note", "the state from whose entry on it lasts"),
            "description": _NOTE,
        },
    ),
    "shutdown": Keys(
        "'shutdown'",
        {
            "event": Key("text", "of direction `in`, without payload: asks the chart to end", required=True),
            "within": Key("expression", "a duration over parameters: the longest time it may take", required=True),
            "done": Key("target", "it is over in this state, or one of these; without it when the machine has ended"),
            "clause": _CLAUSE,
            "source": _SOURCE,
        },
    ),
    "state": Keys("a state", _ACTIVE),
    "final state": Keys(
        "a final state",
        {
            "type": Key("'final'", "", required=True),
            **{name: _ACTIVE[name] for name in ("args", "entry", "exit", "invariant")},
            "output": Key("values", "what the parent's `onDone` is given"),
            "output_content": Key("expression", "in place of `output`", imported=True),
            **_DESCRIBED,
        },
    ),
    "history state": Keys(
        "a history state",
        {
            "type": Key("'history'", "", required=True),
            "history": Key("'shallow' | 'deep'", "default `shallow`"),
            "target": Key("target", "the default, for a parent that was never left", required=True),
            "actions": Key("actions", "with the default"),
            **_DESCRIBED,
        },
    ),
    "initial": Keys(
        "'initial'",
        {
            "target": Key("target", "", required=True),
            "actions": _ACTIONS,
            "description": _NOTE,
            "clause": _CLAUSE,
            "source": _SOURCE,
        },
        short=("target",),
    ),
    "invariant": Keys(
        "'invariant'",
        {
            "expr": Key("expression", "", required=True),
            "when": Key("expression", "it need not hold unless this is true"),
            "message": _NOTE,
            "clause": _CLAUSE,
            "source": _SOURCE,
        },
        short=("condition",),
    ),
    "transition": Keys("a transition", _TRANSITION, short=("note",)),
    "poll": Keys(
        "'poll'",
        {
            "when": Key("expression", "the guard", required=True),
            "every": Key(
                "expression",
                "a duration, the first look after one; all of one `every` are tried in order",
                required=True,
            ),
            **{
                name: key
                for name, key in _TRANSITION.items()
                if name in ("target", "actions", "internal", "description", "clause", "source", "waive")
            },
        },
    ),
    "action": Keys(
        "an action",
        {
            "assign": Key(
                "[values]",
                "none reads what another one of the mapping is given; a list of mappings goes one after the other",
            ),
            "raise": Key("raise", "to the own internal queue"),
            "send": Key("send", "an event, to itself or others, at once or later"),
            "cancel": Key("cancel", "drop a delayed send"),
            "log": Key("note", "text with `{expr}`, for people; `{{` and `}}` are braces"),
            "if": Key("expression", "with `then:` and `else:`; `elif` by nesting"),
            "then": Key("actions", beside="if"),
            "else": Key("actions", beside="if"),
            "foreach": Key(
                "foreach", "once for every item of a list; those inside one go round 100,000 times together"
            ),
            "spawn": Key(
                "spawn",
                "start a child that lives until it ends or is stopped; one that runs under the same `id` and `key` is "
                "stopped first, with its exit actions and without a `done.invoke`",
            ),
            "stop": Key("stop", "end spawned children, all of the id or the one of the key"),
        },
        short=("call",),
    ),
    "raise": Keys("'raise'", {"event": Key("text", "", required=True), "data": Key("values")}, short=("text",)),
    "send": Keys(
        "'send'",
        {
            "event": Key("text", "its name"),
            "to": Key("note", "`parent`, `self` (default) or a child's id"),
            "data": Key("values", "what it carries"),
            "delay": Key("expression", "a duration"),
            "id": Key("note", "for `cancel`"),
            "key": Key("expression", "of one of several spawned children"),
            "event_expr": Key("expression", "in place of `event`", imported=True),
            "to_expr": Key(
                "expression",
                "in place of `to`: `#_internal`, `#_parent`, `#_<invoke id>`, `#_scxml_<session>`; anything else is an "
                "`error.execution`, an unknown session an `error.communication`, at once",
                imported=True,
            ),
            "content": Key("expression", "in place of `data`", imported=True),
            "id_location": Key("note", "the data item that takes a generated id", imported=True),
            "type": Key("expression", "the event I/O processor (SCXML 6.2)", imported=True),
        },
        short=("text",),
    ),
    "cancel": Keys("'cancel'", {"id_expr": Key("expression", "", required=True, imported=True)}, short=("text",)),
    "foreach": Keys(
        "'foreach'",
        {
            "in": Key("expression", "a list or bytes", required=True),
            "item": Key("text", "a name", required=True),
            "index": Key("text", "a name, from 0"),
            "do": Key("actions"),
        },
    ),
    "spawn": Keys(
        "'spawn'",
        {
            "id": _CHILD["id"],
            "src": Key("text", "path of a chart, from this file", required=True),
            "key": Key("expression", "tells those of one `id` apart; not `None`; on a unit its number"),
            "input": _CHILD["input"],
            "adapters": _CHILD["adapters"],
            "unit": Key("text", "the child's roles are those of this unit, but for those `adapters` names"),
            "kind": Key("text", "of units that are of several `kinds`: the one this child is for"),
        },
    ),
    "stop": Keys(
        "'stop'", {"id": Key("text", "", required=True), "key": Key("expression", "not `None`")}, short=("text",)
    ),
    "invoke": Keys(
        "'invoke'",
        {
            "id": _CHILD["id"],
            "src": _CHILD["src"],
            "call": Key("text", "in place of `src` a long action of an adapter: `role.action(arg=expr)`"),
            "input": _CHILD["input"],
            "adapters": _CHILD["adapters"],
            "relay": Key(
                "[text]",
                "events that pass through: those of direction `in` to the child, the child's `out` to the parent, "
                "see [below](#relay)",
            ),
            "autoforward": Key("flag", "it is given every external event its parent is given"),
            "onDone": Key("transitions", "short for `on: done.invoke.<id>`, with the output as `event.<field>`"),
            "onError": Key("transitions", "short for `on: error.invoke.<id>`"),
            "description": _NOTE,
            "chart": Key("whole chart", "a chart in place", imported=True),
            "src_expr": Key(
                "expression",
                "the child's file (`.yaml`, `.scxml`) or its text, evaluated when it starts",
                imported=True,
            ),
            "plain_events": Key(
                "flag",
                "what the child sends has its own name, `input` sets its data of the same name; ids may hold dots",
                imported=True,
            ),
            "finalize": Key("actions", "with each event of the child (SCXML 6.5)", imported=True),
            "id_location": Key("note", "the data item that takes a generated id", imported=True),
        },
        one_of=("src", "call", "chart", "src_expr"),
    ),
    "contract": Keys(
        "a contract",
        {
            "contract": Key("name", "the same as the file's", required=True),
            "description": _NOTE,
            "clause": _CLAUSE,
            "source": _SOURCE,
            "actions": Key("NAME: contract action", "orders: `role.name(argument=expr)`"),
            "events": Key("NAME: contract event", "`on: role.NAME`, fields as `event.field`"),
            "values": Key("NAME: contract value", "read as `role.name`, at most once per macrostep"),
            "unsafe": Key("[unsafe]", "pairs of orders, see [below](#what-safe-means)"),
            "lane": Key("note", "the medium its messages cross, a lifeline in pictures of a run: `PLC`"),
            "local": Key("texts", "orders and events that do not cross it: these stay between chart and adapter"),
            "person": Key("flag", "its events are what a person does: views offer them"),
            "formerly": Key(
                "NAME: NAME: text",
                "a contract that is no more, of which this one has taken over what it has: `{OLD: {old_name: name}}`,"
                " where names differ",
            ),
        },
    ),
    "contract action": Keys(
        "an action of a contract",
        {
            "args": Key("NAME: type", "given by name; those whose type has a `?` may be left out"),
            "result": Key(
                "NAME: type", "makes it a *long action*: `invoke: {call: …}` starts it, `onDone` has the result"
            ),
            "description": _NOTE,
            "clause": _CLAUSE,
            "source": _SOURCE,
        },
        short=("nothing",),
    ),
    "contract event": Keys("an event of a contract", _EVENT, short=("nothing",)),
    "contract value": Keys(
        "a value of a contract",
        {
            **_TYPE,
            "stale": Key("expression", "a duration: a value that old is told as the event `role.stale`"),
            "description": _NOTE,
        },
        short=("type text",),
    ),
    "unsafe": Keys(
        "'unsafe'",
        {
            "order": Key(
                "text", "`on()`; a named argument, a literal, tells orders of one action apart", required=True
            ),
            "until": Key("texts", "the order, or a list of them, that takes it back", required=True),
            "description": _NOTE,
        },
    ),
}


def of_action(name: str) -> Keys:
    """The keys of a mapping that is the action ``name``: its own, and those that stand beside it."""
    known = _ALONE.get(name)
    if known is None:
        keys = {other: key for other, key in TABLE["action"].keys.items() if name in (other, key.beside)}
        known = _ALONE[name] = Keys("an action", keys)
    return known


_ALONE: dict[str, Keys] = {}

CHART = TABLE["chart"]
PARAMETER = TABLE["parameter"]
DATA = TABLE["data"]
TEMPLATE = TABLE["template"]
TEMPLATE_ARGUMENT = TABLE["template argument"]
UNIT = TABLE["unit of roles"]
EVENT = TABLE["event"]
TYPE = TABLE["type"]
SESSION = TABLE["session"]
SHUTDOWN = TABLE["shutdown"]
STATE = TABLE["state"]
FINAL = TABLE["final state"]
HISTORY = TABLE["history state"]
INITIAL = TABLE["initial"]
INVARIANT = TABLE["invariant"]
TRANSITION = TABLE["transition"]
POLL = TABLE["poll"]
ACTION = TABLE["action"]
RAISE = TABLE["raise"]
SEND = TABLE["send"]
CANCEL = TABLE["cancel"]
FOREACH = TABLE["foreach"]
SPAWN = TABLE["spawn"]
STOP = TABLE["stop"]
INVOKE = TABLE["invoke"]
CONTRACT = TABLE["contract"]
CONTRACT_ACTION = TABLE["contract action"]
CONTRACT_EVENT = TABLE["contract event"]
CONTRACT_VALUE = TABLE["contract value"]
UNSAFE = TABLE["unsafe"]
