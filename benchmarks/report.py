"""What a benchmark says: solvers, instances, bounds, and what casts doubt on the figures; as Markdown here."""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeVar

from redwood.benchmarks import templates
from redwood.benchmarks.planning import Case
from redwood.benchmarks.records import Bound, Host, Record, Run, Session
from redwood.benchmarks.statistics import (
    LEVEL,
    TIE,
    TOO_FEW,
    PairwiseTest,
    bootstrap_interval,
    can_reject,
    pairwise_tests,
    primal_integral,
    shifted_geometric_mean,
)
from redwood.budget import Sense, Termination
from redwood.errors import RedwoodError
from redwood.plugins.host import host
from redwood.result import Status, format_value
from redwood.tolerance import SAME, beyond, contradicts, gap_to

MANY = 10
"""Pairs of solvers beyond which not each has a sentence."""
LISTED = 5
"""Warnings of a kind that have a line of their own."""
FEWEST_SEEDS = 3
"""With fewer seeds resampling says nothing of others."""
STARVED = 0.9
"""Share of a core below which a run on one thread was held up by others."""

KeyT = TypeVar("KeyT")
ItemT = TypeVar("ItemT")


class Cell(NamedTuple):
    """An entry of a table: what is shown, and for numbers what is sorted by."""

    text: str
    value: float | None = None


class Table(NamedTuple):
    """A table, whose rows have the same headings; ``title`` is empty for one that needs none."""

    title: str
    rows: Sequence[Mapping[str, Cell]]


@dataclass
class CaseSummary:
    """One instance: its facts, and the best that any run and any bound said of it.

    Attributes
    ----------
    claims
        Records that have a bound.
    bound
        The tightest one that no solution refutes.
    margin
        Error of the objectives, where they are estimates.
    """

    facts: Case
    runs: list[Run] = field(default_factory=list)
    claims: list[Run | Bound] = field(default_factory=list)
    bound: float | None = None
    best: float | None = None
    margin: float = 0.0

    @property
    def reference(self) -> float | None:
        """The best known value, or the best of these runs where none is known."""
        return self.best if self.facts.best_known is None else self.facts.best_known

    def refutes(self, bound: float | None) -> bool:
        """Return whether the best solution is beyond a bound, by more than the error of an objective that is estimated."""
        return bound is not None and contradicts(self.facts.sense, self.best, bound, self.margin)

    def gap(self, objective: float | None, to: float | None) -> float | None:
        """Return the gap of an objective to a value, or ``None`` without either."""
        return None if objective is None or to is None else gap_to(objective, to, self.facts.sense)

    def gap_of(self, objective: float | None) -> float | None:
        """Return the gap of an objective to the reference, or ``None`` without one."""
        return self.gap(objective, self.reference)


@dataclass(frozen=True)
class Section:
    """What is said of a problem under one time limit; ``refused`` are runs on instances that their solvers do not take."""

    problem: str
    limit: float
    runs: Sequence[Run]
    cases: dict[str, CaseSummary]
    refused: Sequence[Run] = ()

    @property
    def tables(self) -> list[Table]:
        """The tables that have rows."""
        tables = [make(self.runs, self.cases, self.refused) for make in (solver_table, case_table)]
        tables += [make(self.runs, self.cases) for make in (latency_table, pairwise_table)]
        return [table for table in tables if table.rows]

    @property
    def measure(self) -> str:
        """What sizes count, such as customers; empty where the problem is not installed here."""
        try:
            return str(host().problem(self.problem).measure)
        except RedwoodError:
            return ""

    @property
    def names(self) -> dict[str, str]:
        """What curves are called: the solver's label and, where it was not run on all instances, on how many of them."""
        everything = {_case_of(run) for run in (*self.runs, *self.refused)}
        mine = {label: {_case_of(run) for run in runs} for label, runs in grouped(self.runs, lambda run: run.label).items()}
        return {
            label: label if cases == everything else f"{label} ({len(cases)} of {len(everything)} instances)"
            for label, cases in sorted(mine.items())
        }

    @property
    def refusals(self) -> list[str]:
        """Why solvers do not take instances: what their averages are of, and a sentence for each reason."""
        found = []
        for label, members in grouped(self.refused, lambda run: run.label).items():
            refused = {run.case.fingerprint for run in members}
            taken = {run.case.fingerprint for run in self.runs if run.label == label} - refused
            found.append(
                f"{label} takes {len(taken)} of {len(taken | refused)} instances; its averages and curves are of those."
            )
            reasons = sorted(grouped(members, _reason).values(), key=len, reverse=True)
            found += _first_of([_refusal(label, runs) for runs in reasons], f"reasons of {label}")
        return found

    @property
    def comparisons(self) -> list[str]:
        """Who is better than whom, by how much, and whether that is beyond chance: a sentence a pair of solvers."""
        return comparisons(self.runs, self.cases)

    @property
    def legend(self) -> str:
        """What gaps, counts, primal integrals and p-values mean."""
        known = {self.cases[_case_of(run)].facts.best_known is not None for run in self.runs}
        reference = "best known value where there is one, else to the best value of these runs"
        if len(known) == 1:
            reference = "best known value" if known.pop() else "best value of these runs"
        sizes = f"Sizes count {self.measure}. " if self.measure else ""
        return (
            f"{sizes}Gaps are to the {reference}, without the runs that found nothing; 'reached' counts the runs whose gap "
            "is 0 or below, 'optimal' those whose solution is proven to be so, by themselves or by the bound of another "
            "run. The primal integral is 100 times the mean gap over the time limit, small where good solutions come "
            "early; a solver that reports nothing before its end has the primal integral of one without a solution until "
            "then. Signed ranks (Wilcoxon's test) say how probable such differences are if both solvers are equally good. "
            f"Differences of less than {100 * TIE:.4f} % are ties."
        )


