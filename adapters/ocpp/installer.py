"""Contract ``installer``: one that only takes its time, and a command of the station's.

The command gets the path of the file as its last argument and ends with 0 when the firmware is in place. It runs as
this program does, with nothing of what the central system said on its command line but that path, which is ours.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from adapters.settings import filled
from engine.adapter import Adapter, Cancellable, Setting, World

LONGEST: Final = 200
"""Characters of what a command said last."""


class SimulatedInstaller(Adapter):
    """Nothing is installed; :attr:`paths` has what was to be."""

    contract = "installer"
    behind = "simulated"
    settings: ClassVar[Mapping[str, Setting]] = {
        "duration": Setting("duration", 5_000_000_000, "Of an installation"),
        "fails": Setting("bool", False, "It is not taken"),
        "reboot": Setting("bool", False, "It runs after the program was started anew"),
        "runs": Setting("bool", True, "After a restart it runs"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self.paths: list[str] = []
        self._under_way: dict[str, Cancellable] = {}

    def install(self, *, call_id: str, path: str) -> None:
        self.paths.append(path)
        self._under_way[call_id] = self.port.call_later(self.config["duration"], lambda: self._end(call_id))

    def confirm(self, *, call_id: str) -> None:
        self.port.done(call_id, installed=self.config["runs"])

    def cancel_call(self, call_id: str) -> None:
        if call_id in self._under_way:
            self._under_way.pop(call_id).cancel()

    def _end(self, call_id: str) -> None:
        del self._under_way[call_id]
        if self.config["fails"]:
            self.port.failed(call_id, "it is not taken")
        else:
            self.port.done(call_id, reboot=self.config["reboot"])


class CommandInstaller(Adapter):
    """A command of this machine; runs on the real clock."""

    contract = "installer"
    settings: ClassVar[Mapping[str, Setting]] = {
        "install": Setting("list of string", [], "The command; the path of the file is its last argument"),
        "reboot": Setting("bool", True, "What it installs runs after the program was started anew"),
        "confirm": Setting("list of string", [], "Ends with 0 when the new firmware runs; none: it does"),
    }

    def __init__(self, config: Mapping[str, Any], world: World) -> None:
        super().__init__(filled(config, self.settings), world)
        self._under_way: dict[str, subprocess.Popen[str]] = {}

    def close(self) -> None:
        for call_id in list(self._under_way):
            self.cancel_call(call_id)

    def install(self, *, call_id: str, path: str) -> None:
        def ended(status: int, said: str) -> None:
            if status == 0:
                self.port.done(call_id, reboot=self.config["reboot"])
            else:
                self.port.failed(call_id, f"the command ended with {status}: {said}")

        if self.config["install"]:
            self._run(call_id, [*self.config["install"], path], ended)
        else:
            self.port.failed(call_id, "setting 'install' names no command")

    def confirm(self, *, call_id: str) -> None:
        if self.config["confirm"]:
            self._run(call_id, self.config["confirm"], lambda status, _: self.port.done(call_id, installed=status == 0))
        else:
            self.port.done(call_id, installed=True)

    def cancel_call(self, call_id: str) -> None:
        process = self._under_way.pop(call_id, None)
        if process is not None:
            process.kill()

    def _run(self, call_id: str, command: Sequence[str], ended: Callable[[int, str], None]) -> None:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                errors="replace",
            )  # fmt: skip
        except OSError as error:
            self.port.failed(call_id, str(error))
            return
        self._under_way[call_id] = process

        def wait() -> None:
            said = process.communicate()[0].strip().splitlines()
            self.port.call_soon_threadsafe(lambda: over(said[-1][:LONGEST] if said else "it said nothing"))

        def over(said: str) -> None:
            if self._under_way.pop(call_id, None) is not None:
                ended(process.returncode, said)

        threading.Thread(target=wait, name=f"installer {call_id}", daemon=True).start()
