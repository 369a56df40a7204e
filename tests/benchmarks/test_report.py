"""The report: what is in the tables, worked by hand, and what it warns of."""

from redwood.benchmarks.report import render, summarise


def record(label, seed, objective, *, bound=None, name="one", known=100.0, status="feasible", share=1.0, message=""):
    case = {"problem": "toy", "name": name, "size": 9, "sense": "min", "fingerprint": name, "best_known": known}
    seconds = {"load": 0.0, "compile": 0.0, "solve": 1.0}
    trajectory = [] if objective is None else [[0.0, objective]]
    result = {"status": status, "termination": "time", "objective": objective, "bound": bound, "seconds": seconds}
    result |= {"trajectory": trajectory, "message": message}
    head = {"kind": "run", "suite": "toy", "session": "s", "label": label, "seed": seed, "time_limit": 1.0, "threads": 1}
    return head | {"case": case, "result": result, "process": {"cpu_share": share}}


def row(text, label):
    line = next(line for line in text.splitlines() if line.startswith(f"| {label} |"))
    return [entry.strip() for entry in line.strip("|").split("|")]


def test_gaps_to_known_value_and_bound():
    """Gaps are means over instances of means over seeds; the bound is the tightest that any run proved."""
    text = render([record("a", 0, 110.0, bound=50.0), record("a", 1, 106.0), record("b", 0, 100.0, bound=80.0)])
    assert row(text, "a")[5:8] == ["2", "2", "0"]
    assert [row(text, "a")[column] for column in (1, 3, 4, 8, 9)] == ["8.000 %", "8.000 %", "10.000 %", "0", "35.000 %"]
    assert row(text, "a")[10] == "8.000"
    assert row(text, "b")[1:5] == ["0.000 %", "-", "0.000 %", "0.000 %"]
    assert row(text, "b")[8] == "1"


def test_without_known_values_the_best_run_is_the_reference():
    """Where nothing is known, gaps count from the best run, and the heading says so."""
    text = render([record("a", 0, 110.0, known=None), record("b", 0, 100.0, known=None)])
    assert row(text, "a")[1] == "10.000 %"
    assert "best known value, else the best of this run" in text


def test_runs_without_a_solution_are_counted():
    """A run that found nothing is in the number of runs, and not in the gaps."""
    text = render([record("a", 0, None, status="none"), record("a", 1, 101.0)])
    assert row(text, "a")[5:7] == ["2", "1"]
    assert row(text, "a")[1] == "1.000 %"


def test_who_solved_less_stands_below():
    """A solver that left a run without a solution stands below one with a larger gap that solved everything."""
    records = [record("a", 0, 100.0), record("a", 1, None, status="none"), record("b", 0, 109.0), record("b", 1, 109.0)]
    lines = render(records).splitlines()
    assert [line.split("|")[1].strip() for line in lines if line.startswith(("| a |", "| b |"))][:2] == ["b", "a"]


def test_machines_of_an_executor_are_named():
    """Where an executor has chosen the machine, the report names it with its runs."""
    facts = {"cpu": "Z80", "cores": 1, "session": "s"}
    session = facts | {"kind": "session", "started": "now", "jobs": 2, "redwood": "1", "commit": "", "python": "3"}
    session |= {"load_average": 0.1, "executor": "Dask"}
    run = record("a", 0, 100.0)
    run["process"]["host"] = "node7"
    assert "- 1 of them on node7, Z80 x 1" in render([session, facts | {"kind": "machine", "host": "node7"}, run])


def test_warnings_are_said_aloud():
    """Contradicting bounds, values better than the best known, busy machines and failures are listed."""
    records = [
        record("a", 0, 90.0, bound=95.0),
        record("b", 0, None, status="failed", message="no paper", share=0.4),
    ]
    warnings = render(records).partition("## Warnings")[2]
    assert "claims a bound of 95 that the solution 90 refutes" in warnings
    assert "solution 90 is better than the best known 100" in warnings
    assert "1 of 2 runs had less than 90 % of a core" in warnings
    assert "b on one, seed 0: failed. no paper" in warnings


def test_the_bound_job_counts():
    """A bound that was computed on its own is the instance's, where it is the tightest."""
    bound = record("", 0, None, bound=99.0) | {"kind": "bound"}
    bound["result"] |= {"method": "by eye"}
    records = [bound, record("a", 0, 100.0, bound=70.0)]
    (case,) = summarise(records).values()
    assert (case.bound, case.best) == (99.0, 100.0)
    assert row(render(records), "toy")[1:6] == ["by eye", "1", "1", "1.000 %", "1.000 %"]