class Report:
    """The records of one folder as a reader sees them."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self.cases = summarise(records)
        self.runs = [record for record in records if isinstance(record, Run)]
        self.title = self.runs[0].suite if self.runs else "nothing yet"

    @cached_property
    def sections(self) -> list[Section]:
        """A section for each problem and time limit."""
        groups = grouped(self.runs, lambda run: (run.case.problem, run.time_limit))
        return [
            Section(problem, limit, _taken(members), self.cases, [run for run in members if run.is_refused])
            for (problem, limit), members in groups.items()
        ]

    @property
    def bounds(self) -> Table:
        """How far the problems' own bounds are from the best value of each instance: known, else of these runs."""
        rows = []
        mine = [record for record in self._records if isinstance(record, Bound)]
        for problem, members in grouped(mine, lambda record: record.case.problem).items():
            proven = [(b, self.cases[r.case.fingerprint].reference) for r in members if (b := r.result.bound) is not None]
            gaps = [abs(gap_to(b, reference, "min")) for b, reference in proven if reference is not None]
            seconds = [record.result.seconds.solve for record in members]
            methods = ", ".join(sorted({r.result.method for r in members if r.result.bound is not None}))
            row = {"problem": Cell(problem), "method": Cell(methods)}
            row |= {"instances": number(len(members)), "bounded": number(len(proven))}
            row |= {"mean gap to best value, %": percent(statistics.mean(gaps) if gaps else None)}
            row |= {"worst, %": percent(max(gaps, default=None))}
            row |= {"seconds": number(shifted_geometric_mean(seconds), ".2f"), "longest": number(max(seconds), ".2f")}
            rows.append(row)
        return Table("Bounds", rows)

    @property
    def origin(self) -> list[str]:
        """Where and with what the runs were made: a line a session, and one a machine where an executor chose it."""
        lines = []
        for session in (record for record in self._records if isinstance(record, Session)):
            mine, machine = [run for run in self.runs if run.session == session.session], session.machine
            commit = f" ({machine.commit})" if machine.commit else ""
            lines.append(
                f"{session.started}: {len(mine)} runs, {session.jobs} at a time, Redwood {machine.redwood}{commit}, "
                f"{machine.python}, {machine.cpu} x {machine.cores}, load average {machine.load_average}"
            )
            for place in (record for record in self._records if isinstance(record, Host)):
                if session.executor != "Local" and place.session == session.session:
                    count = sum(run.process.host == place.host for run in mine)
                    lines.append(f"{count} of them on {place.host}, {place.machine.cpu} x {place.machine.cores}")
        return lines

    @property
    def warnings(self) -> list[str]:
        """What makes figures worth less than they look, in words."""
        cases = self.cases.values()
        found = _first_of([words for case in cases for words in _refuted_bounds(case)], "refuted bounds")
        found += _first_of([words for case in cases for words in _beaten_values(case)], "values that were beaten")
        for session in self._records:
            if isinstance(session, Session) and session.oversubscribed:
                crowd = f"{session.jobs} jobs at a time on {session.usable_cores} cores"
                found.append(f"{session.started}: {crowd}: the machine was over-subscribed, so no time is to be trusted.")
        runs = [run for run in _taken(self.runs) if run.threads == 1]
        shares = [run.process.cpu_share for run in runs if run.process.cpu_share is not None]
        starved = sum(share < STARVED for share in shares)
        if starved:
            unknown = f" ({len(runs) - len(shares)} more were not measured)" if len(runs) > len(shares) else ""
            found.append(
                f"{starved} of {len(shares)} runs whose share of a core was measured{unknown} had less than "
                f"{100 * STARVED:.0f} %, the median {100 * statistics.median(shares):.0f} %: the machine was busy, and "
                "what time limits led to says little."
            )
        failed = [run for run in self.runs if run.result.status is Status.FAILED]
        for label, members in grouped(failed, lambda run: run.label).items():
            found += _first_of([_failure(run) for run in members], f"failed runs of {label}")
        return found


