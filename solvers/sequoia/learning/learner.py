"""`Learner`: deep Q-learning of joint actions, which may be stopped and resumed at any step."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from redwood.arrays import Array
from redwood.files import replacing
from redwood.planning.contract import Planning, Policy
from redwood.saved import load_checkpoint, reading
from redwood.solvers.sequoia.learning.hyper_parameters import HyperParameters
from redwood.solvers.sequoia.learning.replay import Batch, Replay
from redwood.solvers.sequoia.networks.network import QNetwork, Shape, single_thread
from redwood.solvers.sequoia.policy import QPolicy, policy_of
from redwood.solvers.sequoia.search.oracle import ActionOracle

TRIAL_SEED = 271_828
"""Seed of the simulated episodes by which networks are compared during training; no result is reported on it."""


@dataclass(frozen=True)
class Line:
    """One line of the learning curve: up to this episode, what was earned, lost, tried, and how it was maximised."""

    episode: int
    reward: float
    loss: float
    trial: float
    best: float
    programs: int
    searches: int


class Learner:
    """The state of one training.

    In each episode every step's action is random with a probability that falls, and otherwise the network's best; after each
    step one batch of transitions is learnt from. The target of a transition is its expected reward plus the value of the
    best action in what followed, by a copy of the network; after the last step of an episode it is the reward alone.

    References
    ----------
    Xu, Wilder, Khalil, Tambe (2025), arXiv:2503.01919, algorithm 1.
    """

    @single_thread()
    def __init__(
        self, planning: Planning, hyper_parameters: HyperParameters, seed: int, kind: type[QPolicy] = QPolicy
    ) -> None:
        self.kind = kind
        self.planning, self.hyper_parameters = planning, hyper_parameters
        self.rng = np.random.default_rng([seed, 6])
        arms, arm_actions, states = planning.arms.shape
        unit = max(1e-9, float(np.abs(planning.arms.rewards).mean()) * arms * planning.horizon)
        shape = Shape(arms, arm_actions, states, planning.horizon, hyper_parameters.hidden, unit)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self.rng.integers(2**31)))
            self.network = QNetwork(shape)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=hyper_parameters.rate)
        self.replay = Replay(hyper_parameters.replay, arms, hyper_parameters.priority)
        self.ends = np.cumsum(planning.arms.transitions, axis=-1)
        self.episode = self.steps = self.updates = 0
        self.trial = self.best_trial = -np.inf
        self.best = policy_of(self.network, kind)
        self.curve: list[Line] = []
        self._target = self._current = self._oracle()
        self._losses: list[float] = []

    @property
    def epsilon(self) -> float:
        """The probability of a random action now."""
        hyper_parameters = self.hyper_parameters
        falling = (hyper_parameters.epsilon - hyper_parameters.epsilon_end) * np.exp(
            -self.steps / hyper_parameters.epsilon_decay
        )
        return hyper_parameters.epsilon_end + float(falling)

    @single_thread()
    def prepare(self, stops: Callable[[], bool] = lambda: False) -> None:
        """Learn expected one-step rewards, unless told to stop, and try the result."""
        for _ in range(self.hyper_parameters.pretraining):
            if stops():
                break
            self.pretrain()
        self._target = self._oracle()
        self._try()

    @single_thread()
    def learn(self, stops: Callable[[], bool], after: Callable[[], None] = lambda: None) -> None:
        """Train until told to stop or until its episodes are over; ``after`` is called after each episode."""
        while self.episode < self.hyper_parameters.episodes and not stops():
            reward = self._episode(stops)
            self.episode += 1
            if self.episode % self.hyper_parameters.check == 0:
                self._try()
            counts = (self._target.programs, self._target.searches)
            loss = float(np.mean(self._losses)) if self._losses else 0.0
            self.curve.append(Line(self.episode, reward, loss, self.trial, self.best_trial, *counts))
            self._losses.clear()
            after()

    def policy(self) -> Policy:
        """Return the best network's policy tried so far."""
        return self.best

    def _episode(self, stops: Callable[[], bool]) -> float:
        """Live through one episode, learning after each step, and return the mean reward a step."""
        planning, earned = self.planning, []
        discount = self.hyper_parameters.discount * planning.discount
        arms = np.arange(len(planning.arms.start))
        states = _outcomes(self.rng, np.cumsum(planning.arms.start, axis=-1))
        for step in range(planning.horizon):
            if stops():
                break
            if step % 4 == 0:
                self._current = self._oracle()
            if self.rng.random() < self.epsilon:
                action = planning.actions.sample(self.rng)
            else:
                action = self._current.best(states[None], np.array([step]))[0]
            earned.append(float(planning.arms.rewards[arms, action, states].sum()))
            after, last = _outcomes(self.rng, self.ends[arms, action, states]), step + 1 == planning.horizon
            self.replay.add(
                states=states,
                steps=step,
                actions=action,
                rewards=earned[-1],
                after=after,
                later=min(step + 1, planning.horizon - 1),
                factors=0.0 if last else discount,
            )
            states = after
            self.steps += 1
            if len(self.replay) >= self.hyper_parameters.batch:
                self._update()
        return float(np.mean(earned)) if earned else 0.0

    def _update(self) -> None:
        """Take one gradient step on a batch drawn from the replay."""
        batch = self.replay.draw(self.hyper_parameters.batch, self.rng)
        errors = self._step(batch, self._targets(batch.rows))
        self.replay.update(batch.rows, errors)
        self.updates += 1
        if self.updates % self.hyper_parameters.sync == 0:
            self._target = self._oracle()

    def _targets(self, rows: Array) -> Array:
        """Return rewards plus the value of what followed [B]."""
        kept = self.replay.arrays
        after, later, factors = kept["after"][rows], kept["later"][rows], kept["factors"][rows]
        ahead, goes_on = np.zeros(len(after)), factors > 0
        if goes_on.any():
            best = self._target.best(after[goes_on], later[goes_on])
            ahead[goes_on] = _values(self._target.network, after[goes_on], later[goes_on], best).numpy()
        targets: Array = kept["rewards"][rows] + factors * ahead
        return targets

    def _step(self, batch: Batch, targets: Array) -> Array:
        """Descend on the weighted Huber loss, and return the errors [B] in the network's unit."""
        kept = self.replay.arrays
        states, steps = kept["states"][batch.rows], kept["steps"][batch.rows]
        return self._descend(states, steps, kept["actions"][batch.rows], targets, batch.weights)

    def _descend(self, states: Array, steps: Array, actions: Array, targets: Array, weights: Array) -> Array:
        values = _values(self.network, states, steps, actions, True)
        scale = self.network.shape.unit / self.planning.horizon
        errors = (values - torch.as_tensor(targets)) / scale
        losses = torch.nn.functional.huber_loss(errors, torch.zeros_like(errors), reduction="none")
        loss = (torch.as_tensor(weights) * losses).mean()
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_value_(self.network.parameters(), self.hyper_parameters.clip)
        self.optimiser.step()
        self._losses.append(float(loss.detach()))
        found: Array = errors.detach().numpy()
        return found

    @single_thread()
    def pretrain(self) -> None:
        """Learn the expected one-step rewards of random actions, of single arms, and of all arms but one."""
        rewards, size = self.planning.arms.rewards, self.hyper_parameters.batch
        arms, arm_actions, count = self.planning.arms.shape
        states, steps = self.rng.integers(0, count, (size, arms)), self.rng.integers(0, self.planning.horizon, size)
        third, rows = size // 3, np.arange(size)
        actions = self.rng.integers(0, arm_actions, (size, arms)) * (
            self.rng.random((size, arms)) < self.rng.random((size, 1))
        )
        chosen = self.rng.integers(0, arms, size)
        single = np.zeros_like(actions)
        single[rows, chosen] = self.rng.integers(1, arm_actions, size)
        but_one = np.full_like(actions, arm_actions - 1)
        but_one[rows, chosen] = 0
        actions[:third], actions[third : 2 * third] = single[:third], but_one[third : 2 * third]
        targets = rewards[np.arange(arms), actions, states].sum(axis=1)
        self._descend(states, steps, actions, targets, np.ones(size))

    def _try(self) -> None:
        """Simulate the network's policy, and keep it if it is the best so far."""
        policy = policy_of(self.network, self.kind)
        self.trial = float(self.planning.rollouts(policy, self.hyper_parameters.trials, TRIAL_SEED).mean(axis=1).mean())
        if self.trial > self.best_trial:
            self.best, self.best_trial = policy, self.trial

    def _oracle(self) -> ActionOracle:
        return ActionOracle(self.network, self.planning.actions)

    @single_thread()
    def save(self, path: Path) -> None:
        """Write everything that an exact continuation needs; a crash leaves the old file or the new one."""
        state = {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "target": self._target.network.state_dict(),
            "replay": {name: torch.as_tensor(array) for name, array in self.replay.arrays.items()},
            "best": torch.as_tensor(np.array(self.best.weights)),
            "rng": json.dumps(self.rng.bit_generator.state),
            "counters": [self.episode, self.steps, self.updates, self.replay.added],
            "trials": [self.trial, self.best_trial],
            "curve": json.dumps([asdict(line) for line in self.curve]),
        }
        with replacing(path, durable=True) as unfinished:
            torch.save(state, unfinished)

    @single_thread()
    def load(self, path: Path) -> None:
        """Go on where `save` left off."""
        state = load_checkpoint(path)
        with reading(path):
            self._take(state)

    def _take(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["target"])
        self._target = self._oracle()
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name, tensor in state["replay"].items():
            self.replay.arrays[name][:] = tensor.numpy()
        self.rng.bit_generator.state = json.loads(state["rng"])
        self.episode, self.steps, self.updates, self.replay.added = state["counters"]
        self.trial, self.best_trial = state["trials"]
        self.curve = [Line(**line) for line in json.loads(state["curve"])]
        self.best = replace(policy_of(self.network, self.kind), weights=state["best"].numpy())


def _values(network: QNetwork, states: Array, steps: Array, actions: Array, learns: bool = False) -> torch.Tensor:
    """Return Q [B] of actions in states."""
    with torch.set_grad_enabled(learns):
        found: torch.Tensor = network(torch.as_tensor(states), torch.as_tensor(steps), torch.as_tensor(actions))
        return found


def _outcomes(rng: np.random.Generator, ends: Array) -> Array:
    """Return outcomes [J] drawn from distributions given by the upper ends [J, S] of their shares."""
    drawn: Array = (rng.random((len(ends), 1)) > ends[:, :-1]).sum(axis=1)
    return drawn
