"""Scenarios of machines/slac/modem.yaml: the modem is found, keyed, restarted, and its link is watched."""

from __future__ import annotations

import pytest

from tests.scenarios.stage import S, Stage

KEY, NEWER = {"nmk": b"first    16 byte", "nid": b"first-7"}, {"nmk": b"second   16 byte", "nid": b""}
MODEM, FAR = b"\x00\xb0\x52\x00\x00\x01", b"\x00\xb0\x52\x00\x00\x02"
VERSION, SET_KEY, RESTART = "modem.VS_SW_VER_REQ", "modem.CM_SET_KEY_REQ", "modem.VS_RS_DEV_REQ"
STATUS = "modem.VS_PL_LINK_STATUS_REQ"
NONE_ANSWERS = "no HomePlug modem answers on eth1: is it powered, is it connected, is that its interface?"
TAKES_NO_KEY = "the HomePlug modem on eth1 takes no key, though restarted 3 times"


def stage(**parameters: object) -> Stage:
    return Stage("machines/slac/modem.yaml", {"modem.interface": "eth1"}, **parameters)


def answers(modem: Stage, source: bytes = MODEM) -> Stage:
    return modem.emit("modem.VS_SW_VER_CNF", source=source, version="MAC-QCA7005-1.1")


def confirms(modem: Stage, result: int = 1) -> Stage:
    return modem.emit("modem.CM_SET_KEY_CNF", result=result)


def takes(modem: Stage, result: int = 1) -> Stage:
    """It confirms the key and, restarted, answers."""
    return answers(confirms(modem, result))


def says_link(modem: Stage, link: bool) -> Stage:
    return modem.emit("modem.VS_PL_LINK_STATUS_CNF", link=link)


def keying() -> Stage:
    """The first key is on its way."""
    return answers(stage()).post("set_key", **KEY)


def keyed() -> Stage:
    """It is taken; what led there is forgotten."""
    return takes(keying()).forget()


def whats(modem: Stage) -> list[str]:
    return [order.what for order in modem.orders]


# ------------------------------------------------------------ modem and key


def test_modem_is_looked_for_until_it_answers() -> None:
    """38: a modem without power is asked for every T_detect and told of when it answers; it gets no key unasked."""
    modem = stage().run(0.999)
    assert modem.times(VERSION) == [0.0]
    modem.run(1.001)
    assert modem.times(VERSION) == [0.0, 1.0, 2.0]
    assert modem.told("present") == []
    answers(modem)
    assert modem.told("present") == [{"version": "MAC-QCA7005-1.1"}]
    assert modem.active("key.present")
    modem.run(60)
    assert whats(modem) == [VERSION] * 3
    assert modem.unhandled == []


def test_no_modem_answers() -> None:
    """38: nobody has to guess why nothing happens: after ten unanswered questions people are told once, by name of the
    interface; it goes on being asked, and works when it answers at last."""
    modem = stage().run(9.999)
    assert modem.told("fault") == modem.logs == []
    modem.run(0.001)
    assert modem.told("fault") == [{"reason": NONE_ANSWERS}]
    assert modem.logs == [NONE_ANSWERS]
    modem.run(3600)
    assert len(modem.times(VERSION)) == 3611
    assert len(modem.told("fault")) == len(modem.logs) == 1
    answers(modem.post("set_key", **KEY))
    assert modem.ordered(SET_KEY) == [KEY]
    takes(modem)
    assert [event for _, event, _ in modem.said] == ["fault", "present", "keyed"]


def test_interface_that_comes_up_is_asked_at_once() -> None:
    modem = stage().run(0.4).emit("modem.interface_up")
    assert modem.times(VERSION) == [0.0, 0.4]
    assert modem.active("key.absent")
    assert modem.told("present") == []


