"""Scenarios of machines/pilot/board.yaml: a pilot that a board of its own shows and measures."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stage import MS, S, Stage


class Board(Stage):
    """The chart, with a port that is open and a board that has spoken, unless ``quiet``."""

    def __init__(self, *, quiet: bool = False, **parameters: Any) -> None:
        super().__init__("machines/pilot/board.yaml", **parameters)
        self.shows: dict[str, Any] = {"state": "A", "mode": "manual", "out": 100, "up": 10 * S, "diode": None}
        if not quiet:
            self.emit("board.connected").says()

    def says(self, **changed: Any) -> Board:
        """A status."""
        self.shows.update(changed)
        self.emit("board.status", **self.shows)
        return self

    def lives(self, seconds: float) -> Board:
        """It sends a status each 200 ms, as long as that."""
        for _ in range(round(seconds / 0.2)):
            self.run(0.2)
            if self.shows["up"] is not None:
                self.shows["up"] += 200 * MS
            self.says()
        return self

    @property
    def levels(self) -> list[tuple[float, float]]:
        return [(told["high"], told["low"]) for told in self.told("levels")]

    @property
    def told_to_show(self) -> list[dict[str, Any]]:
        return [dict(order.args) for order in self.orders if order.what in ("board.set_pwm", "board.set_mode")]


def test_a_board_that_has_not_spoken_is_no_pilot() -> None:
    """Nobody is invited before the board is there; what it says first is told with its levels."""
    board = Board(quiet=True)
    assert board.told("lost") == [{"reason": "the pilot board has not spoken yet"}]
    assert board.levels == [(0.0, 0.0)]
    board.emit("board.connected").run(1)
    assert board.told("found") == []
    board.says()
    assert [what for _, what, _ in board.said] == ["lost", "levels", "found", "levels"]
    assert board.levels[-1] == (12.0, 12.0)


def test_a_port_that_is_not_there_is_tried_again() -> None:
    board = Board(quiet=True)
    board.emit("board.lost", reason="/dev/serial0: no such file").run(3.5)
    assert board.times("board.connect") == [0.0, 1.0, 2.0, 3.0]
    assert board.logs == ["/dev/serial0: no such file"]


@pytest.mark.parametrize(
    ("state", "out", "diode", "levels"),
    [
        ("A", 100, None, (12.0, 12.0)),
        ("B", 5, None, (9.0, -12.0)),
        ("C", 5, True, (6.0, -12.0)),
        ("C", 5, False, (6.0, -6.0)),
        ("D", 100, None, (3.0, 3.0)),
        ("E", 5, None, (0.0, -12.0)),
        ("F", 0, None, (-12.0, -12.0)),
    ],
)
def test_what_the_station_measures(state: str, out: int, diode: bool | None, levels: tuple[float, float]) -> None:
    """By the board's letter. With PWM and no diode the low level follows the high one."""
    board = Board()
    board.says(state="B", out=100).forget().says(state=state, out=out, diode=diode)
    assert (board.data("high"), board.data("low")) == levels
    assert board.levels == [levels]
    board.forget().says()
    assert board.said == []
    assert board.data("duty") == out


def test_silence_is_told_in_its_time() -> None:
    """350 ms after its last word nobody knows what the pilot is: E, and why."""
    board = Board()
    board.lives(2).says(state="C").forget().run(0.349)
    assert board.said == []
    board.run(0.001)
    assert board.told("lost") == [{"reason": "the pilot board is silent"}]
    assert board.levels == [(0.0, 0.0)]
    board.forget().says()
    assert [what for _, what, _ in board.said] == ["found", "levels"]


def test_it_is_asked_all_the_time() -> None:
    board = Board()
    board.forget().lives(1)
    assert len(board.times("board.get_status")) == 20


def test_a_port_that_goes_is_told_at_once() -> None:
    board = Board()
    board.says(state="C").forget().emit("board.lost", reason="/dev/serial0: unplugged")
    assert board.told("lost") == [{"reason": "/dev/serial0: unplugged"}]
    assert board.levels == [(0.0, 0.0)]
    assert board.times("board.connect") == [0.0]


def test_a_port_that_takes_no_more_is_opened_again() -> None:
    board = Board()
    board.forget().breaks("board", "the port takes no more octets")
    assert board.times("board.connect") == [0.0]


def test_a_board_that_has_restarted() -> None:
    """Its uptime goes back: the power goes off, and it is told anew what to show."""
    board = Board()
    board.post("set_duty", duty=5.0).says(state="C", out=5).lives(5).forget()
    board.says(state="C", mode="dc", up=100 * MS)
    assert board.told("lost") == [{"reason": "the pilot board has restarted"}]
    assert board.levels == [(0.0, 0.0)]
    board.forget().says(up=150 * MS)
    assert board.told("found") == [{}]
    assert board.told_to_show == [{"mode": "manual"}]
    board.says(mode="manual", out=100, up=200 * MS)
    assert board.told_to_show[1:] == [{"duty": 5}]


def test_an_order_is_told_until_it_shows() -> None:
    board = Board()
    board.forget().post("set_duty", duty=5.0)
    board.lives(1.2)
    assert board.told_to_show == [{"duty": 5}] * 3
    board.says(out=5).forget().lives(5)
    assert board.told_to_show == []


def test_a_duty_is_never_more_than_was_ordered() -> None:
    """The board takes whole percents: 26.9 % would be 16.1 A."""
    board = Board()
    board.forget().post("set_duty", duty=26.9)
    assert board.told_to_show == [{"duty": 26}]


def test_an_order_that_came_while_the_first_was_under_way() -> None:
    board = Board()
    board.forget().post("set_duty", duty=5.0).post("set_duty", duty=0.0)
    assert board.told_to_show == [{"duty": 5}, {"duty": 0}]


