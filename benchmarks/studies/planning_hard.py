"""Where decoupling fails: planning solvers on the families of coupled arms, compared in pairs.

    python benchmarks/studies/planning_hard.py --families network coverage --sizes 8 20 --instances 30 --seconds 300

Each solver plans every instance; policies of an instance then face the same random numbers, or are evaluated exactly where
arms are few. The table tells, a family and size: the gain over doing nothing as a share of the exact optimum's (8 arms) or
of the best policy's (larger ones), with a 95 % t interval over instances; the paired difference in gain a step from the best
other policy's; and the median milliseconds a decision.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood import generate, solve
from redwood.arrays import Array
from redwood.errors import FitError, RedwoodError
from redwood.planning.contract import Planning, Policy
from redwood.planning.evaluation import adjusted, half_width, noise_seed, observe
from redwood.planning.policies import NullPolicy
from redwood.planning.steps import is_coupled
from redwood.plugins.host import host
from redwood.problem import Instance
from redwood.solvers.planning.exact import evaluate, induce

SOLVERS = ("constant", "myopic", "lagrangian", "whittle", "quadratic", "rollout", "sequoia")
EXACT = 8
"""The most arms of two states whose optimum is computed."""
RULE = "|---|---|---|---|"
FIRST_SEED = 1000
"""Of the instances; the families were tuned on seeds below 10."""


@dataclass(frozen=True)
class Row:
    """What a solver's policy earned a step on an instance, and how long it took."""

    mean: float
    milliseconds: float
    seconds: float
    message: str


def options_of(name: str, planning: Planning, given: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a solver on an instance."""
    if name == "myopic" and planning.exposure is not None:
        return {"reward": "next-state"}
    if name == "sequoia":
        return {"states": given.states, "rounds": given.rounds, "hidden": given.hidden}
    return {}


def measured(planning: Planning, policy: Policy, given: argparse.Namespace, seed: int) -> tuple[float, float]:
    """Return the mean reward a step of a policy, and the median milliseconds of single decisions.

    It is exact for few arms, and else simulated, in fewer episodes where decisions are slow.
    """
    arms, _, kinds = planning.arms.shape
    rng, taken = np.random.default_rng(0), []
    for state in np.random.default_rng(1).integers(0, kinds, (16, arms)):
        began = time.perf_counter()
        policy.choose(planning, state[None], planning.horizon // 2, rng)
        taken.append(time.perf_counter() - began)
    decision = float(np.median(taken))
    if small(planning) and decision * planning.horizon * kinds**arms < given.simulating:
        return evaluate(planning, policy) / planning.horizon, 1000 * decision
    affordable = int(given.simulating / max(1e-9, decision * planning.horizon))
    seen = observe(planning, policy, max(20, min(given.episodes, affordable)), seed)
    return float(adjusted(seen.rewards, seen.control).mean()), 1000 * decision


def small(planning: Planning) -> bool:
    """Return whether the exact optimum is computed."""
    return planning.arms.shape[0] <= EXACT and planning.arms.shape[2] == 2


def row(name: str, instance: Instance, given: argparse.Namespace) -> Row | None:
    """Return what a solver comes to on an instance, ``None`` where it does not fit."""
    planning = host().problem(instance.problem).view(Planning, instance)
    began = time.perf_counter()
    try:
        options = options_of(name, planning, given)
        problem = host().problem(instance.problem)
        if is_coupled(planning) and name in ("whittle", "quadratic"):
            planning.arms.rewards, planning.arms.transitions  # noqa: B018 (raises the refusal before any work)
        result = solve(instance, name, time_limit=given.seconds, bound_time_limit=0, seed=0, **options)
    except FitError:
        return None
    seconds = time.perf_counter() - began
    if result.solution is None:
        raise RedwoodError(f"{name} gave no policy on {instance.name}: {result.message}")
    planning = problem.view(Planning, instance)
    mean, milliseconds = measured(planning, result.solution, given, noise_seed(instance, 99))
    return Row(mean, milliseconds, seconds, result.message)


def table(family: str, size: int, given: argparse.Namespace) -> str:
    """Return the rows of a family and size, with whatever instances were done."""
    gains: dict[str, list[float]] = {name: [] for name in given.solvers}
    shares: dict[str, list[float]] = {name: [] for name in given.solvers}
    times: dict[str, list[float]] = {name: [] for name in given.solvers}
    for number in range(given.instances):
        instance = generate(f"cormab/{family}", size=size, seed=given.first + number)
        planning = host().problem("cormab").view(Planning, instance)
        nothing = measured(planning, NullPolicy(), given, noise_seed(instance, 99))[0]
        found = {name: row(name, instance, given) for name in given.solvers}
        done = {name: one for name, one in found.items() if one is not None}
        best = max(one.mean for one in done.values())
        most = induce(planning)[1] / planning.horizon if small(planning) else best
        for name, one in done.items():
            gains[name].append(one.mean - nothing)
            shares[name].append(100 * (one.mean - nothing) / (most - nothing))
            times[name].append(one.milliseconds)
            sys.stderr.write(
                f"{family} {size} seed {given.first + number} {name}: {one.mean:.4f} in {one.seconds:.0f} s. {one.message}\n"
            )
    full = {name: np.array(gain) for name, gain in gains.items() if len(gain) == given.instances}
    lines = [f"{family}, {size} arms, {given.instances} instances", ""]
    of = "optimum" if size <= EXACT else "best policy"
    lines += [f"| solver | % of the {of}'s gain over nothing | gain, beside the best other | ms a decision |", RULE]
    for name in full:
        share = np.array(shares[name])
        told = f"{share.mean():.1f} +- {half_width(share):.1f}"
        lines.append(f"| {name} | {told} | {beside(name, full)} | {np.median(times[name]):.2f} |")
    left_out = [name for name in given.solvers if name not in full]
    if left_out:
        lines += ["", f"Refused: {', '.join(left_out)}."]
    return "\n".join([*lines, ""])


def beside(name: str, gains: dict[str, Array]) -> str:
    """Return by how much a solver's gains are above those of the best other one, in pairs."""
    others = {other: float(gain.mean()) for other, gain in gains.items() if other != name}
    if not others:
        return ""
    best = max(others, key=lambda other: others[other])
    ahead = gains[name] - gains[best]
    return f"{ahead.mean():+.4f} +- {half_width(ahead):.4f} ({best})"


def main() -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="+", default=["network", "network-mild", "coverage"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[8, 20, 40])
    parser.add_argument("--solvers", nargs="+", default=list(SOLVERS), choices=SOLVERS)
    parser.add_argument("--instances", type=int, default=30)
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="seed of the first instance")
    parser.add_argument("--seconds", type=float, default=300.0, help="time limit of each solver, training included")
    parser.add_argument(
        "--simulating", type=float, default=120.0, help="seconds that the evaluation of a slow policy may take"
    )
    parser.add_argument("--episodes", type=int, default=1000)
    parser.add_argument("--states", type=int, default=20_000, help="sampled by sequoia in each turn")
    parser.add_argument("--rounds", type=int, default=2, help="of sequoia's policy iteration")
    parser.add_argument("--hidden", type=int, default=64, help="ReLUs of sequoia's network")
    given = parser.parse_args()
    for family in given.families:
        for size in given.sizes:
            sys.stdout.write(table(family, size, given) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
