"""Levels in bursts of raw samples: what the board's C finds, and the pilot's volts of it."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.export.c_peer import compile_c
from tests.firmware.build import BOARD, STRICT

PERIOD_NS = 12_000
"""Of the ESP32-S3's converter at its highest rate: a pulse of 5 % at 1 kHz is four samples."""
SAMPLES = 256


class Plateau(ctypes.Structure):
    """As in plateau.h."""

    _fields_ = [(name, ctypes.c_uint16) for name in ("peak", "high", "low", "minimum", "mean")]
    peak: int
    high: int
    low: int
    minimum: int
    mean: int


class Scale(ctypes.Structure):
    """As in scale.h."""

    _fields_ = [("mv", ctypes.c_uint16 * 7)]


@pytest.fixture(scope="session")
def c(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The library."""
    folder = Path(tmp_path_factory.mktemp("plateau"))
    sources = [BOARD / "plateau.c", BOARD / "scale.c"]
    return ctypes.CDLL(str(compile_c(sources, folder / "plateau.so", ["-shared", "-fPIC", "-O1"], common=STRICT)))


def found(c: ctypes.CDLL, raw: list[int], duty: float, hz: int = 1000) -> Plateau:
    """What is found in a burst while the source shows `duty` %."""
    burst = (ctypes.c_uint16 * len(raw))(*raw)
    span = c.plateau_span(len(raw), PERIOD_NS, hz)
    plateau = Plateau()
    assert c.plateau_find(burst, span, round(duty * 100), ctypes.byref(plateau))
    return plateau


def burst(
    high: int,
    low: int,
    duty: float,
    *,
    hz: int = 1000,
    phase: float = 0.0,
    disturb: Callable[[int, int], int] | None = None,
) -> list[int]:
    """Raw samples of a PWM with a rise of 2 µs; ``phase`` of its first sample in periods."""
    raw = []
    for index in range(SAMPLES):
        at = (phase + index * PERIOD_NS * 1e-9 * hz) % 1.0
        edge_s = at / hz
        level = high if at < duty / 100 else low
        if at < duty / 100 and edge_s < 2e-6:
            level = (high + low) // 2
        raw.append(level if disturb is None else max(0, min(4095, disturb(index, level))))
    return raw


@given(
    st.integers(0, 4095),
    st.integers(0, 4095),
    st.sampled_from([3, 5, 8, 10, 50, 85, 96]),
    st.sampled_from([500, 1000, 2000]),
    st.floats(0, 0.999),
)
@settings(deadline=None, max_examples=300)
def test_both_levels_of_a_pwm_are_found_wherever_the_burst_begins(
    c: ctypes.CDLL, one: int, other: int, duty: int, hz: int, phase: float
) -> None:
    """A 5 % pulse of 1 kHz is four samples, one of them on its rise."""
    high, low = max(one, other), min(one, other)
    plateau = found(c, burst(high, low, duty, hz=hz, phase=phase), duty, hz)
    assert (plateau.high, plateau.low) == (high, low)
    assert plateau.peak == high


@pytest.mark.parametrize("seed", range(20))
def test_disturbed_samples_move_no_level(c: ctypes.CDLL, seed: int) -> None:
    """Noise of 20 counts and four wild samples of 256, which the greatest and the smallest sample show."""
    source = random.Random(seed)
    wild = set(source.sample(range(240), 4))

    def disturb(index: int, level: int) -> int:
        return source.choice((0, 4095)) if index in wild else level + source.randint(-20, 20)

    plateau = found(c, burst(2480, 80, 5, phase=source.random(), disturb=disturb), 5)
    assert abs(plateau.high - 2480) <= 20
    assert abs(plateau.low - 80) <= 20
    assert plateau.peak == 4095 or plateau.minimum == 0


def test_a_steady_level_is_the_median(c: ctypes.CDLL) -> None:
    plateau = found(c, [1000] * 200 + [4095] * 56, 100)
    assert (plateau.high, plateau.low, plateau.peak, plateau.minimum) == (1000, 1000, 4095, 1000)
    assert plateau.mean == sum(([1000] * 200 + [4095] * 56)[:250]) // 250


def test_a_burst_of_no_whole_period_tells_nothing(c: ctypes.CDLL) -> None:
    assert c.plateau_span(80, PERIOD_NS, 1000) == 0
    assert c.plateau_span(84, PERIOD_NS, 1000) == 83
    assert not c.plateau_find((ctypes.c_uint16 * 1)(), 0, 500, ctypes.byref(Plateau()))


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=SAMPLES), st.integers(0, 10000))
@settings(deadline=None)
def test_any_samples_are_levels_between_the_smallest_and_the_greatest(
    c: ctypes.CDLL, raw: list[int], duty: int
) -> None:
    plateau = Plateau()
    assert c.plateau_find((ctypes.c_uint16 * len(raw))(*raw), len(raw), duty, ctypes.byref(plateau))
    samples = sorted(value & 4095 for value in raw)
    assert (plateau.minimum, plateau.peak) == (samples[0], samples[-1])
    assert plateau.low in samples
    assert plateau.high in samples
    assert plateau.low <= plateau.high


# ---------------------------------------------------------------- millivolts to volts


def scale(*mv: int) -> Scale:
    return Scale((ctypes.c_uint16 * 7)(*mv))


DEFAULT = (2300, 2000, 1700, 1400, 1100, 100, 100)


@pytest.mark.parametrize("volts", range(-12, 13))
def test_the_default_is_a_straight_line(c: ctypes.CDLL, volts: int) -> None:
    """100 mV a volt, 0 V at 1250 mV: what the public boards have."""
    assert c.scale_pilot_mv(ctypes.byref(scale(*DEFAULT)), 1250 + 100 * volts) == volts * 1000


@given(st.integers(800, 1500), st.floats(55, 115))
@settings(deadline=None)
def test_two_levels_calibrate_a_divider_with_an_offset(c: ctypes.CDLL, zero: int, slope: float) -> None:
    """The firmware replaced assumes a divider through 0, and C and D come out wrong."""
    own = scale(*DEFAULT)
    high, low = round(zero + 12 * slope), max(0, round(zero - 12 * slope))
    assert c.scale_calibrate(ctypes.byref(own), high, low)
    slope, zero_mv = (high - low) / 24, (high + low) / 2
    for volts in (12, 9, 6, 3, 0, -6, -12):
        assert abs(c.scale_pilot_mv(ctypes.byref(own), round(zero_mv + slope * volts)) - volts * 1000) < 60


@pytest.mark.parametrize(("high", "low"), [(1000, 1000), (0, 2400), (2400, 1300), (100, 0)])
def test_levels_that_cannot_be_those_calibrate_nothing(c: ctypes.CDLL, high: int, low: int) -> None:
    own = scale(*DEFAULT)
    assert not c.scale_calibrate(ctypes.byref(own), high, low)
    assert tuple(own.mv) == DEFAULT


@given(st.lists(st.integers(0, 3300), min_size=7, max_size=7), st.integers(0, 3299))
@settings(deadline=None, max_examples=300)
def test_volts_rise_with_millivolts_whatever_thresholds_hold(c: ctypes.CDLL, mv: list[int], at: int) -> None:
    own = scale(*sorted(mv[:5], reverse=True), *(min(value, 40) for value in mv[5:]))
    if c.scale_holds(ctypes.byref(own)):
        below, above = (c.scale_pilot_mv(ctypes.byref(own), value) for value in (at, at + 1))
        assert below <= above


@pytest.mark.parametrize(
    "mv",
    [
        (2000, 2300, 1700, 1400, 1100, 100, 100),
        (2300, 2000, 1700, 1400, 1100, 0, 100),
        (2300, 2250, 1700, 1400, 1100, 100, 100),
    ],
)
def test_thresholds_out_of_their_order_do_not_hold(c: ctypes.CDLL, mv: tuple[int, ...]) -> None:
    """The firmware replaced does not look."""
    assert not c.scale_holds(ctypes.byref(scale(*mv)))


def test_a_record_is_kept_whole_or_not_at_all(c: ctypes.CDLL) -> None:
    record = (ctypes.c_uint8 * 20)()
    c.scale_keep(ctypes.byref(scale(2400, 2000, 1700, 1450, 1250, 150, 100)), record)
    own = scale(*DEFAULT)
    for octet in range(20):
        record[octet] ^= 0x10
        assert not c.scale_restore(ctypes.byref(own), record)
        record[octet] ^= 0x10
    assert tuple(own.mv) == DEFAULT
    assert c.scale_restore(ctypes.byref(own), record)
    assert tuple(own.mv) == (2400, 2000, 1700, 1450, 1250, 150, 100)
