"""Where and with what a benchmark was run."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from redwood.benchmarks.typed import Typed, Value


class Machine(Typed, frozen=True):
    """A machine with what is installed on it, and its load when it was looked at."""

    redwood: str
    commit: str
    python: str
    executable: str
    system: str
    cpu: str
    cores: int | None
    load_average: Value | None
    libraries: dict[str, str]


def provenance() -> Machine:
    """Return machine, versions and load."""
    return Machine(
        redwood=library_version("redwood"),
        commit=_commit(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        executable=sys.executable,
        system=platform.platform(),
        cpu=processor_name(),
        cores=os.cpu_count(),
        load_average=load_average(),
        libraries=library_versions(),
    )


def library_versions() -> dict[str, str]:
    """Return the versions of what Redwood depends on and of the outside solvers, where they are installed."""
    needed = [line for line in metadata.requires("redwood") or () if "extra ==" not in line or "peers" in line]
    names = [re.split(r"[^\w-]", line)[0] for line in needed]
    return {name: version for name in names if (version := library_version(name))}


def library_version(name: str) -> str:
    """Return the version of an installed distribution without importing it, or an empty string."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


@cache
def code_digest(targets: tuple[str, ...], session: str) -> str:
    """Return a digest of the Python sources behind lazy targets: their top-level packages or modules, as of a session."""
    digest = hashlib.sha256()
    for name in sorted({target.partition(":")[0].partition(".")[0] for target in targets}):
        for file in _sources(name):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def _sources(name: str) -> list[Path]:
    """Return the Python files of an importable module or package."""
    module = sys.modules.get(name)
    spec = module.__spec__ if module is not None else importlib.util.find_spec(name)
    if spec is None:
        return []
    if spec.submodule_search_locations:
        return sorted(file for folder in spec.submodule_search_locations for file in Path(folder).rglob("*.py"))
    return [Path(spec.origin)] if spec.origin and Path(spec.origin).is_file() else []


def processor_name() -> str:
    """Return the name of the processor, as the system tells it."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def load_average() -> float | None:
    """Return how many processes wanted a core over the last minute, or ``None`` where the system does not say."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def _commit() -> str:
    """Return the commit of the checkout that Redwood runs from, with ``+`` where files differ from it; or nothing."""
    folder = Path(__file__).resolve().parent
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        return commit + "+" * bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(folder: Path, *words: str) -> str:
    answer = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, timeout=10)
    return answer.stdout.strip()
