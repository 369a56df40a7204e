"""How long Redwood takes to start: to be imported, to show its help, to list its plugins, with 0 and with 50 more.

Run ``python benchmarks/studies/import_time.py``. Each figure is the median and the fastest of several fresh
interpreters, with the start of the bare interpreter beside it.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

logger = logging.getLogger(__name__)

MEASURED = {
    "bare interpreter": ["-c", ""],
    "import redwood": ["-c", "import redwood"],
    "redwood --help": ["-m", "redwood", "--help"],
    "redwood plugins list": ["-m", "redwood", "plugins", "list"],
}

PLUGIN = """
from redwood.plugins.spec import SolverSpec, hookimpl

@hookimpl
def redwood_solvers():
    return [SolverSpec("dummy-{number}", "A dummy.", "torch:Solver", problems=("tsp",))]
"""


def main() -> None:
    """Measure, and log one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=11, help="fresh interpreters for each figure")
    repeats = parser.parse_args().repeats
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with tempfile.TemporaryDirectory() as folder:
        install_dummies(Path(folder), 50)
        for plugins, environment in ((0, {}), (50, {"PYTHONPATH": folder})):
            for name, words in MEASURED.items():
                seconds = [measure(words, environment) for _ in range(repeats)]
                figures = f"median {statistics.median(seconds):.3f} s, fastest {min(seconds):.3f} s"
                logger.info("%-22s %2d plugins: %s", name, plugins, figures)


def install_dummies(folder: Path, count: int) -> None:
    """Write plugins as installed distributions into a folder; the last one cannot be imported."""
    for number in range(count):
        name = f"dummy_{number}"
        body = PLUGIN.format(number=number) if number < count - 1 else "import no_such_module\n"
        (folder / f"{name}.py").write_text(body, encoding="utf-8")
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[redwood]\n{name} = {name}\n", encoding="utf-8")


def measure(words: list[str], environment: dict[str, str]) -> float:
    """Return the seconds that a fresh interpreter takes for some arguments."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], env={**os.environ, **environment}, capture_output=True, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
