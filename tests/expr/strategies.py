"""Random well-typed expressions, as text, with an environment to evaluate them in."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from engine.language.expr.check import Scope
from engine.language.types import BOOL, DURATION, FLOAT, INT, STRING, UNITS, Kind, Type
from engine.language.values import EvaluationError

VOLT = Type(Kind.FLOAT, UNITS["V"])
AMPERE = Type(Kind.FLOAT, UNITS["A"])
KILOWATT = Type(Kind.FLOAT, UNITS["kW"])
MODE = Type(Kind.ENUM, values=("off", "slow", "fast"))
INTS = Type(Kind.LIST, item=INT)

VARIABLES = {
    "i": INT,
    "j": INT,
    "x": FLOAT,
    "b": BOOL,
    "s": STRING,
    "t": DURATION,
    "u": VOLT,
    "a": AMPERE,
    "p": KILOWATT,
    "mode": MODE,
    "ints": INTS,
    "maybe": Type(Kind.INT, optional=True),
}
SCOPE = Scope(
    variables=VARIABLES,
    parameters={"C_max": INT, "U_max": VOLT},
    readings={"meter": {"power": KILOWATT}},
    event={"soc": INT},
    in_state=lambda name: name if name in ("idle", "busy.deep") else ["idle", "busy.deep"],
    children={"session": INT},
)


class Values:
    """An environment with one value per name."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables

    def variable(self, name: str) -> Any:
        if name not in self.variables:
            raise EvaluationError(f"{name} has no value")
        return self.variables[name]

    def parameter(self, name: str) -> Any:
        return {"C_max": 10, "U_max": 500.0}[name]

    def event_field(self, name: str) -> Any:
        if name != "soc":  # reachable where nothing is typed, as in the engine
            raise EvaluationError(f"the event has no {name}")
        return 80

    def system_field(self, name: str) -> Any:
        return {"_name": "chart"}.get(name)

    def reading(self, role: str, name: str) -> Any:
        return 3.5

    def in_state(self, state: str) -> bool:
        return state == "idle"

    def alive(self, child: str, key: Any) -> int | bool:
        return 2 if key is None else key == 7


small_ints = st.integers(-1000, 1000)
small_floats = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: float(f"{value:.6g}"))
values = st.fixed_dictionaries(
    {
        "i": small_ints,
        "j": small_ints,
        "x": small_floats,
        "b": st.booleans(),
        "s": st.text(max_size=5),
        "t": st.integers(0, 10**12),
        "u": small_floats,
        "a": small_floats,
        "p": small_floats,
        "mode": st.sampled_from(MODE.values),
        "ints": st.lists(small_ints, max_size=4),
        "maybe": st.none() | small_ints,
    }
)


def _number(value: int | float) -> str:
    return f"({value!r})" if value < 0 else repr(value)


def numbers(depth: int) -> st.SearchStrategy[str]:
    """Plain numbers: also valid Python, so that Python itself is the oracle."""
    leaves = st.sampled_from(["i", "j", "x", "sum(ints)"]) | small_ints.map(_number) | small_floats.map(_number)
    if depth == 0:
        return leaves
    inner = numbers(depth - 1)
    return st.one_of(
        leaves,
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner).map(
            lambda p: f"{p[0]} {p[1]} {p[2]}"
        ),
        inner.map(lambda e: f"({e})"),
        inner.map(lambda e: f"-({e})"),
        st.tuples(inner, inner).map(lambda p: f"min({p[0]}, {p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"max({p[0]}, {p[1]})"),
        inner.map(lambda e: f"abs({e})"),
        st.tuples(inner, conditions(depth - 1), inner).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
    )


def conditions(depth: int) -> st.SearchStrategy[str]:
    """Conditions, also valid Python."""
    leaves = st.sampled_from(["b", "True", "False", "mode == 'fast'", "i in ints", "maybe is None", "s != 'a'"])
    if depth == 0:
        return leaves
    compare = st.tuples(
        numbers(depth - 1), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), numbers(depth - 1)
    ).map(lambda p: f"{p[0]} {p[1]} {p[2]}")
    chain = st.tuples(numbers(0), numbers(0), numbers(0)).map(lambda p: f"{p[0]} < {p[1]} <= {p[2]}")
    inner = conditions(depth - 1)
    return st.one_of(
        leaves,
        compare,
        chain,
        inner.map(lambda e: f"not {e}"),
        inner.map(lambda e: f"({e})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda p: f"{p[0]} {p[1]} {p[2]}"),
    )


def with_units() -> st.SearchStrategy[str]:
    """Expressions over units, strings, lists and everything else that is not plain Python."""
    return st.sampled_from(
        [
            "u * a",
            "u * a > 5 kW",
            "u + 400 mV",
            "p * t",
            "t * 2 + 250 ms",
            "t / 1 s",
            "u if b else 1 kV",
            "min(u, 1 kV, U_max)",
            "clamp(u, 0 V, 500 V)",
            "s + 'x\\n\\'\\x07'",
            "[i, 2, j]",
            "ints + [1]",
            "hex('00ff')",
            "len(ints) >= 2 and ints[0] == 1",
            "In('busy.deep') or In('idle')",
            "alive(session) < 5 and alive(session, i)",
            "meter.power >= 0.5 kW",
            "event.soc >= C_max",
            "not (maybe is None) and maybe > 3",
            "str(t) + str(i)",
            "i // 2 % 3 - -4",
            "(i - j) - (i - (j - 1))",
            "u / a",
            "-u",
            "1.5 if b else -2",
            "_event.name == 'x'",
            "80 % > 20 %",
            "i % (2)",
            "5 % (-i)",
            "5 % - 1 %",
            "10 V/s * t",
        ]
    )