def test_modem_that_comes_up_has_its_ten_questions() -> None:
    """Nobody is told of a modem that has only just got its power."""
    modem = stage().run(9).emit("modem.interface_up").run(9.999)
    assert modem.told("fault") == []
    modem.run(0.001)
    assert modem.told("fault") == [{"reason": NONE_ANSWERS}]


def test_key_is_taken() -> None:
    """The key the parent gave goes to the modem once, with its NID, and the parent hears when it is taken."""
    modem = keying()
    assert modem.ordered(SET_KEY) == [KEY]
    assert modem.told("keyed") == []
    takes(modem)
    assert modem.told("keyed") == [{}]
    assert modem.active("key.keyed")
    modem.run(60)
    assert whats(modem) == [VERSION, SET_KEY]
    assert modem.told("fault") == []


def test_modem_is_deaf_after_a_key() -> None:
    """34: a QCA7000 restarts with its key and hears nothing for seconds.

    It is asked every T_hear, and the parent is told of the key when it answers: at once, not after a guessed time.
    """
    modem = confirms(keying()).forget().run(6.5)
    assert modem.active("key.deaf")
    assert modem.told("keyed") == []
    assert [round(at, 3) for at in modem.times(VERSION)] == [round(0.1 * n, 3) for n in range(1, 66)]
    answers(modem)
    assert modem.told("keyed") == [{}]
    modem.forget().run(60)
    assert modem.orders == []


def test_modem_that_stays_deaf() -> None:
    """34: ten seconds of silence after a key are normal; then the key is given again, and at last it is restarted."""
    modem = confirms(keying()).run(9.999)
    assert modem.ordered(SET_KEY) == [KEY]
    modem.run(0.001)
    assert modem.ordered(SET_KEY) == [KEY] * 2
    assert modem.told("keyed") == []
    for _ in range(2):
        confirms(modem).run(10)
    assert modem.active("key.restarting")
    takes(modem.run(7))
    assert modem.told("keyed") == [{}]


def test_newer_key_for_a_deaf_modem() -> None:
    """36: it waits until the modem hears; the older one is not told as taken, the newer one has all its attempts."""
    modem = confirms(confirms(confirms(keying(), 2), 2)).forget().run(3).post("set_key", **NEWER).run(3)
    assert modem.order(SET_KEY) is None
    answers(modem)
    assert modem.ordered(SET_KEY) == [NEWER]
    assert modem.told("keyed") == []
    assert confirms(confirms(modem, 2), 2).ordered(SET_KEY) == [NEWER] * 3
    takes(modem)
    assert modem.told("keyed") == [{}]
    assert modem.ordered(SET_KEY) == [NEWER] * 3


@pytest.mark.parametrize("result", [0, 1])
def test_both_results_are_good(result: int) -> None:
    """33: 0 by the standard, 1 from a QCA7000."""
    assert takes(keying(), result).told("keyed") == [{}]


def test_key_before_the_modem_is_there() -> None:
    """The last key asked for waits for the modem, and is given to it when it is there."""
    modem = stage().post("set_key", **NEWER).post("set_key", **KEY)
    assert whats(modem) == [VERSION]
    assert modem.active("key.absent")
    answers(modem.run(5))
    assert modem.ordered(SET_KEY) == [KEY]
    assert modem.active("key.keying")


@pytest.mark.parametrize("when", ["key.present", "key.keyed"])
def test_another_key(when: str) -> None:
    modem = keyed() if when == "key.keyed" else answers(stage()).forget()
    assert modem.active(when)
    modem.post("set_key", **NEWER)
    assert modem.ordered(SET_KEY) == [NEWER]
    assert takes(modem.forget()).told("keyed") == [{}]


