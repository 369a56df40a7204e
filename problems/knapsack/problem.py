"""The 0-1 knapsack problem: its rules, its objective, its files and pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.budget import Sense
from redwood.errors import InstanceError, OptionError
from redwood.problem import Problem, frozen
from redwood.problems.knapsack import files, generators
from redwood.problems.knapsack.instance import KnapsackInstance, Packing
from redwood.views.bound import Bound
from redwood.views.linear import Linear
from redwood.views.local import Local
from redwood.views.stepwise import Stepwise
from redwood.views.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EXACT = 2**53
"""Whole numbers below this are exact as floats, and so are their sums."""
SHOWN = 10
"""How many violations are told at most."""


class Knapsack(Problem[KnapsackInstance, Packing]):
    """The 0-1 knapsack problem.

    Given N items with values ``v`` and weights ``w``, none negative, and a capacity ``c``: choose items of the greatest
    total value whose total weight is at most ``c``. Real weights may exceed ``c`` by the share 1e-9 that adding floats
    can lose; whole weights may not. An instance in which no item fits is refused.

    References
    ----------
    Kellerer, Pferschy, Pisinger (2004), Knapsack Problems, Springer, chapter 5, doi:10.1007/978-3-540-24777-7.
    """

    name = "knapsack"
    measure = "items"
    sense = Sense.MAX
    solution_type = Packing
    views: ClassVar[Mapping[type[View], str]] = {
        Linear: "redwood.problems.knapsack.linear:KnapsackLinear",
        Local: "redwood.problems.knapsack.local:KnapsackLocal",
        Bound: "redwood.problems.knapsack.bound:KnapsackBound",
        Stepwise: "redwood.problems.knapsack.stepwise:KnapsackStepwise",
    }
    variants = generators.VARIANTS
    suffix = ".kp"

    def make(
        self,
        *,
        values: Any,
        weights: Any,
        capacity: Any,
        name: str = "",
        best_known: float | None = None,
    ) -> KnapsackInstance:
        """Return the instance of values [N], weights [N] and a capacity, in one unit of weight.

        Numbers that are all whole are kept as integers, whatever type they came in, and their objective is exact.

        Parameters
        ----------
        values
            What each item is good for, [N], not negative.
        weights
            Weight of each item, [N], not negative.
        capacity
            The most that the packed items may weigh together.

        Raises
        ------
        InstanceError
            Where an entry is missing, negative, not finite, or whole numbers are too large to be added exactly; where
            the shapes disagree; where no item fits the capacity.
        """
        instance = KnapsackInstance(
            values=_numbers(values, "value"),
            weights=_numbers(weights, "weight"),
            capacity=_capacity(capacity),
            name=name,
            best_known=best_known,
        )
        self.validate(instance)
        return instance

    def generate(
        self,
        size: int,
        rng: np.random.Generator,
        *,
        variant: str = "uniform",
        capacity: float | None = None,
        largest: int | None = None,
        series: tuple[int, int] | None = None,
    ) -> KnapsackInstance:
        """Return a random instance.

        Parameters
        ----------
        variant
            ``uniform`` draws real values and weights from {1, ..., 998} / 1000 and has capacity 25 at every size, as
            in the literature on neural solvers. The other names are Pisinger's 13 classes.
        capacity
            The capacity, in place of the variant's own.
        largest
            The range R of a Pisinger class: weights are drawn from 1 to R (and its distances and surcharges are
            shares of R). By default 1000. Similar weights lie in 100 R to 100 R + R / 10.
        series
            The pair (h, H) by which a Pisinger class has the capacity h / (H + 1) of the total weight, rounded down;
            but never below the smallest weight. By default (50, 100).

        Raises
        ------
        OptionError
            Where a number is out of range or does not concern the variant.
        InstanceError
            Where ``capacity`` is below the smallest weight drawn.
        """
        if size < 1:
            raise OptionError(f"size {size} is below 1; a knapsack instance has at least one item.")
        if variant == "uniform" and not (largest is None and series is None):
            raise OptionError("variant 'uniform' takes neither largest= nor series=; they belong to Pisinger's classes.")
        values, weights = generators.draw(variant, size, rng, 1000 if largest is None else largest)
        if capacity is None:
            capacity = generators.CAPACITY if variant == "uniform" else _share(weights, series or (50, 100))
        elif series is not None:
            raise OptionError("capacity= and series= both set the capacity; give one of them.")
        return self.make(values=values, weights=weights, capacity=capacity, name=f"{variant}-{size}")

    def validate(self, instance: KnapsackInstance) -> None:
        """Raise `InstanceError` where an entry breaks a rule or no item fits."""
        _check_entries(instance.values, "value")
        _check_entries(instance.weights, "weight")
        if len(instance.values) != len(instance.weights):
            raise InstanceError(f"{len(instance.values)} values and {len(instance.weights)} weights disagree.")
        if instance.size == 0:
            raise InstanceError("the instance has no items; a knapsack needs at least one.")
        if not math.isfinite(instance.capacity) or instance.capacity < 0:
            raise InstanceError(f"capacity {instance.capacity} must be a finite number, at least 0.")
        lightest = int(np.argmin(instance.weights))
        if instance.weights[lightest] > instance.limit:
            raise InstanceError(
                f"capacity {instance.capacity} is below the smallest weight {instance.weights[lightest]} "
                f"(item {lightest}), so no item fits."
            )

    def objective(self, instance: KnapsackInstance, solution: Packing) -> float:
        """Return the total value of the packed items: exact for whole values, else the correctly rounded sum."""
        return math.fsum(instance.values[solution.items].tolist())

    def violations(self, instance: KnapsackInstance, solution: Packing) -> list[str]:
        """Return which items do not exist or are packed twice, and by how much the capacity is exceeded."""
        items = solution.items
        outside = items[(items < 0) | (items >= instance.size)]
        told = [f"item {item} is not one of 0 to {instance.size - 1}." for item in outside[:SHOWN]]
        counts = np.bincount(items[(items >= 0) & (items < instance.size)], minlength=instance.size)
        told += [f"item {item} is packed {counts[item]} times." for item in np.flatnonzero(counts > 1)[:SHOWN]]
        weight = math.fsum(instance.weights[counts > 0].tolist())
        if weight > instance.limit:
            over = weight - instance.capacity
            told.append(f"the items weigh {weight:.15g}, which exceeds the capacity {instance.capacity} by {over:.6g}.")
        return told[-SHOWN:]

    def repair_suggestions(self, instance: KnapsackInstance, solution: Packing) -> list[str]:
        """Return which entries to strike out, and which items to leave behind at the least loss."""
        known = np.unique(solution.items[(solution.items >= 0) & (solution.items < instance.size)])
        told = ["strike out items that do not exist or stand twice."] if len(known) < len(solution.items) else []
        weight, value = float(instance.weights[known].sum()), instance.values[known]
        ratio = value / np.maximum(instance.weights[known], 1e-12)
        for item in known[np.argsort(ratio, kind="stable")]:
            if weight <= instance.limit:
                break
            weight -= float(instance.weights[item])
            told.append(f"leave item {item} out (value {instance.values[item]:g}, weight {instance.weights[item]:g}).")
        return told[:SHOWN]

    def parse(self, text: str, name: str) -> KnapsackInstance:
        """Return the instance of a ``.kp`` file: the number of items, the capacity, then a value and a weight an item."""
        values, weights, capacity = files.parse_instance(text, name)
        return self.make(values=values, weights=weights, capacity=capacity, name=name)

    def format(self, instance: KnapsackInstance) -> str:
        """Return the instance as the text of a ``.kp`` file."""
        return files.format_instance(instance)

    def parse_solution(self, text: str, instance: KnapsackInstance) -> Packing:
        """Return the packing of a text that lists item indices from 0; what follows ``#`` in a line is a comment."""
        return files.parse_solution(text, instance)

    def format_solution(self, instance: KnapsackInstance, solution: Packing) -> str:
        """Return the item indices, ascending, one a line, below a comment with value, weight and capacity."""
        return files.format_solution(instance, solution, self.objective(instance, solution))

    def plot(self, instance: KnapsackInstance, solution: Packing | None, axes: Axes) -> None:
        """Draw the items as points of weight and value, the packed ones filled."""
        from redwood.problems.knapsack.picture import draw

        draw(self, instance, solution, axes)


