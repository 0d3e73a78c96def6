"""Hides everything that charts and contracts declare ``secret: true`` from what people read or keep.

A stand-in of the same kind and length replaces a secret, always the same one during the life of one :class:`Veil`. So a
trace still shows whether two sides have the same key, and replays, but nobody learns the key from it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from engine.language.model import Chart
from engine.language.types import Type
from engine.run.json_values import Hidden
from engine.semantics.step import Call, Done, Effect, SendEvent, StartCall, StartChild
from engine.tools.trace.fields import fields_of

_NONE: frozenset[str] = frozenset()


def secret_fields(fields: Mapping[str, Type] | None) -> frozenset[str]:
    """The names of the secret fields."""
    return frozenset(name for name, type_ in (fields or {}).items() if type_.secret)


@lru_cache(maxsize=256)
def secrets_of(chart: Chart) -> dict[str, frozenset[str]]:
    """Secret fields by the names of :func:`fields_of`; ``data``, ``parameters`` and ``readings`` of the chart itself.
    Empty for a chart without secrets."""
    found = {name: secret_fields(types) for name, types in fields_of(chart).items()}
    found["data."] = frozenset(name for name, item in chart.data.items() if item.type.secret)
    found["parameters."] = frozenset(name for name, item in chart.parameters.items() if item.type.secret)
    found["readings."] = frozenset(
        f"{role}.{name}"
        for role, contract in chart.adapters.items()
        for name, type_ in contract.values.items()
        if type_.secret
    )
    return {name: names for name, names in found.items() if names}


class Veil:
    """Puts :class:`engine.run.json_values.Hidden` in the place of secrets. One for each trace or view."""

    def __init__(self) -> None:
        self._key = os.urandom(32)

    def hide(self, values: Any, secret: frozenset[str]) -> Any:
        """A mapping with its secret fields hidden; None and empty values reveal nothing and stay."""
        if not secret or not isinstance(values, Mapping):
            return values
        return {
            name: Hidden(self._stand_in(value)) if value and name in secret else value for name, value in values.items()
        }

    def event(self, chart: Chart, name: str, data: Any) -> Any:
        """The data of an event, hidden."""
        return self.hide(data, secrets_of(chart).get(name, _NONE))

    def own(self, chart: Chart, what: str, values: Any) -> Any:
        """``what``: ``data``, ``parameters`` or ``readings`` of a machine."""
        return self.hide(values, secrets_of(chart).get(f"{what}.", _NONE))

    def effect(self, chart: Chart, effect: Effect) -> Effect:
        """An effect with its secrets hidden."""
        known = secrets_of(chart)
        if not known:
            return effect
        match effect:
            case Call(role, action, args):
                secret = known.get(f"{role}.{action}()", _NONE)
                return Call(role, action, self.hide(args, secret)) if secret else effect
            case StartCall(id_, role, action, args):
                secret = known.get(f"{role}.{action}()", _NONE)
                return StartCall(id_, role, action, self.hide(args, secret)) if secret else effect
            case SendEvent(event=name, target=target):
                secret = known.get(f"{target}.{name}()", known.get(name, _NONE))
                return _with_data(effect, self.hide(effect.data, secret)) if secret else effect
            case StartChild(id_, invoke, given, key, source):
                secret = known.get(f"start {id_}()", _NONE)
                return StartChild(id_, invoke, self.hide(given, secret), key, source) if secret else effect
            case Done(output):
                return Done(self.hide(output, known.get("done()", _NONE)))
        return effect

    def _stand_in(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [self._stand_in(item) for item in value]
        text = value if isinstance(value, bytes) else str(value).encode(errors="backslashreplace")
        length = len(value) if isinstance(value, (bytes, str)) else 16
        made = hashlib.shake_256(hmac.digest(self._key, text, "sha256")).digest(length)
        return made if isinstance(value, bytes) else made.hex()[:length]


def _with_data(effect: SendEvent, data: Any) -> SendEvent:
    from dataclasses import replace

    return replace(effect, data=data)
