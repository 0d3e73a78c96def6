"""Fixtures shared by the V2G tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.v2g.josev import Josev
from tests.v2g.oracle import ExiOracle, OracleUnavailable


@pytest.fixture(scope="session")
def exi_oracle() -> Iterator[ExiOracle]:
    """EXIficient, started once; skips on a machine without a JDK or without the wheel."""
    try:
        oracle = ExiOracle()
    except OracleUnavailable as reason:
        pytest.skip(f"EXIficient oracle not available: {reason}")
    with oracle:
        yield oracle


@pytest.fixture(scope="session")
def josev() -> Iterator[Josev]:
    """The package iso15118 in its own environment, started once; skips where it cannot run."""
    try:
        peer = Josev()
    except OracleUnavailable as reason:
        pytest.skip(f"iso15118 peer not available: {reason}")
    yield peer
    peer.close()