def _numbers(data: Any, what: str) -> Array:
    """Return a user's numbers as int64 where all are whole, else float64."""
    try:
        array = np.asarray(data)
    except (TypeError, ValueError) as error:
        raise InstanceError(f"{what}s are not a list of numbers: {error}.") from error
    if array.ndim != 1:
        raise InstanceError(f"{what}s have shape {list(array.shape)}; expected a flat list [N].")
    if array.size and array.dtype.kind not in "iuf":
        _check_types(array.tolist(), what)
        raise InstanceError(f"{what}s have the type {array.dtype}; expected whole or real numbers.")
    if isinstance(data, (list, tuple)):  # NumPy makes floats of whole numbers from 2^63 on
        _check_types(data, what)
    with np.errstate(over="ignore"):
        exact = bool(np.sum(np.abs(array, dtype=np.float64)) < EXACT)
    if array.dtype.kind == "f":
        return frozen(array, np.int64 if exact and np.all(array == np.rint(array)) else np.float64)
    return frozen(array, np.int64 if exact else None)  # `validate` refuses whole numbers that cannot be added exactly


def _check_types(entries: Sequence[Any], what: str) -> None:
    for item, entry in enumerate(entries):
        if isinstance(entry, (bool, np.bool_)) or not isinstance(entry, (int, float, np.integer, np.floating)):
            raise InstanceError(f"{what} {entry!r} of item {item} is not a number.")
        if isinstance(entry, int) and abs(entry) >= EXACT:
            raise InstanceError(f"{what} {entry} of item {item} is not below 2^53, so sums of it would not be exact.")


