"""The clock of a training of SEQUOIA, over its interruptions."""

from __future__ import annotations

import time
from pathlib import Path

from redwood.files import write_text
from redwood.saved import reading


class Hours:
    """The clock of a training, which remembers what was spent before an interruption."""

    def __init__(self, folder: Path, hours: float) -> None:
        self._file = folder / "seconds.txt"
        with reading(self._file):
            self._before = float(self._file.read_text()) if self._file.exists() else 0.0
        self._began, self._limit = time.perf_counter(), 3600 * hours

    @property
    def spent(self) -> float:
        """Seconds in all."""
        return self._before + time.perf_counter() - self._began

    @property
    def seconds_left(self) -> float:
        """Seconds until the hours are over."""
        return self._limit - self.spent

    def stops(self) -> bool:
        """Return whether the hours are over."""
        return self.seconds_left <= 0

    def write(self) -> None:
        """Remember what was spent."""
        write_text(self._file, f"{self.spent}\n")
