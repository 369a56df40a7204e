"""Checks of what callers set: seeds, seconds, counts and shares, each an `OptionError` that names it where it is wrong."""

from __future__ import annotations

import math
import numbers
from typing import Any

from redwood.errors import OptionError

MOST_DIGITS = 15
"""Numbers of so many digits are exact as floats too."""
LARGEST_SEED = 2**63 - 1
"""What kernels can hold."""


def whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Return a whole number, of whatever type it was given.

    Parameters
    ----------
    name
        What the number is called in messages.
    value
        What was given.
    least, most
        The least and the greatest number allowed; ``None`` for no greatest one.
    """
    if not _is_number(value) or not math.isfinite(value) or int(value) != value or value < least:
        raise OptionError(f"{name} {_shown(value)} is not a whole number from {least} up.")
    if most is not None and value > most:
        raise OptionError(f"{name} {_shown(value)} is above {most}.")
    return int(value)


def counted(text: str) -> int | None:
    """Return the whole number from 0 up that a text writes in up to 15 digits, ``None`` for any other text."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def check_seed(seed: Any) -> int:
    """Return the seed, or raise `OptionError` where it is not a whole number from 0 up that kernels can hold."""
    return whole("seed", seed, 0, LARGEST_SEED)


def check_threads(threads: Any) -> int:
    """Return the number of threads, or raise `OptionError` where it is below 1."""
    return whole("threads", threads, 1)


def positive(name: str, value: Any, unit: str = "", advice: str = "") -> float:
    """Return a number above 0, which may be infinite.

    Parameters
    ----------
    name
        What the number is called in messages.
    value
        What was given.
    unit
        Follows the value in messages, with a space before it.
    advice
        What to do, at the end of messages.
    """
    if not _is_number(value) or not value > 0:
        raise OptionError(f"{name} {_shown(value)}{unit} is not positive{advice and '; ' + advice}.")
    return float(value)


def not_negative(name: str, value: Any, unit: str = "", advice: str = "") -> float:
    """Return a number from 0 up, which may be infinite.

    Parameters
    ----------
    name
        What the number is called in messages.
    value
        What was given.
    unit
        Follows the value in messages, with a space before it.
    advice
        What to do, at the end of messages.
    """
    if not _is_number(value) or not value >= 0:
        what = "negative" if _is_number(value) and value < 0 else "not a number from 0 up"
        raise OptionError(f"{name} {_shown(value)}{unit} is {what}{advice and '; ' + advice}.")
    return float(value)


def number(name: str, value: Any) -> float:
    """Return a number that is not NaN."""
    if not _is_number(value) or math.isnan(value):
        raise OptionError(f"{name} {_shown(value)} is not a number.")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    text = str(value) if _is_number(value) else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
