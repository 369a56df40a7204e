"""Fitted policy iteration, a Q-network for the value of what follows under a policy, then under its own.

Each round simulates the current policy from many states, and tries several joint actions in each with the same random
numbers afterwards. A network of the probabilities of next states is fitted to what was earned after them, and the policy
of its greatest Q is the next one. Few rounds reach far: the "effective horizon" of such problems is short.

References
----------
Laidlaw, Zhu, Russell, Dragan (2024), The effective horizon explains deep RL performance in stochastic environments, ICLR,
arXiv:2312.08369.
Antos, Szepesvari, Munos (2008), Learning near-optimal policies with Bellman-residual minimization based fitted policy
iteration and a single sample path, doi:10.1007/s10994-007-5038-2.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch

from redwood.arrays import Array
from redwood.planning.contract import Planning, Policy
from redwood.planning.steps import outcomes, step_rewards
from redwood.solvers.sequoia.future_policy import FuturePolicy
from redwood.solvers.sequoia.networks.future import FutureNetwork
from redwood.solvers.sequoia.networks.network import single_thread

RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 100.0)
"""Weights of the squares of corrections of additive values, as shares of the number of samples; held-out states choose."""
HELD_OUT = 0.15
"""Share of the states by which the ridge and the end of gradient steps are chosen."""
PILOT_RIDGE = 3e-2
"""The same for the values of the control variate."""
LOOK = 100
"""Gradient steps between two looks at what is held out."""
BATCH, RATE = 512, 1e-2
"""States a gradient step, and Adam's first learning rate, which falls to nothing."""
FEWEST = 8
"""States sampled at each step in any case."""
NOISE = (0.0, 0.1, 0.3)
"""Probabilities of a random action before the step that is sampled; episodes take turns."""
SCATTERED = 0.25
"""Share of episodes that begin in scattered states instead of the instance's own."""
TRIED = 4
"""Joint actions that are tried in each sampled state, with the same random numbers afterwards."""
LEVEL = 0.05
"""Weight of what the actions of a state have in common in the loss: what differs between them is what decides."""

Stops = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Samples:
    """What was earned after several joint actions in the same state, with the same random numbers.

    Attributes
    ----------
    states, actions
        The joint states [B, J], and the joint actions [B, K, J] that were tried in each.
    moved
        Probability [B, K, J, S] of the arms' next states.
    steps
        The step [B] of these next states.
    earned
        Reward [B, K] from that step on, discounted to it.
    """

    states: Array
    actions: Array
    moved: Array
    steps: Array
    earned: Array

    def part(self, rows: Array) -> Samples:
        """Return those of some states."""
        return Samples(*(getattr(self, entry.name)[rows] for entry in fields(self)))

    def joined(self, other: Samples) -> Samples:
        """Return both together."""
        return _together([self, other])


