"""What a conformance rule is, what a broken one looks like, and how a counter-example is made small and kept."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from redwood.errors import FitError, OptionError, suggestion
from redwood.files import write_text
from redwood.problem import Instance
from redwood.tolerance import CONFLICT, same

PAGE = "docs/conformance.md"
"""Where the rules are documented, each under a heading of its own name."""
FOLDER = Path("redwood-counter-examples")
"""Where counter-examples are kept unless the caller names another folder."""
PATIENCE = 300
"""Seconds of computing that one rule may take on one small instance; compiling kernels takes up to two hundred."""
HANGS = f"it was not done after {PATIENCE} s of computing: does a loop of it never end?"


@dataclass(frozen=True)
class Finding:
    """A broken promise.

    Attributes
    ----------
    rule
        Name of the rule.
    subject
        What broke it: the name, the instance's size and the seed.
    message
        The counter-example in words.
    example
        The file that holds it, or an empty string where no instance is concerned.
    """

    rule: str
    subject: str
    message: str
    example: str = ""

    @property
    def documented(self) -> str:
        """Where the rule is explained."""
        return f"{PAGE}#{self.rule}"

    def __str__(self) -> str:
        kept = f" Counter-example: {self.example}." if self.example else ""
        return f"{self.rule}: {self.subject}: {self.message}{kept} See {self.documented}."


CaseT = TypeVar("CaseT")


@dataclass(frozen=True)
class Rule(Generic[CaseT]):
    """One promise, the release that began to ask for it, and the check that yields what breaks it, in words."""

    name: str
    promise: str
    check: Callable[[CaseT], Iterator[str]]
    since: str = "0.1"
    once: bool = False
    """Whether one seed is enough, for checks that take long."""


def chosen(rules: Iterable[Rule[CaseT]], exclude: Collection[str], since: str | None) -> list[Rule[CaseT]]:
    """Return the rules that are not excluded and not younger than a release.

    Raises
    ------
    OptionError
        Where an excluded rule does not exist, or the release is not a version.
    """
    listed = list(rules)
    newest = None if since is None else _release(since)
    kept = [rule for rule in listed if newest is None or _release(rule.since) <= newest]
    return [rule for rule in kept if rule.name not in exclude]


def check_names(exclude: Collection[str], known: Collection[str]) -> None:
    """Raise `OptionError` where an excluded rule does not exist."""
    for name in exclude:
        if name not in known:
            raise OptionError(f"there is no conformance rule {name!r} to exclude.{suggestion(name, known)}")


def broken(rule: Rule[CaseT], case: CaseT) -> list[str]:
    """Return in words how a case breaks a rule; an exception of the plugin breaks it too, and so does a refusal."""
    try:
        with _patience():
            return list(rule.check(case))
    except FitError as refusal:
        words = str(refusal).rstrip(".")
        return [
            f"it refuses the instance: {words}. Try a `--size` that it takes, or name the kinds in its spec, by `takes`."
        ]
    except _Hangs:
        return [HANGS]
    except Exception as error:  # whatever a stranger's code raises is a finding
        return [f"raised {type(error).__name__}: {error}"]


class _Hangs(BaseException):
    """A rule's time is over. No Exception, so that a plugin's own handlers let it pass."""


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    """End Python that computes for ever, where the platform has alarms, in the main thread, and nobody else uses them."""
    able = hasattr(signal, "SIGVTALRM") and threading.current_thread() is threading.main_thread()
    if not able or signal.getitimer(signal.ITIMER_VIRTUAL)[0]:
        yield
        return

    def end(*_: object) -> None:
        raise _Hangs

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def smallest(rule: Rule[CaseT], make: Callable[[int], CaseT], size: int) -> tuple[int, CaseT, list[str]] | None:
    """Return the smallest size up to ``size`` whose case breaks a rule, the case and the words; ``None`` where none does."""
    case = make(size)
    words = broken(rule, case)
    if not words:
        return None
    if words == [HANGS]:  # smaller ones would hang as long
        return size, case, words
    for smaller in range(2, size):
        try:
            candidate = make(smaller)
        except Exception:  # a generator need not offer every size
            continue
        found = broken(rule, candidate)
        if found:
            return smaller, candidate, found
    return size, case, words


def keep(folder: Path, rule: str, subject: str, words: list[str], instance: Instance) -> str:
    """Write a counter-example as JSON and return its path.

    Parameters
    ----------
    folder
        Where the file is written; made where it is missing.
    rule, subject
        The rule that is broken, and by what; both name the file.
    words
        What the rule has to say.
    instance
        The counter-example.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^a-z0-9]+", "-", f"{rule} {subject}".lower()).strip("-")
    path = folder / f"{stem}.json"
    record = {"rule": rule, "subject": subject, "messages": words, "problem": instance.problem, "instance": plain(instance)}
    write_text(path, json.dumps(record, indent=1, default=repr))
    return str(path)


def plain(value: Any) -> Any:
    """Return data as lists, mappings and numbers."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        return {entry.name: plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return value


def close(a: float, b: float, magnitude: float = 0.0) -> bool:
    """Return whether two objectives differ by rounding at most; ``magnitude`` is that of their terms, which may cancel."""
    return same(a, b, magnitude, CONFLICT)


def _release(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d+(\.\d+)*", text):
        raise OptionError(f"since {text!r} is not a release such as '0.1'.")
    numbers = [int(part) for part in text.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
