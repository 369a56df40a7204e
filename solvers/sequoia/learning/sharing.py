"""Training of an `ArmPolicy`: one network of arm parameters, from episodes of many instances."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.files import replacing
from redwood.planning.arm_features import FEATURES, arm_features
from redwood.planning.bounds.pricing import Relaxation, relax
from redwood.planning.contract import Planning
from redwood.planning.improving import Stops, misses, policy_for, recorded, simulated, variance_reduced
from redwood.saved import reading
from redwood.solvers.sequoia.arm_policy import ArmPolicy
from redwood.solvers.sequoia.networks.network import single_thread
from redwood.torch_settings import torch_settings

RATE = 3e-3
DECAY = 1e-4
"""Weight of the squares of the network's parameters, beside errors whose mean square is about 1."""


@dataclass(frozen=True, eq=False)
class Example:
    """What one instance has to teach.

    Attributes
    ----------
    planning
        The instance.
    relaxation
        Its prices and values.
    inputs
        Inputs [H, J, S, F] of the network.
    unit
        What an output of 1 stands for.
    states
        States [H, E, J] met by the policy of the round.
    missed
        How much more [H, E] than the relaxation promised was to come from there, in units; without the noise of outcomes.
    """

    planning: Planning
    relaxation: Relaxation
    inputs: Array
    unit: float
    states: Array
    missed: Array


class ArmNetwork(nn.Module):
    """The network of an `ArmPolicy` while it is trained; untrained it corrects nothing."""

    @torch_settings()
    def __init__(self, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.widths = (FEATURES, *hidden, 1)
        self.layers = nn.ModuleList(
            [nn.Linear(before, after, dtype=torch.float32) for before, after in pairwise(self.widths)]
        )
        nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.layers[-1].bias)  # type: ignore[arg-type]
        self.double()

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the correction [...] for inputs [..., F]."""
        for layer in self.layers[:-1]:
            inputs = torch.relu(layer(inputs))
        found: Tensor = self.layers[-1](inputs)[..., 0]
        return found

    def policy(self) -> ArmPolicy:
        """Return the policy of the network as it is now."""
        weights = nn.utils.parameters_to_vector(self.parameters()).detach().numpy().copy()
        return ArmPolicy(np.array(self.widths), weights)


@dataclass(frozen=True)
class Progress:
    """The policy after a round of improvement, and by how many per cent of the bound it is ahead on held-out instances."""

    round: int
    policy: ArmPolicy
    ahead: float


def share(
    drawn: Callable[[int], Planning],
    count: int,
    clock: Clock,
    *,
    hidden: tuple[int, ...],
    rounds: int,
    episodes: int,
    steps: int,
    seed: int,
    folder: Path,
) -> Iterator[Progress]:
    """Train one network on instances ``drawn(0)`` to ``drawn(count - 1)``, and yield what each round gave.

    In a round the policy of the last one is simulated on all instances, and the network is regressed on how much the
    Lagrangian values miss what the policy earns, summed over arms (see `redwood.planning.improving.fitted`).
    ``steps`` are gradient steps in each round. Every fourth instance is held out to tell progress by.
    Relaxations are kept in the folder, so that a training that was broken off goes on quickly.

    Parameters
    ----------
    drawn
        Makes the instance of a number.
    count
        How many instances there are.
    clock
        Ends the training between two instances.
    hidden
        Width of each hidden layer.
    rounds
        Rounds, at most.
    episodes
        Simulated on each instance in each round.
    steps
        Gradient steps in each round.
    seed
        Origin of all randomness.
    folder
        Where relaxations are kept.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ArmNetwork(hidden)
    examples = []
    for index in range(count):
        if clock.stops():
            return
        planning = drawn(index)
        relaxation = _kept(planning, clock, folder / f"relaxation-{index}.npz")
        examples.append(_example(planning, relaxation, network.policy(), episodes, seed + index, clock.stops))
    held = [index for index in range(count) if index % 4 == 3] or [0]
    for turn in range(rounds):
        taught = [
            example for index, example in enumerate(examples) if example is not None and (index not in held or count < 4)
        ]
        if not taught or clock.stops():
            return
        _regress(network, [example for example in taught if example is not None], steps, seed + turn)
        policy = network.policy()
        tested = [examples[index] for index in held]
        ahead = [_ahead(example, policy, episodes, seed + 7919 + turn) for example in tested if example is not None]
        yield Progress(turn, policy, float(np.mean(ahead)))
        if turn + 1 < rounds:
            for index, example in enumerate(examples):
                if example is not None and index not in held and not clock.stops():
                    again = _example(
                        example.planning,
                        example.relaxation,
                        policy,
                        episodes,
                        seed + 104729 * (turn + 1) + index,
                        clock.stops,
                    )
                    examples[index] = again or example


