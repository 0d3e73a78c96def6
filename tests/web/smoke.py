"""A client of the Raspberry Pi station, written anew from its description: pings the board, waits for a vehicle,
matches, hints at a restart once, prints what it sees.

Exit codes: 0 matched, 2 no board, 3 no vehicle, 4 not matched.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.request
from typing import Any


def ask(base: str, path: str, body: Any = None) -> Any:
    """The JSON that is answered. Raises ``OSError`` for any 4xx and 5xx."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def until(seconds: float, base: str, path: str, holds: Any) -> bool:
    """Whether it held in time; what goes wrong meanwhile is tried again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if holds(ask(base, path)):
                return True
        except OSError:
            pass
        time.sleep(0.5)
    return False


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", default="http://localhost:8000")
    parser.add_argument("--timeout", type=float, default=30.0)
    args = parser.parse_args()
    try:
        print("pong:", ask(args.base, "/esp/ping", {})["pong"])
    except (OSError, KeyError) as error:
        print(f"no board: {error}")
        return 2
    if not until(args.timeout, args.base, "/vehicle/live", lambda live: live["cp"]["state"] in ("B", "C", "D")):
        return 3

    def matched() -> bool:
        def holds(live: Any) -> bool:
            return str(live["slac"]["state"]).upper() == "MATCHED"

        return until(args.timeout, args.base, "/vehicle/live", holds)

    ask(args.base, "/slac/start_matching", {})
    found = matched()
    if not found:
        ask(args.base, "/esp/restart_slac", {"reset_ms": 400})
        found = matched()
    print(json.dumps(ask(args.base, "/vehicle/live")))
    return 0 if found else 4


if __name__ == "__main__":
    sys.exit(main())
