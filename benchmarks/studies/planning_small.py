"""Small instances of every family with exact optima: do bounds hold, and how near do planning solvers come?

    python benchmarks/studies/planning_small.py bounds --instances 100
    python benchmarks/studies/planning_small.py constant --instances 30 --first 1000
    python benchmarks/studies/planning_small.py values --solvers constant lagrangian whittle myopic auto --instances 10

``bounds`` compares the bound on every policy with the exact optimum a step, and ends with an error where one is below it.
``constant`` tells what the best joint action to hold has of the optimum.
``values`` tells for each family and solver the exact value of its policy in per cent of the optimum's gain over doing
nothing: mean with a 95 % t interval over instances, and the least. `auto` answers such instances with the exact optimum;
``auto-without-exact`` is what it comes to where it may not; ``whittle-linear`` is `whittle` with ``share="linear"``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from redwood import bound, generate, solve
from redwood.errors import FitError
from redwood.planning.contract import Planning
from redwood.planning.evaluation import half_width
from redwood.planning.policies import NullPolicy
from redwood.plugins.host import host
from redwood.problem import Instance
from redwood.solvers.planning.exact import evaluate, induce

SIZES = {
    "nonsync": (2, 3),
    "conveyor": (2, 3),
    "sparse": (3, 4),
    "bundles": (4, 6),
    "deadlines": (2, 3),
    "shifting": (4, 6),
    "collapsing": (2, 3),
    "coverage": (4, 6),
    "network": (4, 6),
    "network-mild": (4, 6),
}
"""Arms of the small instances of each family, in turns."""
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "auto-without-exact": ("auto", {"exact": False}),
    "whittle-linear": ("whittle", {"share": "linear"}),
}
"""Solvers with options, by the names that tables give them."""


def made(family: str, seed: int) -> Instance:
    """Return a small instance; seeds take turns with sizes."""
    sizes = SIZES[family]
    return generate(f"cormab/{family}", size=sizes[seed % len(sizes)], seed=seed)


def view(instance: Instance) -> Planning:
    """Return the planning problem of an instance."""
    return host().problem("cormab").view(Planning, instance)


def bounds(given: argparse.Namespace) -> int:
    """Print a line a family, and return how many bounds were below the optimum."""
    below = 0
    for family in given.families:
        loose, wrong = [], 0
        for seed in range(given.first, given.first + given.instances):
            instance = made(family, seed)
            optimum = induce(view(instance))[1] / view(instance).horizon
            found = bound(instance, time_limit=given.seconds).value
            wrong += found < optimum - 1e-9 * max(1.0, abs(optimum))
            loose.append(100 * (found - optimum) / max(1e-9, abs(optimum)))
        below += wrong
        sys.stdout.write(
            f"{family}: {given.instances} bounds, {wrong} below the optimum; above it by {np.median(loose):.2f} % "
            f"(median), {max(loose):.1f} % at most\n"
        )
        sys.stdout.flush()
    return below


def constant(given: argparse.Namespace) -> None:
    """Print a row a family: the exact value of the best constant action in per cent of the optimum."""
    sys.stdout.write("| family | constant, % of the optimum | least | most |\n|---|---|---|---|\n")
    for family in given.families:
        found = []
        for seed in seeds(given):
            instance = made(family, seed)
            held = earned(instance, "constant", given.seconds)
            optimum = induce(view(instance))[1]
            if held is not None and optimum > 0:
                found.append(100 * held / optimum)
        share = np.array(found)
        mean = f"{share.mean():.1f} ± {half_width(share):.1f} ({len(share)})"
        sys.stdout.write(f"| {family} | {mean} | {share.min():.1f} | {share.max():.1f} |\n")
        sys.stdout.flush()


def values(given: argparse.Namespace) -> None:
    """Print a row a family and solver."""
    path = Path(given.out) if given.out else None
    lines = path.read_text().splitlines() if path is not None and path.exists() else []
    known = {(one["family"], one["seed"], one["solver"]): one["share"] for one in map(json.loads, lines)}
    for family in given.families:
        for seed in range(given.first, given.first + given.instances):
            missing = [name for name in given.solvers if (family, seed, name) not in known]
            if not missing:
                continue
            instance = made(family, seed)
            planning = view(instance)
            optimum, nothing = induce(planning)[1], evaluate(planning, NullPolicy())
            for name in missing:
                value = earned(instance, name, given.seconds)
                gain = optimum - nothing
                share = None if value is None else 100 * (value - nothing) / gain if gain > 1e-9 * abs(optimum) else 100.0
                known[family, seed, name] = share
                if path is not None:
                    with path.open("a") as file:
                        file.write(json.dumps({"family": family, "seed": seed, "solver": name, "share": share}) + "\n")
    sys.stdout.write(f"| family | {' | '.join(given.solvers)} |\n|---|{'---|' * len(given.solvers)}\n")
    for family in given.families:
        cells = [cell([known[family, seed, name] for seed in seeds(given)]) for name in given.solvers]
        sys.stdout.write(f"| {family} | {' | '.join(cells)} |\n")


def seeds(given: argparse.Namespace) -> range:
    """Return the seeds of the instances."""
    return range(given.first, given.first + given.instances)


def cell(shares: list[float | None]) -> str:
    """Return mean, half-width and least of shares; a dash where a solver refuses an instance."""
    found = np.array([share for share in shares if share is not None])
    if len(found) < len(shares):
        return "-"
    return f"{found.mean():.1f} ± {half_width(found):.1f} ({found.min():.1f})"


def earned(instance: Instance, name: str, seconds: float) -> float | None:
    """Return the exact value of a solver's policy, ``None`` where it refuses the instance."""
    solver, options = VARIANTS.get(name, (name, {}))
    planning = view(instance)
    if name == "myopic" and planning.joint is None and _of_states(planning):
        options = {"reward": "next-state"}
    try:
        policy = solve(instance, solver, time_limit=seconds, bound_time_limit=0, seed=0, **options).solution
    except FitError:
        return None
    return evaluate(planning, policy)


def _of_states(planning: Planning) -> bool:
    """Return whether rewards belong to states, whatever is done in them."""
    from redwood.planning.steps import arms_alone
    from redwood.solvers.planning.simple import rewards_of_states

    return rewards_of_states(arms_alone(planning))


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("bounds", "constant", "values"))
    parser.add_argument("--families", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument(
        "--solvers", nargs="+", default=["constant", "myopic", "lagrangian", "whittle", "auto-without-exact"]
    )
    parser.add_argument("--instances", type=int, default=10, help="of each family")
    parser.add_argument("--first", type=int, default=0, help="seed of the first instance")
    parser.add_argument("--seconds", type=float, default=30.0, help="time limit of a bound or solver")
    parser.add_argument("--out", default="", help="file of JSON lines that values are kept in, so that a call goes on")
    given = parser.parse_args()
    if given.what == "values":
        values(given)
    elif given.what == "constant":
        constant(given)
    elif bounds(given):
        sys.exit("A bound was below the optimum.")


if __name__ == "__main__":
    main()
