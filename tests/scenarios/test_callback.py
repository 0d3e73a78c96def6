"""Scenarios of machines/callback.yaml: a server is told, or is not, and nobody waits for it."""

from __future__ import annotations

import pytest

from tests.scenarios.stage import Stage

WORD = {"soc": 63, "full_soc": 80, "capacity": 64000.0, "energy": 12000.0, "EVCCID": bytes.fromhex("aabbccddeeff")}


def told(has_address: bool = True) -> Stage:
    """One word to tell, on its way."""
    return Stage("machines/callback.yaml", {"web.has_address": has_address}).post("tell", **WORD)


def tries(stage: Stage) -> list[float]:
    """When (s) each request was sent."""
    return [order.at_s for order in stage.orders if order.what == "web.tell"]


def ends(stage: Stage) -> list[str]:
    return [name + ("" if not data else f": {data['reason']}") for _, name, data in stage.said]


@pytest.mark.parametrize("status", [200, 204, 299])
def test_told_at_once(status: int) -> None:
    """All that the vehicle has said, in one request."""
    stage = told()
    assert stage.ordered("web.tell") == [WORD]
    stage.run(4.9).finish("request", status=status)
    assert ends(stage) == ["delivered"]
    assert len(tries(stage.run(3600))) == 1
    assert stage.active("idle")


def test_nobody_to_tell() -> None:
    stage = told(has_address=False)
    assert not stage.orders
    assert not stage.said
    assert not stage.unhandled
    assert stage.active("idle")


@pytest.mark.parametrize("status", [100, 199, 300, 301, 400, 404, 407, 430, 499])
def test_an_answer_that_would_be_the_same_again(status: int) -> None:
    """A redirection, too: it is told, and not followed."""
    stage = told().finish("request", status=status)
    assert ends(stage) == [f"given_up: HTTP {status}"]
    assert len(tries(stage.run(3600))) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_an_answer_that_may_be_another_one_soon(status: int) -> None:
    stage = told().finish("request", status=status)
    assert not stage.said
    stage.run(5).finish("request", status=200)
    assert ends(stage) == ["delivered"]


def test_longer_and_longer_between_tries_and_then_no_more() -> None:
    """At 0 s, and 5, 10, 15, 20 s after the one before has failed; the last reason is what is told."""
    stage = told()
    for _ in range(4):
        stage.fail("request", "connection refused")
        before = len(tries(stage))
        while len(tries(stage)) == before:
            stage.run(1)
    assert tries(stage) == [0, 5, 15, 30, 50]
    assert not stage.said
    stage.fail("request", "connection refused")
    assert ends(stage) == ["given_up: connection refused"]
    assert len(tries(stage.run(3600))) == 5


def test_no_answer() -> None:
    """After 5 s the connection is cut, and there is another try."""
    stage = told().run(4.9)
    assert stage.active("sending")
    stage.run(0.2)
    assert stage.active("failed")
    stage.run(4.8)
    assert len(tries(stage)) == 1
    stage.run(0.2)
    assert len(tries(stage)) == 2
    for _ in range(4):
        stage.run(5).run(20)
    assert ends(stage.run(60)) == ["given_up: no answer in time"]


def test_the_newest_word_counts() -> None:
    """One that comes meanwhile is told at once, with all its tries before it; what it replaces is not told any more."""
    stage = told().fail("request").run(5).fail("request")
    stage.post("tell", soc=64, EVCCID=b"\1")
    assert stage.ordered("web.tell")[-1] == {"soc": 64, "EVCCID": b"\1"}
    stage.fail("request").run(4.9)
    assert len(tries(stage)) == 3
    stage.run(0.2)
    assert len(tries(stage)) == 4
    stage.post("tell", soc=65, EVCCID=b"\1").finish("request", status=200)
    assert ends(stage) == ["delivered"]


def test_the_program_ends_before_another_try() -> None:
    """A word that would wait for one is given up and said so; nothing is tried again."""
    stage = told().fail("request", reason="connection refused").run(1).post("close")
    assert ends(stage) == ["given_up: connection refused, and the program ends"]
    assert len(tries(stage.run(3600))) == 1


def test_the_program_ends_while_a_word_is_on_its_way() -> None:
    """It may arrive, and nothing waits longer than for its answer."""
    good = told().post("close").run(1).finish("request", status=200)
    assert ends(good) == ["delivered"]
    bad = told().post("close").run(5.1)
    assert ends(bad) == ["given_up: no answer in time, and the program ends"]
    assert not Stage("machines/callback.yaml").post("close").run(10).said
