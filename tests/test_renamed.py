"""Options that have had other names: the old ones are refused, and the message says the new one."""

from dataclasses import fields

import pytest
from click.testing import CliRunner

import redwood
from redwood.cli.root import root
from redwood.errors import OptionError, UnknownNameError
from redwood.lazy import load_target
from redwood.plugins.host import host
from redwood.renamed import FLAGS, GONE


@pytest.mark.parametrize(("old", "new"), [("symmetries", "augmentations"), ("views", "augmentations")])
def test_old_options_of_bq_name_the_new_one(old, new):
    """`bq` takes no option by its old name."""
    with pytest.raises(OptionError, match=f"no option {old!r}. Its name is {new!r}"):
        redwood.solve(redwood.generate("tsp", size=6), "bq", time_limit=1, **{old: 8})


@pytest.mark.parametrize(("old", "new"), [("foresight", "rollout"), ("congestion", "quadratic")])
def test_old_options_of_sequoia_name_the_solver_that_they_are_now(old, new):
    """`sequoia` takes no option of what has become a solver of its own, and names that."""
    with pytest.raises(OptionError, match=f"no option {old!r}. Since version 0.2 it is the solver {new!r}"):
        redwood.solve(redwood.generate("cormab/capacity", size=6, seed=0), "sequoia", time_limit=1, **{old: 2})


@pytest.mark.parametrize(("problem", "solver"), [("tsp", "bq"), ("cvrp", "local-search"), ("knapsack", "highs")])
def test_options_that_are_gone_are_told(problem, solver):
    """An option that has become a constant is refused, and the message says that it is gone."""
    for old in GONE[solver]:
        with pytest.raises(OptionError, match=rf"no option {old!r}. It is gone since version 0\.2"):
            redwood.solve(redwood.generate(problem, size=6), solver, time_limit=1, **{old: 1})


def test_solvers_have_few_options():
    """What tuning sets is a constant: no built-in solver has more than eight options, and all together have under sixty."""
    specs = [entry.spec for entry in host().solver_entries if entry.plugin == "builtin"]
    counts = {spec.target: sum(field.init for field in fields(load_target(spec.target))) for spec in specs}
    assert max(counts.values()) <= 8
    assert sum(counts.values()) < 60


def test_a_solver_that_is_gone_names_what_does_its_work():
    """`deep-q` is no solver any more, and the message says how `sequoia` learns as published."""
    with pytest.raises(UnknownNameError, match=r"gone since version 0\.2; use sequoia, with the option mode='published'"):
        redwood.solve(redwood.generate("cormab/capacity", size=6, seed=0), "deep-q", time_limit=1)


def test_the_old_search_names_the_new_one():
    """The value that `search` had before is refused with its new name."""
    with pytest.raises(OptionError, match="'views' is named 'augmentations'"):
        redwood.solve(redwood.generate("tsp", size=6), "bq", time_limit=1, search="views")


@pytest.mark.parametrize(("old", "new"), [("teacher", "expert"), ("teacher_time_limit", "expert_time_limit")])
def test_old_options_of_train_name_the_new_one(old, new, tmp_path):
    """`train` refuses them before it makes the folder."""
    with pytest.raises(OptionError, match=f"takes no {old!r}. Its name is {new!r}"):
        redwood.train("bq", "tsp", tmp_path / "out", hours=0.1, **{old: "highs"})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("old", FLAGS["train"])
def test_old_flags_name_the_new_one(old, tmp_path):
    """The command line ends with wrong use, and the help does not show old flags."""
    words = ["train", "bq", "--problem", "tsp", "--out", str(tmp_path), "--hours", "1", old, "1"]
    ended = CliRunner().invoke(root, words)
    assert ended.exit_code == 2
    assert f"its name is {FLAGS['train'][old]}." in ended.output
    assert old not in CliRunner().invoke(root, ["train", "--help"]).output.replace(FLAGS["train"][old], "")
