"""Fixtures of the benchmarks' tests."""

from pathlib import Path

import pytest

from redwood.benchmarks.planning import make_plan
from redwood.benchmarks.suite import parse_suite
from redwood.plugins.host import host

PLUGIN = Path(__file__).parents[1] / "plugins_for_tests" / "countdown.py"


@pytest.fixture
def toy_plan():
    """Return a function that plans runs of solvers on one drawn instance of the toy problem."""
    host().load_file(PLUGIN)

    def make(*solvers, seeds="[0]", time_limit=0.3, more=""):
        parts = "".join(f"[[solvers]]\n{solver}\n" for solver in solvers)
        text = f"""
            time_limit = {time_limit}
            bound_time_limit = 0
            seeds = {seeds}
            {more}
            [[instances]]
            generate = "countdown"
            sizes = [30]
            {parts}
        """
        return make_plan(parse_suite("toy", text))

    return make
