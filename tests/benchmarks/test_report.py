"""The report: what is in the tables, worked by hand, and what it warns of."""

import re

import pytest

from redwood.benchmarks.page import render_page
from redwood.benchmarks.provenance import Machine
from redwood.benchmarks.records import Bound, BoundResult, Host, Session, Times
from redwood.benchmarks.report import comparisons, pairwise_table, render, summarise


def row(text, label):
    line = next(line for line in text.splitlines() if line.startswith(f"| {label} |"))
    return [entry.strip() for entry in line.strip("|").split("|")]


def test_gaps_to_known_value_and_bound(make_run):
    """Gaps are means over instances of means over seeds; the bound is the tightest that any run proved."""
    text = render([make_run("a", 0, 110.0, bound=50.0), make_run("a", 1, 106.0), make_run("b", 0, 100.0, bound=80.0)])
    assert row(text, "a")[5:8] == ["2", "2", "0"]
    assert [row(text, "a")[column] for column in (1, 3, 4, 8, 9)] == ["8.000", "8.000", "10.000", "0", "35.000"]
    assert row(text, "a")[10] == "8.000"
    assert row(text, "b")[1:5] == ["0.000", "needs 3 seeds", "0.000", "0.000"]
    assert row(text, "b")[8] == "1"


def test_without_known_values_the_best_run_is_the_reference(make_run):
    """Where nothing is known, gaps count from the best run, and the heading says so."""
    text = render([make_run("a", 0, 110.0, known=None), make_run("b", 0, 100.0, known=None)])
    assert row(text, "a")[1] == "10.000"
    assert "Gaps are to the best value of these runs, " in text
    assert "Gaps are to the best known value, " in render([make_run("a", 0, 110.0)])


def test_runs_without_a_solution_are_counted(make_run):
    """A run that found nothing is in the number of runs, and not in the gaps."""
    text = render([make_run("a", 0, None, status="none"), make_run("a", 1, 101.0)])
    assert row(text, "a")[5:7] == ["2", "1"]
    assert row(text, "a")[1] == "1.000"


def test_who_solved_less_stands_below(make_run):
    """A solver that left a run without a solution stands below one with a larger gap that solved everything."""
    records = [
        make_run("a", 0, 100.0),
        make_run("a", 1, None, status="none"),
        make_run("b", 0, 109.0),
        make_run("b", 1, 109.0),
    ]
    lines = render(records).splitlines()
    assert [line.split("|")[1].strip() for line in lines if line.startswith(("| a |", "| b |"))][:2] == ["b", "a"]


def test_refused_runs_are_left_out_and_their_reason_said_once(make_run):
    """What a solver does not take is in a column of its own and in no average, and no warning; a reason is said once."""
    refused = [
        make_run("a", seed, None, status="refused", message="a takes no fleet", share=None, name="big") for seed in (1, 2)
    ]
    text = render([make_run("a", 0, 101.0), *refused, make_run("b", 0, 102.0)])
    assert (row(text, "a")[1], row(text, "a")[5:7], row(text, "a")[-1]) == ("1.000", ["1", "1"], "2")
    assert text.count("a takes no fleet") == 1
    assert "- a takes 1 of 2 instances; its averages and curves are of those." in text
    assert "- a refused 2 runs: a takes no fleet" in text
    assert "## Warnings" not in text
    assert "| refused |" not in render([make_run("a", 0, 101.0)])


def test_reasons_that_differ_in_numbers_are_one(make_run):
    """Refusals that differ in the instance's name and in numbers alone are one line, with the first as the example."""
    words = {"x": "a takes 50 nodes, x has 60.5", "y": "a takes 50 nodes, y has 70", "z": "a takes no fleet"}
    refused = [make_run("a", 0, None, status="refused", message=text, name=name) for name, text in words.items()]
    text = render([make_run("a", 0, 101.0), *refused])
    assert "- a refused 2 runs, such as: a takes 50 nodes, x has 60.5\n- a refused 1 run: a takes no fleet\n" in text


def test_cells_of_refused_instances_say_so(make_run):
    """The table of instances tells what was refused from what was not found or not run."""
    runs = [make_run("a", 0, None, status="refused"), make_run("b", 0, None), make_run("c", 0, 100.0)]
    assert row(render([*runs, make_run("d", 0, 100.0, name="two")]), "one")[4:] == ["refused", "-", "0.000", "-"]


def test_curves_of_fewer_instances_are_marked(make_run):
    """A legend says of how many instances a curve is, and profiles count those alone."""
    some = [make_run("a", 0, 100.0), make_run("a", 0, None, status="refused", name="two")]
    page = render_page([*some, make_run("b", 0, 100.0), make_run("b", 0, 100.0, name="two")])
    assert page.count('<li><i class="c0"></i>a (1 of 2 instances)</li>') == page.count('<li><i class="c1"></i>b</li>') == 4
    first, second = re.findall('polyline class="c[01]" points="([^"]+)"', page)[2:4]
    assert first == second


def test_a_solver_that_takes_nothing_has_a_row(make_run):
    """A solver that refused every run has dashes, and no place in comparisons and charts."""
    records = [make_run("a", 0, None, status="refused", message="no")]
    assert row(render(records), "a")[-1] == "1"
    assert row(render([*records, make_run("b", 0, 102.0)]), "a")[1] == "-"
    assert 'class="c0"' not in render_page(records)


