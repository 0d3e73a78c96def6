"""The division and the doubles that firmware/qemu supplies to a core without them, beside those of this computer."""

from __future__ import annotations

import ctypes
import math
import operator
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.export.c_peer import compile_c
from tests.export.emulated import QEMU

REAL = ctypes.c_double
OF_TWO_REALS = {
    "__adddf3": operator.add,
    "__subdf3": operator.sub,
    "__muldf3": operator.mul,
    "__divdf3": lambda a, b: a / b if b else _by_zero(a, b),
}
OF_TWO_INTS: dict[str, tuple[Any, int, Callable[[int, int], int]]] = {
    "__udivsi3": (ctypes.c_uint32, 32, lambda a, b: a // b),
    "__umodsi3": (ctypes.c_uint32, 32, lambda a, b: a % b),
    "__udivdi3": (ctypes.c_uint64, 64, lambda a, b: a // b),
    "__umoddi3": (ctypes.c_uint64, 64, lambda a, b: a % b),
    "__muldi3": (ctypes.c_uint64, 64, lambda a, b: a * b % 2**64),
    "__divsi3": (ctypes.c_int32, 32, lambda a, b: abs(a) // abs(b) * _sign(a, b)),
    "__modsi3": (ctypes.c_int32, 32, lambda a, b: abs(a) % abs(b) * _sign(a, 1)),
    "__divdi3": (ctypes.c_int64, 64, lambda a, b: abs(a) // abs(b) * _sign(a, b)),
    "__moddi3": (ctypes.c_int64, 64, lambda a, b: abs(a) % abs(b) * _sign(a, 1)),
}


def _sign(a: int, b: int) -> int:
    return 1 if (a < 0) is (b < 0) else -1


def _by_zero(a: float, b: float) -> float:
    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, math.copysign(1, a) * math.copysign(1, b))


def _bits(value: float) -> str:
    return "nan" if math.isnan(value) else struct.pack(">d", value).hex()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The same C for this computer."""
    to = tmp_path_factory.mktemp("arithmetic") / "arithmetic.so"
    compile_c([QEMU / "xtensa_arithmetic.c"], to, ["-O1", "-fno-builtin", "-shared", "-fPIC"])
    return ctypes.CDLL(str(to))


def function(library: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> Any:
    found = getattr(library, name)
    found.restype, found.argtypes = result, arguments
    return found


any_bits = st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack(">d", bits.to_bytes(8, "big"))[0])
near = st.builds(lambda a, n: a * 2.0**-n, st.floats(-4, 4), st.integers(0, 60))
reals = st.one_of(st.floats(), any_bits, near, st.floats(-1e-300, 1e-300))


@pytest.mark.parametrize("name", OF_TWO_REALS)
@settings(max_examples=1000)
@given(a=reals, b=reals)
def test_doubles_are_those_of_ieee_754(library: ctypes.CDLL, name: str, a: float, b: float) -> None:
    found = function(library, name, REAL, REAL, REAL)(a, b)
    assert _bits(found) == _bits(OF_TWO_REALS[name](a, b)), (a.hex(), b.hex())


@given(a=st.integers(-(2**31), 2**31 - 1), real=st.floats(-0.999, 2**31 - 1))
def test_whole_numbers_become_doubles_and_back(library: ctypes.CDLL, a: int, real: float) -> None:
    assert function(library, "__floatsidf", REAL, ctypes.c_int32)(a) == a
    assert function(library, "__floatunsidf", REAL, ctypes.c_uint32)(a % 2**32) == a % 2**32
    assert function(library, "__fixdfsi", ctypes.c_int32, REAL)(real) == int(real)
    assert function(library, "__fixdfsi", ctypes.c_int32, REAL)(float(a)) == a
    assert function(library, "__fixunsdfsi", ctypes.c_uint32, REAL)(float(a % 2**32)) == a % 2**32
    wide = function(library, "__umulsidi3", ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint32)
    assert wide(a % 2**32, int(abs(real))) == a % 2**32 * int(abs(real))


@pytest.mark.parametrize("name", OF_TWO_INTS)
@given(data=st.data())
def test_whole_numbers_are_divided(library: ctypes.CDLL, name: str, data: st.DataObject) -> None:
    type_, bits, wanted = OF_TWO_INTS[name]
    signed = type_ in (ctypes.c_int32, ctypes.c_int64)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    a = data.draw(st.integers(low, high))
    b = data.draw(st.one_of(st.integers(low, high), st.integers(max(low, -300), 300)).filter(bool))
    found = function(library, name, type_, type_, type_)(a, b)
    assert found == type_(wanted(a, b)).value
