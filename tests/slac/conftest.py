"""Fixtures shared by the SLAC tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.slac.peers import FramePeer, PeerUnavailable


@pytest.fixture(scope="session", params=["scapy", "pyslac"])
def frame_peer(request: pytest.FixtureRequest) -> Iterator[tuple[str, FramePeer]]:
    """A foreign codec, started once: its name and its process."""
    try:
        peer = FramePeer(request.param)
    except PeerUnavailable as reason:
        pytest.skip(str(reason))
    with peer:
        yield request.param, peer