def _failure(run: Run) -> str:
    message = " ".join(run.result.message.split())[:200]
    return f"{run.label} on {run.case.name}, seed {run.seed}: failed. {message}"


def _reason(run: Run) -> str:
    """Return why a run was refused, without what differs from one instance to another: its name, and numbers."""
    return re.sub(r"\d+(\.\d+)?", "#", run.result.message.replace(run.case.name, ""))


def _refusal(label: str, runs: Sequence[Run]) -> str:
    several = len({run.result.message for run in runs}) > 1
    count = f"{len(runs)} run{'s' * (len(runs) > 1)}"
    return f"{label} refused {count}{', such as' * several}: {runs[0].result.message}"


def _first_of(sentences: Sequence[str], kind: str) -> list[str]:
    """Return at most `LISTED` sentences of a kind, and how many more there are."""
    more = len(sentences) - LISTED
    return [*sentences[:LISTED], *([f"{more} more {kind}."] if more > 0 else [])]


def render(records: Sequence[Record]) -> str:
    """Return the report of the records of one folder, as Markdown."""
    return templates.render("report.md", report=Report(records))


def summarise(records: Iterable[Record]) -> dict[str, CaseSummary]:
    """Return each instance, by fingerprint, with its runs, its tightest bound and its best objective."""
    cases: dict[str, CaseSummary] = {}
    for record in records:
        if not isinstance(record, (Run, Bound)):
            continue
        case = cases.setdefault(record.case.fingerprint, CaseSummary(record.case))
        if record.result.bound is not None:
            case.claims.append(record)
        if isinstance(record, Run):
            case.runs.append(record)
            case.margin = max(case.margin, record.result.margin)
    for case in cases.values():
        better, tighter = (min, max) if case.facts.sense is Sense.MIN else (max, min)
        case.best = better((o for run in case.runs if (o := run.result.objective) is not None), default=None)
        claimed = (bound for record in case.claims if (bound := record.result.bound) is not None)
        case.bound = tighter((bound for bound in claimed if not case.refutes(bound)), default=None)
    return cases


def _refuted_bounds(case: CaseSummary) -> Iterable[str]:
    """Yield the bounds that the best solution of an instance refutes, in words."""
    name, best = case.facts.name, case.best
    for record in case.claims:
        if case.refutes(record.result.bound):
            who = record.label if isinstance(record, Run) else "the problem's own bound"
            yield f"{who} on {name}: claims a bound of {record.result.bound:.9g} that the solution {best:.9g} refutes."


def _beaten_values(case: CaseSummary) -> Iterable[str]:
    """Yield the best known value of an instance that a solution beats, in words."""
    name, best, known = case.facts.name, case.best, case.facts.best_known
    if best is not None and known is not None and beyond(case.facts.sense, known, best):
        yield f"{name}: solution {best:.9g} is better than the best known {known:.9g}."


def _taken(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if not run.is_refused]


def solver_table(runs: Sequence[Run], cases: dict[str, CaseSummary], refused: Sequence[Run] = ()) -> Table:
    """Return one row a solver: those that solved everything first, the smallest mean gap before others."""
    by_label = grouped([*runs, *refused], lambda run: run.label)
    found = [_solver_row(label, _taken(members), cases) for label, members in by_label.items()]
    rows = [row for _, row in sorted(found, key=lambda entry: entry[0])]
    if refused:
        counts = Counter(run.label for run in refused)
        rows = [row | {"refused": number(counts[row["solver"].text])} for row in rows]
    return Table("", rows)


