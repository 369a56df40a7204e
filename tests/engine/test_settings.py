"""Settings of wrong kinds are one typed error that names them, wherever they are given."""

import numpy as np
import pytest

import redwood
from redwood.budget import Seconds, Target
from redwood.errors import OptionError

BAD_SEEDS = [-1, None, 1.5, "x", True, 2**70, float("nan"), float("inf"), [1]]
BAD_SECONDS = [0, -1, "1", True, float("nan"), [1], 1j]
BAD_COUNTS = [0, -3, 1.5, "2", None, True, float("inf"), float("nan")]


@pytest.fixture(scope="module")
def tsp():
    """A small instance."""
    return redwood.generate("tsp", size=6, seed=1)


@pytest.fixture(scope="module")
def bandit():
    """A small instance of planning and a policy for it."""
    instance = redwood.generate("cormab/budget", size=4, seed=1)
    return instance, redwood.solve(instance, "null", iterations=1, bound_time_limit=0).solution


def refused(name, call, *arguments, **options):
    """Check that a call is refused with an error that begins with the name of what is wrong."""
    with pytest.raises(OptionError, match=f"^{name} "):
        call(*arguments, **options)


@pytest.mark.parametrize("seed", BAD_SEEDS)
def test_seeds_are_checked_everywhere(seed, tsp, bandit, tmp_path):
    """Seeds below 0, beyond what kernels hold, or of other kinds are refused by all that take one."""
    refused("seed", redwood.generate, "tsp", size=5, seed=seed)
    refused("seed", redwood.solve, tsp, "greedy", seed=seed)
    refused("seed", redwood.solve_many, [tsp], "greedy", seed=seed)
    refused("seed", redwood.simulate, *bandit, seed=seed)
    refused("seed", redwood.latency, *bandit, seed=seed)
    refused("seed", redwood.train, "bq", "tsp", tmp_path / "new", hours=1, seed=seed)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("seconds", BAD_SECONDS)
def test_seconds_are_checked_everywhere(seconds, tsp, tmp_path):
    """Times that are not positive numbers are refused by all that take one."""
    refused("time limit", redwood.solve, tsp, "greedy", time_limit=seconds)
    refused("time limit", redwood.solve_many, [tsp, tsp], "greedy", time_limit=seconds)
    refused("time limit", redwood.bound, tsp, time_limit=seconds)
    refused("time limit", Seconds, seconds)
    refused("hours", redwood.train, "bq", "tsp", tmp_path, hours=seconds)
    refused("expert time limit", redwood.train, "bq", "tsp", tmp_path, hours=1, expert_time_limit=seconds)


@pytest.mark.parametrize("seconds", [-1, "1", float("nan"), True])
def test_the_time_of_bounds_is_checked(seconds, tsp, bandit):
    """A bound's time may be 0, but neither negative nor of another kind."""
    refused("bound time limit", redwood.solve, tsp, "greedy", bound_time_limit=seconds)
    refused("bound time limit", redwood.solve_many, [tsp], "greedy", bound_time_limit=seconds)
    refused("bound time limit", redwood.simulate, *bandit, bound_time_limit=seconds)


@pytest.mark.parametrize("count", BAD_COUNTS)
def test_counts_are_checked_everywhere(count, tsp, bandit, tmp_path):
    """Sizes, threads, iterations, episodes and decisions are whole numbers from 1 up."""
    refused("size", redwood.generate, "tsp", size=count)
    refused("threads", redwood.solve, tsp, "greedy", threads=count)
    refused("threads", redwood.solve_many, [tsp], "greedy", threads=count)
    refused("threads", redwood.train, "bq", "tsp", tmp_path, hours=1, threads=count)
    refused("episodes", redwood.simulate, *bandit, episodes=count)
    refused("decisions", redwood.latency, *bandit, decisions=count)
    if count is not None:
        refused("iteration limit", redwood.solve, tsp, "greedy", iterations=count)


@pytest.mark.parametrize("target", [float("nan"), "1", True, [1]])
def test_targets_are_numbers(target, tsp):
    """A target that is no number would be reached by anything, or by nothing."""
    refused("target", redwood.solve, tsp, "greedy", target=target)
    refused("target", Target, target)
    refused("target gap", redwood.solve, tsp, "greedy", target_gap=target)


def test_a_budget_is_a_budget(tsp):
    """A number where a budget is asked for is refused."""
    refused("budget", redwood.solve, tsp, "greedy", budget=3)


def test_numbers_of_numpy_are_numbers(tsp):
    """Whole numbers and floats of NumPy, and whole floats, serve as well as Python's."""
    made = redwood.generate("tsp", size=np.int32(6), seed=np.uint8(1))
    assert made.fingerprint() == tsp.fingerprint()
    assert redwood.generate("tsp", size=6.0, seed=1.0).name == tsp.name
    result = redwood.solve(
        tsp, "greedy", seed=np.int64(3), time_limit=np.float32(1), threads=np.int16(1), target=np.float64(0)
    )
    assert (result.seed, result.status) == (3, "optimal")


def test_more_threads_than_cores_do_no_harm(tsp, bandit):
    """HiGHS with twenty thousand threads ends, and a bound on one thread afterwards is not refused."""
    assert redwood.solve(tsp, "highs", threads=20_000, time_limit=5).status == "optimal"
    assert redwood.bound(bandit[0], time_limit=5).value > 0


@pytest.mark.parametrize("make", ["vrp", "cormab", "horizon"])
def test_whole_numbers_that_no_float_holds_are_refused(make):
    """An integer of four hundred digits given as data is an error of the instance, not an overflow."""
    huge, bandit = 10**400, redwood.generate("cormab/budget", size=4, seed=0)
    data = {
        "vrp": ("vrp", {"depots": [{"x": huge, "y": 0}], "customers": [], "vehicles": [{"capacity": 1}]}),
        "cormab": ("cormab", {"transitions": bandit.arms.transitions, "rewards": [[[huge]]], "actions": bandit.actions}),
        "horizon": (
            "cormab",
            {
                "transitions": bandit.arms.transitions,
                "rewards": bandit.arms.rewards,
                "actions": bandit.actions,
                "horizon": huge,
            },
        ),
    }
    problem, given = data[make]
    with pytest.raises(redwood.errors.InstanceError):
        redwood.instance(problem, **given)
