"""What a log calls arms and steps, so that messages speak as it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Words:
    """Names of a log's columns.

    Attributes
    ----------
    columns
        What the log calls its columns, by Redwood's names, where it calls them otherwise.
    """

    columns: Mapping[str, str] = field(default_factory=dict)

    def of(self, own: str) -> str:
        """Return what the log calls one of Redwood's columns, such as ``person`` for ``arm``."""
        return self.columns.get(own, own)

    @property
    def arms(self) -> str:
        """What several arms are: people, where the log does not call them arms."""
        return "people" if "arm" in self.columns else "arms"

    def at(self, name: str, step: int) -> str:
        """Return which arm at which step, such as ``person 'p01' at week 3``."""
        return f"{self.of('arm')} {name!r} at {self.of('step')} {step}"