def test_newer_key_waits_for_the_answer() -> None:
    """36: while a key is under way its answer is awaited, then the newest goes out; only that one is told as taken."""
    modem = keying().run(0.3).post("set_key", nmk=b"never sent 16 by", nid=b"never-7").post("set_key", **NEWER)
    assert modem.ordered(SET_KEY) == [KEY]
    confirms(modem)
    assert modem.ordered(SET_KEY) == [KEY, NEWER]
    assert modem.told("keyed") == []
    modem.run(0.999)
    assert modem.ordered(SET_KEY) == [KEY, NEWER]
    takes(modem)
    assert modem.told("keyed") == [{}]
    assert modem.ordered(SET_KEY) == [KEY, NEWER]


def test_newer_key_has_its_three_attempts() -> None:
    modem = confirms(keying().post("set_key", **NEWER)).forget()
    confirms(confirms(modem, 2), 2)
    assert whats(modem) == [SET_KEY, SET_KEY]
    assert modem.ordered(SET_KEY) == [NEWER] * 2


def test_silent_modem_is_restarted_then_called_faulty() -> None:
    """34: three requests a second apart, VS_RS_DEV, 7 s of silence, and that three times; then the parent is told once,
    and the modem is looked for again after T_fault, with the key it was to have."""
    modem = stage().post("set_key", **KEY)
    answers(modem)
    modem.run(2.999)
    assert modem.times(SET_KEY) == [0.0, 1.0, 2.0]
    assert modem.order(RESTART) is None
    modem.run(0.001)
    assert modem.times(RESTART) == [3.0]
    modem.run(6.999)
    assert len(modem.times(SET_KEY)) == 3
    modem.run(0.001)
    assert len(modem.times(SET_KEY)) == 4
    modem.run(33 - 10 - 0.001)
    assert modem.times(RESTART) == [3.0, 13.0, 23.0]
    assert modem.times(SET_KEY) == [10.0 * n + k for n in range(4) for k in range(3)]
    assert modem.told("fault") == []
    modem.run(0.001)
    assert modem.told("fault") == [{"reason": TAKES_NO_KEY}]
    assert modem.logs == [TAKES_NO_KEY]
    modem.run(29.999)
    assert modem.active("key.faulty")
    assert modem.times(VERSION) == [0.0]
    modem.run(0.001)
    assert modem.times(VERSION) == [0.0, 63.0]
    assert modem.active("key.absent")
    answers(modem.forget())
    assert modem.ordered(SET_KEY) == [KEY]
    modem.run(3)
    assert modem.times(RESTART) == [66.0]
    modem.run(30)
    assert modem.times("fault") == [96.0]


def test_refused_key_is_sent_again_at_once() -> None:
    """33: any other result is a refusal: three in all, then a restart, not a wait."""
    modem = keying()
    for count in (2, 3):
        confirms(modem, result=2)
        assert modem.ordered(SET_KEY) == [KEY] * count
        assert modem.order(RESTART) is None
    confirms(modem, result=2)
    assert whats(modem) == [VERSION, SET_KEY, SET_KEY, SET_KEY, RESTART]
    assert modem.told("keyed") == []
    takes(modem.run(7))
    assert modem.told("keyed") == [{}]


def test_no_attempts_are_owed_from_an_earlier_key() -> None:
    """Two refusals of one key leave the next one its three attempts."""
    modem = takes(confirms(confirms(keying(), 2), 2)).forget()
    modem.post("set_key", **NEWER)
    confirms(confirms(modem, 2), 2)
    assert modem.ordered(SET_KEY) == [NEWER] * 3
    assert modem.order(RESTART) is None


def test_modem_that_was_gone_gets_three_attempts() -> None:
    modem = confirms(confirms(keying(), 2), 2).emit("modem.interface_down", reason="unplugged").forget()
    assert modem.active("key.absent")
    answers(modem)
    confirms(confirms(modem, 2), 2)
    assert modem.ordered(SET_KEY) == [KEY] * 3
    assert modem.order(RESTART) is None


def test_no_restarts_are_owed_from_an_earlier_key() -> None:
    """A modem that took a key after a restart has all its restarts again."""
    modem = keying().run(10)
    takes(modem).forget()
    modem.post("set_key", **NEWER).run(33)
    assert modem.times(RESTART) == [13.0, 23.0, 33.0]
    assert modem.times("fault") == [43.0]


