"""Scenarios of machines/sdp/evcc.yaml: how a vehicle finds its station and connects to it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import Stage

HOST = "fe80::1%eth1"


def asking(**parameters: Any) -> Stage:
    return Stage("machines/sdp/evcc.yaml", **parameters)


def answered(
    stage: Stage, security: str = "none", *, host: str = HOST, port: int = 61851, transport: str = "tcp"
) -> Stage:
    return stage.emit("sdp.response", host=host, port=port, security=security, transport=transport)


def output(stage: Stage) -> tuple[bool, bool, str]:
    assert stage.ended
    result = stage.actor.output
    return result["connected"], result["tls"], result["reason"]


# ---------------------------------------------------------------- asking


@pytest.mark.parametrize(("tls", "security"), [(False, "none"), (True, "tls")])
def test_fifty_requests_a_quarter_of_a_second_apart(tls: bool, security: str) -> None:
    """55: with nobody there 50 requests at 250 ms, and after the last one's 250 ms the vehicle says why it gives up
    (ISO 15118-2 [V2G2-159], -161: 12.5 s)."""
    stage = asking(tls=tls)
    assert stage.orders[0].args == {"security": security}
    stage.run(12.499)
    assert stage.times("sdp.request") == [pytest.approx(0.25 * number) for number in range(50)]
    assert all(order.args == {"security": security} for order in stage.orders)
    assert not stage.ended
    stage.run(0.001)
    assert output(stage) == (False, False, "no station answered the SDP requests")
    assert stage.said == []


def test_the_number_of_requests_is_a_parameter() -> None:
    """One request, one wait."""
    stage = asking(C_sdp_requests=1).run(0.25)
    assert len(stage.orders) == 1
    assert output(stage) == (False, False, "no station answered the SDP requests")


def test_an_answer_ends_the_asking() -> None:
    """The station found is told with its address, and connected to at the address and port of its answer (57)."""
    stage = answered(asking().run(0.1), host="fe80::7%plc0", port=50123)
    assert stage.told("found") == [{"host": "fe80::7%plc0", "port": 50123, "tls": False}]
    assert [order.what for order in stage.orders] == ["sdp.request", "v2g.connect"]
    assert stage.order("v2g.connect") == {"host": "fe80::7%plc0", "port": 50123, "tls": False}
    stage.finish("connect", tls=False, refusal="")
    assert output(stage) == (True, False, "")
    assert len(stage.ordered("sdp.request")) == 1


@pytest.mark.parametrize(
    ("tls", "required", "security", "connects"),
    [
        (True, True, "tls", True),
        (True, False, "tls", True),
        (True, False, "none", True),
        (True, True, "none", False),
        (False, False, "none", True),
        (False, False, "tls", True),
    ],
)
def test_the_security_of_the_answer_counts(tls: bool, required: bool, security: str, connects: bool) -> None:
    """10: the answer says what the station has, and the vehicle takes that unless it insists on TLS."""
    stage = answered(asking(tls=tls, tls_required=required), security)
    if not connects:
        assert output(stage) == (False, False, "the station offers no TLS")
        assert stage.ordered("v2g.connect") == []
        return
    assert stage.told("found") == [{"host": HOST, "port": 61851, "tls": security == "tls"}]
    assert stage.order("v2g.connect") == {"host": HOST, "port": 61851, "tls": security == "tls"}
    stage.finish("connect", tls=security == "tls", refusal="")
    assert output(stage) == (True, security == "tls", "")


@pytest.mark.parametrize(
    "answer",
    [{"transport": "udp"}, {"port": 0}, {"transport": "udp", "port": 0}, {"port": 0, "security": "tls"}],
    ids=str,
)
def test_an_answer_nobody_can_connect_to(answer: dict[str, Any]) -> None:
    """UDP or port 0: the vehicle goes on asking as if nobody had answered."""
    stage = answered(asking().run(0.1), **answer)
    assert (stage.said, stage.unhandled) == ([], [])
    stage.run(0.149)
    assert len(stage.orders) == 1
    stage.run(0.001)
    assert [order.what for order in stage.orders] == ["sdp.request", "sdp.request"]
    answered(stage).finish("connect", tls=False, refusal="")
    assert output(stage) == (True, False, "")


def test_junk_does_not_end_the_asking() -> None:
    """A datagram that is no response changes nothing."""
    stage = asking().run(0.1).emit("sdp.bad_datagram", peer="[fe80::9]:1", reason="7 bytes")
    assert (stage.active("discovery.asking"), stage.unhandled) == (True, [])
    stage.run(0.15)
    assert stage.times("sdp.request") == [0.0, 0.25]


def test_a_request_that_could_not_be_sent() -> None:
    """The next one tries again, and the attempt counts: a dead link is no reason to ask for ever."""
    stage = asking(C_sdp_requests=3)
    for _ in range(3):
        stage.breaks("sdp", "Network is unreachable").run(0.25)
    assert stage.unhandled == []
    assert len(stage.orders) == 3
    assert output(stage) == (False, False, "no station answered the SDP requests")


# ---------------------------------------------------------------- connecting


def test_the_first_answer_counts() -> None:
    """A second answer, junk and a send that failed late are expected, and change nothing of the connection begun."""
    stage = answered(asking(), host="fe80::7%plc0", port=50123)
    answered(stage, "tls", host="fe80::8%plc0", port=50124)
    stage.emit("sdp.bad_datagram", peer="[fe80::9]:1", reason="7 bytes").breaks("sdp", "Network is unreachable")
    assert (len(stage.told("found")), stage.unhandled) == (1, [])
    assert stage.ordered("v2g.connect") == [{"host": "fe80::7%plc0", "port": 50123, "tls": False}]
    stage.finish("connect", tls=False, refusal="")
    assert output(stage) == (True, False, "")


def test_a_refused_connection_is_tried_again_ten_times() -> None:
    """57, 61: half a second after each refusal, ten attempts, and the reason at the end."""
    stage = answered(asking())
    for attempt in range(1, 11):
        assert len(stage.ordered("v2g.connect")) == attempt
        stage.run(0.01).fail("connect", "Connection refused")
        assert stage.active("connecting.pause")
        stage.run(0.499)
        assert len(stage.ordered("v2g.connect")) == attempt
        assert not stage.ended
        stage.run(0.001)
    assert len(stage.ordered("v2g.connect")) == 10
    assert output(stage) == (False, False, "the station did not accept the connection: Connection refused")
    assert len(stage.ordered("sdp.request")) == 1


def test_tls_that_is_refused_is_told_and_not_tried_again() -> None:
    """Another version or an unknown root would be refused 25 s long, and nobody would know why."""
    stage = answered(asking(tls=True), "tls").finish("connect", tls=True, refusal="TLS: no version in common")
    assert output(stage) == (False, False, "TLS: no version in common")
    assert len(stage.ordered("v2g.connect")) == 1


def test_a_station_that_does_not_answer_the_connect() -> None:
    """An attempt ends after 2 s; the next comes half a second later and may succeed."""
    stage = answered(asking()).run(1.999)
    assert stage.active("connecting.attempt")
    stage.run(0.001)
    assert stage.active("connecting.pause")
    stage.run(0.499)
    assert len(stage.ordered("v2g.connect")) == 1
    stage.run(0.001)
    assert stage.ordered("v2g.connect") == [{"host": HOST, "port": 61851, "tls": False}] * 2
    stage.finish("connect", tls=False, refusal="")
    assert output(stage) == (True, False, "")


def test_no_answer_to_any_connect() -> None:
    """Ten attempts of 2 s with half a second between: 25 s, then the vehicle gives up."""
    stage = answered(asking()).run(24.999)
    assert len(stage.ordered("v2g.connect")) == 10
    assert not stage.ended
    stage.run(0.001)
    assert output(stage) == (False, False, "the station did not accept the connection: no answer")


def test_the_number_of_attempts_is_a_parameter() -> None:
    """One attempt, no second."""
    stage = answered(asking(C_connect=1)).fail("connect").run(0.5)
    assert len(stage.ordered("v2g.connect")) == 1
    assert output(stage) == (False, False, "the station did not accept the connection: it broke")
