"""Speed of restless bandits, one thread: ``python benchmarks/studies/cormab_speed.py simulator | bounds | decisions``.

``simulator`` moves the arms of many episodes under random actions of a budget set, beside the same written twice in numpy:
as the straightforward loop over episodes, steps and arms, with numpy's calls for each arm, and over all episodes and arms of
a step at once. ``bounds`` shows what the bound of a domain costs at a size, ``decisions`` how long single decisions take.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence

import click
import numpy as np
from cormab import make
from known_noise import perfect_information

from redwood.arrays import Array
from redwood.clock import Timer
from redwood.planning.bounds.duality import tighten
from redwood.planning.contract import Planning
from redwood.planning.policies import RandomPolicy
from redwood.planning.simulated import cumulative
from redwood.plugins.host import host
from redwood.problems.cormab.generators import usual_budget
from redwood.solving.read import generate
from redwood.solving.simulate import latency
from redwood.solving.solve import solve

DOMAINS = ("budget", "interventions", "schedule", "capacity", "path", "tube")


@click.group()
def main() -> None:
    """Time the simulator, bounds or decisions."""


@main.command()
@click.option("--size", default=100, show_default=True, help="Number of arms.")
@click.option("--episodes", default=1000, show_default=True, help="Episodes at once.")
@click.option("--repeats", default=5, show_default=True, help="Runs of each way; the quickest counts.")
def simulator(size: int, episodes: int, repeats: int) -> None:
    """Print million arm-steps a core-second of the kernels, of numpy over all at once and of numpy's calls arm by arm."""
    instance = generate("cormab/budget", size=size, seed=0)
    planning = host().problem("cormab").view(Planning, instance)
    planning.rollouts(RandomPolicy(), 2, 0)
    few = max(1, episodes // 100)
    whole = _rate(lambda: planning.rollouts(RandomPolicy(), episodes, 0), episodes * size * planning.horizon, repeats)
    steps = _rate(lambda: _numpy(planning, episodes), episodes * size * planning.horizon, repeats)
    loop = _rate(lambda: _plain(planning, few), few * size * planning.horizon, 1)
    click.echo(f"{size} arms, {episodes} episodes, {planning.horizon} steps, random actions included")
    click.echo(f"kernels {whole:.1f} million arm-steps a core-second; numpy {steps:.2f} ({whole / steps:.0f} times less);")
    click.echo(
        f"numpy's calls for each arm in a loop over episodes, steps and arms {loop:.4f} ({whole / loop:.0f} times less)"
    )


@main.command()
@click.argument("cases", nargs=-1, metavar="DOMAIN:SIZE...")
@click.option("--solver", default="lagrangian", show_default=True)
@click.option("--decisions", "count", default=400, show_default=True, help="How many are timed.")
@click.option("--seed", default=0, show_default=True)
def decisions(cases: Sequence[str], solver: str, count: int, seed: int) -> None:
    """Print the median and the 99 % quantile of single decisions; ``tube`` is paths on the networks of REDWOOD_DATA."""
    for case in cases or [f"{domain}:{size}" for size in (20, 40) for domain in DOMAINS]:
        domain, size = case.split(":")
        instance = make(domain, int(size), seed)
        policy = solve(instance, solver, bound_time_limit=0).solution
        found = latency(instance, policy, decisions=count)
        click.echo(f"{domain} {size}: median {1e3 * found.median:.3f} ms, 99 % within {1e3 * found.p99:.3f} ms")


@main.command()
@click.argument("cases", nargs=-1, metavar="DOMAIN:SIZE...")
@click.option("--time-limit", default=600.0, show_default=True, help="Seconds a bound.")
@click.option("--seed", default=0, show_default=True)
def bounds(cases: Sequence[str], time_limit: float, seed: int) -> None:
    """Print the bound of each case, its seconds, the memory of the process so far, and what knowing all noise would earn.

    Seconds are those of the clock, then those of the processor, which other work on the machine lengthens less. The first
    case's seconds include what is compiled or read from the cache.
    """
    for case in cases or ("budget:100", "capacity:100", "schedule:100", "interventions:100", "budget:1000", "capacity:1000"):
        domain, size = case.split(":")
        instance = generate(f"cormab/{domain}", size=int(size), seed=seed)
        planning = host().problem("cormab").view(Planning, instance)
        clock, began = Timer(time_limit), time.process_time()
        found = tighten(planning, clock)
        busy, spent = time.process_time() - began, clock.seconds
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        known = perfect_information(planning, found.prices, 50, 0).mean() / planning.horizon
        value = found.bound / planning.horizon
        click.echo(f"{domain} {size}: {value:.5f} a step in {spent:.2f} s ({busy:.2f} of the processor), {memory:.2f} GB")
        click.echo(f"  all noise known {known:.4f}")


def _rate(work: Callable[[], object], arm_steps: int, repeats: int) -> float:
    """Return millions of arm-steps a second of the quickest run."""
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return arm_steps / min(seconds) / 1e6


def _numpy(planning: Planning, episodes: int) -> Array:
    """Return rewards [E, H] of random actions by numpy, all episodes and arms of a step at once."""
    arms, rng = planning.arms, np.random.default_rng(0)
    moves, starts = cumulative(arms.transitions), cumulative(arms.start)
    index = np.arange(arms.shape[0])
    states = (rng.random((episodes, len(index), 1)) >= starts).sum(axis=2)
    rewards, budget = np.empty((episodes, planning.horizon)), usual_budget(len(index))
    for step in range(planning.horizon):
        arm_actions = np.zeros(states.shape, np.int64)
        pulled = rng.random(states.shape).argpartition(budget, axis=1)[:, :budget]
        np.put_along_axis(arm_actions, pulled, 1, axis=1)
        rewards[:, step] = arms.rewards[index, arm_actions, states].sum(axis=1)
        states = (rng.random((episodes, len(index), 1)) >= moves[index, arm_actions, states]).sum(axis=2)
    return rewards


def _plain(planning: Planning, episodes: int) -> Array:
    """Return the same, one episode and arm after the other."""
    arms, rng = planning.arms, np.random.default_rng(0)
    rewards = np.zeros((episodes, planning.horizon))
    for episode in range(episodes):
        states = [int(rng.choice(len(probabilities), p=probabilities)) for probabilities in arms.start]
        for step in range(planning.horizon):
            arm_actions = planning.actions.sample(rng)
            for arm, arm_action in enumerate(arm_actions):
                state = states[arm]
                rewards[episode, step] += arms.rewards[arm, arm_action, state]
                states[arm] = int(rng.choice(arms.shape[2], p=arms.transitions[arm, arm_action, state]))
    return rewards


if __name__ == "__main__":
    main()
