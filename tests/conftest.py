"""What all tests share."""

from __future__ import annotations

import os

# What this machine tells its Python (unbuffered output, other warnings, a path) must not decide how the programs behave
# that tests start.
for _name in [name for name in os.environ if name.startswith("PYTHON")]:
    del os.environ[_name]
