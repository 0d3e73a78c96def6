"""Scenarios of machines/ocpp/transfer.yaml: as often as asked, and never again where that could not help."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import S, Stage


def begun(way: str = "upload", attempts: int = 3, **parameters: Any) -> Stage:
    what = {"location": "http://a/b", "name": "c", "path": "d" if way == "upload" else ""}
    return Stage("machines/ocpp/transfer.yaml", way=way, attempts=attempts, between=10 * S, **what, **parameters)


def test_up() -> None:
    stage = begun()
    assert stage.order("files.upload") == {"location": "http://a/b", "name": "c", "path": "d"}
    assert stage.finish("upload").output == {"how": "done", "path": "d"}


def test_down() -> None:
    stage = begun("download")
    assert stage.order("files.download") == {"location": "http://a/b", "name": "c"}
    assert stage.finish("download", path="e", size=1).output == {"how": "done", "path": "e"}


@pytest.mark.parametrize("way", ["upload", "download"])
def test_it_is_tried_as_often_as_asked_with_the_wait_between(way: str) -> None:
    stage = begun(way, attempts=3)
    for _ in range(2):
        stage.fail(way, "broken").run(9.999)
        assert not stage.ended
        stage.run(0.001)
    assert stage.times(f"files.{way}") == [0, 10, 20]
    assert stage.fail(way, "broken").output == {"how": "failed", "path": ""}


@pytest.mark.parametrize("reason", ["denied", "not_supported", "bad_location"])
@pytest.mark.parametrize("way", ["upload", "download"])
def test_what_another_attempt_cannot_mend_ends_it(way: str, reason: str) -> None:
    assert begun(way).fail(way, reason).output == {"how": reason, "path": ""}


@pytest.mark.parametrize("way", ["upload", "download"])
def test_an_attempt_has_its_time(way: str) -> None:
    """A server that takes everything and answers nothing."""
    stage = begun(way, attempts=2, T_transfer=60 * S).run(59.999)
    assert stage.active("trying")
    stage.run(0.001)
    assert stage.active("waiting")
    stage.run(10)
    assert len(stage.ordered(f"files.{way}")) == 2
    assert stage.run(60).output == {"how": "failed", "path": ""}


def test_half_an_hour_is_the_time() -> None:
    assert begun(attempts=1).run(1799.999).active("trying.uploading")
    assert begun(attempts=1).run(1800).ended