def _solver_row(
    label: str, runs: Sequence[Run], cases: dict[str, CaseSummary]
) -> tuple[tuple[bool, bool, float, str], dict[str, Cell]]:
    """Return what a solver is ranked by, and its row."""
    solved = [run for run in runs if run.result.objective is not None]
    gaps = [[final_gap(run, cases) for run in members] for members in grouped(solved, _case_of).values()]
    everything = [gap for row in gaps for gap in row]
    mean = statistics.mean(map(statistics.mean, gaps)) if gaps else None
    interval = bootstrap_interval(gaps) if min(map(len, gaps), default=0) >= FEWEST_SEEDS else None
    lacking = f"needs {FEWEST_SEEDS} seeds" if gaps else "-"
    shown = lacking if interval is None else " to ".join(f"{100 * end:.3f}" for end in interval)
    to_bound = [case.gap(run.result.objective, case.bound) for run in solved if (case := cases[_case_of(run)])]
    distances = [abs(gap) for gap in to_bound if gap is not None]
    seconds = [run.result.seconds.solve for run in runs]
    row = {
        "solver": Cell(label),
        "mean gap, %": percent(mean),
        "95 % interval over seeds": Cell(shown, interval and interval[0]),
        "median, %": percent(statistics.median(everything) if everything else None),
        "worst, %": percent(max(everything, default=None)),
        "runs": number(len(runs)),
        "solved": number(len(solved)),
        "optimal": number(sum(_is_optimal(run, cases) for run in solved)),
        "reached": number(sum(gap <= SAME for gap in everything)),
        "mean gap to bound, %": percent(statistics.mean(distances) if distances else None),
        "primal integral": number(_mean_integral(runs, cases), ".3f"),
        "seconds": number(shifted_geometric_mean(seconds) if seconds else None, ".2f"),
        "longest": number(max(seconds, default=None), ".2f"),
        "failed": number(sum(run.result.status is Status.FAILED for run in runs)),
        "killed": number(sum(run.result.termination is Termination.KILLED for run in runs)),
    }
    return (mean is None, len(solved) != len(runs), mean or 0.0, label), row


def _case_of(run: Run) -> str:
    return run.case.fingerprint


def final_gap(run: Run, cases: dict[str, CaseSummary]) -> float:
    """Return the gap of what a run has found; of one that found nothing, 0."""
    return cases[_case_of(run)].gap_of(run.result.objective) or 0.0


def _is_optimal(run: Run, cases: dict[str, CaseSummary]) -> bool:
    """Return whether a run's solution is proven to be optimal, by itself or by others, and nobody has a better one."""
    case = cases[_case_of(run)]
    gap = case.gap(run.result.objective, case.bound)
    proven = run.result.status is Status.OPTIMAL and not case.refutes(run.result.bound)
    return proven or (gap is not None and abs(gap) <= SAME)


def _mean_integral(runs: Sequence[Run], cases: dict[str, CaseSummary]) -> float | None:
    integrals = [
        primal_integral(run.result.trajectory, run.time_limit, reference, run.case.sense)
        for run in runs
        if (reference := cases[_case_of(run)].reference) is not None
    ]
    return statistics.mean(integrals) if integrals else None


def case_table(runs: Sequence[Run], cases: dict[str, CaseSummary], refused: Sequence[Run] = ()) -> Table:
    """Return one row an instance with the mean gap of each solver, or that it refused the instance."""
    labels = sorted({run.label for run in (*runs, *refused)})
    rows = []
    for fingerprint, members in grouped([*runs, *refused], _case_of).items():
        case = cases[fingerprint]
        solved = grouped([run for run in members if run.result.objective is not None], lambda run: run.label)
        gaps = {label: statistics.mean(final_gap(run, cases) for run in several) for label, several in solved.items()}
        row = {"instance": Cell(case.facts.name), "size": number(case.facts.size)}
        known, bound = case.facts.best_known, case.bound
        row |= {"best known": Cell(format_value(known), known), "bound": Cell(format_value(bound), bound)}
        refusing = {run.label for run in members if run.is_refused} - gaps.keys()
        rows.append(row | {label: Cell("refused") if label in refusing else percent(gaps.get(label)) for label in labels})
    return Table("Mean gap on each instance, %", rows)


