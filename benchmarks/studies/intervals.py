"""How often the stated 95 % intervals of simulations hold the truth: ``python benchmarks/studies/intervals.py``.

Policies of small instances have exact values. Each is simulated again and again with other seeds, and counted is how
often `Rollouts.interval` holds the exact value, with the control variate and without. The table tells it for each domain
and number of episodes, over all instances and repetitions, with a 95 % interval of its own, and what the variate does to
the width.
"""

from __future__ import annotations

import argparse
import math
import sys

import numpy as np

from redwood import generate, solve
from redwood.planning.contract import Planning
from redwood.planning.evaluation import adjusted, half_width, interval_half_width, noise_seed, observe
from redwood.plugins.host import host
from redwood.solvers.planning.exact import evaluate


def counted(domain: str, episodes: int, given: argparse.Namespace) -> str:
    """Return the row of a domain and a number of episodes."""
    held, plain_held, ratios, total = 0, 0, [], 0
    for seed in range(given.first_instance, given.first_instance + given.instances):
        instance = generate(f"cormab/{domain}", size=given.size, seed=seed)
        planning = host().problem("cormab").view(Planning, instance)
        policy = solve(instance, given.solver, bound_time_limit=0, seed=0).solution
        truth = evaluate(planning, policy) / planning.horizon
        slack = 1e-9 * max(1.0, abs(truth))
        for repetition in range(given.repetitions):
            seen = observe(planning, policy, episodes, noise_seed(instance, given.first + repetition))
            found, plain = adjusted(seen.rewards, seen.control), seen.rewards.mean(axis=1)
            half = interval_half_width(seen.rewards, seen.control)
            held += abs(found.mean() - truth) <= half + slack
            plain_held += abs(plain.mean() - truth) <= half_width(plain) + slack
            ratios.append(half / max(1e-12, half_width(plain)))
            total += 1
    share = held / total
    half = 196 * math.sqrt(share * (1 - share) / total)
    return (
        f"| {domain} | {episodes} | {total} | {100 * share:.1f} ± {half:.1f} | {100 * plain_held / total:.1f} | "
        f"{np.mean(ratios):.2f} |\n"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--domains", nargs="+", default=["capacity", "schedule", "path", "interventions", "coverage", "network"]
    )
    parser.add_argument("--size", type=int, default=4, help="number of arms")
    parser.add_argument("--episodes", nargs="+", type=int, default=[20, 50, 1000])
    parser.add_argument("--instances", type=int, default=10)
    parser.add_argument("--first-instance", type=int, default=0, help="seed of the first instance")
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--solver", default="lagrangian")
    parser.add_argument("--first", type=int, default=1000, help="seed of the first repetition")
    given = parser.parse_args()
    sys.stdout.write("| domain | episodes | intervals | hold the truth, % | without control variate | width beside that |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n")
    for domain in given.domains:
        for episodes in given.episodes:
            sys.stdout.write(counted(domain, episodes, given))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
