"""``engine upgrade``: rewrite charts of the version of the language before."""

from __future__ import annotations

import argparse
import difflib
import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.check import chart_files

if TYPE_CHECKING:
    from engine.language.model import Contract
    from engine.tools.upgrade import Upgrade

_EPILOG = """examples:
  engine upgrade machines/            rewrite every chart and contract in the folder
  engine upgrade machines/ --diff     show what would change
  engine upgrade machines/ --check    for CI: fail when something is to be upgraded
  engine upgrade charts/ --contracts old/adapters/
                                      charts that do not fit the contracts of today's adapters: by those of their time

Comments and layout stay; of a chart of the present version only roles are rewritten whose contract is no more. A chart
that cannot be upgraded, or would not mean the same, is named with its place and the reason, and then no file is
written. Contracts in the folders of the charts and of --contracts are taken before those of the installed adapters.
exit codes: 0 done, 1 something is to be upgraded (--check), 2 a file cannot be upgraded
"""


_HINT = """\
Where a chart does not fit the contracts of the installed adapters: --contracts FOLDER gives those it was written for,
such as the folder adapters/ of the version it comes from."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``engine upgrade``."""
    parser.epilog = _EPILOG
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a chart or a contract, or a folder of them")
    parser.add_argument(
        "--contracts",
        action="append",
        default=[],
        metavar="FOLDER",
        help="folder with the contracts that the charts were written for; may be given several times",
    )
    parser.add_argument("--diff", action="store_true", help="show what would change, write nothing")
    parser.add_argument("--check", action="store_true", help="write nothing, exit code 1 when something would change")


def run(args: argparse.Namespace) -> int:
    """Upgrade files, all of them or none."""
    from engine.tools.upgrade import UpgradeRefused, upgrade_file

    contracts = _contracts(args.contracts, args.paths) if args.contracts else None
    changed: list[Upgrade] = []
    refused: list[str] = []
    files = _files(args.paths)
    for path in files:
        try:
            upgrade = upgrade_file(path, contracts)
        except UpgradeRefused as error:
            refused.append(str(error))
            continue
        except UnicodeDecodeError:
            refused.append(f"{path}: no UTF-8")
            continue
        if upgrade.after != upgrade.before:
            changed.append(upgrade)
    for upgrade in changed:
        print(_diff(upgrade) if args.diff else upgrade.path)
    for reason in refused:
        print(reason)
    if refused and not args.contracts:
        print(_HINT)
    dry = args.diff or args.check
    if not refused and not dry:
        for upgrade in changed:
            _write(upgrade)
    done = "to be upgraded" if dry or refused else "upgraded"
    print(f"{len(files)} {'file' if len(files) == 1 else 'files'}, {len(changed)} {done}, {len(refused)} refused")
    if refused:
        return 2
    return 1 if args.check and changed else 0


def _contracts(folders: list[str], paths: list[str]) -> dict[str, Contract]:
    """The installed contracts, before them those in the folders of the charts, before them those of ``folders``.

    Raises ``ChartError`` when one of them does not load, ``OSError``.
    """
    from engine.language.load.contract import SUFFIX, installed_contracts, load_contract

    found = installed_contracts()
    for folder in [*paths, *folders]:
        files = sorted(Path(folder).rglob(f"*{SUFFIX}"))
        if folder in folders and not files:
            raise FileNotFoundError(errno.ENOENT, f"no file *{SUFFIX} in it", folder)
        found.update((contract.name, contract) for contract in map(load_contract, files))
    return found


def _files(paths: list[str]) -> list[Path]:
    """The named files, and the charts and contracts in the named folders."""
    found: dict[Path, None] = {}
    for text in paths:
        inside = sorted(Path(text).rglob("*.yaml")) if Path(text).is_dir() else []
        found.update(dict.fromkeys(inside or chart_files([text])))
    return list(found)


def _diff(upgrade: Upgrade) -> str:
    name = str(upgrade.path)
    before, after = (text.splitlines() for text in (upgrade.before, upgrade.after))
    return "\n".join(difflib.unified_diff(before, after, name, name, lineterm=""))


def _write(upgrade: Upgrade) -> None:
    """In one step: a chart is never half written."""
    beside = upgrade.path.with_name(f".{upgrade.path.name}.upgraded")
    beside.write_bytes(upgrade.after.encode("utf-8"))
    beside.chmod(upgrade.path.stat().st_mode)
    os.replace(beside, upgrade.path)
