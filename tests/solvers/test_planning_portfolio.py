"""`auto` for planning: policies tried against each other."""

import time

import pytest

from redwood import generate, simulate, solve
from redwood.planning.contract import Planning
from redwood.plugins.host import host
from redwood.solvers.planning.exact import evaluate, induce
from redwood.solvers.planning.portfolio import OutOfTime, TimedPolicy, candidates


def planning_of(made):
    return host().problem("cormab").view(Planning, made)


def test_auto_answers_with_the_exact_optimum_of_few_arms():
    """Three arms: the policy of `auto` has the value of backward induction."""
    made = generate("cormab/capacity", size=3, seed=1, budget=1, horizon=6)
    result = solve(made, bound_time_limit=0)
    assert result.solver == "portfolio"
    assert evaluate(planning_of(made), result.solution) == pytest.approx(induce(planning_of(made))[1])


@pytest.mark.parametrize("variant", ["budget", "interventions"])
def test_auto_is_level_with_its_best_candidate(variant):
    """In fresh episodes, no candidate is ahead of the answer beyond the interval of the paired difference."""
    made = generate(f"cormab/{variant}", size=12, seed=2, budget=3, horizon=10)
    answer = solve(made, time_limit=20, bound_time_limit=0)
    ours = simulate(made, answer.solution, episodes=400, seed=5, bound_time_limit=0)
    for name in ("lagrangian", "constant", "myopic"):
        other = simulate(made, solve(made, name, bound_time_limit=0).solution, episodes=400, seed=5, bound_time_limit=0)
        assert other.minus(ours)[1][0] <= 0, name


def test_the_message_names_the_best_and_the_others():
    """What was tried is said, with means in the same episodes; the one named first has the greatest."""
    made = generate("cormab/budget", size=12, seed=3, criterion="average")
    message = solve(made, time_limit=20, bound_time_limit=0).message
    best = message.split("that of ")[1].split(",")[0]
    told = [name for name, _ in candidates(planning_of(made))]
    assert best in told
    assert all(name in message for name in told)
    assert "Decides by" in message


def test_time_limits_hold():
    """A second is not enough for slow candidates: these are left out by name, and the run ends in time."""
    made = generate("cormab/path", size=40, seed=0)
    solve(made, "lagrangian", time_limit=1, bound_time_limit=0)
    result = solve(made, time_limit=1, bound_time_limit=0)
    assert result.seconds.solve < 3.0
    assert "(time)" in result.message


def test_a_trial_ends_when_its_time_is_over():
    """The wrapper raises at the first decision that comes too late."""
    made = generate("cormab/budget", size=4, horizon=5)
    policy = solve(made, "myopic", bound_time_limit=0).solution
    until = time.perf_counter() + 1e-4
    with pytest.raises(OutOfTime):
        planning_of(made).rollouts(TimedPolicy(policy, lambda: time.perf_counter() > until), 2000, 0)
