"""A virtual machine with Debian's kernel, which has SocketCAN, and this project in its memory.

QEMU interprets it, so no machine has to allow virtualisation; it is some ten times slower than its host. All it needs
is in its initramfs, at the places where this machine has it; the Python of the tests is its first process.
"""

from __future__ import annotations

import lzma
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.slac.peers import PEERS, ROOT

KERNEL = PEERS / "kernel"
QEMU = "qemu-system-x86_64"
MODULES = ("can", "can-raw", "can-dev", "vcan")
"""In the order they are loaded."""
MEMORY_MB = 1024
ENOUGH_S = 200
"""Processor time in which a guest without a fault is ready: it takes a third of it."""


class GuestUnavailable(Exception):
    """This machine cannot have the guest; the text says why."""


def kernel() -> Path:
    """The folder with ``vmlinuz`` and the modules, made on first use from the package of Debian's kernel. Raises
    ``GuestUnavailable``."""
    if platform.machine() != "x86_64":
        raise GuestUnavailable(f"a guest for {platform.machine()} is not tried")
    for program in (QEMU, "apt-get", "dpkg-deb", "ldd", "ip"):
        if shutil.which(program) is None:
            raise GuestUnavailable(f"a guest needs {program}")
    if not (KERNEL / "vmlinuz").exists():
        _fetch()
    return KERNEL


def _fetch() -> None:
    made = KERNEL.with_suffix(f".{os.getpid()}")
    made.mkdir(parents=True, exist_ok=True)
    try:
        said = _run(made, "apt-cache", "depends", "linux-image-amd64")
        found = re.search(r"Depends: (linux-image-[\w.+-]+)", said)
        if found is None:
            raise GuestUnavailable("apt-get has no linux-image-amd64")
        _run(made, "apt-get", "download", "-qq", found[1])
        (package,) = made.glob("*.deb")
        with (
            subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as unpacking,
            tarfile.open(fileobj=unpacking.stdout, mode="r|") as files,
        ):
            for member in files:
                name = Path(member.name).name
                wanted = "vmlinuz" if name.startswith("vmlinuz-") else name.removesuffix(".xz")
                if member.isfile() and (wanted == "vmlinuz" or wanted.removesuffix(".ko") in MODULES):
                    data = files.extractfile(member)
                    assert data is not None
                    packed = data.read()
                    (made / wanted).write_bytes(lzma.decompress(packed) if name.endswith(".xz") else packed)
        package.unlink()
        missing = {"vmlinuz", *(f"{name}.ko" for name in MODULES)} - {path.name for path in made.iterdir()}
        if missing:
            raise GuestUnavailable(f"{found[1]} has no {', '.join(sorted(missing))}")
        try:
            made.rename(KERNEL)
        except OSError:
            if not (KERNEL / "vmlinuz").exists():  # another worker was first otherwise
                raise
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise GuestUnavailable(f"{' '.join(command)}: {(done.stderr.strip() or done.stdout.strip())[-200:]}")
    return done.stdout


# ------------------------------------------------------------------------------------------------- what is in it


def packages(*roots: str) -> Iterator[Path]:
    """The files of installed distributions and of all they need."""
    waiting, seen = list(roots), set[str]()
    while waiting:
        wanted = Requirement(waiting.pop())
        key = re.sub(r"[-_.]+", "-", wanted.name).lower()
        for one in (key, *(f"{key}[{extra}]" for extra in sorted(wanted.extras))):
            if one in seen:
                continue
            seen.add(one)
            extra = one.removeprefix(key).strip("[]")
            try:
                found = distribution(key)
            except PackageNotFoundError:
                continue
            if not extra:
                yield from (Path(os.path.normpath(str(found.locate_file(file)))) for file in found.files or ())
            for text in found.requires or ():
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    waiting.append(f"{needed.name}[{','.join(needed.extras)}]" if needed.extras else needed.name)


def standard_library() -> Iterator[Path]:
    """The library of this Python without what only its own developers use."""
    for folder in {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}:
        for path in Path(folder).iterdir():
            if path.name in ("test", "idlelib", "ensurepip", "site-packages", "dist-packages", "lib2to3", "tkinter"):
                continue
            if path.is_file():
                yield path
            elif not path.name.startswith("config-"):
                yield from (file for file in path.rglob("*") if ".opt-" not in file.name)


def project() -> Iterator[Path]:
    """Charts, program and tests, as they lie there."""
    yield ROOT / "pyproject.toml"
    for folder in ("engine", "adapters", "machines", "tests"):
        yield from (ROOT / folder).rglob("*")


