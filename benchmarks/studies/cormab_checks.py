"""Restless bandits small enough to be solved exactly, checked: ``python benchmarks/studies/cormab_checks.py``.

For each domain and instance: is the bound at least the exact value, and that at least the exact value of every policy; does
the exact policy, simulated, agree with its value; is the action set what its declared program says, and a set of walks what
going through all walks gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click
import numpy as np

from redwood.planning.action_set import ActionSet
from redwood.planning.contract import Planning
from redwood.plugins.host import host
from redwood.problem import Instance
from redwood.problems.cormab.path import PathSet
from redwood.problems.cormab.problem import CoRMAB
from redwood.solvers.planning.exact import evaluate, induce
from redwood.solving.bound import bound
from redwood.solving.read import generate
from redwood.solving.simulate import simulate
from redwood.solving.solve import solve
from redwood.tolerance import CONFLICT, same

SOLVERS = ("null", "constant", "greedy", "myopic", "lookahead", "whittle", "rollout", "lagrangian", "lp-update")
ROUNDING = 1e-9
"""Share of a value by which sums may differ."""


@dataclass
class Tally:
    """What was looked at in a domain, and what was wrong."""

    bounds: int = 0
    policies: int = 0
    simulated: int = 0
    within: int = 0
    vectors: int = 0
    wrong: int = 0
    loosest: float = 0.0


@click.command()
@click.option("--size", default=4, show_default=True, help="Number of arms, up to 6.")
@click.option("--seeds", default=30, show_default=True, help="Instances a domain.")
@click.option("--horizon", default=20, show_default=True)
@click.option("--episodes", default=1000, show_default=True, help="Of the exact policy.")
@click.option("--vectors", default=100, show_default=True, help="Random actions that sets are asked about.")
@click.argument("domains", nargs=-1)
def main(size: int, seeds: int, horizon: int, episodes: int, vectors: int, domains: Sequence[str]) -> None:
    """Print a line a domain."""
    for domain in domains or CoRMAB.variants:
        tally = Tally()
        for seed in range(seeds):
            instance = generate(f"cormab/{domain}", size=size, seed=seed, budget=max(2, size // 3), horizon=horizon)
            _check_values(instance, episodes, tally)
            _check_set(host().problem("cormab").view(Planning, instance).actions, vectors, seed, tally)
        click.echo(
            f"{domain} {size}: {tally.bounds} bounds, at most {100 * tally.loosest:.2f} % above the exact value; "
            f"{tally.policies} policies below it; simulated within the 95 % interval {tally.within} of {tally.simulated}; "
            f"{tally.vectors} vectors; wrong: {tally.wrong}"
        )


def _check_values(instance: Instance, episodes: int, tally: Tally) -> None:
    """Compare the exact value with the bound, with the values of policies, and with its own simulation."""
    planning = host().problem("cormab").view(Planning, instance)
    best, total = induce(planning)
    value, slack = total / planning.horizon, ROUNDING * abs(total)
    found = bound(instance, time_limit=60).value
    tally.bounds += 1
    tally.wrong += found < value - slack
    tally.loosest = max(tally.loosest, found / value - 1.0)
    for name in SOLVERS:
        if name == "null" and not planning.actions.contains(np.zeros(planning.actions.arms, np.int64)):
            continue
        if name == "whittle" and planning.actions.arm_actions > 2:
            continue
        earned = evaluate(planning, solve(instance, name, bound_time_limit=0).solution) / planning.horizon
        tally.policies += 1
        tally.wrong += earned > value + slack
    low, high = simulate(instance, best, episodes=episodes, seed=7, bound_time_limit=0).interval
    tally.simulated += 1
    tally.within += low <= value <= high


def _check_set(actions: ActionSet, vectors: int, seed: int, tally: Tally) -> None:
    """Compare the fast answers of a set with its declared program, and walks with all walks."""
    rng = np.random.default_rng(seed)
    for arm_actions in rng.integers(0, actions.arm_actions, (vectors, actions.arms)):
        tally.vectors += 1
        tally.wrong += actions.contains(arm_actions) != (actions.program.values(arm_actions) is not None)
    for coefficients in rng.normal(size=(10, actions.arms, actions.arm_actions)):
        value, declared = actions.argmax(coefficients).value, actions.solve(coefficients).value
        tally.wrong += not same(value, declared, float(np.abs(coefficients).sum()), CONFLICT)
    if isinstance(actions, PathSet) and actions.strict:
        walked = _walked(actions)
        for code in range(2**actions.arms):
            arm_actions = (code >> np.arange(actions.arms)) & 1
            allowed = arm_actions.sum() <= actions.budget and any(code & ~visited == 0 for visited in walked)
            tally.wrong += actions.contains(arm_actions) != allowed


def _walked(actions: PathSet) -> set[int]:
    """Return the sets of nodes, as bits, of all closed walks, going through these step by step."""
    near: dict[int, set[int]] = {node: {node} for node in range(actions.arms)}
    for tail, head in actions.edges.tolist():
        near[tail].add(head)
        near[head].add(tail)
    closed_walks = {(actions.source, 1 << actions.source)}
    for _ in range(2 * actions.budget):
        closed_walks = {(head, visited | 1 << head) for node, visited in closed_walks for head in near[node]}
    return {visited for node, visited in closed_walks if node == actions.source}


if __name__ == "__main__":
    main()
