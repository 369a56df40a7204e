"""`estimate()`: from a call log to arms, with what is not known about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, OptionError
from redwood.lazy import load_target
from redwood.planning.contract import Arms
from redwood.planning.estimation.cohort import Cohort, check_one_cohort, examined
from redwood.planning.estimation.groups import constant_of_arm, feature_matrix, grouped
from redwood.planning.estimation.last_known import states_after
from redwood.planning.estimation.log import CallLog, StateIs, read_log
from redwood.planning.estimation.posterior import Posterior, fitted
from redwood.planning.estimation.provenance import LogTime, Provenance, kept_draws, plain_value
from redwood.planning.frames import frame, long_columns
from redwood.settings import check_seed, whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from redwood.problem import Instance

SHOWN_DRAWS = 400
"""Draws that the intervals of a frame are quantiles of."""
PROBLEM = "redwood.problems.cormab.problem:CoRMAB"
"""The problem that estimated arms are an instance of; this room imports no problem."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a log says of its arms.

    Attributes
    ----------
    log
        The log, checked.
    posterior
        What is known of the transitions.
    cohort
        What the log holds as a whole, tests of the model, and remarks, in words.
    alike_by
        Columns of the log that say who is alike.
    state_is
        Whether the log's states were before or after the action of their step.
    """

    log: CallLog
    posterior: Posterior
    cohort: Cohort
    alike_by: tuple[str, ...] = ()
    state_is: StateIs = StateIs.BEFORE

    @property
    def names(self) -> tuple[str, ...]:
        """Name [J] of each arm."""
        return self.log.names

    @property
    def arms(self) -> Arms:
        """The arms at the posterior mean of their transitions, where they are after the log; rewards are 0."""
        return Arms(self._mean, np.zeros(self.log.shape), self.start)

    @cached_property
    def start(self) -> Array:
        """Probability [J, S] of each arm's state in the step after the log.

        That is the last state seen, moved on by the actions in the log since then, and the mean of all for one never seen.
        """
        return states_after(self.log, self._mean)

    def sample(self, count: int, seed: int = 0) -> Array:
        """Return draws [D, J, A, S, S] of all transitions from the posterior."""
        return self.posterior.sample(whole("count", count, 1), np.random.default_rng([check_seed(seed), 1]))

    def feature(self, name: str) -> tuple[Any, ...]:
        """Return the value [J] that a column of the log has for each arm, such as a language."""
        return tuple(constant_of_arm(self.log, name))

    def instance(
        self,
        *,
        rewards: Any,
        actions: Any,
        horizon: int = 20,
        discount: float = 1.0,
        criterion: str = "finite",
        transitions: Any = None,
        name: str = "",
    ) -> Instance:
        """Return the instance of planning for these arms from now on.

        Parameters
        ----------
        rewards
            Reward of a step by state [S], by action and state [A, S], or by arm as well [J, A, S].
        actions
            The joint actions allowed, or the number of contacts a step.
        horizon, discount, criterion
            As for `redwood.instance`.
        transitions
            One of `sample` [J, A, S, S], to plan for it; by default the posterior mean.
        name
            What the instance is called.

        Raises
        ------
        InstanceError
            Where rewards have another shape, or the actions do not fit.
        """
        shape = self.log.shape
        earned = np.asarray(rewards, float)
        if earned.shape not in ((shape[2],), shape[1:], shape):
            raise InstanceError(
                f"rewards have shape {list(earned.shape)}; expected [{shape[2]}] by state, or {list(shape)}."
            )
        if isinstance(actions, (int, np.integer)):
            actions = {"kind": "budget", "count": shape[0], "budget": int(actions)}
        made: Instance = load_target(PROBLEM)().make(
            transitions=self._mean if transitions is None else transitions,
            rewards=np.broadcast_to(earned, shape),
            actions=actions,
            start=self.start,
            horizon=horizon,
            discount=discount,
            criterion=criterion,
            name=name,
            arm_names=self.names,
            provenance=self._provenance(),
        )
        return made

    def to_frame(self) -> Any:
        """Return a pandas frame of arm, action, state, next_state, the posterior mean, and the 90 % interval low to high.

        Columns that the log has are called as there.
        """
        axes = {"arm": self.names, "action": self.log.actions, "state": self.log.states, "next_state": self.log.states}
        axes = {self.log.words.of(own): labels for own, labels in axes.items()}
        low, high = np.quantile(self.sample(SHOWN_DRAWS), (0.05, 0.95), axis=0)
        return frame({**long_columns(self._mean, axes, "mean"), "low": low.ravel(), "high": high.ravel()})

    def plot(self, path: str | Path | None = None, axes: Axes | None = None) -> Axes:
        """Draw what a contact does to each arm, with 90 % intervals, and return the axes."""
        from redwood.picture import drawn
        from redwood.planning.estimation.picture import draw_effects

        return drawn(lambda shown: draw_effects(self, shown), path, axes)

    def _provenance(self) -> Provenance:
        """Return what an instance keeps of the log; its draws are those of `sample` with seed 0."""
        features = {name: tuple(map(plain_value, self.feature(name))) for name in self.alike_by}
        draws = self.sample(kept_draws(self._mean.size))
        log = self.log
        time = LogTime(self.state_is, log.stride, log.next_step)
        return Provenance(log.columns, log.states, log.actions, features, draws, time)

    @cached_property
    def _mean(self) -> Array:
        return self.posterior.mean()

    def __repr__(self) -> str:
        return f"Estimate: {self.cohort}"


def estimate(
    log: Any,
    *,
    columns: Mapping[str, str] | None = None,
    states: int | Sequence[Any] | None = None,
    actions: int | Sequence[Any] | None = None,
    groups: str | int | Mapping[Any, Any] | None = None,
    features: Sequence[str] | None = None,
    order: str | Sequence[str] | None = None,
    state_is: str = "before",
    seed: int = 0,
) -> Estimate:
    """Return the posterior of every arm's transitions, given who was contacted when and how they did.

    Each row of transitions has a Dirichlet prior that the arms of a group share, or whose mean their features move. The
    priors' weights are drawn from their posterior, so that groups with few contacts are known to be little known. Steps
    that are missing or of which a state is not known are left out.

    Parameters
    ----------
    log
        A pandas frame or the path of a CSV file with the columns ``arm``, ``step``, ``state``, ``action``, and optionally
        ``next_state``, ``cohort`` and features of arms. Empty states are unknown ones. The state is how the arm was before
        the action of that step.
    columns
        What the log calls these, such as ``{"arm": "person", "step": "week"}``.
    states, actions
        How many there are, or their labels: states from worst to best, actions from none on. By default numbers from 0.
    groups
        A column, a mapping of arms to groups, or a number of groups of arms alike when left alone; by default one group.
    features
        Columns of numbers or words that say who is alike: what arms do is regressed on them, as far as the log bears it
        out. With a number of ``groups``, these are groups of arms alike in their features instead.
    order
        ``"action-helps"``, ``"states-ordered"``, or both; every draw meets them.
    state_is
        ``"after"`` where the log's states were recorded after the action of their step.
    seed
        Decides the draws of priors and the calibration of tests.

    Raises
    ------
    InstanceError
        Where the log breaks a rule; the message names the arm and the step.
    OptionError
        Where an option does.
    """
    seed = check_seed(seed)
    read = read_log(log, columns, states, actions, state_is)
    if groups is None:
        check_one_cohort(read)
    if isinstance(features, str):
        raise OptionError(f"features {features!r} is not a list of columns; write [{features!r}].")
    if features is not None and not features:
        raise OptionError("features [] name no column; leave them out, or name one.")
    rng = np.random.default_rng(seed)
    group, names = grouped(read, groups, features, rng)
    clustered = isinstance(groups, (int, np.integer))
    differ = None if features is None or clustered else feature_matrix(read, features)
    posterior = fitted(read.counts, group, order, rng, differ)
    regressed = [] if differ is None else list(features or [])
    alike_by = (*([groups] if isinstance(groups, str) else []), *(features or []))
    cohort = examined(read, posterior, names, regressed, rng)
    if "next_state" not in read.extra and state_is == StateIs.BEFORE:
        asked = "A row's state is taken to be that before its action; state_is='after' (--state-is after) says otherwise."
        cohort = replace(cohort, notes=(asked, *cohort.notes))
    return Estimate(read, posterior, cohort, alike_by, StateIs(state_is))