@pytest.mark.parametrize("decides", ["host", "board"])
def test_a_board_that_does_not_obey_is_lost(decides: str) -> None:
    """Two seconds it shows something else."""
    board = Board(decides=decides)
    board.says(mode="manual").lives(3).says(mode="dc" if decides == "board" else "manual").forget()
    board.post("set_duty", duty=0.0).lives(1.8)
    assert board.told("lost") == []
    board.lives(0.4)
    assert board.told("lost") == [{"reason": "the pilot board does not show what it was told"}]


def test_the_host_decides_alone() -> None:
    """A board in its mode dc is put into manual first, and again when it falls out of it; its old duty is replaced."""
    board = Board(quiet=True)
    board.emit("board.connected").says(mode="dc", state="B", out=5)
    assert board.told_to_show == [{"mode": "manual"}]
    board.lives(0.6)
    assert board.told_to_show == [{"mode": "manual"}] * 2
    board.says(mode="manual")
    assert board.told_to_show[2:] == [{"duty": 100}]
    board.says(out=100).forget().says(mode="dc", out=5)
    assert board.told_to_show == [{"mode": "manual"}]
    assert board.order("board.restart_slac_hint") is None


def test_the_board_decides_alone() -> None:
    """Whatever the host orders between 100 % and 5 %, the board is told nothing."""
    board = Board(decides="board")
    assert board.told_to_show == [{"mode": "dc"}]
    board.says(mode="dc").forget()
    board.says(state="B", out=5).post("set_duty", duty=5.0).says(state="C").post("set_duty", duty=100.0).lives(5)
    assert board.told_to_show == []
    assert board.order("board.restart_slac_hint") is None


def test_state_F_is_the_host_s() -> None:
    """An outlet that is out of service shows F, whoever decides the rest; then the board has it again."""
    board = Board(decides="board")
    board.says(mode="dc", state="B", out=5).forget().post("set_duty", duty=0.0)
    assert board.told_to_show == [{"mode": "manual"}]
    board.says(mode="manual")
    assert board.told_to_show[1:] == [{"duty": 0}]
    board.says(out=0, state="F").lives(1).forget().post("set_duty", duty=100.0)
    assert board.told_to_show == [{"mode": "dc"}]


def test_a_vehicle_is_invited_anew_by_a_pulse_of_the_board() -> None:
    """The host takes 5 % away and gives it again; the board has shown it all the time. It is silent while it pulses."""
    board = Board(decides="board")
    board.says(mode="dc", state="B", out=5).post("set_duty", duty=5.0)
    assert board.order("board.restart_slac_hint") is None
    board.post("set_duty", duty=100.0).forget().post("set_duty", duty=5.0)
    assert board.order("board.restart_slac_hint") == {}
    board.run(0.6)
    assert board.told("lost") == []
    board.says().run(0.35)
    assert board.told("lost") == [{"reason": "the pilot board is silent"}]


def test_the_pulse_of_a_board_is_no_missing_diode() -> None:
    """It tells 100 % while the host has ordered 5 %; the station would take the level for a vehicle without a diode."""
    board = Board(decides="board")
    board.says(mode="dc", state="B", out=5).post("set_duty", duty=5.0).post("set_duty", duty=100.0)
    board.post("set_duty", duty=5.0).forget().says(out=100)
    assert (board.levels, board.data("low")) == ([], -12.0)
    board.says(out=5, diode=False)
    assert board.levels == [(9.0, -9.0)]


def test_an_order_that_does_not_show_yet_is_no_missing_diode() -> None:
    """The vehicle goes to C meanwhile."""
    board = Board()
    board.says(state="B").post("set_duty", duty=5.0).says(state="C")
    assert board.levels[-1] == (6.0, -12.0)


def test_a_board_that_does_not_come_back_from_its_pulse() -> None:
    board = Board(decides="board")
    board.says(mode="dc", state="B", out=5).post("set_duty", duty=5.0).post("set_duty", duty=100.0)
    board.post("set_duty", duty=5.0).forget().run(0.749)
    assert board.said == []
    board.run(0.001)
    assert board.told("lost") == [{"reason": "the pilot board is silent"}]


@pytest.mark.parametrize("state", ["C", "D"])
def test_no_pulse_under_load(state: str) -> None:
    board = Board(decides="board")
    board.says(mode="dc", state="B", out=5).post("set_duty", duty=5.0).post("set_duty", duty=100.0).says(state=state)
    board.post("set_duty", duty=5.0)
    assert board.order("board.restart_slac_hint") is None


def test_the_next_vehicle_is_not_pulsed() -> None:
    board = Board(decides="board")
    board.says(mode="dc", state="B", out=5).post("set_duty", duty=5.0).post("set_duty", duty=100.0)
    board.says(state="A", out=100).says(state="B", out=5).forget().post("set_duty", duty=5.0)
    assert board.order("board.restart_slac_hint") is None


def test_lines_that_cannot_be_read_change_nothing() -> None:
    board = Board()
    board.says(state="C").forget()
    board.emit("board.misfit", reason="bad_json", count=3).emit("board.refused", text="bad_value")
    assert board.said == []
    assert board.data("unreadable") == 3
    assert board.logs == [
        "3 lines of the pilot board cannot be read: bad_json",
        "the pilot board refuses: bad_value",
    ]


def test_at_the_end_it_shows_F_by_the_host_s_word() -> None:
    board = Board(decides="board")
    board.says(mode="dc", state="B", out=5).forget().stop()
    assert board.told_to_show == [{"mode": "manual"}, {"duty": 0}]
