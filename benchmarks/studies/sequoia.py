"""Decisions of Q-networks after pre-training: ``python benchmarks/studies/sequoia.py speed | checks``.

``speed`` tells milliseconds a decision beside the published program, built anew for every state with M = 1e5; ``checks``
that actions of lists, searches and programs are allowed, have the value that is claimed, and lie below every bound.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from redwood.arrays import Array
from redwood.errors import SolverError
from redwood.planning.action_set import ActionSet
from redwood.planning.contract import Planning
from redwood.plugins.host import host
from redwood.solvers.sequoia.learning.hyper_parameters import HyperParameters
from redwood.solvers.sequoia.learning.learner import Learner
from redwood.solvers.sequoia.networks.conditioned import ConditionedNetwork, indicators
from redwood.solvers.sequoia.networks.network import QNetwork
from redwood.solvers.sequoia.search.embedding import Decision, Embedding
from redwood.solving.read import generate

BIG = 1e5
"""The constant M of the published program."""


class Literal(Embedding):
    """The published program: the same large constant for every ReLU, a binary for each, built anew for every state."""

    def limits(self, conditioned: ConditionedNetwork) -> list[tuple[Array, Array]]:
        """Return -M and M for every neuron."""
        return [(np.full(len(bias), -BIG), np.full(len(bias), BIG)) for bias in conditioned.biases]

    def harmful(self) -> list[Array]:
        """Return that every neuron needs its binary."""
        return [np.zeros(len(matrix), bool) for matrix in self.weights[:-1]]

    def _checked(self, conditioned: ConditionedNetwork, binaries: int) -> Decision:
        """Return the action as it comes: with M = 1e5 the objective is off by more than any check would let through."""
        columns = np.rint(np.array(self._highs.getSolution().col_value)[: len(conditioned.linear)])
        arm_actions = (
            (columns.reshape(self.actions.arms, -1) * np.arange(1, self.actions.arm_actions)).sum(axis=1).astype(np.int64)
        )
        return Decision(arm_actions, float(conditioned.values(columns[None])[0]), np.inf, True, binaries)

    @classmethod
    def decide_anew(cls, actions: ActionSet, conditioned: ConditionedNetwork) -> float:
        """Return the value of the action that the program finds, without a start."""
        return cls(actions, conditioned.weights).solve(conditioned).value


def speed(domain: str, size: int, states: int, literal: int) -> str:
    """Return milliseconds a decision of a network and a program, and of the published program on some states."""
    planning = _planning(domain, size)
    network, every = _conditioned(planning, states)
    embedding = Embedding(planning.actions, network.matrices())
    embedding.decide(every[0])
    decided = [_timed(embedding.decide, conditioned) for conditioned in every]
    line = (
        f"{domain} {size}: {states} random states, network after pre-training, oracle {_oracle(planning):.2f} ms\n"
        f"  decision median {_median(decided):.2f} ms, mean {_mean(decided):.2f}, worst {max(decided):.2f}"
    )
    line += " (listed)" if embedding.listing is not None else ""
    few = every[:literal]
    if few:
        embedding.solve(few[0])
        solved = [_timed(embedding.solve, conditioned) for conditioned in few]
        old = [_timed(Literal.decide_anew, planning.actions, conditioned) for conditioned in few]
        line += f"; {literal} states: program mean {_mean(solved):.2f}, M = 1e5 anew {_mean(old):.2f}"
        ratios = (_mean(old) / _mean(times) for times in (decided[:literal], solved))
        line += ", ratio of decisions {:.1f}, of programs {:.1f}".format(*ratios)
    return line


def checks(domain: str, size: int, states: int, programs: int) -> str:
    """Return how many random states were decided with every check passed, and the largest errors met.

    Every state is decided as ever, by list where the set has one, and by search alone, whose bound has to hold for the
    other's action; some are solved by programs too.
    """
    planning = _planning(domain, size)
    network, every = _conditioned(planning, states)
    embedding = Embedding(planning.actions, network.matrices())
    searched = Embedding(planning.actions, network.matrices(), listed=False, programs=False)
    worst, widest, apart, same = 0.0, 0.0, 0.0, 0
    for row, conditioned in enumerate(every):
        decision, found = embedding.decide(conditioned), searched.decide(conditioned)
        scale = max(1.0, abs(decision.value))
        for each in (decision, found):
            value = float(conditioned.values(indicators(each.arm_actions[None], planning.actions.arm_actions))[0])
            if not planning.actions.contains(each.arm_actions):
                raise SolverError(f"state {row} of {domain} {size} got an action outside the set.")
            worst = max(worst, abs(value - each.value) / scale)
        if max(decision.value - found.bound, found.value - decision.bound) > 1e-9 * scale:
            raise SolverError(f"state {row} of {domain} {size} has a bound below the value of an action.")
        same += abs(decision.value - found.value) <= 1e-6 * scale
        widest = max(widest, (decision.bound - decision.value) / scale)
        if row < programs:
            apart = max(apart, abs(embedding.solve(conditioned).value - decision.value) / scale)
    return (
        f"{domain} {size}: {states} states, {2 * states} actions, all allowed, below the "
        f"bounds; values off by {worst:.1e}, bound above by {widest:.1e}; search as good in {same}; {programs} programs off "
        f"by {apart:.1e} at most (relative)"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=["speed", "checks"])
    parser.add_argument("--domains", nargs="+", default=["capacity", "schedule", "path", "interventions"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[20])
    parser.add_argument("--states", type=int, default=50)
    parser.add_argument("--literal", type=int, default=5, help="states given to programs")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for domain in given.domains:
        for size in given.sizes:
            if given.table == "speed":
                _write(speed(domain, size, given.states, given.literal))
            else:
                _write(checks(domain, size, given.states, given.literal))


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _planning(domain: str, size: int, seed: int = 0) -> Planning:
    """Return the planning view of an instance of a domain."""
    return host().problem("cormab").view(Planning, generate(f"cormab/{domain}", size=size, seed=seed))


def _conditioned(planning: Planning, states: int) -> tuple[QNetwork, list[ConditionedNetwork]]:
    """Return a network after its pre-training, and what it is as a function of the action in random states."""
    learner = Learner(planning, HyperParameters(trials=1), seed=0)
    for _ in range(learner.hyper_parameters.pretraining):
        learner.pretrain()
    return _states(planning, learner.network, states)


def _states(planning: Planning, network: QNetwork, states: int) -> tuple[QNetwork, list[ConditionedNetwork]]:
    """Return the network, and what it is as a function of the action in random states."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, planning.arms.shape[2], (states, planning.arms.shape[0]))
    return network, network.condition(drawn, rng.integers(0, planning.horizon, states))


def _oracle(planning: Planning) -> float:
    """Return the mean milliseconds of the action set's own oracle."""
    rng = np.random.default_rng(1)
    drawn = rng.normal(size=(51, *planning.arms.rewards.shape[:2]))
    planning.actions.argmax(drawn[0])
    return _mean([_timed(planning.actions.argmax, q_values) for q_values in drawn[1:]])


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
