"""The tests of SocketCAN on a kernel that has it: in a guest, since this machine's may not."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.can.guest import GuestUnavailable, run

PYTEST = [sys.executable, "-m", "pytest", "--noconftest", "-p", "no:cacheprovider", "-o", "addopts=", "--color=no"]


@pytest.mark.campaign
@pytest.mark.timeout(0)
def test_socketcan_in_a_guest(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """Debian's kernel, its modules can-raw and vcan, this Python and this project: every test of SocketCAN passes. It
    takes a minute; it may take nearly as long as any test may."""
    patience_s = float(pytestconfig.getini("faulthandler_timeout")) - 60.0
    try:
        code, said = run([*PYTEST, "tests/can/test_socketcan.py"], tmp_path, patience_s)
    except GuestUnavailable as reason:
        pytest.skip(str(reason))
    assert code == 0, said[-5000:]
    assert re.search(r"=+ 6 passed.* in ", said), said[-5000:]
    assert "skipped" not in said