def latency_table(runs: Sequence[Run], cases: dict[str, CaseSummary]) -> Table:
    """Return, for what was solved in batches, seconds an instance beside those of the same solver on one at a time."""
    rows = []
    for key, members in grouped([run for run in runs if run.batch > 1], _same_work).items():
        singles = [run.result.seconds.solve for run in runs if run.batch == 1 and _same_work(run) == key]
        share = statistics.mean(run.result.seconds.solve for run in members)
        single = statistics.median(singles) if singles else None
        row = {"batch": Cell(members[0].label), "size": number(members[0].case.size), "instances": number(len(members))}
        row |= {"seconds an instance in the batch": number(share, ".4f"), "alone, median seconds": number(single, ".4f")}
        rows.append(row | {"times quicker": number(None if single is None else single / max(share, 1e-9), ".1f")})
    return Table("One at a time and in batches", rows)


def _same_work(run: Run) -> tuple[str, str, int]:
    return run.solver, repr(sorted(run.options.items())), run.case.size


def _tests(runs: Sequence[Run], cases: dict[str, CaseSummary]) -> list[PairwiseTest]:
    """Return each pair of solvers compared on the instances that both solved: means over seeds, paired."""
    gaps: dict[str, dict[Hashable, float]] = {}
    for label, members in sorted(grouped(runs, lambda run: run.label).items()):
        by_case = grouped([run for run in members if run.result.objective is not None], _case_of)
        gaps[label] = {case: statistics.mean(final_gap(run, cases) for run in several) for case, several in by_case.items()}
    return pairwise_tests(gaps)


def comparisons(runs: Sequence[Run], cases: dict[str, CaseSummary]) -> list[str]:
    """Return a sentence for each pair of solvers: who is better, by how much, and whether that is beyond chance.

    Of many pairs only those with the solver that stands first in the table have one.
    """
    said, tests = [], _tests(runs, cases)
    first = solver_table(runs, cases).rows[0]["solver"].text if len(tests) > MANY else ""
    for one in tests:
        count = one.wins + one.ties + one.losses
        if not count or first not in ("", one.first, one.second):
            continue
        ahead = one.difference <= 0
        better, other = (one.first, one.second) if ahead else (one.second, one.first)
        wins, losses = (one.wins, one.losses) if ahead else (one.losses, one.wins)
        if not wins + losses:
            said.append(f"{better} and {other} are alike on every instance.")
            continue
        low, high = (100 * (abs(one.difference) + sign * one.half_width) for sign in (-1, 1))
        needed = next(cases for cases in itertools.count(1) if can_reject(cases, len(tests)))
        chance = f"p = {one.corrected:.3g} after Holm's correction"
        if not can_reject(count, len(tests)):
            pairs = "with this one pair" if len(tests) == 1 else f"with {len(tests)} pairs compared"
            chance = f"too few instances to tell from chance: {pairs}, that takes at least {needed}"
        elif one.corrected > LEVEL:
            chance = f"not beyond chance, {chance}"
        interval = "" if count < 3 else f" (95 % {low:.3f} to {high:.3f})"
        but = ", although" if wins < losses else ":"
        said.append(
            f"{better} is {abs(100 * one.difference):.3f} percentage points of gap better than {other} on average{interval}"
            f"{but} better on {wins} and worse on {losses} of the {count} instances that both solved; {chance}."
        )
    return said


def pairwise_table(runs: Sequence[Run], cases: dict[str, CaseSummary]) -> Table:
    """Return each pair of solvers on the instances that both solved: means over seeds, paired, p-values corrected."""
    rows, tests = [], _tests(runs, cases)
    for one in tests:
        if one.wins + one.ties + one.losses:
            row = {"pair": Cell(f"{one.first} against {one.second}"), "wins": number(one.wins), "ties": number(one.ties)}
            row |= {"losses": number(one.losses), "difference in points": number(100 * one.difference, "+.3f")}
            count = one.wins + one.ties + one.losses
            row |= {"p (signed ranks)": number(one.p_value, ".3g") if can_reject(count) else Cell(TOO_FEW)}
            told = number(one.corrected, ".3g") if can_reject(count, len(tests)) else Cell(TOO_FEW)
            row |= {"p corrected (Holm)": told}
            rows.append(row)
    return Table("Pairs of solvers on the same instances", rows)


def grouped(items: Iterable[ItemT], key: Callable[[ItemT], KeyT]) -> dict[KeyT, list[ItemT]]:
    """Return the items by key, in the order in which they come."""
    groups: dict[KeyT, list[ItemT]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def number(value: float | None, form: str = "") -> Cell:
    """Return the entry of a number, or a dash for none."""
    return Cell("-") if value is None else Cell(format(value, form), value)


def percent(share: float | None) -> Cell:
    """Return the entry of a share, in per cent."""
    return number(None if share is None else 100 * share, ".3f")
