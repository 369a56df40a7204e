"""Two runs of the same jobs side by side: what became worse by more than noise explains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.benchmarks.records import Record, Run
from redwood.benchmarks.report import LISTED, CaseSummary, grouped, summarise
from redwood.benchmarks.statistics import FIRST_GAP, TIE, bootstrap_interval, holm, signed_rank
from redwood.errors import OptionError

SHORTEST = 0.1
"""Seconds below which times are not compared: starting up decides them."""


@dataclass(frozen=True)
class Change:
    """How one solver's runs differ between two records, B minus A.

    Attributes
    ----------
    pairs
        Jobs that both have.
    gap
        Mean change of the gap, a share; positive where B is worse. A run without a solution counts as 10 %.
    low, high
        Its 95 % bootstrap interval over the pairs; both are ``gap`` where all pairs differ by the same.
    seconds
        Geometric mean of the ratios of solving times, B over A; 1 where no pair is long enough to tell.
    seconds_low
        Lower end of its 95 % interval.
    p_value
        Of the signed-rank test on the gaps, after Holm's correction over the solvers.
    worse
        What became worse beyond noise: ``"gap"``, ``"seconds"``, both, or nothing.
    """

    label: str
    problem: str
    pairs: int
    gap: float
    low: float
    high: float
    seconds: float
    seconds_low: float
    p_value: float
    worse: tuple[str, ...]


def compare(
    first: Sequence[Record], second: Sequence[Record], *, tolerance: float = 1e-4, time_tolerance: float = 0.25
) -> list[Change]:
    """Return how the runs of ``second`` differ from the same jobs in ``first``, one entry a solver and problem.

    Parameters
    ----------
    first, second
        Records of two folders; what only one of them has is left out (see `unmatched`), as is what a solver refused.
    tolerance
        Change of the mean gap, a share, up to which nothing is said to be worse.
    time_tolerance
        Share by which solving may take longer.

    Raises
    ------
    OptionError
        Where they have no job in common.
    """
    cases = summarise([*first, *second])
    before, after = _compared(first), _compared(second)
    known = {_key(run): run for run in before}
    groups: dict[tuple[str, str], list[tuple[Run, Run]]] = {}
    for run in after:
        if (other := known.get(_key(run))) is not None:
            groups.setdefault((run.case.problem, run.label), []).append((other, run))
    if not groups:
        left_out = " ".join(unmatched(first, second))
        raise OptionError(f"the two runs have no job in common: same instance, label, options, seed and limits. {left_out}")
    gaps = [[_gap(run, cases) - _gap(other, cases) for other, run in pairs] for pairs in groups.values()]
    p_values = holm([signed_rank([value for value in row if abs(value) > TIE]) for row in gaps])
    return [
        _change(key, pairs, row, p_value, tolerance, time_tolerance)
        for (key, pairs), row, p_value in zip(groups.items(), gaps, p_values, strict=True)
    ]


def unmatched(first: Sequence[Record], second: Sequence[Record]) -> list[str]:
    """Return in words which runs of either record have no counterpart: a sentence for each solver and problem."""
    before, after = _compared(first), _compared(second)
    return [*_alone("A", before, "B", after), *_alone("B", after, "A", before)]


def _alone(name: str, mine: Sequence[Run], other: str, theirs: Sequence[Run]) -> Iterator[str]:
    known = set(map(_key, theirs))
    labels = {(run.case.problem, run.label) for run in theirs}
    solved = {(run.case.fingerprint, run.label) for run in theirs}
    lonely = [run for run in mine if _key(run) not in known]
    for (problem, label), runs in grouped(lonely, lambda run: (run.case.problem, run.label)).items():
        cases = list(dict.fromkeys(run.case.name for run in runs if (run.case.fingerprint, label) not in solved))
        if (problem, label) not in labels:
            there = ", ".join(sorted(one for place, one in labels if place == problem))
            reason = f"{other} has no such label there, but {there}" if there else f"{other} has nothing there"
        elif cases:
            more = f" and {len(cases) - LISTED} more" if len(cases) > LISTED else ""
            reason = f"{other} lacks it on {', '.join(cases[:LISTED])}{more}"
        else:
            reason = f"{other} has it with other seeds, limits or options"
        yield f"Only in {name}: {len(runs)} run{'s' * (len(runs) > 1)} of {label} on {problem}; {reason}."


def _compared(records: Sequence[Record]) -> list[Run]:
    return [run for run in records if isinstance(run, Run) and not run.is_refused]


def regressions(changes: Iterable[Change]) -> list[str]:
    """Return in words what became worse."""
    words = []
    for change in changes:
        where = f"{change.label} on {change.problem}"
        if "gap" in change.worse:
            words.append(f"{where}: gap {100 * change.gap:+.3f} points (95 % from {100 * change.low:+.3f}).")
        if "seconds" in change.worse:
            words.append(f"{where}: {change.seconds:.2f} times the seconds (95 % from {change.seconds_low:.2f}).")
    return words


def _change(
    key: tuple[str, str],
    pairs: Sequence[tuple[Run, Run]],
    gaps: Sequence[float],
    p_value: float,
    tolerance: float,
    time_tolerance: float,
) -> Change:
    low, high = _interval(gaps)
    times = [(_seconds(other), _seconds(run)) for other, run in pairs]
    logs = [float(np.log(late / early)) for early, late in times if min(early, late) >= SHORTEST]
    mean, shortest = (np.exp(np.mean(logs)), np.exp(_interval(logs)[0])) if logs else (1.0, 1.0)
    gap = float(np.mean(gaps))
    outcomes = (("gap", low > tolerance), ("seconds", shortest > 1.0 + time_tolerance))
    worse = tuple(name for name, is_worse in outcomes if is_worse)
    problem, label = key
    return Change(label, problem, len(pairs), gap, low, high, float(mean), float(shortest), p_value, worse)


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean of paired differences."""
    return bootstrap_interval([values]) or (values[0], values[0])


def _key(run: Run) -> tuple[Any, ...]:
    options = tuple(sorted((key, repr(value)) for key, value in run.options.items()))
    return run.case.fingerprint, run.solver, run.label, options, run.seed, run.time_limit, run.iterations


def _gap(run: Run, cases: dict[str, CaseSummary]) -> float:
    gap = cases[run.case.fingerprint].gap_of(run.result.objective)
    return FIRST_GAP if gap is None else gap


def _seconds(run: Run) -> float:
    return run.result.seconds.solve
