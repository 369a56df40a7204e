"""Speed and rewards of SEQUOIA: ``python -m redwood.benchmarks.sequoia speed``, and ``... rewards``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from redwood.bounding import bound
from redwood.planning import ActionSet, Array, Planning
from redwood.plugins.host import host
from redwood.reading import generate
from redwood.simulation import simulate
from redwood.solvers.sequoia.embedding import Embedding
from redwood.solvers.sequoia.folded import Folded
from redwood.solvers.sequoia.learner import Learner
from redwood.solvers.sequoia.recipe import Recipe
from redwood.solving import solve

BIG = 1e5
"""The constant M of the published program."""


class Literal(Embedding):
    """The published program: the same large constant for every ReLU, a binary for each, built anew for every state."""

    def limits(self, folded: Folded) -> list[tuple[Array, Array]]:
        """Return -M and M for every neuron."""
        return [(np.full(len(bias), -BIG), np.full(len(bias), BIG)) for bias in folded.biases]

    def harmful(self) -> list[Array]:
        """Return that every neuron needs its binary."""
        return [np.zeros(len(matrix), bool) for matrix in self.weights[:-1]]

    @classmethod
    def decide_anew(cls, actions: ActionSet, folded: Folded) -> float:
        """Return the value of the action that the program finds, without a start."""
        return cls(actions, folded.weights).solve(folded).value


def speed(domain: str, size: int, kinds: Sequence[str], states: int, literal: bool) -> str:
    """Return a line a network: milliseconds a decision and a program, and of the published program where asked for."""
    instance = generate(f"cormab/{domain}", size=size, seed=0)
    planning = host().problem("cormab").view(Planning, instance)
    rng = np.random.default_rng(0)
    lines = [f"{domain} {size}: {states} random states, networks after pre-training, oracle {_oracle(planning):.2f} ms"]
    for kind in kinds:
        learner = Learner(planning, Recipe(network=kind, trials=1), seed=0)
        learner.prepare()
        drawn = rng.integers(0, planning.arms.shape[2], (states, size))
        every = learner.network.fold(drawn, rng.integers(0, planning.horizon, states))
        embedding = Embedding(planning.actions, learner.network.matrices())
        embedding.solve(every[0])
        decided = [_timed(embedding.decide, folded) for folded in every]
        solved = [_timed(embedding.solve, folded) for folded in every]
        line = f"  {kind:9s} decision median {_median(decided):.2f} ms, mean {_mean(decided):.2f}"
        line += f"; program mean {_mean(solved):.2f}"
        if literal and every[0].weights:
            old = [_timed(Literal.decide_anew, planning.actions, folded) for folded in every]
            line += f"; M = 1e5 anew {_mean(old):.2f}, ratio {_mean(old) / _mean(decided):.1f}"
        lines.append(line)
    return "\n".join(lines)


def rewards(domain: str, size: int, kind: str, seeds: int, episodes: int, seconds: float) -> str:
    """Return per cent of the bound, with its 95 % interval over instances, of a network and of ``lagrangian``."""
    percents = np.empty((seeds, 2))
    for seed in range(seeds):
        instance = generate(f"cormab/{domain}", size=size, seed=seed)
        value = bound(instance, time_limit=60).value
        chosen: tuple[tuple[str, dict[str, Any]], ...] = (("sequoia", {"network": kind}), ("lagrangian", {}))
        for column, (solver, options) in enumerate(chosen):
            policy = solve(instance, solver, time_limit=seconds, bound_time_limit=0, seed=seed, **options).solution
            earned = simulate(instance, policy, episodes=episodes, seed=1, bound_time_limit=0)
            percents[seed, column] = 100.0 * earned.mean / value
    half = 1.96 * percents.std(axis=0, ddof=1) / np.sqrt(seeds) if seeds > 1 else np.full(2, np.inf)
    ours, theirs = (f"{mean:.2f} +- {width:.2f}" for mean, width in zip(percents.mean(axis=0), half, strict=True))
    return f"{domain} {size}, {seeds} instances x {episodes} episodes, {seconds:g} s: {kind} {ours}, lagrangian {theirs}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=["speed", "rewards"])
    parser.add_argument("--domains", nargs="+", default=["capacity", "schedule", "path", "interventions"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[20])
    parser.add_argument("--networks", nargs="+", default=["additive", "concave", "relu"])
    parser.add_argument("--states", type=int, default=50)
    parser.add_argument("--literal", action="store_true", help="time the published program as well")
    parser.add_argument("--seeds", type=int, default=30, help="instances")
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0, help="of training")
    given = parser.parse_args(arguments)
    for domain in given.domains:
        for size in given.sizes:
            if given.table == "speed":
                sys.stdout.write(speed(domain, size, given.networks, given.states, given.literal) + "\n")
                continue
            for kind in given.networks:
                sys.stdout.write(rewards(domain, size, kind, given.seeds, given.episodes, given.seconds) + "\n")
                sys.stdout.flush()


def _oracle(planning: Planning) -> float:
    """Return the mean milliseconds of the action set's own oracle."""
    rng = np.random.default_rng(1)
    drawn = rng.normal(size=(51, *planning.arms.rewards.shape[:2]))
    planning.actions.argmax(drawn[0])
    return _mean([_timed(planning.actions.argmax, worth) for worth in drawn[1:]])


def _timed(work: Callable[..., object], *arguments: object) -> float:
    began = time.perf_counter()
    work(*arguments)
    return 1e3 * (time.perf_counter() - began)


def _mean(times: Sequence[float]) -> float:
    return float(np.mean(times))


def _median(times: Sequence[float]) -> float:
    return float(np.median(times))


if __name__ == "__main__":
    main()
