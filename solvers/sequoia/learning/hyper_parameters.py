"""`HyperParameters`: those of deep Q-learning as published."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HyperParameters:
    """How a Q-network is trained as published; these are constants of ``mode="published"``, and no options of a solver.

    Attributes
    ----------
    hidden
        Widths of the hidden layers.
    episodes
        The most episodes of training; the budget of the call may end it earlier.
    batch, replay, rate, clip
        Transitions a gradient step, transitions kept, Adam's learning rate, limit of each gradient's size.
    epsilon, epsilon_end, epsilon_decay
        Probability of a random action at first and at last, and the steps in which the difference falls to its 1/e.
    discount
        Weight of the next step's value.
    pretraining
        Gradient steps on expected one-step rewards before the first episode.
    priority
        Power of a transition's error in its probability of being drawn; 0 draws uniformly.
    sync
        Gradient steps after which the copy used in targets is renewed.
    check, trials
        Episodes of training after which the network is tried in simulation, and simulated episodes of a try; the best
        network tried is the result.

    References
    ----------
    Xu, Wilder, Khalil, Tambe (2025), arXiv:2503.01919, appendix.
    """

    hidden: tuple[int, ...] = (16, 32)
    episodes: int = 100
    batch: int = 32
    replay: int = 10_000
    rate: float = 2.5e-4
    clip: float = 5.0
    epsilon: float = 0.9
    epsilon_end: float = 0.05
    epsilon_decay: float = 1000.0
    discount: float = 0.99
    pretraining: int = 2000
    priority: float = 0.6
    sync: int = 200
    check: int = 20
    trials: int = 30


PUBLISHED = HyperParameters()
