"""Knapsack instances and packings as text."""

from __future__ import annotations

import math
import re

import numpy as np

from redwood.errors import FormatError
from redwood.problems.knapsack.instance import KnapsackInstance, Packing

_WHOLE = re.compile(r"[+-]?\d+")


def parse_instance(text: str, name: str) -> tuple[list[float], list[float], float]:
    """Return values, weights and capacity of a ``.kp`` file: N, the capacity, then N pairs of value and weight.

    Numbers are separated by any white space.

    Raises
    ------
    FormatError
        Where a word is no number or their count is wrong; the message names the line.
    """
    words = [(word, line) for line, content in enumerate(text.splitlines(), 1) for word in content.split()]
    if len(words) < 2:
        raise FormatError(f"{name}: holds {len(words)} numbers; expected the number of items, the capacity, then the items.")
    size = _count(*words[0], name)
    numbers = [_number(word, line, name) for word, line in words[1:]]
    if len(numbers) != 2 * size + 1:
        raise FormatError(
            f"{name}: line {words[-1][1]}, the last, ends the file after {(len(numbers) - 1) / 2:g} pairs of value and "
            f"weight; line {words[0][1]} announces {size} items.",
            line=words[-1][1],
        )
    return numbers[1::2], numbers[2::2], numbers[0]


def format_instance(instance: KnapsackInstance) -> str:
    """Return the text that `parse_instance` reads back."""
    pairs = zip(instance.values.tolist(), instance.weights.tolist(), strict=True)
    lines = "".join(f"{value!r} {weight!r}\n" for value, weight in pairs)
    return f"{instance.size}\n{instance.capacity!r}\n\n{lines}"


def parse_solution(text: str, instance: KnapsackInstance) -> Packing:
    """Return the packing of a text that lists item indices; what follows ``#`` in a line is a comment.

    Raises
    ------
    FormatError
        Where a word is no whole number; the message names the line.
    """
    items = []
    for line, content in enumerate(text.splitlines(), 1):
        for word in content.partition("#")[0].replace(",", " ").split():
            if not _WHOLE.fullmatch(word) or len(word) > 15:
                raise FormatError(
                    f"packing of {instance.name or 'an instance'}: line {line} holds {word!r}; expected item indices.",
                    line=line,
                )
            items.append(int(word))
    return Packing(np.array(items, dtype=np.int64))


def format_solution(instance: KnapsackInstance, solution: Packing, value: float) -> str:
    """Return the item indices, ascending, one a line, below a comment with value, weight and capacity."""
    weight = math.fsum(instance.weights[solution.items].tolist())
    head = f"# items from 0; value {value:.15g}, weight {weight:.15g}, capacity {instance.capacity}\n"
    return head + "".join(f"{item}\n" for item in np.sort(solution.items))


def _count(word: str, line: int, name: str) -> int:
    if not _WHOLE.fullmatch(word) or len(word) > 15 or int(word) < 1:
        raise FormatError(f"{name}: line {line} begins with {word!r}; expected the number of items, at least 1.", line=line)
    return int(word)


def _number(word: str, line: int, name: str) -> float:
    try:
        return int(word) if _WHOLE.fullmatch(word) and len(word) < 4000 else float(word)
    except ValueError as error:
        raise FormatError(f"{name}: line {line} holds {word!r}; expected a number.", line=line) from error