def _capacity(capacity: Any) -> float:
    if isinstance(capacity, (bool, np.bool_, str, bytes)):
        raise InstanceError(f"capacity {capacity!r} is not a number.")
    try:
        number = float(capacity)
    except (TypeError, ValueError, OverflowError) as error:
        raise InstanceError(f"capacity {capacity!r} is not a number that a float can hold.") from error
    return int(number) if abs(number) < EXACT and number == int(number) else number


def _check_entries(numbers: Array, what: str) -> None:
    if numbers.ndim != 1 or numbers.dtype.kind not in "iuf":
        raise InstanceError(f"{what}s have shape {list(numbers.shape)} and type {numbers.dtype}; expected numbers [N].")
    for wrong, rule in ((~np.isfinite(numbers), "is not finite"), (numbers < 0, "is negative")):
        places = np.flatnonzero(wrong)
        if len(places):
            raise InstanceError(f"{what} {numbers[places[0]]} of item {places[0]} {rule}; it must be a number from 0 on.")
    with np.errstate(over="ignore"):
        total = float(np.sum(numbers, dtype=np.float64))
    if numbers.dtype.kind != "f" and total >= EXACT:
        raise InstanceError(
            f"the whole {what}s sum to {total:.17g}, which is not below 2^53, so packings could not be compared exactly; "
            "divide them by a common factor, or give real numbers."
        )
    if not math.isfinite(total):
        raise InstanceError(f"the {what}s sum to more than a float can hold; scale them down.")


def _share(weights: Array, series: tuple[int, int]) -> int:
    is_pair = isinstance(series, (tuple, list)) and len(series) == 2 and all(isinstance(one, int) for one in series)
    if not is_pair or not 1 <= series[0] <= series[1]:
        raise OptionError(f"series {series!r} must be a pair of whole numbers (h, H) with 1 <= h <= H.")
    position, count = series
    return max(int(weights.sum()) * position // (count + 1), int(weights.min()))
