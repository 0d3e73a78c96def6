"""Saves and restores a whole tree of machines: configuration, data, timers, delayed sends, queues, children.

Plain values only; ``engine.run.json_values.to_json`` makes JSON of them. Long actions of adapters are started again on
resume.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.language.model import Chart
from engine.language.traverse import child_nodes
from engine.run import effects
from engine.run.actor import Actor, Queued
from engine.run.served import serving
from engine.semantics.errors import SnapshotError
from engine.semantics.parameters import split_below
from engine.semantics.step import Event, SendEvent, StartCall, StartChild

if TYPE_CHECKING:
    from engine.adapter import Adapter
    from engine.run.binding import Binding
    from engine.run.served import ServedChart
    from engine.run.stale import StaleWatch
    from engine.run.system import System

SNAPSHOT_VERSION = 1

_Pending = tuple[int, int, Actor, str, Any]  # ns from now (-1: it waits already), order, whose, which kind, what


def take(actor: Actor) -> dict[str, Any]:
    """The snapshot of a machine and its children, between two macrosteps."""
    below = _below(actor)
    of_others = {"serving": actor.server.snapshot()} if actor.server is not None and actor.parent is None else {}
    return {"snapshot": SNAPSHOT_VERSION, **({"below": below} if below else {}), **of_others, **_take(actor)}


def restore(
    system: System,
    chart: Chart,
    snapshot: Mapping[str, Any],
    name: str,
    adapters: Mapping[str, Adapter | ServedChart | Actor | Binding],
) -> Actor:
    """A root machine as it was saved; its timers continue from ``system``'s present time once the system runs.

    ``system.start`` opens its adapters and starts its long actions again. Raises ``SnapshotError`` when the snapshot is
    of another version or chart, or damaged.
    """
    if not isinstance(snapshot, Mapping):
        raise SnapshotError(f"a snapshot is a mapping, not {type(snapshot).__name__}")
    if snapshot.get("snapshot") != SNAPSHOT_VERSION:
        raise SnapshotError(f"snapshot version {snapshot.get('snapshot')!r}; this program reads {SNAPSHOT_VERSION}")
    try:
        machine = _machine(system, chart, snapshot)
        actor = system.register(machine, name, None, None)
        own, below = split_below(chart, _mapping(snapshot.get("below", {})))
        if own:
            raise ValueError(f"{', '.join(own)} below no child")
        system.give_below(actor, below)
        system.bind_all(actor, adapters)
        if "serving" in snapshot:
            serving(actor).resume({**snapshot["serving"], "state": "running"})
        pending: list[_Pending] = []
        _restore(system, actor, snapshot, pending)
        pending.sort(key=lambda entry: entry[:2])
    except SnapshotError:
        raise
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise SnapshotError(f"the snapshot of {chart.name} is not whole: {type(error).__name__}: {error}") from error
    for remaining_ns, _, owner, kind, what in pending:
        if kind == "timer":
            effects.start_timer(system, owner, what, remaining_ns)
        elif kind == "send":
            effects.delay(system, owner, what, remaining_ns)
        else:
            system.enqueue(owner, what.event, what.sender)
    if machine.done:
        system.ended(actor, "done")
    return actor


def _below(actor: Actor) -> dict[str, Any]:
    """The parameters given to charts below the machine: children that it starts later run with them, too."""
    ids = actor.ids
    return {
        ".".join((*path[len(ids) :], name)): value
        for path, values in actor.system.parameters.items()
        if path[: len(ids)] == ids and len(path) > len(ids)
        for name, value in values.items()
    }


def _take(actor: Actor) -> dict[str, Any]:
    now_ns = actor.system.clock.now_ns()
    chart = actor.machine.chart
    return {
        "chart": chart.name,
        "text_hash": chart.text_hash,
        "core": actor.machine.core_snapshot(),
        "timers": [
            {"id": timer, "remaining_ns": max(0, deadline.due_ns - now_ns), "order": deadline.sequence}
            for timer, deadline in actor.timers.items()
        ],
        "sends": [
            {
                "effect": asdict(send.effect),
                "remaining_ns": max(0, send.deadline.due_ns - now_ns),
                "order": send.deadline.sequence,
            }
            for send in actor.sends.values()
        ],
        "queue": [
            {
                "event": asdict(queued.event),
                "order": order,
                "sender": [queued.sender.invoke.id, queued.sender.key]
                if queued.sender is not None and queued.sender.invoke is not None
                else None,
            }
            for order, queued in actor.system.waiting(actor)
            if not actor.system.superseded(actor, queued)  # it would be read as its successor's
        ],
        "calls": [asdict(call.effect) for call in actor.calls.values()],
        **({"served": served} if (served := _take_servers(actor)) else {}),
        **({"stale": stale} if (stale := _take_stale(actor)) else {}),
        "children": [
            {"id": child_id, "key": key, "source": child.source, **_take(child)}
            for (child_id, key), child in actor.children.items()
        ],
    }


def _take_servers(actor: Actor) -> dict[str, Any]:
    """The charts that stand where adapters of this machine do, by role."""
    servers = [server for server in actor.system.servers.values() if server.owner is actor]
    return {server.role: {**_take(server.actor), **server.snapshot()} for server in servers}


def _take_stale(actor: Actor) -> dict[str, list[str]]:
    """The values of which its machine has been told that they are stale, by role: not to be told again."""
    return {role: sorted(watch.told) for role, watch in _watches(actor) if watch.told}


def _watches(actor: Actor) -> Iterator[tuple[str, StaleWatch]]:
    """What watches the values of the adapters bound to this machine, those of its children's roles with it."""
    roles = actor.roles if actor.parent is None else {}
    of_units = {
        f"{unit}{number}.{role}": b for (unit, number), roles in actor.units.items() for role, b in roles.items()
    }
    for role, binding in {**roles, **of_units}.items():
        if binding.stale is not None:
            yield role, binding.stale


