"""Numbers in the free text of a file's comment: the value of the best solution known, and the size of the fleet."""

from __future__ import annotations

import re

_NUMBER = r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,15}(?:\.\d+)?(?:e[+-]?\d{1,3})?)"
_END = r"\s*(?=$|[()\[\];\"]|,(?!\d)|\.(?!\d))"
"""What may follow a number, so that "2 hours", "12.5 %" and "1,23" are not taken for values."""
_VALUE = re.compile(
    r"(?<![\w-])(?<!not )(?<!near )(?<!non )(?:optimal|best)\s*(?:known\s*)?(?:value|solution)?\s*:\s*" + _NUMBER + _END,
    re.IGNORECASE,
)
_FLEET = re.compile(r"(?:no\.?|number)\s+of\s+(?:trucks|vehicles)\s*:\s*(\d{1,15})" + _END, re.IGNORECASE)


def stated_value(comment: str) -> float | None:
    """Return the optimal or best known value that a comment states, ``None`` where it states none beyond doubt."""
    found = _VALUE.search(comment)
    return None if found is None else float(found.group(1).replace(",", ""))


def stated_fleet(comment: str) -> int | None:
    """Return the number of vehicles that a comment states, ``None`` where it states none beyond doubt."""
    found = _FLEET.search(comment)
    return int(found.group(1)) if found and int(found.group(1)) > 0 else None