def shared_objects(files: Iterable[Path]) -> set[Path]:
    """What programs and extension modules are linked with."""
    linked = [str(file) for file in files]
    said = subprocess.run(["ldd", *linked], capture_output=True, text=True, check=False).stdout
    return {Path(path) for path in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", said, re.MULTILINE)}


class Archive:
    """A cpio archive as the kernel unpacks it (Documentation/driver-api/early-userspace/buffer-format.rst)."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._names: set[str] = set()

    def add(self, name: str, mode: int, data: bytes = b"", changed: int = 0) -> None:
        """One file with its folders; a second one of the same name is left out."""
        if name in self._names:
            return
        self._names.add(name)
        folder = name.rpartition("/")[0]
        if folder:
            self.add(folder, stat.S_IFDIR | 0o755)
        fields = (len(self._names), mode, 0, 0, 1, changed, len(data), 0, 0, 0, 0, len(name.encode()) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        self._parts += [head, bytes(-len(head) % 4), data, bytes(-len(data) % 4)]

    def copy(self, path: Path) -> None:
        """A file of this machine at its own place, with the links on the way there."""
        place = Path("/")
        for number, part in enumerate(path.parts[1:], 2):
            place /= part
            if place.is_symlink():
                to = os.readlink(place)
                self.add(str(place).lstrip("/"), stat.S_IFLNK | 0o777, to.encode())
                self.copy(Path(os.path.normpath(place.parent / to)).joinpath(*path.parts[number:]))
                return
        if path.is_file():
            about = path.stat()
            self.add(str(path).lstrip("/"), about.st_mode, path.read_bytes(), int(about.st_mtime))

    def written(self) -> bytes:
        self.add("TRAILER!!!", 0)
        return b"".join(self._parts)


def environment() -> list[Path]:
    """What the tests need of this machine, and the program ``ip``."""
    ip, python = Path(shutil.which("ip") or "ip"), Path(sys.executable)
    files = {ip, python, *standard_library(), *packages("chargechart[can]", "pytest")}
    files |= {Path(sys.prefix) / "pyvenv.cfg", *project()}
    files = {path for path in files if path.is_file()}
    programs = [path for path in files if path.suffix == ".so" or ".so." in path.name or path in (ip, python)]
    return sorted(files | shared_objects(programs))


FIRST = """#!{python} -B
import ctypes, os, subprocess, sys, traceback
libc = ctypes.CDLL(None, use_errno=True)
def called(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
try:
    for kind, place in (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")):
        os.makedirs(place, exist_ok=True)
        called(libc.mount(kind.encode(), place.encode(), kind.encode(), 0, None))
    console = os.open("/dev/console", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(console, descriptor)
    for name in {modules!r}:
        with open(f"/kernel/{{name}}.ko", "rb") as module:
            called(libc.syscall(313, module.fileno(), b"", 0))  # finit_module
    os.environ.update(PATH={path!r}, HOME="/tmp", LANG="C.UTF-8", PYTHONDONTWRITEBYTECODE="1",
                      PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    code = subprocess.run({command!r}, cwd={root!r}).returncode
    print("guest: ended with", code, flush=True)
except BaseException:
    traceback.print_exc()
os.sync()
libc.reboot(0x4321FEDC)  # power off
"""


def initramfs(command: list[str]) -> bytes:
    """The files of the guest, which runs this command and switches itself off."""
    archive = Archive()
    for folder in ("dev", "proc", "sys", "tmp"):
        archive.add(folder, stat.S_IFDIR | 0o755)
    for name in MODULES:
        archive.add(f"kernel/{name}.ko", stat.S_IFREG | 0o644, (kernel() / f"{name}.ko").read_bytes())
    for path in environment():
        archive.copy(path)
    path = ":".join(dict.fromkeys([str(Path(shutil.which("ip") or "").parent), "/usr/bin", "/bin"]))
    text = FIRST.format(python=sys.executable, modules=MODULES, path=path, command=command, root=str(ROOT))
    archive.add("init", stat.S_IFREG | 0o755, text.encode())
    return archive.written()


def _processor_s() -> float:
    """Of all that this process has started and waited for."""
    times = os.times()
    return times.children_user + times.children_system


def run(command: list[str], work: Path, seconds: float) -> tuple[int | None, str]:
    """The command's exit code in the guest (None: it did not come so far in this time) and what was on its serial line.
    Raises ``GuestUnavailable``."""
    image, files = kernel() / "vmlinuz", work / "initramfs"
    files.write_bytes(initramfs(command))
    qemu = [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot"]
    qemu += ["-accel", "tcg,thread=single", "-cpu", "max", "-m", str(MEMORY_MB)]
    qemu += [
        "-kernel",
        str(image),
        "-initrd",
        str(files),
        "-append",
        "console=ttyS0 quiet panic=-1 random.trust_cpu=on",
    ]
    used_s = _processor_s()
    try:
        done = subprocess.run(qemu, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as late:
        used_s = _processor_s() - used_s
        if used_s < ENOUGH_S:
            raise GuestUnavailable(f"this machine is too busy: {used_s:.0f} s of it in {seconds:.0f} s") from None
        return None, (late.stdout or b"").decode(
            errors="replace"
        ) + f"\nnot ready after {used_s:.0f} s of processor time"
    finally:
        files.unlink()
    said = (done.stdout + done.stderr).decode(errors="replace").replace("\r\n", "\n")
    found = re.search(r"^guest: ended with (-?\d+)$", said, re.MULTILINE)
    return int(found[1]) if found else None, said
