"""A planning problem of somebody else's, in one file, is planned by the built-in solvers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[1] / "plugins_for_tests" / "wards.py"
SCRIPT = """
import json, sys
import redwood
from redwood.plugins.host import host
host().load_file(sys.argv[1])
instance = redwood.generate("wards", size=4, seed=1)
quick = {"rounds": 1, "states": 50, "steps": 50, "hidden": 4}
options = {"myopic": {"reward": "next-state"}, "sequoia": quick}.get(sys.argv[2], {})
result = redwood.solve(instance, sys.argv[2], time_limit=20, **options)
loaded = [name for name in sys.modules if name.startswith("redwood.problems.cormab")]
exact = redwood.solve(instance, "exact", time_limit=20)
print(json.dumps([result.status, result.objective, exact.objective, result.bound, loaded]))
"""


@pytest.mark.parametrize("solver", ["lagrangian", "whittle", "sequoia", "myopic", "exact"])
def test_a_planning_problem_in_one_file_needs_no_line_of_the_bandits(solver):
    """It is solved near the optimum, below the bound, and no module of `redwood.problems.cormab` is loaded."""
    words = [sys.executable, "-c", SCRIPT, str(PLUGIN), solver]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    status, objective, best, bound, loaded = json.loads(done.stdout.splitlines()[-1])
    assert loaded == []
    assert status in ("feasible", "optimal")
    assert 0.8 * best < objective < 1.02 * best
    assert best < 1.02 * bound
