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
from redwood.errors import OptionError
from redwood.files import replacing
from redwood.planning.contract import Planning, Policy
from redwood.planning.improving import recorded, surpasses, variance_reduced
from redwood.saved import load_checkpoint, reading
from redwood.solvers.sequoia.learning.control_variate import ControlVariate
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


@dataclass(frozen=True, eq=False)
class Past:
    """A step of an episode: states [J], action [J], its expected reward, the noise of the outcome met, and of all drawn."""

    states: Array
    action: Array
    reward: float
    met: float
    mean: float


class Learner:
    """The state of one training.

    In each episode every step's action is random with a probability that falls, and otherwise the network's best; after each
    step one batch of transitions is learnt from. The target of a transition is its rewards plus the value of the best
    action in what followed, by a copy of the network, averaged over several outcomes drawn from the arms; after the
    last step of an episode it is the rewards alone.

    Parameters
    ----------
    table
        Q-values [H, J, A, S] of actions that a ``residual`` network starts from.
    values
        Q-values [H + 1, J, S] of states, discounted to the first step, by which rewards are freed of the noise of outcomes;
        see `ControlVariate`.

    References
    ----------
    Xu, Wilder, Khalil, Tambe (2025), arXiv:2503.01919, algorithm 1.
    van Hasselt, Guez, Silver (2016), Deep reinforcement learning with double Q-learning, arXiv:1509.06461.
    """

    @single_thread()
    def __init__(
        self,
        planning: Planning,
        hyper_parameters: HyperParameters,
        seed: int,
        table: Array | None = None,
        kind: type[QPolicy] = QPolicy,
        values: Array | None = None,
    ) -> None:
        self.kind = kind
        self.planning, self.hyper_parameters = planning, hyper_parameters.with_preset()
        self.rng = np.random.default_rng([seed, 6])
        arms, arm_actions, states = planning.arms.shape
        unit = max(1e-9, float(np.abs(planning.arms.rewards).mean()) * arms * planning.horizon)
        shape = Shape(
            self.hyper_parameters.network,
            arms,
            arm_actions,
            states,
            planning.horizon,
            tuple(self.hyper_parameters.hidden),
            unit,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self.rng.integers(2**31)))
            self.network = QNetwork(shape, table)
        self.optimiser = self._optimiser(self.hyper_parameters.rate)
        self.replay = Replay(
            self.hyper_parameters.replay, arms, self.hyper_parameters.outcomes, self.hyper_parameters.priority
        )
        self._values = values
        self.noise = None if values is None else ControlVariate(planning, values)
        self.ends = np.cumsum(planning.arms.transitions, axis=-1)
        self.episode = self.steps = self.updates = 0
        self.trial = self.best_trial = -np.inf
        self._best_earned: Array | None = None
        self.best = self._policy()
        self.curve: list[Line] = []
        self._older = self._newer = self._current = self._oracle()
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
        """Learn expected one-step rewards, unless the network starts from a table or is told to stop, and try the result."""
        if self.network.shape.kind != "residual":
            for _ in range(self.hyper_parameters.pretraining):
                if stops():
                    break
                self.pretrain()
        self._older = self._newer = self._oracle()
        self._try()

    @single_thread()
    def learn(self, stops: Callable[[], bool], after: Callable[[], None] = lambda: None) -> None:
        """Train until told to stop or until its episodes are over; ``after`` is called after each episode."""
        while self.episode < self.hyper_parameters.episodes and not stops():
            reward = self._episode(stops)
            self.episode += 1
            if self.episode % self.hyper_parameters.check == 0:
                self._try()
            counts = (self._newer.programs, self._newer.searches)
            loss = float(np.mean(self._losses)) if self._losses else 0.0
            self.curve.append(Line(self.episode, reward, loss, self.trial, self.best_trial, *counts))
            self._losses.clear()
            after()

    def policy(self) -> Policy:
        """Return the best network's policy tried so far."""
        return self.best

    def _episode(self, stops: Callable[[], bool]) -> float:
        """Live through one episode, learning after each step, and return the mean reward a step."""
        planning, hyper_parameters = self.planning, self.hyper_parameters
        arms = np.arange(len(planning.arms.start))
        states = _outcomes(self.rng, np.cumsum(planning.arms.start, axis=-1))
        past: list[Past] = []
        outcomes, kept = np.empty((0, len(arms)), np.int64), 0
        for step in range(planning.horizon):
            if stops():
                break
            if step % 4 == 0:
                self._current = self._oracle()
            if self.rng.random() < self.epsilon:
                kept = self._remember(past, kept, outcomes, whole=True)
                action = planning.actions.sample(self.rng)
            else:
                action = self._current.best(states[None], np.array([step]))[0]
            reward = float(planning.arms.rewards[arms, action, states].sum())
            outcomes = np.stack(
                [_outcomes(self.rng, self.ends[arms, action, states]) for _ in range(hyper_parameters.outcomes)]
            )
            noise = (
                np.zeros(hyper_parameters.outcomes) if self.noise is None else self.noise.of(states, action, step, outcomes)
            )
            past.append(Past(states, action, reward, float(noise[0]), float(noise.mean())))
            kept = self._remember(past, kept, outcomes, whole=step + 1 == planning.horizon)
            states = outcomes[0]
            self.steps += 1
            if len(self.replay) >= hyper_parameters.batch:
                self._update()
        return float(np.mean([seen.reward for seen in past])) if past else 0.0

    def _remember(self, past: list[Past], first: int, outcomes: Array, *, whole: bool) -> int:
        """Keep the transitions from the first one on that have become complete, and return the first one that has not.

        That is after ``n_step`` steps, and for all at the end of the episode or where the next action is a random one: what
        such an action costs is not the fault of those before it (Watkins 1989, Learning from delayed rewards). Rewards are
        kept less the noise of the steps: of the outcome that was met, and after the last step of all of them.
        """
        discount, end = self.hyper_parameters.discount * self.planning.discount, len(past)
        beyond = end if whole else max(first, end - self.hyper_parameters.n_step + 1)
        for begin in range(first, beyond):
            seen = past[begin:end]
            rewards = sum(discount**k * (each.reward - discount * each.met) for k, each in enumerate(seen))
            self.replay.add(
                states=seen[0].states,
                steps=begin,
                actions=seen[0].action,
                rewards=rewards + discount ** len(seen) * (seen[-1].met - seen[-1].mean),
                after=outcomes,
                later=min(end, self.planning.horizon - 1),
                factors=0.0 if end == self.planning.horizon else discount ** len(seen),
            )
        return beyond

    def _update(self) -> None:
        """Take one gradient step on a batch drawn from the replay."""
        batch = self.replay.draw(self.hyper_parameters.batch, self.rng)
        errors = self._step(batch, self._targets(batch.rows))
        self.replay.update(batch.rows, errors)
        self.updates += 1
        if self.updates % self.hyper_parameters.sync == 0:
            renewed = self._oracle()
            self._older, self._newer = (self._newer if self.hyper_parameters.double else renewed), renewed

    def _targets(self, rows: Array) -> Array:
        """Return rewards plus the value of what followed [B], averaged over the outcomes."""
        kept = self.replay.arrays
        count = self.hyper_parameters.outcomes
        after = kept["after"][rows].reshape(len(rows) * count, -1)
        later = np.repeat(kept["later"][rows], count)
        ahead = np.zeros(len(after))
        goes_on = np.repeat(kept["factors"][rows] > 0, count)
        if goes_on.any():
            best = self._newer.best(after[goes_on], later[goes_on])
            ahead[goes_on] = _values(self._older.network, after[goes_on], later[goes_on], best).numpy()
        targets: Array = kept["rewards"][rows] + kept["factors"][rows] * ahead.reshape(-1, count).mean(axis=1)
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
        """Simulate the network's policy, and keep it if it is the best so far.

        A ``residual`` network has a good policy to lose: it must be ahead of the best one with 95 % confidence, and where
        it is behind with as much it goes back to that one, and learns on at half the rate.

        Unless the exact maximum is asked for (``slack`` 0), programs are left out: beyond lists 600 decisions would take
        the time of all learning. What is tried is then what a search does with the network; the answer, which may solve
        programs, values its actions no less.
        """
        policy = self._policy(programs=self._exact)
        earned = self._earned(policy)
        self.trial = float(earned.mean())
        better = self.trial > self.best_trial
        if self.network.shape.kind == "residual" and np.isfinite(self.best_trial):
            if self._best_earned is None:  # after a resumption
                self._best_earned = self._earned(replace(self.best, programs=self._exact))
            better = surpasses(earned, self._best_earned)
            if surpasses(self._best_earned, earned):
                self._go_back()
        if better:
            self.best, self.best_trial, self._best_earned = self._policy(), self.trial, earned

    @property
    def _exact(self) -> bool:
        """Whether trials may solve programs."""
        return self.hyper_parameters.programs and self.hyper_parameters.slack == 0

    def _go_back(self) -> None:
        """Take the best network again, to learn in steps of half the size."""
        self.network.load_vector(self.best.weights)
        self.optimiser = self._optimiser(self.optimiser.param_groups[0]["lr"] / 2)
        self._older = self._newer = self._current = self._oracle()

    def _optimiser(self, rate: float) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.network.parameters(), lr=rate)

    def _policy(self, *, programs: bool | None = None) -> QPolicy:
        programs = self.hyper_parameters.programs if programs is None else programs
        return policy_of(self.network, self.kind, programs=programs, slack=self.hyper_parameters.slack)

    def _earned(self, policy: Policy, seed: int = TRIAL_SEED) -> Array:
        """Return the mean rewards a step [E] of a policy in trial episodes, variance-reduced where values are known."""
        if self._values is None:
            earned: Array = self.planning.rollouts(policy, self.hyper_parameters.trials, seed).mean(axis=1)
            return earned
        seen = recorded(self.planning, policy, self.hyper_parameters.trials, seed)
        return variance_reduced(self.planning, self._values, seen)

    def _oracle(self) -> ActionOracle:
        return ActionOracle(
            self.network, self.planning.actions, self.hyper_parameters.slack, programs=self.hyper_parameters.programs
        )

    @single_thread()
    def save(self, path: Path) -> None:
        """Write everything that an exact continuation needs; a crash leaves the old file or the new one."""
        state = {
            "hyper_parameters": json.dumps(asdict(self.hyper_parameters)),
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "older": self._older.network.state_dict(),
            "newer": self._newer.network.state_dict(),
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
        """Go on where `save` left off.

        Raises
        ------
        OptionError
            Where the file is of a training with other options.
        """
        state = load_checkpoint(path)
        with reading(path):
            self._take(state, path)

    def _take(self, state: dict[str, Any], path: Path) -> None:
        asked, kept = json.loads(json.dumps(asdict(self.hyper_parameters))), json.loads(state["hyper_parameters"])
        others = [
            f"{name} {kept.get(name)!r} and not {value!r}"
            for name, value in asked.items()
            if name != "episodes" and kept.get(name) != value
        ]
        if others:
            raise OptionError(f"{path} holds a training with {', '.join(others)}; give another folder, or its options.")
        self.network.load_state_dict(state["older"])
        self._older = self._oracle()
        self.network.load_state_dict(state["newer"])
        self._newer = self._oracle()
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name, tensor in state["replay"].items():
            self.replay.arrays[name][:] = tensor.numpy()
        self.rng.bit_generator.state = json.loads(state["rng"])
        self.episode, self.steps, self.updates, self.replay.added = state["counters"]
        self.trial, self.best_trial = state["trials"]
        self.curve = [Line(**line) for line in json.loads(state["curve"])]
        current = self._policy()
        self.best = replace(current, weights=state["best"].numpy())


def _values(network: QNetwork, states: Array, steps: Array, actions: Array, learns: bool = False) -> torch.Tensor:
    """Return Q [B] of actions in states."""
    with torch.set_grad_enabled(learns):
        found: torch.Tensor = network(torch.as_tensor(states), torch.as_tensor(steps), torch.as_tensor(actions))
        return found


def _outcomes(rng: np.random.Generator, ends: Array) -> Array:
    """Return outcomes [J] drawn from distributions given by the upper ends [J, S] of their shares."""
    drawn: Array = (rng.random((len(ends), 1)) > ends[:, :-1]).sum(axis=1)
    return drawn
