"""`thompson()` and `ucw()`: planning while learning, week by week, against the planner who knows the arms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError, suggestion
from redwood.planning.contract import Planning, Policy
from redwood.planning.estimation.posterior import Posterior, fitted
from redwood.planning.evaluation import half_width, noise_seed, transition_noise, values_alone
from redwood.planning.frames import frame, long_columns
from redwood.planning.policies import IndexPolicy, RandomPolicy
from redwood.planning.simulator_kernels import advance, draw_start
from redwood.problem import Instance
from redwood.settings import check_seed, whole
from redwood.solving.draws import drawn_instance, made_policy, view_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 0.1
"""Share of the distance of arXiv:2205.15372 that `ucw` allows from the means."""
LOOK_AHEAD = 0.95
"""Discount under which `ucw` weighs what an optimistic row leads to."""
ROUNDS = 40
"""Rounds of the sampler that the posterior mean is taken over, where there is an order."""
SWEEPS = 60
"""Sweeps of the optimistic value iteration."""


@dataclass(frozen=True, eq=False)
class OnlineRun:
    """What was earned while learning.

    Attributes
    ----------
    learner
        How it was learnt.
    rewards, known
        One-step reward [R, T] of the learner, and of the planner who knows the arms, in the same runs. What chance adds to
        the value of the states that are reached is taken off: a control variate of expectation 0.
    """

    learner: str
    rewards: Array
    known: Array

    @property
    def regret(self) -> Array:
        """Reward lost against the planner who knows [R, T], up to and with each step."""
        return np.asarray((self.known - self.rewards).cumsum(axis=1))

    @property
    def average_regret(self) -> Array:
        """Regret a step [R, T], up to and with each step."""
        return self.regret / np.arange(1, self.rewards.shape[1] + 1)

    def to_frame(self) -> Any:
        """Return a pandas frame with the columns run, step, reward and known."""
        runs, steps = self.rewards.shape
        columns = long_columns(self.rewards, {"run": range(runs), "step": range(steps)}, "reward")
        return frame({**columns, "known": self.known.ravel()})

    def plot(self, path: str | Path | None = None, axes: Axes | None = None, *, average: bool = False) -> Axes:
        """Draw the mean regret, or with ``average`` that a step, with its 95 % interval over runs; return the axes."""
        from redwood.picture import drawn

        curves = self.average_regret if average else self.regret

        def draw(shown: Axes) -> None:
            mean, steps = curves.mean(axis=0), np.arange(1, curves.shape[1] + 1)
            (line,) = shown.plot(steps, mean, label=self.learner)
            if len(curves) > 1:
                half = np.array([half_width(column) for column in curves.T])
                shown.fill_between(steps, mean - half, mean + half, color=line.get_color(), alpha=0.2, linewidth=0)
            shown.set_xlabel("steps done")
            shown.set_ylabel("reward lost against knowing the arms" + (", a step so far" if average else ""))
            shown.legend(frameon=False)

        return drawn(draw, path, axes)


@dataclass(frozen=True, eq=False)
class _Learning:
    """What a learner knows when it plans."""

    counts: Array
    """Transitions [J, A, S, S] seen."""
    done: int
    """Steps done."""
    price: float
    """Price of a pull in the plan before."""
    rewards: Array
    rng: np.random.Generator
    order: str | Sequence[str] | None = None
    """What is known of all arms beforehand."""


def thompson(instance: Instance, **options: Any) -> OnlineRun:
    """Plan for one draw of the posterior at a time, and learn from what happens; options are those of `learn_online`."""
    return learn_online(instance, "thompson", **options)


def ucw(instance: Instance, **options: Any) -> OnlineRun:
    """Plan for the best transitions that the counts do not rule out (UCWhittle); options are those of `learn_online`.

    References
    ----------
    Wang, Xu, Taneja, Tambe (2023), Optimistic Whittle index policy: online learning for restless bandits, arXiv:2205.15372,
    section 4: the variant that maximises the value at the price of a pull of the plan before, within a tenth of its
    distances.
    """
    return learn_online(instance, "ucw", **options)


def learn_online(
    instance: Instance,
    learner: str,
    *,
    steps: int = 52,
    runs: int = 5,
    replan: int = 4,
    solver: str = "whittle",
    counts: Any = None,
    order: str | Sequence[str] | None = None,
    seed: int = 0,
) -> OnlineRun:
    """Return what a learner earns that begins without knowing the arms' transitions; rewards and actions are known.

    Parameters
    ----------
    instance
        The truth; plans look its horizon ahead, however many steps are left.
    learner
        ``thompson``, ``ucw``, ``greedy`` (plans for the posterior mean) or ``random`` (random actions).
    steps, runs
        How many steps are played, and how often, with noise that all learners share.
    replan
        Steps from one plan to the next.
    solver
        Makes the plans, also those of the planner who knows.
    counts
        Transitions [J, A, S, S] seen beforehand, such as those of a log; by default none.
    order
        What ``thompson`` and ``greedy`` know of all arms beforehand: ``action-helps``, ``states-ordered`` or both.
    seed
        Decides the noise and the learner's draws.
    """
    if learner not in LEARNERS:
        raise OptionError(f"learner {learner!r} is not known.{suggestion(learner, LEARNERS)}")
    steps, runs, replan = whole("steps", steps, 1), whole("runs", runs, 1), whole("replan", replan, 1)
    seed = noise_seed(instance, check_seed(seed))
    planning = view_of(instance)
    before = np.zeros(planning.arms.transitions.shape) if counts is None else np.array(counts, float)
    if before.shape != planning.arms.transitions.shape:
        raise OptionError(f"counts have shape {list(before.shape)}; expected {list(planning.arms.transitions.shape)}.")
    best = made_policy(instance, solver)

    def planned(learning: _Learning) -> Policy:
        found = LEARNERS[learner](learning)
        if found is None:
            return RandomPolicy()
        return made_policy(drawn_instance(instance, found), solver)

    def begun(run: int) -> _Learning:
        return _Learning(before.copy(), 0, 0.0, planning.arms.rewards, np.random.default_rng([seed, run]), order)

    values = values_alone(planning, best, seed + runs)

    def played(plan: Callable[[_Learning], Policy]) -> Array:
        return np.array([_played(planning, values, plan, steps, replan, begun(run), seed + run) for run in range(runs)])

    known = played(lambda _: best)
    return OnlineRun(learner, played(planned), known)


def _played(
    planning: Planning,
    values: Array,
    plan: Callable[[_Learning], Policy],
    steps: int,
    replan: int,
    learning: _Learning,
    seed: int,
) -> Array:
    """Return the rewards [T] of one run, in which the policy is made anew every ``replan`` steps.

    Parameters
    ----------
    planning
        The truth.
    values
        Value [J, S] of each arm's states in the control variate.
    plan
        Makes a policy of what is known.
    steps, replan
        How many steps are played, and how many lie between two plans.
    learning
        What is known at the start; its counts are added to.
    seed
        Decides the noise.
    """
    from redwood.planning.simulated import cumulative

    ends, states = cumulative(planning.arms.transitions), draw_start(1, cumulative(planning.arms.start), seed)
    arms = np.arange(planning.arms.shape[0])
    rewards, noise = np.empty(steps), 0.0
    for step in range(steps):
        since = step % replan
        if since == 0:
            policy = plan(learning)
        place = min(since, planning.horizon - 1)
        arm_actions = np.ascontiguousarray(policy.choose(planning, states, place, learning.rng), np.int64)
        here = states[0].copy()
        rewards[step] = advance(states, arm_actions, step, seed, ends, planning.arms.rewards)[0] - noise
        noise = float(transition_noise(planning, values, here[None], arm_actions, states)[0])
        np.add.at(learning.counts, (arms, arm_actions[0], here, states[0]), 1.0)
        learning = replace(learning, done=step + 1, price=_price(policy, here, arm_actions[0]))
    return rewards


def _price(policy: Policy, states: Array, arm_actions: Array) -> float:
    """Return the least value of a pull that was made, by a policy of indices; 0 for others."""
    pulled = np.flatnonzero(arm_actions)
    if not isinstance(policy, IndexPolicy) or not len(pulled):
        return 0.0
    own = policy.q_values[0]
    return float((own[pulled, arm_actions[pulled], states[pulled]] - own[pulled, 0, states[pulled]]).min())


def _of_draw(learning: _Learning) -> Array:
    return np.asarray(_posterior(learning, 1).sample(1, learning.rng)[0])


def _of_mean(learning: _Learning) -> Array:
    return _posterior(learning, ROUNDS).mean()


def _posterior(learning: _Learning, kept: int) -> Posterior:
    """Return the posterior of arms that share a prior, as `redwood.planning.estimate` has it."""
    alike = np.zeros(len(learning.counts), np.int64)
    return fitted(learning.counts, alike, learning.order, learning.rng, kept=kept)


def _optimistic(learning: _Learning) -> Array:
    """Return the rows [J, A, S, S] of the greatest value within a distance of the means that the counts allow.

    The distance of row (j, a, s), in the sum of absolute differences, is a share `WIDTH` of the paper's
    ``sqrt(2 S ln(2 S A J t^4) / n)``: the whole of it rules out nothing within a year. Means are drawn to those of all
    arms by one observation. As much as the distance allows goes to the state of the greatest value.
    """
    counts = learning.counts
    arms, actions, states, _ = counts.shape
    number = np.maximum(counts.sum(axis=-1), 1.0)
    pooled = counts.sum(axis=0) + 1.0 / states
    pooled = pooled / pooled.sum(axis=-1, keepdims=True)
    means = (counts + pooled) / (counts.sum(axis=-1, keepdims=True) + 1.0)
    spread = 2.0 * states * np.log(2.0 * states * actions * arms * (learning.done + 1.0) ** 4)
    radius = np.minimum(WIDTH * np.sqrt(spread / number), 2.0)
    paid = learning.rewards - learning.price * (np.arange(actions) > 0)[:, None]
    values = np.zeros((arms, states))
    rows = means
    for _ in range(SWEEPS):
        order = np.argsort(values, axis=1)
        sorted_means = np.take_along_axis(means, np.broadcast_to(order[:, None, None], means.shape), axis=-1)
        raised = np.minimum(sorted_means[..., -1] + radius / 2.0, 1.0)
        room = 1.0 - raised[..., None]  # what is left for the others, filled from the best on
        others = sorted_means[..., -2::-1]
        reach = np.minimum(np.cumsum(others, axis=-1), room)
        kept = np.diff(reach, axis=-1, prepend=0.0)[..., ::-1]
        moved = np.concatenate((kept, 1.0 - kept.sum(axis=-1, keepdims=True)), axis=-1)
        rows = np.empty_like(means)
        np.put_along_axis(rows, np.broadcast_to(order[:, None, None], means.shape), moved, axis=-1)
        values = (paid + LOOK_AHEAD * np.einsum("jasz,jz->jas", rows, values)).max(axis=1)
    return np.asarray(rows)


LEARNERS: dict[str, Callable[[_Learning], Array | None]] = {
    "thompson": _of_draw,
    "ucw": _optimistic,
    "greedy": _of_mean,
    "random": lambda learning: None,
}
"""What transitions each learner plans for; ``None`` for random actions."""
