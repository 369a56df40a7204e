"""Lines on standard error that show how a search, or how much of many, is going."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from redwood.cli.shared import console, say
from redwood.printable import printable
from redwood.result import format_value
from redwood.solver import Incumbent

if TYPE_CHECKING:
    from rich.text import Text


EVERY = 30.0
"""Seconds between two lines, at least, where standard error is no terminal."""


class Lines:
    """What is said of many pieces of work where standard error is no terminal: what they are, then how far they are."""

    def __init__(self, plan: str, quiet: bool) -> None:
        self._quiet = quiet or console(stderr=True).is_terminal
        self._began = self._said = time.monotonic()
        if not self._quiet:
            say(plan, err=True)

    def passed(self, state: str) -> None:
        """Say how far the work is, unless a line was said less than `EVERY` seconds ago."""
        now = time.monotonic()
        if not self._quiet and now - self._said >= EVERY:
            self._said = now
            say(f"{state} after {now - self._began:.0f} s.", err=True)


class Follower:
    """What is known of a running search; rich asks it for its line a few times a second."""

    def __init__(self, label: str, limit: float | None, best_known: float | None) -> None:
        self.label = label
        self.limit = limit
        self.best_known = best_known
        self.improvements = 0
        self.objective: float | None = None
        self._began = time.perf_counter()

    def improved(self, incumbent: Incumbent) -> None:
        """Take in an improvement; the clock of the line is set to the search's own."""
        if self.improvements == 0:
            self._began = time.perf_counter() - incumbent.seconds
        self.improvements += 1
        self.objective = incumbent.objective

    def line(self) -> str:
        """Return the state of the search in one line."""
        elapsed = f"{time.perf_counter() - self._began:.1f} s"
        parts = [self.label, elapsed if self.limit is None else f"{elapsed} of {self.limit:g} s"]
        if self.objective is None:
            return " · ".join([*parts, "no solution yet"])
        parts.append(f"objective {format_value(self.objective)}")
        if self.best_known:
            parts.append(f"{100 * abs(self.objective - self.best_known) / abs(self.best_known):.2f} % from the best known")
        return " · ".join([*parts, f"{self.improvements} improvements"])

    def __rich__(self) -> Text:
        from rich.text import Text

        return Text(printable(self.line()), no_wrap=True, overflow="ellipsis")


@contextmanager
def working(label: str) -> Iterator[None]:
    """Show what is done and for how long, while it is done, where standard error is a terminal."""
    from rich.markup import escape
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    screen = console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        bar.add_task(escape(printable(label)), total=None)
        yield


@contextmanager
def following(label: str, limit: float | None, best_known: float | None, quiet: bool) -> Iterator[Follower | None]:
    """Show a live line while a search runs, where standard error is a terminal and nobody asked for quiet.

    Parameters
    ----------
    label
        What is solved, at the beginning of the line.
    limit
        Seconds that the search may take; ``None`` for no limit.
    best_known
        Objective to compare with; ``None`` where there is none.
    quiet
        Whether to show nothing.
    """
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield None
        return
    from rich.live import Live

    follower = Follower(label, limit, best_known)
    with Live(follower, console=screen, transient=True, refresh_per_second=8):
        yield follower
