"""Lines of numbers, as the older routing formats have them."""

from __future__ import annotations

import math

from redwood.errors import FormatError


def number_lines(text: str, name: str, first: int = 1) -> list[tuple[int, list[float]]]:
    """Return the lines of a text that are not empty, each as its number in the file and its numbers.

    Parameters
    ----------
    text
        The text.
    name
        What errors call the file.
    first
        Number of the text's first line.
    """
    found = []
    for number, line in enumerate(text.splitlines(), first):
        tokens = line.split()
        if tokens:
            found.append((number, [_number(token, name, number) for token in tokens]))
    return found


def _number(token: str, name: str, line: int) -> float:
    try:
        value = float(token) if token.isascii() and "_" not in token else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FormatError(f"{name}, line {line}: {token[:30]!r} is not a finite number.", line=line)
    return value


def check_width(row: list[float], widths: tuple[int, ...], what: str, name: str, line: int) -> None:
    """Raise `FormatError` where a line has not as many numbers as it should.

    Parameters
    ----------
    row
        The numbers of the line.
    widths
        How many there may be.
    what
        What the line is called in messages.
    name, line
        Name of the file, and number of the line, for messages.
    """
    if len(row) not in widths:
        raise FormatError(
            f"{name}, line {line}: {what} has {len(row)} numbers; expected {' or '.join(map(str, widths))}.", line=line
        )


def whole(value: float, what: str, name: str, line: int, least: int = 0) -> int:
    """Return a number as a whole one.

    Parameters
    ----------
    value
        A finite number.
    what
        What it is called in messages.
    name, line
        Name of the file, and number of the line, for messages.
    least
        The least number allowed.
    """
    if value != int(value) or value < least:
        raise FormatError(
            f"{name}, line {line}: {what} is {value:g}, which is not a whole number from {least} on.", line=line
        )
    return int(value)
