"""Networks of arms on fresh instances, in per cent of the bound beside other policies.

``python benchmarks/studies/sequoia_networks.py run`` adds lines to a JSONL file, and leaves out what is there; ``table``
prints what the file says, ``headroom`` compares with the exact optimum of small instances, and ``logged`` measures learning
from logs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError
from redwood.planning.bounds.pricing import Relaxation, relax
from redwood.planning.contract import Planning, Policy
from redwood.planning.evaluation import half_width
from redwood.planning.improving import improve, policy_for, recorded, variance_reduced
from redwood.planning.policies import IndexPolicy
from redwood.plugins.host import host
from redwood.solvers.planning.candidate_rollout import CandidatePolicy
from redwood.solvers.planning.exact import evaluate, induce
from redwood.solvers.planning.quadratic_fit import try_coupling
from redwood.solvers.sequoia.arm_policy import ArmPolicy
from redwood.solvers.sequoia.learning.offline import save_log
from redwood.solvers.sequoia.networks.shipped import network_at
from redwood.solving.read import generate
from redwood.solving.simulate import simulate
from redwood.solving.solve import solve

EVALUATION = 1
"""Seed of the episodes in which policies are compared."""


class Seconds:
    """A clock of processor time, so that other work on the machine does not make bounds looser."""

    def __init__(self, limit: float) -> None:
        self._end = time.process_time() + limit

    @property
    def seconds_left(self) -> float:
        """Seconds until the limit."""
        return self._end - time.process_time()

    def stops(self) -> bool:
        """Return whether the limit is reached."""
        return self.seconds_left <= 0


def measured(domain: str, size: int, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """Return per cents of the bound of each policy in the same episodes, and its processor time.

    That is seconds before the first decision, and milliseconds a decision where those of all episodes are taken together.
    ``ahead`` is what a policy earned beyond the Lagrangian one, variance-reduced by a control variate, with its standard
    error.
    """
    instance = generate(f"cormab/{domain}", size=size, seed=seed)
    planning = host().problem("cormab").view(Planning, instance)
    began = time.process_time()
    relaxation = relax(planning, Seconds(given.bound_seconds))
    line: dict[str, Any] = {
        "domain": domain,
        "size": size,
        "seed": seed,
        "episodes": given.episodes,
        "percent": {},
        "ahead": {},
        "milliseconds": {},
    }
    line["seconds"] = {"bound": round(time.process_time() - began, 3)}
    bound, free = relaxation.bound(planning.horizon), {}
    for name in ["lagrangian", *given.policies]:
        began = time.process_time()
        try:
            policy = _policy(name, domain, instance, planning, relaxation, given)
        except FitError:  # Whittle's index is for two actions, and the quadratic term may find no time
            continue
        line["seconds"][name] = round(time.process_time() - began, 3)
        began = time.process_time()
        seen = recorded(planning, policy, given.episodes, EVALUATION)
        line["milliseconds"][name] = round(1e3 * (time.process_time() - began) / (given.episodes * planning.horizon), 4)
        line["percent"][name] = round(float(100.0 * seen.rewards.mean() / bound), 4)
        free[name] = 100.0 * variance_reduced(planning, relaxation.values, seen) / bound
        ahead = free[name] - free["lagrangian"]
        line["ahead"][name] = [round(float(ahead.mean()), 4), round(float(ahead.std(ddof=1) / np.sqrt(len(ahead))), 4)]
    return line


def headroom(domain: str, size: int, seed: int, given: argparse.Namespace) -> str:
    """Return what is to be won at all on a small instance: exact values of policies in per cent of the optimum."""
    options = {"budget": given.budget} if given.budget else {}
    planning = host().problem("cormab").view(Planning, generate(f"cormab/{domain}", size=size, seed=seed, **options))
    relaxation = relax(planning, Seconds(given.bound_seconds))
    best = induce(planning)[1]
    bound = relaxation.bound(planning.horizon) * planning.horizon
    line = f"{domain} {size} seed {seed}: optimum {100 * best / bound:.3f} % of the bound; of the optimum"
    for name in ("lagrangian", *given.policies):
        policy = _policy(name, domain, None, planning, relaxation, given)
        line += f" {name} {100 * evaluate(planning, policy) / best:.3f} %"
    return line


def _policy(
    name: str, domain: str, instance: Any, planning: Planning, relaxation: Relaxation, given: argparse.Namespace
) -> Policy:
    """Return the policy of a name: one of those below, or the answer of a planning solver.

    ``network`` is the one shipped for the domain. ``improved`` are the Lagrangian values after policy improvement, and
    ``started`` those that are reached from the network's. ``quadratic`` adds a quadratic term to the improved values, or is
    these where a trial does not say that it is ahead, as in `solve`. ``rollout`` tries candidate actions in
    simulated futures of the policy of the improved values. ``published`` is trained by the published hyper-parameters.
    """
    if name == "lagrangian":
        return policy_for(planning, relaxation.values)
    if name == "myopic":
        return IndexPolicy(planning.arms.rewards[None])
    if name == "network":
        return policy_for(planning, _of_network(domain, planning, relaxation, given))
    if name in ("improved", "started", "quadratic", "rollout"):
        clock = Seconds(given.seconds)
        how: dict[str, Any] = {"rounds": 4, "episodes": given.improvement_episodes, "seed": 0, "stops": clock.stops}
        if name == "started":
            how["start"] = _of_network(domain, planning, relaxation, given)
        values = improve(planning, relaxation.values, **how).values
        if name == "quadratic":
            del how["rounds"]
            found = try_coupling(planning, relaxation, values, **how)
            if found is None:
                raise FitError(f"{given.seconds:g} s ended before the quadratic term was tried; give more --seconds.")
            if found.accepted:
                return found.policy
        return CandidatePolicy(values, 12, given.futures) if name == "rollout" else policy_for(planning, values)
    options: dict[str, Any] = {"preset": "published"} if name == "published" else {}
    solver = "deep-q" if name == "published" else name
    answer: Policy | None = solve(instance, solver, time_limit=given.seconds, bound_time_limit=0, **options).solution
    assert answer is not None
    return answer


def _of_network(domain: str, planning: Planning, relaxation: Relaxation, given: argparse.Namespace) -> Array:
    """Return the values of states by the network of arms that is asked for, or the one shipped for the domain."""
    found = network_at(given.network or domain)
    assert isinstance(found, ArmPolicy)
    return found.values(planning, relaxation)


def logged(domain: str, size: int, seed: int, given: argparse.Namespace) -> str:
    """Return what is learned from logs of random and of myopic actions, beside what these earn, in reward a step."""
    instance = generate(f"cormab/{domain}", size=size, seed=seed)
    shown = []
    for name in ("random", "myopic"):
        behaviour: Policy | None = solve(instance, name, bound_time_limit=0).solution
        assert behaviour is not None
        kept = simulate(instance, behaviour, episodes=given.improvement_episodes, seed=5, keep=True, bound_time_limit=0)
        path = save_log(kept, given.out.with_suffix(".npz"))
        learned: Policy | None = solve(instance, "deep-q", logged=str(path), time_limit=600, bound_time_limit=0).solution
        assert learned is not None
        means = [
            simulate(instance, policy, episodes=given.episodes, seed=EVALUATION, bound_time_limit=0).mean
            for policy in (behaviour, learned)
        ]
        shown.append(f"{name} {means[0]:.3f}, learned from its log {means[1]:.3f}")
    return f"{domain} {size} seed {seed}, {given.improvement_episodes} episodes logged: " + "; ".join(shown)


def table(lines: Sequence[dict[str, Any]]) -> str:
    """Return mean per cents of the bound with intervals of 95 % over instances, and leads on ``lagrangian`` in pairs."""
    groups: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        groups[line["domain"], line["size"]].append(line)
    shown = []
    for (domain, size), rows in groups.items():
        shown.append(f"{domain} {size}: {len(rows)} instances x {rows[0]['episodes']} episodes")
        for name in dict.fromkeys(name for row in rows for name in row["percent"]):
            both = [row["percent"] for row in rows if name in row["percent"]]
            own = np.array([row[name] for row in both])
            ahead = own - np.array([row["lagrangian"] for row in both])
            told = f"  {name:12s} {_interval(own)} % of the bound, ahead of lagrangian {_interval(ahead)} ({len(own)})"
            free = np.array([row["ahead"][name][0] for row in rows if name in row.get("ahead", ())])
            if len(free):
                told += f", variance-reduced {_interval(free)} ({len(free)}; worst instance {free.min():.3f})"
            shown.append(told)
    return "\n".join(shown)


def _interval(values: Array) -> str:
    half = half_width(values)
    return f"{values.mean():.3f} +- {half:.3f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure or print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["run", "table", "headroom", "logged"])
    parser.add_argument("--out", type=Path, default=Path("runs/sequoia-networks.jsonl"))
    parser.add_argument("--domains", nargs="+", default=["capacity", "schedule", "path", "interventions"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[20, 40])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--policies", nargs="+", default=["network", "improved", "myopic", "whittle"])
    parser.add_argument("--network", default="", help="file of a network; by default the one shipped for the domain")
    parser.add_argument("--bound-seconds", type=float, default=60.0, help="of processor time for each bound")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each policy that is computed")
    parser.add_argument("--improvement-episodes", type=int, default=1000)
    parser.add_argument("--budget", type=int, default=0, help="of the instances of headroom; by default the usual one")
    parser.add_argument("--futures", type=int, default=128, help="of each candidate action, for rollout")
    parser.add_argument("--total-seconds", type=float, default=1e9, help="after which no further instance is begun")
    given = parser.parse_args(arguments)
    lines = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    if given.what == "table":
        sys.stdout.write(table(lines) + "\n")
        return
    if given.what == "headroom":
        for domain in given.domains:
            for seed in range(given.seeds):
                sys.stdout.write(headroom(domain, given.sizes[0], seed, given) + "\n")
        return
    if given.what == "logged":
        for domain in given.domains:
            sys.stdout.write(logged(domain, given.sizes[0], 0, given) + "\n")
        return
    done = {(line["domain"], line["size"], line["seed"]) for line in lines}
    end = time.perf_counter() + given.total_seconds
    for size in given.sizes:
        for seed in range(given.seeds):
            for domain in given.domains:
                if (domain, size, seed) not in done and time.perf_counter() < end:
                    line = measured(domain, size, seed, given)
                    with given.out.open("a") as file:
                        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
