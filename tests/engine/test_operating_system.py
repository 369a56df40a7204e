"""What Windows lacks is missed by nobody but hard limits: tried in a process in which it cannot be imported."""

import subprocess
import sys
from pathlib import Path

import pytest

BARE = """
import os, sys
import psutil  # which imports one of the two itself where it can
sys.modules["fcntl"] = sys.modules["resource"] = None
for name in ("fork", "getuid", "sched_getaffinity", "sched_setaffinity"):
    if hasattr(os, name):
        delattr(os, name)
"""

SOLVE = """
import redwood
result = redwood.solve(redwood.generate("tsp", size=6, seed=0), "greedy", time_limit=2)
assert result.solution is not None, result
"""

HELP = """
from redwood.__main__ import main
for words in (["--help"], ["solve", "--help"], ["bench", "--help"], ["plugins", "list"], ["bench", "list"]):
    sys.argv = ["redwood", *words]
    assert main() == 0, words
"""

ISOLATED = """
import redwood
from redwood.errors import ExecutorError
try:
    redwood.solve(redwood.generate("tsp", size=6, seed=0), "greedy", time_limit=2, isolate=True)
except ExecutorError as error:
    assert "need os.fork" in str(error), error
else:
    raise AssertionError("a hard limit was promised where there is none")
"""

DOCTOR = """
from redwood.plugins.conformance.doctor import examine
from redwood.plugins.spec import Grade
assert [finding for finding in examine() if finding.grade is Grade.WRONG] == []
"""


@pytest.mark.parametrize("body", [SOLVE, HELP, ISOLATED, DOCTOR], ids=["solve", "help", "isolate", "doctor"])
def test_redwood_does_without_what_windows_lacks(body):
    """Without `fcntl`, `resource` and forks Redwood solves, shows its help and looks at plugins; a hard limit is refused."""
    run = subprocess.run([sys.executable, "-c", BARE + body], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr


def test_one_module_imports_what_windows_lacks():
    """`fcntl` and `resource` are imported in `redwood.operating_system` alone."""
    sources = Path(__file__).parents[2]
    found = [
        str(file.relative_to(sources))
        for folder in ("engine", "plugins", "problems", "solvers", "benchmarks")
        for file in (sources / folder).rglob("*.py")
        if "studies" not in file.parts and any(f"import {name}\n" in file.read_text() for name in ("fcntl", "resource"))
    ]
    assert found == ["engine/operating_system.py"]