def _kept(planning: Planning, clock: Clock, path: Path) -> Relaxation:
    """Return the relaxation of an instance, from the folder where it is there."""
    from redwood.planning.bounds.duality import price

    if path.exists():
        with reading(path), np.load(path, allow_pickle=False) as kept:
            return Relaxation(price(planning, kept["prices"]), kept["values"])
    made = relax(planning, clock)
    with replacing(path) as unfinished:
        np.savez(unfinished, prices=made.priced.prices, values=made.values)
    return made


def _example(
    planning: Planning, relaxation: Relaxation, policy: ArmPolicy, episodes: int, seed: int, stops: Stops
) -> Example | None:
    """Return what an instance teaches about a policy, or ``None`` where the time is over."""
    seen = simulated(planning, policy_for(planning, policy.values(planning, relaxation)), episodes, seed, stops)
    if seen is None:
        return None
    inputs, unit = arm_features(planning, relaxation)
    missed = misses(planning, relaxation.values, seen)[::-1].cumsum(axis=0)[::-1] / unit
    return Example(planning, relaxation, inputs, unit, seen.states, missed)


@single_thread()
def _regress(network: ArmNetwork, examples: list[Example], count: int, seed: int) -> None:
    """Fit the sum of corrections over arms to what was missed; what all states of a step share is left out."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=count)
    rng = np.random.default_rng(seed)
    data = [_tensors(example) for example in examples]
    for _ in range(count):
        inputs, hot, missed = data[int(rng.integers(len(data)))]
        steps = torch.as_tensor(rng.choice(len(inputs), min(8, len(inputs)), replace=False))
        table = network(inputs[steps])
        given = torch.einsum("tejs,tjs->te", hot[steps], table)
        errors = given - given.mean(dim=1, keepdim=True) - missed[steps]
        scale = float((missed**2).mean()) + 1e-12
        loss = (errors**2).mean() / scale
        loss = loss + DECAY * sum((weights**2).sum() for weights in network.parameters())
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()


def _tensors(example: Example) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs [H, J, S, F], one-hot states [H, E, J, S] and what was missed [H, E], less its mean in each step."""
    count = example.inputs.shape[2]
    hot = torch.nn.functional.one_hot(torch.as_tensor(example.states), count).double()
    missed = example.missed - example.missed.mean(axis=1, keepdims=True)
    return torch.as_tensor(example.inputs), hot, torch.as_tensor(missed)


def _ahead(example: Example, policy: ArmPolicy, episodes: int, seed: int) -> float:
    """Return by how many per cent of the bound a policy is ahead of the relaxation's own, variance-reduced."""
    planning, relaxation = example.planning, example.relaxation
    policies = [policy_for(planning, values) for values in (policy.values(planning, relaxation), relaxation.values)]
    seen = [recorded(planning, each, episodes, seed) for each in policies]
    own, other = (variance_reduced(planning, relaxation.values, each).mean() for each in seen)
    return float(100.0 * (own - other) / relaxation.bound(planning.horizon))
