"""Network namespaces and veth pairs for tests on real interfaces. Needs root; ``available`` says why not otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")
CLONE_NEWNET = 0x40000000


@cache
def missing() -> str:
    """Why this machine cannot make network namespaces; empty when it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "the command 'ip' (iproute2) is not there"
    probe = f"cc{uuid.uuid4().hex[:8]}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"network namespaces cannot be made: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", probe], check=True)
    return ""


def ip(*words: str) -> None:
    """Run the command ``ip``; an error names it."""
    run = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"ip {' '.join(words)}: {run.stderr}"


@contextlib.contextmanager
def namespaces(*ends: tuple[str, str]) -> Iterator[dict[str, str]]:
    """One namespace per name in ``ends`` (interface, name) and in between veth pairs: ends 0-1, 2-3, …

    Gives name -> namespace. Links are up, without waiting for duplicate address detection.
    """
    tag = uuid.uuid4().hex[:6]
    names = {name: f"cc{tag}{name}" for _, name in ends}
    try:
        for namespace in names.values():
            ip("netns", "add", namespace)
            for key in ("accept_dad", "router_solicitations"):
                os.system(f"ip netns exec {namespace} sysctl -qw net.ipv6.conf.default.{key}=0")
        for (one, at_one), (other, at_other) in zip(ends[::2], ends[1::2], strict=True):
            ip("link", "add", one, "netns", names[at_one], "type", "veth", "peer", other, "netns", names[at_other])
            for interface, at in ((one, at_one), (other, at_other)):
                ip("-n", names[at], "link", "set", interface, "up")
        for interface, at in ends:
            _wait_for_address(names[at], interface)
        yield names
    finally:
        for namespace in names.values():
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)


def _wait_for_address(namespace: str, interface: str) -> None:
    """Until the kernel has given the interface its link-local address: some peers look for it once, at their start."""
    show = ["ip", "-n", namespace, "-6", "addr", "show", "dev", interface, "scope", "link"]
    for _ in range(100):
        shown = subprocess.run(show, capture_output=True, text=True, check=False).stdout
        if "inet6" in shown and "tentative" not in shown:
            return
        time.sleep(0.05)  # the kernel's own doing: nothing to wait on


def inside(namespace: str, work: Callable[[], T]) -> T:
    """Run ``work`` in a thread of its own within the namespace; its exception comes back."""
    result: dict[str, Any] = {}

    def run() -> None:
        try:
            enter(namespace)
            result["value"] = work()
        except BaseException as error:
            result["error"] = error

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if "error" in result:
        raise result["error"]
    value: T = result["value"]
    return value


def enter(namespace: str) -> None:
    """Move the calling thread into the namespace."""
    with open(f"/run/netns/{namespace}") as handle:
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.setns(handle.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())


async def wait_for(condition: Callable[[], Any], what: str, seconds: float = 5.0) -> None:
    """Let the loop run until the condition holds; fails with ``what`` after the time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not condition():
        assert loop.time() < end, f"waited {seconds} s for {what}"
        await asyncio.sleep(0.005)
