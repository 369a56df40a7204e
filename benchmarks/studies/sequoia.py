"""SEQUOIA measured by ``python benchmarks/studies/sequoia.py TABLE``; the tables are the choices below."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from redwood.arrays import Array
from redwood.clock import Timer
from redwood.errors import SolverError
from redwood.planning.bounds.pricing import relax
from redwood.planning.contract import ActionSet, Planning
from redwood.planning.evaluation import half_width
from redwood.planning.improving import policy_for, recorded, scaled, variance_reduced
from redwood.plugins.host import host
from redwood.solvers.sequoia.learning.hyper_parameters import HyperParameters
from redwood.solvers.sequoia.learning.learner import Learner
from redwood.solvers.sequoia.networks.conditioned import ConditionedNetwork, indicators
from redwood.solvers.sequoia.networks.network import KINDS, QNetwork
from redwood.solvers.sequoia.search.embedding import BOUNDS, Decision, Embedding
from redwood.solvers.sequoia.search.oracle import ActionOracle
from redwood.solving.read import generate
from redwood.solving.simulate import simulate
from redwood.solving.solve import solve

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
        """Return the value of the action that the program finds, without a start; a linear function is rebuilt as well."""
        if not conditioned.weights:
            return conditioned.offset + _linear(actions, conditioned)
        return cls(actions, conditioned.weights).solve(conditioned).value


def _linear(actions: ActionSet, conditioned: ConditionedNetwork) -> float:
    """Return the greatest value of a linear function over a set by a program built anew."""
    compiled = actions.program.compiled
    highs = compiled.highs(mip_rel_gap=0.0)
    count = len(conditioned.linear)
    highs.changeColsCost(count, np.arange(count, dtype=np.int32), conditioned.linear)
    highs.run()
    return float(highs.getInfo().objective_function_value)


def speed(domain: str, size: int, kinds: Sequence[str], states: int, literal: int) -> str:
    """Return a line a network: milliseconds a decision and a program, and of the published program on some states."""
    planning = _planning(domain, size)
    lines = [f"{domain} {size}: {states} random states, networks after pre-training, oracle {_oracle(planning):.2f} ms"]
    for kind in kinds:
        network, every = _conditioned(planning, kind, states)
        embedding = Embedding(planning.actions, network.matrices())
        embedding.decide(every[0])
        decided = [_timed(embedding.decide, conditioned) for conditioned in every]
        line = f"  {kind:9s} decision median {_median(decided):.2f} ms, mean {_mean(decided):.2f}, worst {max(decided):.2f}"
        line += " (listed)" if embedding.listing is not None else ""
        few = every[:literal]
        if few:
            embedding.solve(few[0])
            solved = [_timed(embedding.solve, conditioned) for conditioned in few]
            old = [_timed(Literal.decide_anew, planning.actions, conditioned) for conditioned in few]
            line += f"; {literal} states: program mean {_mean(solved):.2f}, M = 1e5 anew {_mean(old):.2f}"
            ratios = (_mean(old) / _mean(times) for times in (decided[:literal], solved))
            line += ", ratio of decisions {:.1f}, of programs {:.1f}".format(*ratios)
        lines.append(line)
    return "\n".join(lines)


def targets(domain: str, size: int, kind: str, literal: int, updates: int) -> str:
    """Return the seconds in which a learner maximised its targets, against one published program for each of them.

    A constant of 1e5 lets HiGHS's tolerances hide what a network says, so that the published program misses the best action
    at times: ours may be worth more than its answer. Our own program says what is best.
    """
    planning = _planning(domain, size)
    learner = Learner(planning, HyperParameters(network=kind, trials=1, check=10_000, hidden=(16, 32)), seed=0)
    learner.prepare()
    asked: list[tuple[Array, Array, Array]] = []
    spent, plain = [0.0], ActionOracle.best

    def best(oracle: ActionOracle, states: Array, steps: Array) -> Array:
        began = time.perf_counter()
        found = plain(oracle, states, steps)
        spent[0] += time.perf_counter() - began
        asked.append((states, steps, found))
        return found

    ActionOracle.best = best  # type: ignore[method-assign,assignment]
    try:
        learner.learn(lambda: learner.updates >= updates)
    finally:
        ActionOracle.best = plain  # type: ignore[method-assign]
    count = sum(len(steps) for _, steps, _ in asked)
    states, steps = (np.concatenate([entry[part] for entry in asked]) for part in (0, 1))
    rows = np.random.default_rng(0).choice(count, literal, replace=False)
    oracle = ActionOracle(learner.network, planning.actions, learner.hyper_parameters.slack)
    ours = oracle.best(states[rows], steps[rows])
    old, same, better, proven = [], 0, 0, 0
    for conditioned, arm_actions in zip(oracle.network.condition(states[rows], steps[rows]), ours, strict=True):
        began = time.perf_counter()
        value = Literal.decide_anew(planning.actions, conditioned)
        old.append(time.perf_counter() - began)
        mine = float(conditioned.values(indicators(arm_actions[None], planning.actions.arm_actions))[0])
        close = 1e-6 * max(1.0, abs(mine))
        same += abs(value - mine) <= close
        better += mine > value + close
        proven += abs(oracle.embedding.solve(conditioned).value - mine) <= close
    ratio = _mean(old) * count / spent[0]
    return (
        f"{domain} {size} {kind}: {count} targets and decisions in {learner.updates} steps took {spent[0]:.2f} s; "
        f"published program {_mean(old):.3f} s each on {literal} of them, ratio {ratio:.0f}; "
        f"same value in {same}, more in {better}; value of our program in {proven}"
    )


def limits_compared(domain: str, size: int, kind: str, states: int, partitions: Sequence[int]) -> str:
    """Return binaries left and processor seconds of a program: limits by intervals, by linear programs, and partitions."""
    planning = _planning(domain, size)
    network, every = _conditioned(planning, kind, states)
    line = f"{domain} {size} {kind}, {states} states:"
    ways: list[tuple[str, dict[str, Any]]] = [(bounds, {"bounds": bounds}) for bounds in BOUNDS]
    ways += [(f"{count} groups", {"partitions": count}) for count in partitions]
    for name, options in ways:
        embedding = Embedding(planning.actions, network.matrices(), listed=False, **options)
        spent, left = [], []
        for conditioned in every:
            began = time.process_time()
            left.append(embedding.solve(conditioned).binaries)
            spent.append(time.process_time() - began)
        line += f" {name} {np.mean(left):.1f} binaries, {_mean(spent):.3f} s;"
    return line


def unproven(domain: str, size: int, kind: str, given: argparse.Namespace) -> str:
    """Return processor milliseconds of decisions without lists and programs, and what is lost against these.

    Lists say it of every state; programs, where no list can be made, of a few. Networks are those after pre-training, or
    after episodes of learning.
    """
    planning, states = _planning(domain, size), given.states
    network, every = _learned(planning, kind, given) if given.learned else _conditioned(planning, kind, states)
    quick = Embedding(planning.actions, network.matrices(), listed=False, programs=False)
    exact = Embedding(planning.actions, network.matrices())
    _ = exact.listing, quick.decide(every[0])
    found, spent = zip(*(_decided(quick, conditioned) for conditioned in every), strict=True)
    gaps = [100 * (mine.bound - mine.value) / max(1.0, abs(mine.value)) for mine in found]
    line = f"{domain} {size} {kind}: {states} states, median {_median(spent):.1f} ms, worst {max(spent):.1f}; "
    line += f"bound above by {_median(gaps):.2g} %, at most {max(gaps):.2g}"
    way, few = ("list", every) if exact.listing is not None else ("program", every[: given.literal])
    if not few:
        return line
    best, taken = zip(*(_decided(exact, conditioned) for conditioned in few), strict=True)
    lost = [(top.value - mine.value) / max(1.0, abs(mine.value)) for top, mine in zip(best, found, strict=False)]
    same = sum(loss <= 1e-6 for loss in lost)
    line += f"; best action in {same} of {len(few)}, lost {100 * _mean(lost):.3f} %"
    return f"{line}; by {way} median {_median(taken):.1f} ms"


def _decided(embedding: Embedding, conditioned: ConditionedNetwork) -> tuple[Decision, float]:
    """Return a decision and its processor milliseconds."""
    began = time.process_time()
    decision = embedding.decide(conditioned)
    return decision, 1e3 * (time.process_time() - began)


def checks(domain: str, size: int, kind: str, given: argparse.Namespace) -> str:
    """Return how many random states were decided with every check passed, and the largest errors met.

    Every state is decided as ever, by list where the set has one, and by search alone, whose bound has to hold for the
    other's action; some are solved by programs too. Networks are those after pre-training, or after episodes of learning.
    """
    planning, states, programs = _planning(domain, size), given.states, given.literal
    network, every = _learned(planning, kind, given) if given.learned else _conditioned(planning, kind, states)
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
        f"{domain} {size} {kind}, {given.learned} episodes: {states} states, {2 * states} actions, all allowed, below the "
        f"bounds; values off by {worst:.1e}, bound above by {widest:.1e}; search as good in {same}; {programs} programs off "
        f"by {apart:.1e} at most (relative)"
    )


def stable(domain: str, size: int, weight: float, given: argparse.Namespace) -> str:
    """Return a line on a weight of `HyperParameters.stability`, over instances: training, programs, decisions and rewards.

    All times are of the processor. Decisions are those without a list of actions: search, and the program where needed.
    """
    solved, left, decided, old, spent, percent = [], [], [], [], [], []
    for seed in range(given.seeds):
        planning = _planning(domain, size, seed)
        hyper_parameters = HyperParameters(
            network="relu", stability=weight, episodes=max(1, given.train), programs=given.programs
        )
        learner, began = Learner(planning, hyper_parameters, seed), time.process_time()
        learner.prepare()
        learner.learn(lambda learner=learner: learner.episode >= given.train)  # type: ignore[misc]
        spent.append(time.process_time() - began)
        network, every = _states(planning, learner.best.module(), given.states)
        unlisted = Embedding(planning.actions, network.matrices(), listed=False)
        few = every[: given.literal]
        solved += [_processed(unlisted.solve, conditioned) for conditioned in few]
        left += [
            sum(int(((low < 0) & (high > 0)).sum()) for low, high in unlisted.limits(conditioned)) for conditioned in every
        ]
        decided += [_processed(unlisted.decide, conditioned) for conditioned in every]
        old += [_processed(Literal.decide_anew, planning.actions, conditioned) for conditioned in few] if given.old else []
        bound = relax(planning, Timer()).bound(planning.horizon)
        percent.append(100 * planning.rollouts(learner.best, given.episodes, 1).mean() / bound)
    return (
        f"{domain} {size} relu, stability {weight:g}, {given.train} episodes after pre-training, {given.seeds} instances: "
        f"trained in {np.mean(spent):.0f} s, {_interval(np.array(percent))} % of the bound; {np.mean(left):.1f} ReLUs left; "
        f"program mean {_mean(solved):.1f} ms, worst {max(solved):.1f}; decision median {_median(decided):.1f} ms, mean "
        f"{_mean(decided):.1f}, worst {max(decided):.1f}" + (f"; M = 1e5 anew mean {_mean(old):.1f} ms" if old else "")
    )


def training(domain: str, size: int, kind: str, given: argparse.Namespace) -> str:
    """Return a line on whole trainings, over instances: processor seconds, what was done, per cent of the bound.

    The seconds are those of `solve`, its simulation of the policy included. The Lagrangian policy lives through the same
    episodes, and what is ahead of it is variance-reduced by a control variate.
    """
    spent, waited, percent, plain, messages = [], [], [], [], []
    for seed in range(given.seeds):
        instance = generate(f"cormab/{domain}", size=size, seed=seed)
        options = {"network": kind, "episodes": given.train, "programs": given.programs, "time_limit": given.seconds}
        began = time.process_time(), time.perf_counter()
        found = solve(instance, "deep-q", bound_time_limit=0, seed=seed, **options)
        spent.append(time.process_time() - began[0])
        waited.append(time.perf_counter() - began[1])
        if found.solution is None:
            raise SolverError(f"{kind} found no policy for {instance.name}: {found.message}")
        planning = host().problem("cormab").view(Planning, instance)
        relaxation = relax(planning, Timer())
        policies = found.solution, policy_for(planning, relaxation.values)
        seen = [recorded(planning, policy, given.episodes, 1) for policy in policies]
        free = [variance_reduced(planning, relaxation.values, each) for each in seen]
        bound = relaxation.bound(planning.horizon)
        percent.append(100 * seen[0].rewards.mean() / bound)
        plain.append(100 * (free[0] - free[1]) / bound)
        messages.append(found.message)
    ahead = plain[0] if given.seeds == 1 else np.array([each.mean() for each in plain])
    return (
        f"{domain} {size} {kind}, programs {given.programs}, {given.seeds} instances: {np.mean(spent):.0f} s of the "
        f"processor, at most {max(spent):.0f}, {np.mean(waited):.0f} s by the clock; {_interval(np.array(percent))} % of "
        f"the bound, ahead of lagrangian {_interval(ahead)} over {'episodes' if given.seeds == 1 else 'instances'}; "
        f"the last one: {messages[-1]}"
    )


def rewards(domain: str, size: int, names: Sequence[str], seeds: int, episodes: int, seconds: float) -> str:
    """Return per cent of the hull's bound of each name, and what it is ahead of ``lagrangian``, over instances.

    A name is a network, ``published``, or another planning solver. Intervals are of 95 % over instances.
    """
    percents = np.empty((seeds, len(names) + 1))
    for seed in range(seeds):
        instance = generate(f"cormab/{domain}", size=size, seed=seed)
        value = np.nan
        for column, name in enumerate(["lagrangian", *names]):
            solver, options = _solver(name)
            limit = 120.0 if name == "lagrangian" else seconds
            found = solve(instance, solver, time_limit=limit, bound_time_limit=0, seed=seed, **options)
            if found.solution is None:
                raise SolverError(f"{name} found no policy for {instance.name}: {found.message}")
            value = found.bound or np.nan if column == 0 else value
            earned = simulate(instance, found.solution, episodes=episodes, seed=1, bound_time_limit=0)
            percents[seed, column] = 100.0 * earned.mean / value
    lines = [f"{domain} {size}, {seeds} instances x {episodes} episodes, at most {seconds:g} s of training"]
    for column, name in enumerate(["lagrangian", *names]):
        ahead = percents[:, column] - percents[:, 0]
        lines.append(f"  {name:13s} {_interval(percents[:, column])} % of the bound, ahead of lagrangian {_interval(ahead)}")
    return "\n".join(lines)


def _solver(name: str) -> tuple[str, dict[str, Any]]:
    """Return the solver and its options that a name in the table of rewards stands for."""
    if name in KINDS:
        return "deep-q", {"network": name}
    return ("deep-q", {"preset": "published"}) if name == "published" else (name, {})


def _interval(values: Array) -> str:
    half = half_width(values)
    return f"{values.mean():.2f} +- {half:.2f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "table", choices=["speed", "targets", "checks", "limits", "unproven", "stable", "training", "rewards"]
    )
    parser.add_argument("--domains", nargs="+", default=["capacity", "schedule", "path", "interventions"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[20])
    parser.add_argument("--networks", nargs="+", default=["additive", "concave", "relu"], help="or solvers")
    parser.add_argument("--states", type=int, default=50)
    parser.add_argument("--literal", type=int, default=5, help="states given to the published program")
    parser.add_argument("--partitions", nargs="+", type=int, default=[2, 4], help="groups of a ReLU's inputs, for limits")
    parser.add_argument("--updates", type=int, default=300, help="gradient steps for the targets")
    parser.add_argument("--seeds", type=int, default=30, help="instances")
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0, help="of training")
    parser.add_argument(
        "--stability", nargs="+", type=float, default=[0.0, 0.1, 1.0], help="weights in the loss, for stable"
    )
    parser.add_argument("--train", type=int, default=100, help="episodes of training, for stable and training")
    parser.add_argument("--learned", type=int, default=0, help="episodes of learning, for checks, unproven")
    parser.add_argument("--programs", action=argparse.BooleanOptionalAction, default=True, help="in training, for both")
    parser.add_argument("--old", action="store_true", help="also solve the published program, for stable")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for domain in given.domains:
        for size in given.sizes:
            if given.table == "speed":
                _write(speed(domain, size, given.networks, given.states, given.literal))
                continue
            if given.table == "rewards":
                _write(rewards(domain, size, given.networks, given.seeds, given.episodes, given.seconds))
                continue
            if given.table == "stable":
                for weight in given.stability:
                    _write(stable(domain, size, weight, given))
                continue
            for kind in given.networks:
                if given.table == "targets":
                    _write(targets(domain, size, kind, given.literal, given.updates))
                elif given.table == "training":
                    _write(training(domain, size, kind, given))
                elif given.table == "unproven":
                    _write(unproven(domain, size, kind, given))
                elif given.table == "limits":
                    _write(limits_compared(domain, size, kind, given.states, given.partitions))
                else:
                    _write(checks(domain, size, kind, given))


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _planning(domain: str, size: int, seed: int = 0) -> Planning:
    """Return the planning view of an instance of a domain."""
    return host().problem("cormab").view(Planning, generate(f"cormab/{domain}", size=size, seed=seed))


def _conditioned(planning: Planning, kind: str, states: int) -> tuple[QNetwork, list[ConditionedNetwork]]:
    """Return a network after its pre-training, and what it is as a function of the action in random states."""
    learner = Learner(planning, HyperParameters(network=kind, trials=1), seed=0)
    for _ in range(learner.hyper_parameters.pretraining):
        learner.pretrain()
    return _states(planning, learner.network, states)


def _learned(planning: Planning, kind: str, given: argparse.Namespace) -> tuple[QNetwork, list[ConditionedNetwork]]:
    """Return a network after episodes of learning without programs, and what it is in random states."""
    values = table = None
    if kind == "residual":
        values = relax(planning, Timer()).values
        table = scaled(planning, values)
    hyper_parameters = HyperParameters(network=kind, programs=False, trials=1, check=10_000, episodes=given.learned)
    learner = Learner(planning, hyper_parameters, 0, table, values=values)
    learner.prepare()
    learner.learn(lambda: False)
    return _states(planning, learner.network, given.states)


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


def _processed(work: Callable[..., object], *arguments: object) -> float:
    began = time.process_time()
    work(*arguments)
    return 1e3 * (time.process_time() - began)


def _mean(times: Sequence[float]) -> float:
    return float(np.mean(times))


def _median(times: Sequence[float]) -> float:
    return float(np.median(times))


if __name__ == "__main__":
    main()
