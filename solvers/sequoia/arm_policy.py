"""`ArmPolicy`: one small network that corrects the value of any arm's state, for every instance of a domain."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from redwood.arrays import Array
from redwood.clock import Timer
from redwood.errors import SolutionError
from redwood.planning.arm_features import FEATURES, arm_features
from redwood.planning.bounds.pricing import Relaxation, relax
from redwood.planning.contract import Planning, Policy
from redwood.planning.improving import policy_for
from redwood.planning.policies import IndexPolicy
from redwood.problem import frozen


@dataclass(frozen=True, eq=False)
class ArmPolicy(Policy):
    """Look one step ahead of the Lagrangian values of the arms' states, each corrected by a network of what the arm is.

    The network's inputs are parameters of the arm alone, its prices and values among them, and of the instance as a
    whole: see `arm_features`. So it takes any number of arms, actions and states. At the first decision on an instance the
    Lagrangian relaxation is solved, which takes seconds; after that a decision is one call of the action set's oracle.

    Attributes
    ----------
    widths
        Widths [L] of the layers, inputs and the single output included.
    weights
        Matrices and biases [P], layer by layer.
    """

    kind: ClassVar[str] = "arm-network"
    widths: Array
    weights: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", frozen(self.widths, np.int64))
        object.__setattr__(self, "weights", frozen(self.weights, np.float64))
        count = sum((before + 1) * after for before, after in pairwise(self.widths.tolist()))
        if len(self.widths) < 2 or self.widths[0] != FEATURES or self.widths[-1] != 1:
            raise SolutionError(f"a network of arms goes from {FEATURES} inputs to 1 output, not {self.widths.tolist()}.")
        if self.weights.shape != (count,) or not np.isfinite(self.weights).all():
            raise SolutionError(f"weights of shape {list(self.weights.shape)} are not {count} finite numbers.")

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the best action for the corrected values in each episode's states."""
        kept = _BOUND.setdefault(self, WeakKeyDictionary())
        if planning not in kept:
            kept[planning] = policy_for(planning, self.values(planning, relax(planning, Timer())))
        return kept[planning].choose(planning, states, step, rng)

    def values(self, planning: Planning, relaxation: Relaxation) -> Array:
        """Return the corrected Q-values [H + 1, J, S] of states."""
        inputs, unit = arm_features(planning, relaxation)
        corrected = relaxation.values.copy()
        corrected[:-1] += unit * self.evaluate(inputs)
        return corrected

    def evaluate(self, inputs: Array) -> Array:
        """Return the network's output [...] for inputs [..., F]."""
        value, used = inputs, 0
        for layer, (before, after) in enumerate(pairwise(self.widths.tolist())):
            matrix = self.weights[used : used + before * after].reshape(after, before)
            bias = self.weights[used + before * after : used + (before + 1) * after]
            value = value @ matrix.T + bias
            used += (before + 1) * after
            if layer < len(self.widths) - 2:
                value = np.maximum(value, 0.0)
        found: Array = value[..., 0]
        return found


_BOUND: WeakKeyDictionary[ArmPolicy, WeakKeyDictionary[Planning, IndexPolicy]] = WeakKeyDictionary()
