"""The report of a benchmark as Markdown: solvers, instances, bounds, and what casts doubt on the figures."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redwood.benchmarks.records import JOB_KINDS, expanded
from redwood.benchmarks.statistics import bootstrap_interval, pairwise_tests, primal_integral, shifted_geometric_mean
from redwood.result import format_value
from redwood.tolerance import CONFLICT, SAME, beyond, gap_to

STARVED = 0.9
"""Share of a core below which a run on one thread was held up by others."""

KeyT = TypeVar("KeyT")
Record = dict[str, Any]
Table = tuple[list[str], list[list[str]]]
"""Headings and rows."""


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

    facts: dict[str, Any]
    runs: list[Record] = field(default_factory=list)
    claims: list[Record] = field(default_factory=list)
    bound: float | None = None
    best: float | None = None
    margin: float = 0.0

    @property
    def reference(self) -> float | None:
        """The best known value, or the best of these runs where none is known."""
        known = self.facts["best_known"]
        return self.best if known is None else float(known)

    def refutes(self, bound: float) -> bool:
        """Return whether the best solution is beyond a bound, by more than the error of an objective that is estimated."""
        if self.best is None:
            return False
        better = -self.margin if self.facts["sense"] == "max" else self.margin
        return beyond(self.facts["sense"], bound, self.best + better, share=CONFLICT)

    def gap(self, run: Record, to: float | None) -> float | None:
        """Return the gap of a run to a value, or ``None`` without either."""
        objective = run["result"]["objective"]
        return None if objective is None or to is None else gap_to(objective, to, self.facts["sense"])

    def gap_of(self, objective: float) -> float | None:
        """Return the gap of an objective to the reference, or ``None`` without one."""
        return None if self.reference is None else gap_to(objective, self.reference, self.facts["sense"])


def render(records: Sequence[Record]) -> str:
    """Return the report of the records of one folder."""
    records = expanded(records)
    cases = summarise(records)
    runs = [record for record in records if record["kind"] == "run"]
    suite = runs[0]["suite"] if runs else "nothing yet"
    lines = [f"# Benchmark: {suite}", "", *origin(records), ""]
    groups = grouped(runs, lambda run: (run["case"]["problem"], run["time_limit"]))
    for (problem, limit), members in groups.items():
        lines += [f"## {problem}, {limit:g} s a run", "", legend(members, cases), ""]
        lines += [*_table(*solver_table(members, cases)), ""]
        lines += [*_table(*case_table(members, cases)), ""]
        latencies = latency_table(members)
        lines += [*_table(*latencies), ""] * bool(latencies[1])
        pairwise_tests_found = pairwise_table(members, cases)
        lines += [*_table(*pairwise_tests_found), ""] * bool(pairwise_tests_found[1])
    bounds = [record for record in records if record["kind"] == "bound"]
    lines += [*_bound_table(bounds, cases), ""] * bool(bounds)
    found = warnings(records, cases)
    return "\n".join(lines + (["## Warnings", "", *found, ""] if found else [])).rstrip() + "\n"


def summarise(records: Iterable[Record]) -> dict[str, CaseSummary]:
    """Return each instance, by fingerprint, with its runs, its tightest bound and its best objective."""
    cases: dict[str, CaseSummary] = {}
    for record in records:
        if record["kind"] not in JOB_KINDS:
            continue
        case = cases.setdefault(record["case"]["fingerprint"], CaseSummary(record["case"]))
        if record["result"]["bound"] is not None:
            case.claims.append(record)
        if record["kind"] == "run":
            case.runs.append(record)
            case.margin = max(case.margin, record["result"].get("margin", 0.0))
            better = min if case.facts["sense"] == "min" else max
            case.best = _extreme(better, case.best, record["result"]["objective"])
    for case in cases.values():
        tighter = max if case.facts["sense"] == "min" else min
        claimed = (record["result"]["bound"] for record in case.claims)
        case.bound = tighter((bound for bound in claimed if not case.refutes(bound)), default=None)
    return cases


def _extreme(choose: Callable[..., float], one: float | None, other: float | None) -> float | None:
    return choose((value for value in (one, other) if value is not None), default=None)


def origin(records: Sequence[Record]) -> list[str]:
    """Return where and with what the runs were made: a line a session, and one a machine where an executor chose it."""
    lines = []
    for session in (record for record in records if record["kind"] == "session"):
        mine = [record for record in records if record.get("session") == session["session"]]
        count = sum(record["kind"] == "run" for record in mine)
        commit = f" ({session['commit']})" if session["commit"] else ""
        lines.append(
            f"- {session['started']}: {count} runs, {session['jobs']} at a time, Redwood {session['redwood']}{commit}, "
            f"{session['python']}, {session['cpu']} x {session['cores']}, load average {session['load_average']}"
        )
        for machine in mine if session.get("executor", "Local") != "Local" else ():
            if machine["kind"] == "machine":
                count = sum(record["kind"] == "run" and record["process"]["host"] == machine["host"] for record in mine)
                lines.append(f"- {count} of them on {machine['host']}, {machine['cpu']} x {machine['cores']}")
    return lines


def solver_table(runs: Sequence[Record], cases: dict[str, CaseSummary]) -> Table:
    """Return one row a solver: those that solved everything first, the smallest mean gap before others."""
    headings = [
        "solver",
        "mean gap",
        "95 % interval over seeds",
        "median",
        "worst",
        "runs",
        "solved",
        "optimal",
        "reached it",
        "mean gap to bound",
        "primal integral",
        "seconds",
        "longest",
        "failed",
        "killed",
    ]
    rows = [_solver_row(label, members, cases) for label, members in grouped(runs, lambda run: run["label"]).items()]
    rows.sort(key=lambda row: (row[1] == "-", row[6] != row[5], float(row[1].split()[0]) if row[1] != "-" else 0.0, row[0]))
    return headings, rows


def legend(runs: Sequence[Record], cases: dict[str, CaseSummary]) -> str:
    """Return what the gaps and the primal integrals of a table mean."""
    known = all(cases[_print(run)].facts["best_known"] is not None for run in runs)
    reference = "best known value" if known else "best known value, else the best of this run"
    return (
        f"Gaps are to the {reference}, without the runs that found nothing. A solver that reports nothing before its end "
        "has the primal integral of one without a solution until then."
    )


def _solver_row(label: str, runs: Sequence[Record], cases: dict[str, CaseSummary]) -> list[str]:
    solved = [run for run in runs if run["result"]["objective"] is not None]
    by_case = grouped(solved, lambda run: run["case"]["fingerprint"])
    gaps = [[_gap(cases, run) for run in members] for members in by_case.values()]
    to_bound = [gap for run in solved if (gap := cases[_print(run)].gap(run, cases[_print(run)].bound)) is not None]
    means = [statistics.mean(row) for row in gaps]
    everything = [gap for row in gaps for gap in row]
    interval = bootstrap_interval(gaps)
    seconds = [run["result"]["seconds"]["solve"] for run in runs]
    return [
        label,
        _percent(statistics.mean(means) if means else None),
        "-" if interval is None else f"{100 * interval[0]:.3f} to {100 * interval[1]:.3f} %",
        _percent(statistics.median(everything) if everything else None),
        _percent(max(everything, default=None)),
        str(len(runs)),
        str(len(solved)),
        str(sum(_is_optimal(run, cases) for run in solved)),
        str(sum(gap <= SAME for gap in everything)),
        _percent(statistics.mean(abs(gap) for gap in to_bound) if to_bound else None),
        _mean_integral(runs, cases),
        f"{shifted_geometric_mean(seconds):.2f}",
        f"{max(seconds):.2f}",
        str(sum(run["result"]["status"] == "failed" for run in runs)),
        str(sum(run["result"]["termination"] == "killed" for run in runs)),
    ]


def _print(run: Record) -> str:
    return str(run["case"]["fingerprint"])


def _gap(cases: dict[str, CaseSummary], run: Record) -> float:
    case = cases[_print(run)]
    return case.gap(run, case.reference) or 0.0


def _is_optimal(run: Record, cases: dict[str, CaseSummary]) -> bool:
    """Return whether a run's solution is proven to be optimal, by itself or by others, and nobody has a better one."""
    case = cases[_print(run)]
    gap, claim = case.gap(run, case.bound), run["result"]["bound"]
    proven = run["result"]["status"] == "optimal" and not (claim is not None and case.refutes(claim))
    return proven or (gap is not None and abs(gap) <= SAME)