def _machine(system: System, chart: Chart, snapshot: Mapping[str, Any]) -> Any:
    if snapshot["text_hash"] != chart.text_hash:
        raise SnapshotError(
            f"the snapshot is of {snapshot['chart']} with text {snapshot['text_hash'][:12]}; the chart "
            f"{chart.name} ({chart.file}) has {chart.text_hash[:12]}: resume with the chart it was taken of"
        )
    return system.restore(chart, snapshot["core"])


def _restore(system: System, actor: Actor, snapshot: Mapping[str, Any], pending: list[_Pending]) -> None:
    actor.begun = True
    actor.calls_to_restart = tuple(StartCall(**call) for call in snapshot["calls"])
    told = _mapping(snapshot.get("stale", {}))
    for role, watch in _watches(actor):
        watch.told.update(told.get(role, ()))
    for role, part in snapshot.get("served", {}).items():
        _restore_server(system, actor, str(role), part, pending)
    for child in snapshot["children"]:
        _restore_child(system, actor, child, pending)
    for timer in snapshot["timers"]:
        pending.append((_whole(timer, "remaining_ns"), _whole(timer, "order"), actor, "timer", str(timer["id"])))
    for send in snapshot["sends"]:
        effect = SendEvent(**send["effect"])
        _texts(effect, "event", "id", "type")
        if effect.target is not None:
            _texts(effect, "target")
        pending.append((_whole(send, "remaining_ns"), _whole(send, "order"), actor, "send", effect))
    for item in snapshot["queue"]:
        sender = actor.children.get((item["sender"][0], item["sender"][1])) if item["sender"] else None
        event = Event(**item["event"])
        _texts(event, "name", "type", "sendid", "origin", "origintype", "invokeid")
        queued = Queued(actor, event, 0, sender)
        pending.append((-1, _whole(item, "order"), actor, "queue", queued))


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"what is kept by name is no {type(value).__name__}")
    return value


def _whole(part: Mapping[str, Any], key: str) -> int:
    value = part[key]
    if type(value) is not int or value < 0:
        raise ValueError(f"{key} must be a whole number, not {value!r}")
    return value


def _texts(part: SendEvent | Event, *names: str) -> None:
    for name in names:
        value = getattr(part, name)
        if not isinstance(value, str):
            raise TypeError(f"{name} must be text, not {value!r}")


def _restore_child(system: System, parent: Actor, snapshot: Mapping[str, Any], pending: list[_Pending]) -> None:
    child_id, key = snapshot["id"], snapshot["key"]
    nodes = [node for node in child_nodes(parent.machine.chart) if node.id == child_id]
    of_chart = [node for node in nodes if node.chart is not None and node.chart.name == snapshot["chart"]]
    node = next(iter(of_chart or nodes), None)
    if node is None:
        raise SnapshotError(f"{parent.machine.chart.name} has no child {child_id!r}, which the snapshot holds")
    effect = StartChild(child_id, node, {}, key, snapshot["source"])
    chart = effects.chart_of(system, parent, effect)
    child = effects.enrol_child(system, parent, effect, _machine(system, chart, snapshot))
    _restore(system, child, snapshot, pending)


def _restore_server(
    system: System, owner: Actor, role: str, snapshot: Mapping[str, Any], pending: list[_Pending]
) -> None:
    server = system.servers.get(f"{owner.path}/{role}")
    if server is None:
        raise SnapshotError(f"a chart stood behind role {role!r} of {owner.path}: resume with that one behind it")
    chart = server.actor.machine.chart
    system.replace(server.actor, _machine(system, chart, snapshot))
    _restore(system, server.actor, snapshot, pending)
    server.resume(snapshot)