@pytest.mark.parametrize(("state", "after_s"), [("key.restarting", 3), ("key.faulty", 33)])
def test_key_asked_for_while_the_modem_is_no_good(state: str, after_s: int) -> None:
    """It neither disturbs the restart nor the pause; the modem gets the newer key when it is back."""
    modem = keying().run(after_s)
    assert modem.active(state)
    modem.forget().run(1).post("set_key", **NEWER)
    assert modem.active(state)
    assert modem.orders == []
    modem.run(6 if state == "key.restarting" else 29)
    if state == "key.faulty":
        answers(modem)
    assert modem.ordered(SET_KEY) == [NEWER]


def test_interface_that_goes_and_comes() -> None:
    """38: the parent hears that the modem is absent, and that it is there and keyed again."""
    modem = keyed().emit("modem.interface_down", reason="unplugged")
    gone = "the HomePlug modem on eth1 is gone: unplugged"
    assert modem.told("fault") == [{"reason": gone}]
    assert modem.logs == [gone]
    assert whats(modem) == [VERSION]
    assert modem.active("key.absent.missing")
    modem.run(60)
    assert len(modem.logs) == 1
    answers(modem.forget().emit("modem.interface_up"))
    assert whats(modem) == [VERSION, SET_KEY]
    assert [event for _, event, _ in takes(modem).said] == ["present", "keyed"]


# ------------------------------------------------------------ link


def test_link_is_not_asked_for_unless_watched() -> None:
    modem = keyed().run(20)
    assert modem.active("link.unwatched")
    assert modem.orders == []


def test_link_by_status() -> None:
    """Asked every T_link_poll until the modem says there is one; then once a second, without counting modems."""
    modem = keyed().post("watch_link")
    assert whats(modem) == [STATUS, VERSION]
    modem.run(0.249)
    assert modem.times(STATUS) == [0.0]
    says_link(modem.run(0.001), False)
    assert modem.times(STATUS) == modem.times(VERSION) == [0.0, 0.25]
    assert modem.told("link_up") == []
    assert modem.active("link.down")
    modem.run(0.25)
    assert modem.times(STATUS) == [0.0, 0.25, 0.5]
    modem.forget()
    says_link(modem, True)
    assert modem.told("link_up") == [{}]
    assert whats(modem) == [STATUS]
    for _ in range(20):
        says_link(modem.run(1), True)
    assert modem.times(STATUS) == [0.5 + n for n in range(21)]
    assert modem.order(VERSION) is None
    assert [event for _, event, _ in modem.said] == ["link_up"]
    assert modem.unhandled == []


def test_modem_that_says_no_link_is_believed() -> None:
    """Where the status says no link, the versions of two modems make none."""
    modem = says_link(keyed().post("watch_link"), False)
    answers(answers(modem), FAR)
    assert modem.told("link_up") == []
    assert modem.active("link.down")


def test_link_by_two_modems() -> None:
    """A modem that does not know VS_PL_LINK_STATUS: two answering modems are a link; one, however often, is none."""
    modem = keyed().post("watch_link")
    for _ in range(4):
        answers(modem).run(0.25)
    assert modem.told("link_up") == []
    assert modem.active("link.down.asking")
    answers(modem)
    answers(modem.forget(), FAR)
    assert modem.told("link_up") == [{}]
    assert whats(modem) == [STATUS, VERSION]
    for _ in range(10):
        answers(answers(modem.run(1)), FAR)
    assert modem.told("link_down") == []
    assert modem.times(VERSION) == [1.0 + n for n in range(11)]