def _mean_integral(runs: Sequence[Record], cases: dict[str, CaseSummary]) -> str:
    integrals = [
        primal_integral(run["result"]["trajectory"], run["time_limit"], case.reference, case.facts["sense"])
        for run in runs
        if (case := cases[_print(run)]).reference is not None
    ]
    return f"{statistics.mean(integrals):.3f}" if integrals else "-"


def case_table(runs: Sequence[Record], cases: dict[str, CaseSummary]) -> Table:
    """Return one row an instance with the mean gap of each solver."""
    labels = sorted({run["label"] for run in runs})
    rows = []
    for fingerprint in dict.fromkeys(_print(run) for run in runs):
        case = cases[fingerprint]
        members = [run for run in runs if _print(run) == fingerprint and run["result"]["objective"] is not None]
        gaps = {label: [_gap(cases, run) for run in members if run["label"] == label] for label in labels}
        facts = case.facts
        head = [facts["name"], str(facts["size"]), format_value(facts["best_known"]), format_value(case.bound)]
        rows.append([*head, *(_percent(statistics.mean(gaps[label]) if gaps[label] else None) for label in labels)])
    return ["instance", "size", "best known", "bound", *labels], rows


def latency_table(runs: Sequence[Record]) -> Table:
    """Return, for what was solved in batches, seconds an instance beside those of the same solver on one at a time."""
    rows = []
    alone = [run for run in runs if "batch" not in run]
    for key, members in grouped((run for run in runs if "batch" in run), _same_work).items():
        singles = [_solving(run) for run in alone if _same_work(run) == key]
        share = statistics.mean(map(_solving, members))
        single = statistics.median(singles) if singles else None
        times = [f"{share:.4f}", "-" if single is None else f"{single:.4f}"]
        ratio = "-" if single is None else f"{single / max(share, 1e-9):.1f}"
        rows.append([members[0]["label"], str(members[0]["case"]["size"]), str(len(members)), *times, ratio])
    headings = ["batch", "size", "instances", "seconds an instance in the batch", "alone, median seconds", "times quicker"]
    return headings, rows


