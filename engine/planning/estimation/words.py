"""What a log calls arms and steps, so that messages speak as it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

USUAL = {"arm": "person"}
"""What sentences call columns whose names in the log are no single words, where that is not Redwood's own name."""


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

    def noun(self, own: str) -> str:
        """Return what a sentence calls a column: the log's name where that is one word, else the usual word for it."""
        name = self.of(own)
        return name if name.isalpha() else USUAL.get(own, own)

    def quoted(self, own: str) -> str:
        """Return the log's name of a column for messages, in quotes where it is no single word."""
        name = self.of(own)
        return name if name.replace("_", "").isalnum() else repr(name)

    @property
    def arms(self) -> str:
        """What several arms are: people, where the log does not call them arms."""
        return "people" if "arm" in self.columns else "arms"

    def at(self, name: str, step: int) -> str:
        """Return which arm at which step, such as ``person 'p01' at week 3``."""
        return f"{self.quoted('arm')} {name!r} at {self.quoted('step')} {step}"


def label(text: str) -> str:
    """Return a state's or an action's label for sentences: numbers as they are, words such as 'no' in quotes."""
    return text if text.isdecimal() else repr(text)
