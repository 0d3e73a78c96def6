"""The board's end of a pilot board, simulated (contracts ``pilot_host`` and ``pilot_front``): with
machines/pilot/firmware.yaml it is a board that any host can speak to on a pseudo terminal. What it decides is the
chart's; the C of the same chart runs on a real one (firmware/)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Final, cast

from adapters.pilot import uart
from adapters.pilot.cable import Cable, cable_of
from adapters.settings import filled
from engine.adapter import Adapter, AdapterError, Port, Setting, World

MS: Final = 1_000_000
LEAST_SPAN_MV: Final = 1200
"""Between +12 V and -12 V at the converter: 50 mV a volt."""
MV_PER_V: Final = 100
ZERO_MV: Final = 1250
"""At the converter while the pilot is at 0 V: the public boards' dividers have an offset."""
DEFAULTS: Final = dict(zip(uart.THRESHOLDS, (2300, 2000, 1700, 1400, 1100, 100, 100), strict=True))
_CABLE: Final = Setting("string", "1", "Name of the charging cable", names="unit")


class Converter:
    """What both adapters of a board share: its converter at the pilot, and the thresholds of it. The levels themselves
    are the pilot adapter's, which is ideal: thresholds are told and calibrated, they move none."""

    def __init__(self, cable: Cable) -> None:
        self.cable = cable
        self.thresholds = dict(DEFAULTS)
        self.began_ns = 0

    @property
    def cp_mv(self) -> int:
        """Of the high level."""
        return self._mv(self.cable.circuit.evse().high_V)

    @property
    def burst_mv(self) -> dict[str, int]:
        """What a burst without noise has."""
        high, low = self.cp_mv, self._mv(self.cable.circuit.evse().low_V)
        mean = round(low + (high - low) * self.cable.circuit.duty_percent / 100)
        return {"peak": high, "high": high, "low": low, "min": low, "mean": mean}

    @staticmethod
    def _mv(volts: float) -> int:
        return max(0, min(5000, round(ZERO_MV + MV_PER_V * volts)))

    def set(self, given: Mapping[str, int]) -> bool:
        """Thresholds of the host; False, and nothing changes, where they do not fall, each with its hysteresis."""
        wanted = {**self.thresholds, **given}
        edges: list[int] = []
        for name in reversed(uart.THRESHOLDS[:5]):
            width = wanted["hys_ab" if name == "t12" else "hys"]
            edges += [wanted[name] - width // 2, wanted[name] - width // 2 + width]
        holds = all(low < high for low, high in pairwise(edges))
        if holds:
            self.thresholds = wanted
        return holds

    def calibrate(self, high_mv: int, low_mv: int) -> bool:
        """By steady +12 V and -12 V; False, and nothing changes, when they cannot be those."""
        if high_mv - low_mv < LEAST_SPAN_MV:
            return False
        volt_mv = (high_mv - low_mv) / 24
        volts = zip(uart.THRESHOLDS, (10.5, 7.5, 4.5, 1.5, -1.5), strict=False)
        self.thresholds = {name: round(low_mv + volt_mv * (12 + volt)) for name, volt in volts}
        self.thresholds |= {"hys": round(volt_mv), "hys_ab": round(volt_mv)}
        return True


def _converter(world: World, cable: str) -> Converter:
    return cast(Converter, world.shared(f"pilot board {cable}", lambda: Converter(cable_of(world, cable))))


class SimulatedPilotFront(Adapter):
    """The board's converter and its PWM, beside the levels."""

    behind = "simulated"
    contract = "pilot_front"
    settings: ClassVar[Mapping[str, Setting]] = {"cable": _CABLE}

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self._converter = _converter(world, self.config["cable"])
        self._high_mv = self._low_mv = 0
        self._shown = 100

    def open(self, port: Port) -> None:
        super().open(port)
        self._converter.began_ns = port.now_ns()
        self._converter.cable.watch(self._look)

    def close(self) -> None:
        self._converter.cable.unwatch(self._look)

    def set_frequency(self, *, hz: int) -> None:
        """The circuit has no frequency."""

    def note_high(self) -> None:
        self._high_mv = self._converter.cp_mv

    def note_low(self) -> None:
        self._low_mv = self._converter.cp_mv

    def calibrate(self) -> None:
        self.port.emit("calibrated" if self._converter.calibrate(self._high_mv, self._low_mv) else "uncalibrated")

    def restart(self) -> None:
        self._converter.began_ns = self.port.now_ns()

    def _look(self) -> None:
        duty = round(self._converter.cable.circuit.duty_percent)
        if duty != self._shown:
            self._shown = duty
            self.port.emit("shown", duty=duty)


class PilotHost(Adapter):
    """Lines of a host and lines to it; where the octets go is a subclass's."""

    contract = "pilot_host"
    settings: ClassVar[Mapping[str, Setting]] = {"cable": _CABLE}

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self._converter = _converter(world, self.config["cable"])
        self._lines = uart.Lines(uart.LONGEST_COMMAND)

    def write(self, octets: bytes) -> None:
        """Octets to the host."""
        raise NotImplementedError

    def feed(self, octets: bytes) -> None:
        """Octets of the host. A line that is no command is answered here and told to nobody."""
        for line in self._lines.feed(octets):
            found = line if isinstance(line, uart.Misfit) else uart.decode_command(line)
            if isinstance(found, uart.Misfit):
                self._say({"type": "error", "msg": found.reason})
            else:
                self._take(found.name, found.fields)

    # ------------------------------------------------------------ orders

    def pong(self) -> None:
        self.write(uart.encode_report(uart.Pong()))

    def ok(self, *, command: str) -> None:
        self.write(uart.encode_report(uart.Ok(command)))

    def refuse(self, *, code: str) -> None:
        self.write(uart.encode_report(uart.Refusal(code, code)))

    def inputs(self) -> None:
        mv = {number: self._converter.cp_mv if number == 1 else 0 for number in range(1, 11)}
        self._say({"type": "res", "cmd": "cp.scan", "mv": mv, "burst": self._converter.burst_mv})

    def status(self, **shown: Any) -> None:
        self._say({"type": "status", **self._shown(**shown), "reset": "power", "thresh": self._converter.thresholds})

    def event(self, *, name: str, seq: int, **shown: Any) -> None:
        self._say({"type": "event", "event": name, "seq": seq, **self._shown(**shown)})

    # ------------------------------------------------------------ inside

    def _shown(self, state: str, mode: str, enabled: bool, duty: int, out: int, hz: int, diode: bool) -> dict[str, Any]:
        mv = self._converter.cp_mv
        up_ms = (self.port.now_ns() - self._converter.began_ns) // MS
        pwm = {"enabled": enabled, "duty": duty, "hz": hz, "out": out}
        shown = {"cp_mv": mv, "cp_mv_robust": mv, "state": state, "mode": mode, "pwm": pwm}
        return {**shown, "diode": diode, "up_ms": up_ms}

    def _say(self, body: Mapping[str, Any]) -> None:
        self.write(uart.line_of(body))

    def _take(self, name: str, fields: Mapping[str, Any]) -> None:
        match name:
            case "set_pwm" | "enable_pwm":
                self.port.emit(
                    "set_pwm",
                    with_duty="duty" in fields,
                    duty=fields.get("duty", 0),
                    with_enable="enable" in fields,
                    enable=fields.get("enable", False),
                )
            case "restart_slac_hint":
                self.port.emit(name, with_time="ms" in fields, time=fields.get("ms", 0) * MS)
            case "cp.set_thresholds" if not self._converter.set(fields):
                text = "bad_value: t12, t9, t6, t3, t0 fall, each with its hysteresis between it and the next"
                self._say({"type": "error", "msg": text})
            case _:
                self.port.emit(name.removeprefix("cp."), **fields if not name.startswith("cp.") else {})


class PtyPilotHost(PilotHost):
    """On a pseudo terminal. ``link`` is the path a host opens, a symbolic link to it."""

    real_clock = True
    settings: ClassVar[Mapping[str, Setting]] = {
        **PilotHost.settings,
        "link": Setting("string", "pilot-board", "The path that the host opens: a link to the pseudo terminal"),
    }
    _master: int = -1

    @classmethod
    def claims(cls, config: Mapping[str, Any]) -> Mapping[str, str]:
        return {"link": f"the path {config['link']}"}

    def open(self, port: Port) -> None:
        """Raises ``AdapterError`` where the link cannot be made."""
        super().open(port)
        self._master, slave = os.openpty()
        tty.setraw(slave)  # kept open: without a host its octets wait or are lost, as on a line
        os.set_blocking(self._master, False)
        self._slave = slave
        link = Path(self.config["link"])
        try:
            if link.is_symlink():
                link.unlink()
            link.symlink_to(os.ttyname(slave))
        except OSError as error:
            raise AdapterError(f"setting 'link': {error}") from None
        port.spawn(self._read())

    def close(self) -> None:
        if self._master >= 0:
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._master)
            os.close(self._slave)
            self._master = -1
            Path(self.config["link"]).unlink(missing_ok=True)

    def write(self, octets: bytes) -> None:
        if self._master >= 0:
            with contextlib.suppress(BlockingIOError):  # nobody reads: lost, as on a line without a host
                os.write(self._master, octets)

    async def _read(self) -> None:
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def _readable(self) -> None:
        try:
            octets = os.read(self._master, 4096)
        except BlockingIOError:
            return
        except OSError as error:
            asyncio.get_running_loop().remove_reader(self._master)
            self.port.error(f"{self.config['link']}: {error}")
            return
        self.feed(octets)
