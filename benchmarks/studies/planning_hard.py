"""Where decoupling fails: planning solvers on the families of coupled arms, compared in pairs.

    python benchmarks/studies/planning_hard.py --families network coverage --sizes 8 20 --instances 30 --seconds 300

Each solver plans every instance; policies of an instance then face the same random numbers, or are evaluated exactly where
arms are few. The table tells, a family and size: the gain over doing nothing as a share of the exact optimum's (8 arms) or
of the best policy's (larger ones), with a 95 % t interval over instances; the paired difference in gain a step from the best
other policy's; and the median milliseconds a decision.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
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
RULE = "|---|---|---|---|---|---|"
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
        if is_coupled(planning) and name == "quadratic":
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


def done(family: str, size: int, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """Return what an instance came to: mean rewards a step of doing nothing and of the optimum, and the solvers' rows."""
    instance = generate(f"cormab/{family}", size=size, seed=seed)
    planning = host().problem("cormab").view(Planning, instance)
    can_rest = planning.actions.contains(np.zeros(planning.actions.arms, np.int64))
    nothing = measured(planning, NullPolicy(), given, noise_seed(instance, 99))[0] if can_rest else 0.0
    rows = {}
    for name in given.solvers:
        found = row(name, instance, given)
        if found is None:
            continue
        rows[name] = asdict(found)
        sys.stderr.write(f"{family} {size} seed {seed} {name}: {found.mean:.4f} in {found.seconds:.0f} s. {found.message}\n")
    optimum = induce(planning)[1] / planning.horizon if small(planning) else None
    return {"family": family, "size": size, "seed": seed, "nothing": nothing, "optimum": optimum, "rows": rows}


def all_done(family: str, size: int, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Return what is known of all instances, those that the file holds and, while there is time, those that it lacks."""
    began, seeds = time.perf_counter(), range(given.first, given.first + given.instances)
    lines = Path(given.out).read_text().splitlines() if given.out and Path(given.out).exists() else []
    held = [json.loads(line) for line in lines]
    known = {one["seed"]: one for one in held if (one["family"], one["size"]) == (family, size)}
    for seed in seeds:
        if seed in known or time.perf_counter() - began > given.stop_after:
            continue
        known[seed] = done(family, size, seed, given)
        if given.out:
            with Path(given.out).open("a") as file:
                file.write(json.dumps(known[seed]) + "\n")
    return [known[seed] for seed in seeds if seed in known]


def table(family: str, size: int, given: argparse.Namespace) -> str:
    """Return the rows of a family and size, with whatever instances were done."""
    known = all_done(family, size, given)
    names = [name for name in given.solvers if known and all(name in one["rows"] for one in known)]
    gains = {name: np.array([one["rows"][name]["mean"] - one["nothing"] for one in known]) for name in names}
    most = np.array(
        [max(each["mean"] for each in one["rows"].values()) if one["optimum"] is None else one["optimum"] for one in known]
    ) - np.array([one["nothing"] for one in known])
    of = "optimum" if known and known[0]["optimum"] is not None else "best policy"
    lines = [f"{family}, {size} arms, {len(known)} instances", ""]
    lines += [
        f"| solver | % of the {of}'s gain over nothing | least | gain, beside the best other | ms a decision | seconds |",
        RULE,
    ]
    for name in names:
        share, rows = 100 * gains[name] / most, [one["rows"][name] for one in known]
        told = f"{share.mean():.1f} +- {half_width(share):.1f} | {share.min():.1f}"
        speed = (
            f"{np.median([each['milliseconds'] for each in rows]):.2f} | {np.median([each['seconds'] for each in rows]):.0f}"
        )
        lines.append(f"| {name} | {told} | {beside(name, gains)} | {speed} |")
    left_out = [name for name in given.solvers if name not in names]
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
    parser.add_argument("--out", default="", help="file of JSON lines that instances are kept in")
    parser.add_argument("--stop-after", type=float, default=1e9, help="seconds after which no further instance is begun")
    given = parser.parse_args()
    for family in given.families:
        for size in given.sizes:
            sys.stdout.write(table(family, size, given) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