def collect(
    planning: Planning,
    policy: Policy,
    visitor: Policy,
    base: Array,
    states: int,
    rng: np.random.Generator,
    stops: Stops,
) -> Samples:
    """Return samples of what a policy earns after several actions in states that a visitor comes to.

    What additive values rose by beyond their expectation is taken off: a control variate. They are fitted to a tenth of the
    samples that is then left out.

    Parameters
    ----------
    planning
        The arms.
    policy
        Whose future is sampled.
    visitor
        Who comes to the states, with some random actions; what it does there is tried among other actions.
    base
        Additive values [H + 1, J, S] that are nearly right.
    states
        How many are sampled, spread over all steps but the last; fewer where the clock stops.
    rng
        Of the simulation.
    stops
        Asked between steps.
    """
    each = max(FEWEST, states // max(1, planning.horizon - 1))
    order = rng.permutation(planning.horizon - 1)
    pilot = [_sampled(planning, policy, visitor, max(1, each // 10), int(step), rng, None) for step in order]
    values, parts = additive_fit(planning, _together(pilot), base, PILOT_RIDGE), []
    for step in order:
        parts.append(_sampled(planning, policy, visitor, each, int(step), rng, values))
        if stops():
            break
    return _together(parts)


def _together(parts: list[Samples]) -> Samples:
    """Return all samples together."""
    return Samples(*(np.concatenate([getattr(part, entry.name) for part in parts]) for entry in fields(Samples)))


def _sampled(
    planning: Planning,
    policy: Policy,
    visitor: Policy,
    count: int,
    at: int,
    rng: np.random.Generator,
    values: Array | None,
) -> Samples:
    """Return the samples of states met at one step, less the noise that values [H + 1, J, S], where given, explain."""
    states = _first_states(planning, count, rng)
    noise = np.resize(np.array(NOISE), count)
    for step in range(at):
        arm_actions = visitor.choose(planning, states, step, rng)
        random = rng.random(count) < noise
        if random.any():
            arm_actions[random] = _varied(planning, arm_actions[random], rng)
        states = _moved(outcomes(planning, states, arm_actions), np.asarray(rng.random(states.shape)))
    begun, actions = states, _tried(planning, policy, visitor, states, at, rng)
    moved = outcomes(planning, np.repeat(states, TRIED, axis=0), actions.reshape(-1, states.shape[1]))
    probabilities, earned, own = moved, np.zeros(len(moved)), np.arange(states.shape[1])
    for step in range(at + 1, planning.horizon):
        now = _moved(probabilities, np.repeat(rng.random(states.shape), TRIED, axis=0))
        weight = planning.discount ** (step - at - 1)
        if values is not None:
            risen = values[step][own, now].sum(axis=1) - np.einsum("njs,js->n", probabilities, values[step], optimize=True)
            earned -= weight * risen
        arm_actions = policy.choose(planning, now, step, rng)
        earned += weight * step_rewards(planning, now, arm_actions)
        if step + 1 < planning.horizon:
            probabilities = outcomes(planning, now, arm_actions)
    shape = (count, TRIED)
    after = moved.reshape(*shape, *moved.shape[1:]).astype(np.float32)
    return Samples(begun, actions.astype(np.int8), after, np.full(count, at + 1), earned.reshape(shape))


def _moved(probabilities: Array, numbers: Array) -> Array:
    """Return next states [N, J] from their probabilities [N, J, S] and numbers on [0, 1) [N, J]."""
    found: Array = (numbers[:, :, None] >= np.cumsum(probabilities, axis=2)[:, :, :-1]).sum(axis=2)
    return found


def _tried(planning: Planning, policy: Policy, visitor: Policy, states: Array, step: int, rng: np.random.Generator) -> Array:
    """Return actions [N, K, J] to be tried: the policy's and the visitor's, one of them varied, and a random one."""
    actions = np.empty((len(states), TRIED, states.shape[1]), np.int64)
    actions[:, 0] = policy.choose(planning, states, step, rng)
    actions[:, 1] = actions[:, 0] if visitor is policy else visitor.choose(planning, states, step, rng)
    actions[:, 2] = _swapped(planning, actions[:, 1], rng)
    actions[:, 3] = planning.actions.samples(len(states), rng)
    if visitor is policy:
        actions[:, 1] = _swapped(planning, actions[:, 2], rng)
    return actions


def _first_states(planning: Planning, count: int, rng: np.random.Generator) -> Array:
    """Return first states [E, J]: those of the instance, and scattered ones of which each episode favours one state."""
    start = np.cumsum(planning.arms.start, axis=1)[:, :-1]
    states = (rng.random((count, len(start), 1)) >= start).sum(axis=2)
    scattered = rng.random(count) < SCATTERED
    kinds = planning.arms.start.shape[1]
    favoured, share = rng.integers(0, kinds, (count, 1)), rng.random((count, 1))
    other = np.where(rng.random(states.shape) < share, favoured, rng.integers(0, kinds, states.shape))
    return np.where(scattered[:, None], other, states).astype(np.int64)


def _varied(planning: Planning, arm_actions: Array, rng: np.random.Generator) -> Array:
    """Return other actions [N, J]: half of them random ones, half with the actions of two arms of a class swapped."""
    changed = _swapped(planning, arm_actions, rng)
    anew = rng.random(len(arm_actions)) < 0.5
    if anew.any():
        changed[anew] = planning.actions.samples(int(anew.sum()), rng)
    return changed


def _swapped(planning: Planning, arm_actions: Array, rng: np.random.Generator) -> Array:
    """Return actions [N, J] with the actions of two arms of a class swapped, two that differ where chance finds such."""
    rows, changed = np.arange(len(arm_actions)), arm_actions.copy()
    classes = planning.actions.classes
    done = np.zeros(len(arm_actions), bool)
    for _ in range(8):
        one, other = rng.integers(0, arm_actions.shape[1], (2, len(arm_actions)))
        fits = ~done & (classes[one] == classes[other]) & (arm_actions[rows, one] != arm_actions[rows, other])
        chosen = rows[fits]
        changed[chosen, one[fits]], changed[chosen, other[fits]] = (
            arm_actions[chosen, other[fits]],
            arm_actions[chosen, one[fits]],
        )
        done |= fits
    return changed


def additive_fit(planning: Planning, samples: Samples, base: Array, ridge: float) -> Array:
    """Return values [H + 1, J, S] of states, near given ones, whose sum over arms is near what was earned, by step.

    Parameters
    ----------
    planning
        The arms.
    samples
        What was earned.
    base
        Additive values [H + 1, J, S] that are corrected; steps without samples keep theirs.
    ridge
        Weight of the squares of corrections, as a share of the number of samples.
    """
    arms, states = planning.arms.start.shape
    values = base.copy()
    for step in range(1, planning.horizon):
        rows = samples.steps == step
        if not rows.any():
            continue
        inputs = samples.moved[rows].reshape(-1, arms * states).astype(np.float64)
        rest = samples.earned[rows].ravel() - inputs @ base[step].ravel()
        middle, arm_action = inputs.mean(axis=0), float(rest.mean())
        spread = inputs - middle
        gram = spread.T @ spread / len(spread) + ridge * np.eye(arms * states)
        slope = np.linalg.solve(gram, spread.T @ (rest - arm_action) / len(spread))
        values[step] += slope.reshape(arms, states) + (arm_action - middle @ slope) / arms
    return values


def _rest(samples: Samples, values: Array) -> Array:
    """Return what was earned beyond additive values [B, K]."""
    found: Array = samples.earned - np.einsum("bkjs,bjs->bk", samples.moved, values[samples.steps], optimize=True)
    return found


def chosen_fit(planning: Planning, learnt: Samples, held: Samples, base: Array) -> Array:
    """Return the additive values, of several ridges, that say best which actions of held-out states earn more.

    Parameters
    ----------
    planning
        The arms.
    learnt, held
        Samples that values are fitted to, and samples that they are compared on.
    base
        Additive values [H + 1, J, S] that the fit departs from.
    """

    def error(values: Array) -> float:
        rest = _rest(held, values)
        return float(((rest - rest.mean(axis=1, keepdims=True)) ** 2).mean())

    return min((additive_fit(planning, learnt, base, ridge) for ridge in RIDGES), key=error)


@single_thread()
def fit(
    planning: Planning, samples: Samples, base: Array, hidden: int, steps: int, rng: np.random.Generator, stops: Stops
) -> FuturePolicy:
    """Return the policy of a network fitted to samples: additive values by least squares, ReLUs to what these leave.

    The loss counts above all how the actions of a state differ. Some states are held out, and the network is taken as it was
    when it was best there.

    Parameters
    ----------
    planning
        The arms.
    samples
        What was earned.
    base
        Additive values [H + 1, J, S] that are corrected.
    hidden
        Number of ReLUs.
    steps
        Gradient steps; fewer where the clock stops.
    rng
        Of what is held out, of the first weights and of the batches.
    stops
        Asked after each step.
    """
    held = rng.random(len(samples.steps)) < HELD_OUT
    held[:2] = True, False
    learnt, other = samples.part(~held), samples.part(held)
    values = chosen_fit(planning, learnt, other, base)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        network = FutureNetwork(base.shape[1], base.shape[2], hidden, exposed_by(planning))
    rest = _rest(learnt, values)
    unit = max(float((rest - rest.mean(axis=1, keepdims=True)).std()), 1e-9)
    inputs, targets = _tensors(planning, network, learnt, rest / unit)
    checked = _tensors(planning, network, other, _rest(other, values) / unit)
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    best, kept = math.inf, network.state_dict()
    for step in range(steps):
        rows = torch.as_tensor(rng.integers(0, len(targets), min(BATCH, len(targets))))
        loss = _loss(network, inputs[rows], targets[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        stopped = stops()
        if stopped or (step + 1) % LOOK == 0 or step + 1 == steps:
            with torch.no_grad():
                missed = float(_loss(network, *checked))
            if missed < best:
                best, kept = missed, copy.deepcopy(network.state_dict())
            if stopped:
                break
    network.load_state_dict(kept)
    made = network.arrays(unit)
    values[1:-1] += made.constant / values.shape[1]
    return FuturePolicy(values, made.first, made.clock, made.bias, made.output, exact=False)


def _tensors(planning: Planning, network: FutureNetwork, samples: Samples, rest: Array) -> tuple[torch.Tensor, torch.Tensor]:
    """Return inputs [B, K, F] and targets [B, K]."""
    tried = samples.moved.shape[1]
    left = torch.as_tensor((planning.horizon - samples.steps) / planning.horizon, dtype=torch.float32)
    inputs = network.encode(torch.as_tensor(samples.moved).flatten(0, 1), left.repeat_interleave(tried))
    return inputs.reshape(len(left), tried, -1), torch.as_tensor(rest, dtype=torch.float32)


def _loss(network: FutureNetwork, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean square of errors, those that the actions of a state have in common counting little."""
    errors = network(inputs.flatten(0, 1)).reshape(targets.shape) - targets
    common = errors.mean(dim=1)
    found: torch.Tensor = ((errors - common[:, None]) ** 2).mean() + LEVEL * (common**2).mean()
    return found


def exposed_by(planning: Planning) -> Array:
    """Return what each arm's state adds [J, S, J] to the exposure of every arm; zeros where there is none."""
    arms, states = planning.arms.start.shape
    if planning.exposure is None:
        return np.zeros((arms, states, arms))
    exposed: Array = planning.exposure.emits.mean(axis=1)[:, :, None] * planning.exposure.reach[:, None, :]
    return exposed
