"""Scenarios of machines/ocpp/store.yaml: a station whose file is broken says so, and goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import S, Stage


def broken(trouble: str = "full", **parameters: Any) -> Stage:
    stage = Stage("machines/ocpp/store.yaml", **parameters)
    return stage.emit("store.broken", trouble=trouble, reason=f"c.db: {trouble}")


@pytest.mark.parametrize("trouble", ["full", "read_only", "other"])
def test_it_is_told_and_looked_at_until_it_can_be_written(trouble: str) -> None:
    """Once, not at each look."""
    stage = broken(trouble).emit("store.failed", reason="x")
    assert stage.told("store_lost") == [{"trouble": trouble, "reason": f"c.db: {trouble}"}]
    assert stage.logs == [f"c.db: {trouble}"]
    for _ in range(3):
        assert stage.forget().run(59.999).orders == []
        assert stage.run(0.001).ordered("store.look") == [{}]
        stage.fail("look", "still").emit("store.broken", trouble=trouble, reason="again")
    assert stage.said == []
    stage.run(60).finish("look")
    assert stage.told("store_back") == [], "a nearly full disk takes a look, and no message"
    assert len(stage.forget().run(60).finish("look").run(59).ordered("store.look")) == 1
    stage.emit("store.mended")
    assert stage.told("store_back") == [{}]
    assert stage.forget().run(1000).orders == []
    assert stage.unhandled == []


@pytest.mark.parametrize("when", ["waiting", "looking"])
def test_whoever_writes_first_finds_out(when: str) -> None:
    stage = broken()
    if when == "looking":
        stage.run(60)
    stage.emit("store.mended")
    assert (stage.told("store_back"), stage.active("good")) == ([{}], True)
    assert stage.emit("store.mended").told("store_back") == [{}]
    assert stage.unhandled == []


def test_a_damaged_file_is_set_aside() -> None:
    stage = broken("damaged")
    assert stage.ordered("store.set_aside") == [{}]
    stage.emit("store.mended").finish("renewed", name="c.db.damaged1", rows=7)
    assert stage.told("store_renewed") == [{"name": "c.db.damaged1", "rows": 7}]
    assert (stage.told("store_back"), stage.active("good")) == ([{}], True)


def test_a_damaged_file_that_cannot_be_set_aside() -> None:
    stage = broken("damaged").fail("renewed", "read-only file system")
    assert (stage.told("store_renewed"), stage.told("store_back"), stage.active("lost.waiting")) == ([], [], True)
    assert stage.run(60).ordered("store.look") == [{}]


def test_a_damaged_file_may_be_left_to_people() -> None:
    stage = broken("damaged", set_damaged_aside=False, T_look=5 * S)
    assert (stage.ordered("store.set_aside"), stage.run(5).ordered("store.look")) == ([], [{}])


def test_another_trouble_is_told() -> None:
    stage = broken("full").emit("store.broken", trouble="damaged", reason="malformed")
    assert stage.told("store_lost")[1:] == [{"trouble": "damaged", "reason": "malformed"}]
    assert stage.ordered("store.set_aside") == [{}]