def _same_work(run: Record) -> tuple[str, str, int]:
    return run["solver"], repr(sorted(run["options"].items())), run["case"]["size"]


def _solving(run: Record) -> float:
    return float(run["result"]["seconds"]["solve"])


def pairwise_table(runs: Sequence[Record], cases: dict[str, CaseSummary]) -> Table:
    """Return each pair of solvers on the instances that both solved: means over seeds, paired, p-values corrected."""
    gaps: dict[str, dict[Hashable, float]] = {}
    for label, members in sorted(grouped(runs, lambda run: run["label"]).items()):
        solved = [run for run in members if run["result"]["objective"] is not None]
        by_case = grouped(solved, _print)
        gaps[label] = {case: statistics.mean(_gap(cases, run) for run in several) for case, several in by_case.items()}
    rows = [
        [
            f"{one.first} against {one.second}",
            *map(str, (one.wins, one.ties, one.losses)),
            f"{100 * one.difference:+.3f}",
            f"{one.p_value:.3g}",
            f"{one.corrected:.3g}",
        ]
        for one in pairwise_tests(gaps)
        if one.wins + one.ties + one.losses
    ]
    return ["pair", "wins", "ties", "losses", "difference in points", "p (signed ranks)", "p corrected (Holm)"], rows


def _bound_table(bounds: Sequence[Record], cases: dict[str, CaseSummary]) -> list[str]:
    """Return how far the problems' own bounds are from the best known values, or from the best of these runs."""
    rows = []
    for problem, members in grouped(bounds, lambda record: record["case"]["problem"]).items():
        proven = [record for record in members if record["result"]["bound"] is not None]
        pairs = [(record["result"]["bound"], cases[_print(record)].reference) for record in proven]
        gaps = [abs(gap_to(bound, reference, "min")) for bound, reference in pairs if reference is not None]
        seconds = [record["result"]["seconds"]["solve"] for record in members]
        methods = ", ".join(sorted({record["result"]["method"] for record in proven}))
        mean = _percent(statistics.mean(gaps) if gaps else None)
        times = (f"{shifted_geometric_mean(seconds):.2f}", f"{max(seconds):.2f}")
        rows.append([problem, methods, str(len(members)), str(len(proven)), mean, _percent(max(gaps, default=None)), *times])
    headings = ["problem", "method", "instances", "bounded", "mean gap to best known", "worst", "seconds", "longest"]
    return ["## Bounds", "", *_table(headings, rows)]


def warnings(records: Sequence[Record], cases: dict[str, CaseSummary]) -> list[str]:
    """Return in words what makes figures above worth less than they look."""
    runs = [record for record in records if record["kind"] == "run"]
    found = []
    for case in cases.values():
        for record in case.claims:
            if case.refutes(bound := record["result"]["bound"]):
                who = record.get("label", "the problem's own bound")
                claim = f"claims a bound of {bound:.9g} that the solution {case.best:.9g} refutes."
                found.append(f"- {who} on {case.facts['name']}: {claim}")
        known = case.facts["best_known"]
        if case.best is not None and known is not None and beyond(case.facts["sense"], known, case.best):
            found.append(f"- {case.facts['name']}: solution {case.best:.9g} is better than the best known {known:.9g}.")
    crowded = [record for record in records if record["kind"] == "session" and record.get("oversubscribed")]
    for session in crowded:
        crowd = f"{session['jobs']} jobs at a time on {session['usable_cores']} cores"
        found.append(f"- {session['started']}: {crowd}: the machine was over-subscribed, so no time is to be trusted.")
    shares = [run["process"]["cpu_share"] for run in runs if run["threads"] == 1]
    starved = sum(share is not None and share < STARVED for share in shares)
    if starved:
        found.append(f"- {starved} of {len(runs)} runs had less than {100 * STARVED:.0f} % of a core: the machine was busy.")
    for run in runs:
        if run["result"]["status"] == "failed":
            where = f"{run['label']} on {run['case']['name']}, seed {run['seed']}"
            found.append(f"- {where}: failed. {' '.join(run['result']['message'].split())[:200]}")
    return found


def grouped(records: Iterable[Record], key: Callable[[Record], KeyT]) -> dict[KeyT, list[Record]]:
    """Return the records by key, in the order in which they come."""
    groups: dict[KeyT, list[Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table; numbers, which are all but the first column, are flush right."""
    lines = [_line(headings), _line(["---", *["---:"] * (len(headings) - 1)])]
    return lines + [_line(row) for row in rows]


def _line(entries: Sequence[str]) -> str:
    return "| " + " | ".join(entry.replace("|", "\\|") for entry in entries) + " |"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.3f} %"
