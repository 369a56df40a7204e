"""What starts quickly imports nothing heavy: checked in processes of their own, also with 50 plugins, one of them broken."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = ("torch", "numba", "pyomo", "highspy", "scipy", "networkx", "matplotlib", "pandas")

PROBE = """
import json, sys
from contextlib import redirect_stdout
from io import StringIO
{body}
print(json.dumps(sorted(name for name in {heavy} if name in sys.modules)))
"""

COMMAND = """
from redwood.__main__ import main
sys.argv = ["redwood", *{words}]
with redirect_stdout(StringIO()) as printed:
    assert main() == 0, printed.getvalue()
"""

CASES = {
    "import redwood": "import redwood",
    "import redwood.solving.solve": "import redwood.solving.solve",
    "redwood.instance": """
import redwood
redwood.instance("vrp", customers=[{"name": "depot", "lon": 1, "lat": 2}, {"name": "a", "lon": 1, "lat": 3}], vehicles=[{}])
redwood.instance("atsp", matrix=[[0, 1], [2, 0]])
redwood.instance("cvrp", coords=[[0, 0], [1, 0]], demands=[0, 1], capacity=2)
""",
    "redwood --help": COMMAND.format(words=["--help"]),
    "redwood solve --help": COMMAND.format(words=["solve", "--help"]),
    "redwood bench --help": COMMAND.format(words=["bench", "--help"]),
    "redwood plugins list": COMMAND.format(words=["plugins", "list"]),
    "redwood plugins list --json": COMMAND.format(words=["plugins", "list", "--json"]),
}

DUMMY = """
from redwood.plugins.spec import SolverSpec, hookimpl

@hookimpl
def redwood_solvers():
    return [SolverSpec("dummy-{number}", "A dummy.", "dummy_{number}_heavy:Solver", problems=("tsp",))]
"""


def imported(body, **environment):
    """Return which heavy libraries a fresh interpreter has imported after a body of code."""
    code = PROBE.format(body=body, heavy=HEAVY)
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}, timeout=60
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def fifty_plugins(tmp_path_factory):
    """A folder with 50 installed plugins, whose targets would import torch, and of which one is broken."""
    folder = tmp_path_factory.mktemp("plugins")
    for number in range(50):
        name = f"dummy_{number}"
        body = "import no_such_module" if number == 7 else DUMMY.format(number=number)
        (folder / f"{name}.py").write_text(body)
        (folder / f"{name}_heavy.py").write_text("import torch\n")
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[redwood]\n{name} = {name}\n")
    return folder


@pytest.mark.parametrize("case", CASES)
def test_nothing_heavy_is_imported(case):
    """Neither importing Redwood nor asking for help or a list imports a heavy library."""
    assert imported(CASES[case]) == []


def test_the_first_import_does_without_typing():
    """`import redwood` by itself imports neither `typing` nor `re`, which would take most of its time."""
    code = "import sys; before = set(sys.modules); import redwood; print({'typing', 're'} & (set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize("case", ["import redwood", "redwood --help", "redwood plugins list"])
def test_plugins_change_nothing(case, fifty_plugins):
    """With 50 plugins, one of them broken, still nothing heavy is imported, and nothing fails."""
    assert imported(CASES[case], PYTHONPATH=str(fifty_plugins)) == []


def test_help_discovers_no_plugins(fifty_plugins):
    """`redwood --help` does not even look for plugins."""
    body = CASES["redwood --help"] + "\nassert 'redwood.plugins.host' not in sys.modules"
    assert imported(body, PYTHONPATH=str(fifty_plugins)) == []


def test_a_broken_plugin_is_one_warning(fifty_plugins):
    """The list has the 49 plugins that work, and one line on standard error for the one that does not."""
    run = subprocess.run(
        [sys.executable, "-m", "redwood", "plugins", "list", "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(fifty_plugins)},
        timeout=60,
    )
    assert run.returncode == 0
    assert run.stderr.count("Warning: ") == 1
    assert "Warning: plugin 'dummy_7' is not used (failed)" in run.stderr
    listed = json.loads(run.stdout)
    assert sum(solver["name"].startswith("dummy-") for solver in listed["solvers"]) == 49
