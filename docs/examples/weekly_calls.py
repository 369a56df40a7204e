"""From a call log to this week's list, with a statement of what the plan is worth.

`call_log.csv` has a row for each person and week: who (arm), when (step), how they did (state), whether they were called
(action), and the language that they speak. `workers.csv` says who calls how many, in which languages.
"""

import csv

import redwood
from redwood.planning import estimate
from redwood.problems.cormab.workers import WorkersSet, compatible_workers
from redwood.solving.act import act_by_name


def callers(found, path="workers.csv"):
    """Return the joint actions that the workers can carry out."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    compatible = compatible_workers(found.feature("language"), [row["language"].split("|") for row in rows])
    return WorkersSet(compatible, [int(row["capacity"]) for row in rows], tuple(row["worker"] for row in rows))


if __name__ == "__main__":
    found = estimate("call_log.csv", order="action-helps", seed=1)
    print(found.cohort)

    plan = found.instance(rewards=[0, 1], actions=callers(found), horizon=20, name="calls")
    result = redwood.solve(plan, "lagrangian", time_limit=10)
    print(f"{result.objective:.1f} people well a week, at most {result.bound:.1f} by any plan")

    rollouts = redwood.simulate(plan, result.solution, episodes=20, draws=found.sample(100), bound_time_limit=0)
    print(rollouts.gain)

    calls = act_by_name(plan, result.solution)
    for person, worker in zip(calls.arms, calls.workers, strict=True):
        print(f"{worker} calls {person}")
