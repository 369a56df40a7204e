"""Times of the clock: from 07:30 to the numbers that an instance holds, and back for people to read."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from redwood.errors import InstanceError, suggestion


class TimeUnit(StrEnum):
    """What a time of 1 is."""

    HOURS = "hours"
    MINUTES = "minutes"
    SECONDS = "seconds"
    NONE = "none"


IN_AN_HOUR = {TimeUnit.HOURS: 1.0, TimeUnit.MINUTES: 60.0, TimeUnit.SECONDS: 3600.0}
SLOWEST = 2.0
"""From so many km in a unit of time on, a speed is taken as one of km an hour."""
LONGEST = 2.0
"""From so many hours on, a service without a unit is asked about: it may have been meant in minutes."""
FIELDS = ("window", "windows", "ready", "due", "shift", "release", "service", "reload_time", "max_duration")
"""Fields of places and vehicles that hold times."""
CLOCK = r"(\d{1,3})[:h]([0-5]\d)(?::([0-5]\d))?"
PART = rf"(?:{CLOCK}|\d+(?:\.\d+)?)"
SEVERAL = r"\s*[,;/]\s*"
RANGE = re.compile(rf"\s*({PART})\s*[-\u2013]\s*({PART})\s*")


def unit_of(given: Any, geographic: bool, speed: Any) -> TimeUnit:
    """Return the unit of times: the given one, else hours where places have longitudes and latitudes and a speed is given.

    A speed below `SLOWEST` is no speed in km an hour, so it says nothing.
    """
    if given is not None:
        try:
            return TimeUnit(str(given).lower())
        except ValueError as error:
            raise InstanceError(f"time_unit {given!r} is unknown.{suggestion(str(given), list(TimeUnit))}") from error
    speeds = list(speed.values()) if isinstance(speed, Mapping) else [speed]
    by_hours = geographic and all(isinstance(one, (int, float)) and one >= SLOWEST for one in speeds)
    return TimeUnit.HOURS if by_hours else TimeUnit.NONE


def check_services(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Raise `InstanceError` where a service is a plain number that would be many hours, and nobody has said its unit.

    So it is for the time that loading anew takes at a depot.
    """
    for row, name in zip(rows, names, strict=True):
        for key in ("service", "reload_time"):
            text = str(row.get(key, ""))
            if re.fullmatch(r"\s*\d+(?:\.\d*)?\s*", text) and float(text) >= LONGEST:
                told = key.replace("_", " ")
                raise InstanceError(
                    f"{told} of {name!r} is {text}, and nothing says that these are hours; call the column '{told} minutes' "
                    f"or '{told} hours', write times such as 0:10, or give time_unit='hours'."
                )


def check_speeds(speeds: Sequence[float], unit: TimeUnit) -> None:
    """Raise `InstanceError` where a speed, in km a minute or a second, looks like one in km an hour."""
    fastest = max(speeds)
    if unit in (TimeUnit.MINUTES, TimeUnit.SECONDS) and fastest >= SLOWEST:
        raise InstanceError(
            f"speed {fastest:g} would be {fastest:g} km in one of the {unit}; leave time_unit out for km an hour, or give "
            f"speed={fastest / IN_AN_HOUR[unit]:.4g}."
        )


def with_numbers(rows: Sequence[dict[str, Any]], unit: TimeUnit, what: str) -> list[dict[str, Any]]:
    """Return rows whose times are numbers where they were times of the clock: texts such as 07:30 and 07:30-11:00."""
    return [
        {key: _number(value, unit, f"{key} of {what} {number}") if key in FIELDS else value for key, value in row.items()}
        for number, row in enumerate(map(_with_windows, rows), 1)
    ]


def _with_windows(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose window is a list of windows where its text has several, such as 08:00-12:00, 14:00-18:00."""
    given = row.get("window")
    if not isinstance(given, str) or len(re.split(SEVERAL, given.strip())) < 2:
        return row
    return {("windows" if key == "window" else key): value for key, value in row.items()}


def _number(value: Any, unit: TimeUnit, what: str) -> Any:
    """Return a time, a range or a list of them as numbers; what is no time of the clock stays as it is."""
    if isinstance(value, str):
        if what.startswith("windows") and RANGE.match(value):
            return [_number(part, unit, what[1:]) for part in re.split(SEVERAL, value.strip())]
        found = RANGE.fullmatch(value)
        if found:
            return [_number(found[1], unit, what), _number(found[5], unit, what)]
        clock = re.fullmatch(rf"\s*{CLOCK}\s*", value)
        if clock:
            return _in_units(int(clock[1]) + int(clock[2]) / 60 + int(clock[3] or 0) / 3600, unit, what, value)
        return value
    if isinstance(value, datetime.time):
        return _in_units(value.hour + value.minute / 60 + value.second / 3600, unit, what, value)
    if isinstance(value, datetime.timedelta):
        return _in_units(value.total_seconds() / 3600, unit, what, value)
    if isinstance(value, (list, tuple)):
        return [_number(one, unit, what) for one in value]
    return value


def _in_units(hours: float, unit: TimeUnit, what: str, given: Any) -> float:
    if unit is TimeUnit.NONE:
        raise InstanceError(
            f"{what} is {str(given)[:40]!r}, and nothing says what a time of 1 is; give speed= in km an hour where places "
            "have lon and lat, else time_unit='hours' (or minutes, seconds), or write a number."
        )
    return hours * IN_AN_HOUR[unit]


def moment(unit: str, value: float, *, precise: bool = False) -> str:
    """Return a time as people read it: of the clock where the unit is known, else as a number.

    Parameters
    ----------
    unit
        A `TimeUnit`.
    value
        The time.
    precise
        Whether seconds are told where they are not 0; else the nearest minute is.
    """
    if unit == TimeUnit.NONE or not math.isfinite(value) or value < 0:
        return f"{value:.6g}"
    seconds = round(value / IN_AN_HOUR[TimeUnit(unit)] * 3600)
    if precise and seconds % 60:
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    minutes = round(seconds / 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"