def test_link_of_three_modems() -> None:
    modem = Stage("machines/slac/modem.yaml", C_modems_linked=3)
    confirms(answers(modem).post("set_key", **KEY)).post("watch_link")
    answers(answers(modem), FAR)
    assert modem.told("link_up") == []
    answers(modem, FAR)
    assert modem.told("link_up") == [{}]
    modem.run(1)
    for _ in range(2):
        answers(answers(modem), FAR).run(1)
    assert modem.told("link_down") == [{}]


def watched() -> Stage:
    """A link by its status, at 0 s; what led there is forgotten."""
    return says_link(keyed().post("watch_link"), True).forget()


@pytest.mark.parametrize("silent", [True, False], ids=["no answer", "answer: no link"])
def test_link_is_lost_after_three_polls(silent: bool) -> None:
    """37: told once, after C_link_lost polls without a link and not before; then it is looked for again."""
    modem = watched()
    for second in range(3):
        if not silent:
            says_link(modem, False)
        modem.run(0.999 if second == 2 else 1)
    assert modem.told("link_down") == []
    assert modem.active("link.up")
    modem.forget().run(0.001)
    assert modem.told("link_down") == [{}]
    assert modem.active("link.down")
    assert whats(modem) == [STATUS, VERSION]
    modem.run(20)
    assert len(modem.told("link_down")) == 1
    says_link(modem, True)
    assert modem.told("link_up") == [{}]
    modem.run(2.999)
    assert len(modem.told("link_down")) == 1
    modem.run(0.001)
    assert len(modem.told("link_down")) == 2


def test_link_that_comes_back_in_time() -> None:
    """37: two polls of three without a link, time and again, are none lost: one good poll begins the count anew."""
    modem = watched()
    for _ in range(5):
        says_link(says_link(modem.run(1), False).run(1), True)
    modem.run(2)
    assert modem.told("link_down") == []
    says_link(modem, True).run(2.999)
    assert modem.told("link_down") == []
    assert modem.order(VERSION) is None


def test_one_modem_alone_is_no_link() -> None:
    """Modems counted: the vehicle's modem is gone, the own one answers on."""
    modem = answers(answers(keyed().post("watch_link")), FAR).forget()
    for _ in range(3):
        answers(modem).run(1)
    assert modem.told("link_down") == [{}]


@pytest.mark.parametrize(("link", "lost_s"), [(False, 3.0), (True, 4.0)])
def test_modem_that_begins_to_tell_its_status(link: bool, lost_s: float) -> None:
    """Once the modem has told a status, that counts and versions do not: neither asked for nor believed."""
    modem = answers(answers(keyed().post("watch_link")), FAR).forget()
    says_link(modem, link)
    for _ in range(2):
        answers(answers(modem.run(1)), FAR)
    modem.run(0.999)
    assert modem.order(VERSION) is None
    modem.run(1.001)
    assert modem.times("link_down") == [lost_s]


def test_status_is_asked_anew_after_a_loss() -> None:
    """A modem that told its status once and has become one that does not is counted again."""
    modem = watched().run(3)
    assert modem.told("link_down") == [{}]
    answers(answers(modem), FAR)
    assert modem.told("link_up") == [{}]


def test_another_key_ends_the_watch() -> None:
    """A link of the old network is nobody's any more: it is neither asked for nor told as lost."""
    modem = watched().post("set_key", **NEWER)
    assert whats(modem) == [SET_KEY]
    takes(modem.forget()).run(20)
    assert modem.active("link.unwatched")
    assert modem.orders == []
    assert modem.told("link_down") == []
    modem.post("watch_link").run(2.999)
    says_link(modem, True).run(2.999)
    assert modem.told("link_down") == []


def test_times_are_the_stations() -> None:
    modem = stage(C_set_key_retry=0, C_restart=0, T_set_key=2 * S)
    answers(modem.post("set_key", **KEY)).run(1.999)
    assert modem.told("fault") == []
    modem.run(0.001)
    assert modem.told("fault") == [{"reason": TAKES_NO_KEY.replace("3", "0")}]
    assert whats(modem) == [VERSION, SET_KEY]
