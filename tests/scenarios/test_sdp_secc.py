"""Scenarios of machines/sdp/secc.yaml: which answer a vehicle gets that looks for its station."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

PEER = "[fe80::2]:50000"


def opened(**parameters: Any) -> Stage:
    """The port is open."""
    stage = Stage("machines/sdp/secc.yaml", **parameters).emit("sdp.started", address="fe80::1")
    assert stage.active("open")
    return stage.forget()


def asked(stage: Stage, security: str, transport: str = "tcp") -> Stage:
    return stage.emit("sdp.request", peer=PEER, address="fe80::2", security=security, transport=transport)


def test_the_port_is_opened_once_and_closed_at_the_end() -> None:
    """A station hears vehicles from its start to its end, and leaves the port to others then."""
    stage = Stage("machines/sdp/secc.yaml")
    assert [order.what for order in stage.orders] == ["sdp.start"]
    assert stage.active("closed")
    assert stage.breaks("sdp", "the answer was not sent").unhandled == []
    stage.run(30)
    assert stage.active("closed")
    stage.emit("sdp.started", address="fe80::1").run(3600)
    assert [order.what for order in stage.orders] == ["sdp.start"]
    assert stage.active("open")
    stage.stop()
    assert [order.what for order in stage.orders] == ["sdp.start", "sdp.stop"]


def test_an_interface_without_an_address_is_looked_at_until_it_has_one() -> None:
    """It takes about a second after its cable is there; a vehicle must not find nobody for longer than that."""
    stage = Stage("machines/sdp/secc.yaml", T_address=100_000_000)
    for attempt in range(1, 4):
        stage.emit("sdp.no_address", reason="eth1 has no link-local address")
        assert stage.active("addressless")
        stage.run(0.099)
        assert len(stage.times("sdp.start")) == attempt
        stage.run(0.001)
        assert len(stage.times("sdp.start")) == attempt + 1
        assert stage.active("closed")
    assert stage.emit("sdp.started", address="fe80::1").active("open")


@pytest.mark.parametrize("was_open", [False, True])
def test_a_port_that_fails(was_open: bool) -> None:
    """A port that breaks, or cannot be opened, is tried again after T_sdp_restart, for ever."""
    stage = Stage("machines/sdp/secc.yaml")
    if was_open:
        stage.emit("sdp.started", address="fe80::1")
    for attempt in range(1, 4):
        stage.emit("sdp.failed", reason="Network is down")
        assert stage.active("broken")
        stage.run(0.999)
        assert len(stage.times("sdp.start")) == attempt
        stage.run(0.001)
        assert len(stage.times("sdp.start")) == attempt + 1
        assert stage.active("closed")
    stage.emit("sdp.started", address="fe80::1")
    assert stage.active("open")
    assert asked(stage, "none").order("sdp.answer") is not None


@pytest.mark.cases("CMN_SDP")
@pytest.mark.parametrize(
    ("port_tcp", "port_tls", "security", "answer"),
    [
        (61851, 0, "none", ("none", 61851)),
        (61851, 0, "tls", ("none", 61851)),
        (61851, 61852, "none", ("none", 61851)),
        (61851, 61852, "tls", ("tls", 61852)),
        (0, 61852, "none", ("tls", 61852)),
        (0, 61852, "tls", ("tls", 61852)),
    ],
)
def test_the_answer_names_what_there_is(port_tcp: int, port_tls: int, security: str, answer: tuple[str, int]) -> None:
    """10: what was asked for where it is offered, what there is otherwise (ISO 15118-2 [V2G2-626]), once, to the peer
    that asked, and the session's chart hears what was asked for."""
    stage = asked(opened(port_tcp=port_tcp, port_tls=port_tls), security)
    assert [order.what for order in stage.orders] == ["sdp.answer"]
    assert stage.order("sdp.answer") == {"peer": PEER, "security": answer[0], "port": answer[1]}
    assert stage.told("asked") == [{"security": security, "peer": "fe80::2"}]
    assert stage.data("answered") == 1


@pytest.mark.cases("CMN_SDP")
def test_every_request_is_answered() -> None:
    """55: also the second one, and the one of another vehicle; each counts."""
    stage = opened()
    peers = [PEER, PEER, "[fe80::3]:40000"]
    for peer in peers:
        stage.emit("sdp.request", peer=peer, address=peer[1:8], security="none", transport="tcp").run(1)
    assert [order["peer"] for order in stage.ordered("sdp.answer")] == peers
    assert stage.data("answered") == 3


@pytest.mark.cases("CMN_SDP")
@pytest.mark.parametrize("security", ["tls", "none"])
def test_no_v2g_over_udp(security: str) -> None:
    """A request for UDP gets no answer that promises it."""
    stage = asked(opened(port_tls=61852), security, "udp")
    assert (stage.orders, stage.said, stage.data("answered"), stage.unhandled) == ([], [], 0, [])


@pytest.mark.cases("CMN_V2GTPSDP")
def test_bad_datagrams_are_counted_and_not_answered() -> None:
    """Junk on the port is seen in the live view, and hurts nobody."""
    stage = opened()
    for number in (1, 2):
        stage.emit("sdp.bad_datagram", peer=PEER, reason="7 bytes")
        assert stage.data("bad") == number
    assert (stage.orders, stage.said, stage.unhandled) == ([], [], [])
    assert asked(stage, "none").order("sdp.answer") is not None


def test_an_answer_that_could_not_be_sent() -> None:
    """The port stays open: the vehicle asks again, and is answered."""
    stage = asked(opened(), "none").breaks("sdp", "No route to host").run(10)
    assert stage.active("open")
    assert stage.unhandled == []
    asked(stage, "none")
    assert len(stage.ordered("sdp.answer")) == 2


@pytest.mark.cases("CMN_SDP")
def test_silence_while_nobody_takes_a_session() -> None:
    """A vehicle that is answered and then turned down does not come back; one that is not answered asks again."""
    stage = asked(opened().post("be_silent"), "none")
    assert stage.order("sdp.answer") is None
    assert (stage.data("answered"), stage.unhandled) == (0, [])
    stage.emit("sdp.failed", reason="Network is down").run(1).emit("sdp.started", address="fe80::1")
    assert asked(stage, "tls").order("sdp.answer") is None, "also on a port that was opened anew"
    assert asked(stage.post("answer"), "none").order("sdp.answer") is not None