def test_machines_of_an_executor_are_named(make_run):
    """Where an executor has chosen the machine, the report names it with its runs."""
    facts = {"redwood": "1", "commit": "", "python": "3", "executable": "py", "system": "x", "cpu": "Z80", "cores": 1}
    machine = Machine(**facts, load_average=0.1, libraries={})
    session = Session(session="s", started="now", executor="Dask", jobs=2, machine=machine)
    host = Host(session="s", host="node7", machine=machine)
    assert "- 1 of them on node7, Z80 x 1" in render([session, host, make_run("a", 0, 100.0, host="node7")])


def test_warnings_are_said_aloud(make_run):
    """Contradicting bounds, values better than the best known, busy machines and failures are listed."""
    records = [
        make_run("a", 0, 90.0, bound=95.0),
        make_run("b", 0, None, status="failed", message="no paper", share=0.4),
    ]
    warnings = render(records).partition("## Warnings")[2]
    assert "claims a bound of 95 that the solution 90 refutes" in warnings
    assert "solution 90 is better than the best known 100" in warnings
    assert "1 of 2 runs whose share of a core was measured had less than 90 %" in warnings
    assert "b on one, seed 0: failed. no paper" in warnings


def test_many_failures_do_not_make_a_wall(make_run):
    """Of one kind at most five warnings are listed, and the rest is counted; other solvers keep their own."""
    records = [make_run("a", seed, None, status="failed", message="no paper") for seed in range(40)]
    warnings = render([*records, make_run("b", 0, None, status="failed", message="no ink")]).partition("## Warnings")[2]
    assert warnings.count("no paper") == 5
    assert "- 35 more failed runs of a." in warnings
    assert "b on one, seed 0: failed. no ink" in warnings


def test_the_bound_job_counts(make_run):
    """A bound that was computed on its own is the instance's, where it is the tightest."""
    run = make_run("a", 0, 100.0, bound=70.0)
    own = {name: getattr(run, name) for name in ("suite", "session", "started", "time_limit", "threads", "memory_gb")}
    found = BoundResult(99.0, "by eye", Times(), "")
    bound = Bound(**own, job="b", process=run.process, code=run.code, case=run.case, result=found)
    (case,) = summarise([bound, run]).values()
    assert (case.bound, case.best) == (99.0, 100.0)
    assert row(render([bound, run]), "toy")[1:6] == ["by eye", "1", "1", "1.000", "1.000"]


def test_solvers_are_ranked_by_their_gaps_and_not_by_what_is_printed(make_run):
    """Two mean gaps that print alike are ranked by what they are; one of nothing stands last."""
    text = render([make_run("a", 0, 100.00001), make_run("b", 0, 100.0), make_run("c", 0, None, status="none")])
    labels = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith(("| a |", "| b |", "| c |"))]
    assert labels[:3] == ["b", "a", "c"]
    assert row(text, "a")[1] == row(text, "b")[1] == "0.000"


def test_what_is_counted_is_explained(make_run):
    """The words over the table say what reached and optimal count, and what integrals, signed ranks and profiles are."""
    records = [make_run("a", 0, 100.0)]
    text = render(records)
    assert "'reached' counts the runs whose gap is 0 or below" in text
    assert "The primal integral is 100 times the mean gap over the time limit" in text
    assert "Signed ranks (Wilcoxon's test) say" in text
    assert "A performance profile shows the share of runs" in render_page(records)
    assert row(text, "a")[8] == "1"


@pytest.mark.parametrize(("instances", "shown"), [(5, "too few instances"), (6, "0.0312")])
def test_no_p_value_stands_where_none_could_be_small(make_run, instances, shown):
    """Of five instances the report says that they are too few, of six the p-value."""
    values = {"one": 10.0, "other": 11.0}
    runs = [
        make_run(solver, 0, value + k, name=f"i{k}", known=1.0) for k in range(instances) for solver, value in values.items()
    ]
    (row,) = pairwise_table(runs, summarise(runs)).rows
    assert row["p (signed ranks)"].text == row["p corrected (Holm)"].text == shown


@pytest.mark.parametrize(
    ("instances", "chance"),
    [
        (3, "too few instances to tell from chance: with this one pair, that takes at least 6"),
        (6, "p = 0.0312 after Holm's correction"),
    ],
)
def test_a_sentence_says_who_is_better(make_run, instances, chance):
    """The report begins with who is better, by how much, with its interval, and whether that is beyond chance."""
    runs = [
        make_run(label, 0, value + k * (label == "b"), name=f"i{k}")
        for k in range(instances)
        for label, value in (("a", 101.0), ("b", 103.0))
    ]
    (said,) = comparisons(runs, summarise(runs))
    assert said.startswith(f"a is {2 + (instances - 1) / 2:.3f} percentage points of gap better than b on average (95 % ")
    assert said.endswith(f": better on {instances} and worse on 0 of the {instances} instances that both solved; {chance}.")
    assert render(runs).index(said) < render(runs).index("| solver |")


def test_what_scaling_cannot_see_is_a_tie(make_run):
    """Two values that differ by less than a millionth are no win."""
    runs = [make_run("a", 0, 100.0), make_run("b", 0, 100.00005)]
    assert comparisons(runs, summarise(runs)) == ["a and b are alike on every instance."]
