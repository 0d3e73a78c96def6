"""Executable content of SCXML (4, 6.2, 6.3) → actions of the chart language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.language.position import Position
from engine.tools.scxml.ecmascript import NotTranslatable
from engine.tools.scxml.expressions import SYSTEM_NAMES, Scope, duration_text, invalid, quoted, text_value
from engine.tools.scxml.xml import Element, ImportProblem

SCXML_PROCESSOR = "http://www.w3.org/TR/scxml/#SCXMLEventProcessor"
SEND_TYPES = (SCXML_PROCESSOR, "scxml", "")
Actions = list[dict[str, Any]]


@dataclass(slots=True)
class Content:
    """Translates executable content. ``warn`` is called with everything that can only fail; ``child_text`` makes the
    chart text of an ``<scxml>`` element that is a value."""

    scope: Scope
    warn: Callable[[str, Position], None]
    child_text: Callable[[Element], str]
    script_text: Callable[[Element], str]

    def block(self, parent: Element) -> Actions:
        """The actions inside an element, in order."""
        return [action for child in parent.children for action in self._action(child)]

    def _action(self, element: Element) -> Actions:
        self.scope.warn = lambda text, why: self.warn(f"{text!r} always fails when evaluated: {why}", element.position)
        match element.tag:
            case "raise":
                return [{"raise": self._need(element, "event")}]
            case "assign":
                return [self._assign(element)]
            case "log":
                return [self._log(element)]
            case "send":
                return [self._send(element)]
            case "cancel":
                return [self._cancel(element)]
            case "if":
                return [self._if(element)]
            case "foreach":
                return [self._foreach(element)]
            case "script":
                return self.script(element)
        raise ImportProblem(f"<{element.tag}> is no executable content this importer knows", element.position)

    def failure(self, text: str, why: str, position: Position) -> dict[str, Any]:
        """An action that only fails when it is carried out."""
        self.warn(f"{text!r} always fails when carried out: {why}", position)
        return {"log": "{" + invalid(text, why) + "}"}

    def _need(self, element: Element, name: str) -> str:
        value = element.get(name)
        if not value:
            raise ImportProblem(f"<{element.tag}> needs the attribute '{name}'", element.position)
        return value

    # ------------------------------------------------------------ values

    def value_of(self, element: Element, attribute: str = "expr") -> str:
        """``expr``, or the content of the element in its place."""
        expression = element.get(attribute)
        if expression is not None:
            return self.scope.value(expression)
        if element.children:
            if len(element.children) == 1 and element.children[0].tag == "scxml":
                return quoted(self.child_text(element.children[0]))
            why = "XML as a value has no place in the chart language"
            self.warn(f"<{element.tag}>: {why}", element.position)
            return invalid(f"<{element.children[0].tag}>", why)
        try:
            return text_value(element.text) if element.text.strip() else "None"
        except NotTranslatable as error:
            self.warn(f"<{element.tag}>: {error}", element.position)
            return invalid(element.text, str(error))

    def location(self, text: str) -> str | None:
        """The chart's name of a location, ``None`` when the document declares no such item."""
        return self.scope.data.get(text.strip())

    def params(self, element: Element) -> dict[str, str]:
        """``namelist`` and ``<param>`` (SCXML 5.7) as name → expression."""
        found: dict[str, str] = {}
        for name in (element.get("namelist") or "").split():
            found[name] = self.scope.value(name)
        for param in element.all("param"):
            name = self._need(param, "name")
            if name in found:
                self.warn(f"parameter '{name}' is given twice; the last value wins", param.position)
            expression = param.get("expr")
            if expression is None:
                expression = self._need(param, "location")
            found[name] = self.scope.value(expression)
        return found

    # ------------------------------------------------------------ actions

    def _assign(self, element: Element) -> dict[str, Any]:
        location = self._need(element, "location")
        name = self.location(location)
        if name is None:
            why = "a system variable" if location.strip() in SYSTEM_NAMES else "no such data item"
            return self.failure(f"assign to {location}", why, element.position)
        return {"assign": {name: self.value_of(element)}}

    def _log(self, element: Element) -> dict[str, Any]:
        parts = [part for part in (_escape(element.get("label") or ""),) if part]
        if (expression := element.get("expr")) is not None:
            parts.append("{" + self.scope.value(expression) + "}")
        return {"log": ": ".join(parts)}

    def _cancel(self, element: Element) -> dict[str, Any]:
        if (expression := element.get("sendidexpr")) is not None:
            return {"cancel": {"id_expr": self.scope.value(expression)}}
        return {"cancel": self._need(element, "sendid")}

    def _if(self, element: Element) -> dict[str, Any]:
        """The partitions between ``<elseif/>`` and ``<else/>`` (SCXML 4.3), nested by ``else``."""
        first: dict[str, Any] = {"if": self.scope.condition(self._need(element, "cond")), "then": []}
        current, branch = first, first["then"]
        for child in element.children:
            if child.tag in ("elseif", "else") and "else" in current:
                raise ImportProblem(
                    f"<{child.tag}> after the <else> of its <if>: it could never be reached", child.position
                )
            if child.tag == "elseif":
                nested: dict[str, Any] = {"if": self.scope.condition(self._need(child, "cond")), "then": []}
                current["else"] = [nested]
                current, branch = nested, nested["then"]
            elif child.tag == "else":
                branch = current["else"] = []
            else:
                branch.extend(self._action(child))
        return first

    def _foreach(self, element: Element) -> dict[str, Any]:
        array, item = self._need(element, "array"), self._need(element, "item")
        index = element.get("index")
        for name in (item, index):
            if name is not None and self.location(name) is None:
                return self.failure(f"foreach item {name}", "not a legal variable name", element.position)
        loop: dict[str, Any] = {"in": self.scope.value(array), "item": self.location(item)}
        if index is not None:
            loop["index"] = self.location(index)
        loop["do"] = self.block(element)
        return {"foreach": loop}

    def script(self, element: Element) -> Actions:
        """A script of plain assignments; any other is an action that fails."""
        try:
            statements = self.scope.script(self.script_text(element))
        except NotTranslatable as error:
            return [self.failure("script", str(error), element.position)]
        actions: Actions = []
        for location, value in statements:
            name = self.location(location)
            if name is None:
                actions.append(self.failure(f"{location} = …", "not a data item", element.position))
            else:
                actions.append({"assign": {name: self.scope.tree_value(value)}})
        return actions

    def _send(self, element: Element) -> dict[str, Any]:
        send: dict[str, Any] = {}
        kind = element.get("type") or ""
        event, event_expr = element.get("event"), element.get("eventexpr")
        if event_expr is not None:
            send["event_expr"] = self.scope.value(event_expr)
        elif event is not None:
            send["event"] = event
        else:
            return self.failure("send", "it has neither 'event' nor 'eventexpr'", element.position)
        if kind not in SEND_TYPES:
            self.warn(f"send of type {kind!r} always fails: the only processor is {SCXML_PROCESSOR}", element.position)
            send.pop("event", None)
            send["event_expr"] = invalid(f"send type {kind}", "no such event processor")
        elif (kind_expr := element.get("typeexpr")) is not None:
            name = send.pop("event_expr", None) or quoted(send.pop("event"))
            refused = invalid(f"send type {kind_expr}", "no such event processor")
            send["event_expr"] = f"{name} if {self.scope.value(kind_expr)} in {list(SEND_TYPES)!r} else {refused}"
        target = element.get("target")
        if (target_expr := element.get("targetexpr")) is not None:
            send["to_expr"] = self.scope.value(target_expr)
        elif target == "#_parent":
            send["to"] = "parent"
        elif target:
            send["to_expr"] = quoted(target)
        self._send_data(element, send)
        if element.get("id"):
            send["id"] = element.get("id")
        self._send_delay(element, send)
        if (location := element.get("idlocation")) is not None:
            name_of_id = self.location(location)
            if name_of_id is None:
                return self.failure(f"send idlocation {location}", "no such data item", element.position)
            send["id_location"] = name_of_id
        return {"send": send["event"] if list(send) == ["event"] else send}

    def _send_data(self, element: Element, send: dict[str, Any]) -> None:
        contents = element.all("content")
        if contents:
            send["content"] = self.value_of(contents[0])
        elif params := self.params(element):
            send["data"] = params

    def _send_delay(self, element: Element, send: dict[str, Any]) -> None:
        delay, expression = element.get("delay"), element.get("delayexpr")
        if expression is not None:
            constant = self.scope.constant(expression)
            if isinstance(constant, (str, int, float)):
                delay = str(constant)
            else:
                send["delay"] = f"duration({self.scope.value(expression)})"
                return
        if delay is not None:
            duration = duration_text(delay)
            if duration is None:
                self.warn(f"delay {delay!r} is no time: write 1.5s or 200ms", element.position)
            if duration != "0 s":
                send["delay"] = duration or f"duration({quoted(delay)})"


def _escape(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
