"""`HyperParameters`: the options of learning, and the published ones."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from redwood.errors import OptionError


@dataclass(frozen=True)
class HyperParameters:
    """How a Q-network is trained.

    Attributes
    ----------
    network
        ``residual`` (the Lagrangian values of the arms, improved, heads that correct them, and a concave correction),
        ``additive``, ``concave`` or ``relu``.
    hidden
        Widths of the hidden layers; ``concave`` and ``residual`` use the last one for their ReLUs of the action, and
        the first one in the heads.
    episodes
        The most episodes of training; the budget of the call may end it earlier.
    batch, replay, rate, clip
        Transitions a gradient step, transitions kept, Adam's learning rate, limit of each gradient's size. ``residual``
        halves the rate where a trial is clearly behind the best one, and goes back to that.
    epsilon, epsilon_end, epsilon_decay
        Probability of a random action at first and at last, and the steps in which the difference falls to its 1/e.
    discount
        Weight of the next step's value.
    pretraining
        Gradient steps on expected one-step rewards before the first episode; ``residual`` starts from its table instead.
    n_step
        Rewards summed before the network is asked for the rest; fewer where a random action comes before.
    outcomes
        Next states drawn for each transition, over which its target is averaged.
    double
        Whether the action in a target is chosen by the newer of two copies and valued by the older.
    priority
        Power of a transition's error in its probability of being drawn; 0 draws uniformly.
    sync
        Gradient steps after which the copies used in targets are renewed.
    slack
        Relative gap of search and bound up to which decisions do without the mixed-integer program; 0 for the exact maximum.
        In targets the gap is relative to an episode's reward where the value is smaller. Sets that are gone through one by
        one are always decided exactly.
    programs
        Whether the mixed-integer program decides where the search's bound does not prove its action, in targets and in the
        policy. Without it ``relu`` takes milliseconds for any number of arms; every decision still has its bound.
    check
        Episodes of training after which the network is tried in simulation; the best one tried is the result. Trials solve
        programs only where ``slack`` is 0: what is tried is what a search does with the network.
    trials
        Simulated episodes of a try.
    improvements
        For ``residual``: rounds of policy improvement on expected targets before the first episode, each of which has to
        beat the incumbent in trial episodes; see `redwood.planning.improving.improve`.
    improvement_episodes
        Episodes simulated in each round to learn from, and as many to try the candidate.
    start
        A trained network of arms, by its file or the name of a shipped one, from which ``residual`` starts where that beats
        the Lagrangian values in trial episodes: transfer from other instances and sizes.
    preset
        ``published`` takes every hyper-parameter of the paper that is not given explicitly.
    """

    network: str = "residual"
    hidden: tuple[int, ...] = (16, 32)
    episodes: int = 300
    batch: int = 32
    replay: int = 10_000
    rate: float = 1e-3
    clip: float = 5.0
    epsilon: float = 0.5
    epsilon_end: float = 0.05
    epsilon_decay: float = 1000.0
    discount: float = 1.0
    pretraining: int = 2000
    n_step: int = 3
    outcomes: int = 2
    double: bool = True
    priority: float = 0.6
    sync: int = 200
    slack: float = 1e-2
    programs: bool = True
    check: int = 20
    trials: int = 30
    improvements: int = 4
    improvement_episodes: int = 1000
    start: str = ""
    preset: str = "default"

    def __post_init__(self) -> None:
        for name in ("episodes", "batch", "replay", "n_step", "outcomes", "sync", "check", "trials", "improvement_episodes"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} {getattr(self, name)} is below 1; give at least 1.")
        for name in ("rate", "clip", "epsilon_decay"):
            if not getattr(self, name) > 0:
                raise OptionError(f"{name} {getattr(self, name)} is not positive.")
        for name in ("epsilon", "epsilon_end", "discount", "priority"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"{name} {getattr(self, name)} is not in 0 to 1.")
        for name in ("slack", "pretraining", "improvements"):
            if getattr(self, name) < 0:
                raise OptionError(f"{name} {getattr(self, name)} is negative.")
        if self.preset not in ("default", "published"):
            raise OptionError(f"preset {self.preset!r} is not known; there are default and published.")

    def with_preset(self) -> HyperParameters:
        """Return the hyper-parameters alone, with the preset's values where an option has its default."""
        given = {entry.name: getattr(self, entry.name) for entry in fields(HyperParameters)}
        if self.preset == "published":
            plain = HyperParameters()
            given |= {name: value for name, value in PUBLISHED.items() if given[name] == getattr(plain, name)}
        return replace(HyperParameters(), **given)


PUBLISHED = {
    "network": "relu",
    "episodes": 100,
    "rate": 2.5e-4,
    "epsilon": 0.9,
    "discount": 0.99,
    "n_step": 1,
    "outcomes": 1,
    "double": False,
    "slack": 0.0,
}
"""Xu et al. (2025), appendix, where it differs from the defaults: batch 32, replay 10,000 and clipping at 5 are the same."""
