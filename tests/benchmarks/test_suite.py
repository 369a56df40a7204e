"""Suites are read strictly, and become the jobs that they say."""

import pytest

from redwood.benchmarks.planning import make_plan
from redwood.benchmarks.suite import find_suite, parse_suite, shipped_suites
from redwood.errors import FitError, FormatError, OptionError, UnknownNameError

GOOD = """
time_limit = 2
[[instances]]
generate = "tsp/uniform"
sizes = [5, 6]
seeds = [1, 2]
[[solvers]]
name = "exact"
"""


def test_instances_times_solvers_times_seeds():
    """A suite multiplies its instances with its solvers, and adds one bound an instance."""
    plan = make_plan(parse_suite("toy", GOOD))
    runs = [job for job in plan.jobs if job.solver]
    assert [job.case.name for job in runs] == [
        "tsp-uniform-5-s1",
        "tsp-uniform-5-s2",
        "tsp-uniform-6-s1",
        "tsp-uniform-6-s2",
    ]
    assert {job.time_limit for job in runs} == {2.0}
    assert len([job for job in plan.jobs if not job.solver]) == 4


def test_jobs_keep_their_names():
    """The same suite gives jobs of the same ids; another seed, limit or option gives others."""
    ids = {job.id for job in make_plan(parse_suite("toy", GOOD)).jobs}
    assert ids == {job.id for job in make_plan(parse_suite("other", GOOD)).jobs}
    assert not ids & {job.id for job in make_plan(parse_suite("toy", GOOD.replace("[1, 2]", "[3]"))).jobs if job.solver}


def test_seeds_are_for_solvers_that_use_them():
    """A deterministic solver is run with the first seed only."""
    plan = make_plan(parse_suite("toy", "seeds = [4, 5]\nbound_time_limit = 0\n" + GOOD + '[[solvers]]\nname = "greedy"\n'))
    seeds = {(job.solver, job.seed) for job in plan.jobs}
    assert seeds == {("exact", 4), ("greedy", 4), ("greedy", 5)}


def test_every_solver_that_fits_and_is_installed():
    """The name * stands for every installed solver that fits the problem, but for those left out."""
    text = GOOD.replace('name = "exact"', 'name = "*"\nexcept = ["bq", "exact"]')
    solvers = {job.solver for job in make_plan(parse_suite("toy", text)).jobs}
    assert {"greedy", "random", "highs", "local-search"} <= solvers
    assert not {"bq", "exact"} & solvers


def test_sizes_limit_instances_and_solvers():
    """max_size of a solver keeps it from larger instances."""
    plan = make_plan(parse_suite("toy", GOOD + "max_size = 5\n"))
    assert {job.case.size for job in plan.jobs if job.solver} == {5}


def test_files_have_their_best_known_values(tmp_path, data_folder):
    """Files are taken by pattern, filtered by size, and have the values of the table."""
    text = """
        [[instances]]
        files = ["tsplib/[be]*.tsp"]
        exclude = ["tsplib/eil*"]
        max_size = 100
        best_known = "best_known.csv"
        [[solvers]]
        name = "auto"
    """
    cases = [job.case for job in make_plan(parse_suite("toy", text), data_folder).jobs if job.solver]
    assert [(case.name, case.best_known) for case in cases] == [("berlin52", 7542.0)]


@pytest.mark.parametrize("name", shipped_suites())
def test_shipped_suites_are_sound(name):
    """Every suite that is shipped can be read, and says what it is for."""
    assert find_suite(name).summary


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace("sizes", "size"), "[[instances]] 1 has the unknown key 'size'. Did you mean 'sizes'?"),
        (GOOD.replace("time_limit", "time_limits"), "unknown key 'time_limits'. Did you mean 'time_limit'?"),
        (GOOD + "labels = 1", "[[solvers]] 1 has the unknown key 'labels'. Did you mean 'label'?"),
        (GOOD.replace("time_limit = 2", 'time_limit = "2"'), "suite toy: time_limit = '2': expected float, got str"),
        (GOOD.replace("time_limit = 2", "time_limit = 0"), "suite toy: time_limit = 0: expected float > 0"),
        (GOOD.replace("[5, 6]", "[5, -6]"), "[[instances]] 1: sizes[1] = -6: expected int >= 0"),
        (GOOD.replace('generate = "tsp/uniform"', ""), "must have either files or generate"),
        (GOOD.replace("[[solvers]]\nname", "[[solvers]]\nlabel"), "[[solvers]] 1 has no name"),
        (GOOD + 'except = ["x"]', "except goes with the name '*'"),
        ("time_limit = 1", "has no [[instances]]"),
        (GOOD.replace("[5, 6]", "[]"), "sizes = []: expected array of length >= 1"),
        (GOOD.replace("time_limit = 2", "time_limit = nan"), "time_limit = nan: expected float > 0"),
        ("name = 1" + GOOD, "has the unknown key 'name'"),
        (GOOD.replace('"exact"', '"*"') + "batch = 2", "'*' stands for every solver"),
    ],
)
def test_faulty_suites_are_refused(text, words):
    """Every fault of a suite is named with its place."""
    with pytest.raises(OptionError) as caught:
        parse_suite("toy", text)
    assert words in str(caught.value)


def test_errors_name_the_file_of_a_suite(tmp_path):
    """A suite in a file is called by the path of it; its label heads reports, and is its name where none is given."""
    file = tmp_path / "mine.toml"
    file.write_text(GOOD.replace("time_limit", "time_limt"))
    with pytest.raises(OptionError, match=rf"{file} has the unknown key 'time_limt'\. Did you mean 'time_limit'"):
        find_suite(str(file))
    file.write_text(GOOD)
    assert find_suite(str(file)).label == "mine"
    file.write_text('label = "Mine, July"' + GOOD)
    assert find_suite(str(file)).label == "Mine, July"


def test_no_toml_is_refused():
    """A text that is no TOML is a format error."""
    with pytest.raises(FormatError, match="is no TOML"):
        parse_suite("toy", "a = = 1")


def test_plans_that_cannot_be_are_refused(toy_plan):
    """Unknown solvers and options, solvers that do not fit and missing data folders are found before anything runs."""
    with pytest.raises(UnknownNameError, match="Did you mean 'exact'"):
        make_plan(parse_suite("toy", GOOD.replace('"exact"', '"exakt"')))
    with pytest.raises(FitError, match="does not fit problem 'tsp'"):
        make_plan(parse_suite("toy", GOOD.replace('"exact"', '"steps"')))
    with pytest.raises(OptionError, match=r"'steps' has no option 'paus'\. Did you mean 'pause'"):
        toy_plan('name = "steps"\noptions = {paus = 3}')
    with pytest.raises(OptionError, match="--data or REDWOOD_DATA"):
        make_plan(parse_suite("toy", '[[instances]]\nfiles = ["*.tsp"]\n[[solvers]]\nname = "auto"'))


def test_files_whose_names_cannot_be_recorded_are_refused(tmp_path):
    """A name that is no UTF-8 is named before anything runs."""
    (tmp_path / "caf\udce9.kp").write_text("1 1\n1 1\n")
    text = '[[instances]]\nfiles = ["*.kp"]\n[[solvers]]\nname = "auto"'
    with pytest.raises(FormatError, match=r"'caf\\udce9\.kp' cannot be recorded"):
        make_plan(parse_suite("toy", text), tmp_path)
