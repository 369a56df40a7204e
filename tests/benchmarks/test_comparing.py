"""Comparing two runs: what is worse beyond noise, and what is not."""

import msgspec
import pytest
from click.testing import CliRunner

from redwood.benchmarks.comparing import compare, regressions, unmatched
from redwood.cli.root import root
from redwood.errors import OptionError


@pytest.fixture
def runs(make_run):
    """Return a function that makes the runs of one solver on one instance, one for each seed."""

    def make(objectives, *, seconds=1.0, label="a"):
        return [make_run(label, seed, value, solve=seconds) for seed, value in enumerate(objectives)]

    return make


def test_worse_by_more_than_noise(runs):
    """Every seed one to three points worse is a regression of two points on average."""
    (change,) = compare(runs([100, 101, 102, 103]), runs([101, 103, 104, 106]))
    assert change.gap == pytest.approx(0.02)
    assert change.worse == ("gap",)
    assert 0.01 <= change.low <= change.gap <= change.high <= 0.03


def test_noise_is_no_regression(runs):
    """Seeds that are better as often as worse by much more than the mean differs are noise."""
    (change,) = compare(runs([100, 104, 101, 105]), runs([104, 100, 105, 102]))
    assert change.gap > 0
    assert change.worse == ()


def test_better_is_no_regression(runs):
    """An improvement is a negative change."""
    (change,) = compare(runs([105, 106]), runs([100, 101]))
    assert change.gap == pytest.approx(-0.05)
    assert change.worse == ()


def test_a_lost_solution_is_worse(runs):
    """A run that no longer finds anything counts as 10 % above."""
    (change,) = compare(runs([100, 100]), runs([None, None]))
    assert change.gap == pytest.approx(0.1)
    assert regressions([change]) == ["a on toy: gap +10.000 points (95 % from +10.000)."]


def test_slower_is_worse(runs):
    """Twice the seconds at the same gap is a regression in time; a quarter more is not."""
    (twice,) = compare(runs([100, 100]), runs([100, 100], seconds=2.0))
    (quarter,) = compare(runs([100, 100]), runs([100, 100], seconds=1.25))
    assert (twice.worse, quarter.worse) == (("seconds",), ())
    assert twice.seconds == pytest.approx(2.0)


def test_runs_without_a_common_job_are_refused(runs):
    """Records of other solvers cannot be compared."""
    with pytest.raises(OptionError, match=r"no job in common.* Only in A: 1 run of a .* no such label there, but b"):
        compare(runs([100]), runs([100], label="b"))


def test_what_only_one_side_has_is_said(make_run):
    """Runs without a counterpart are named by solver and problem, with what the other side has in their place."""
    first = [make_run("a", 0, 100), make_run("a", 1, 100), make_run("old", 0, 100)]
    second = [make_run("a", 0, 100), make_run("a", 0, 100, name="two"), make_run("new", 0, 100)]
    assert unmatched(first, first) == []
    assert unmatched(first, second) == [
        "Only in A: 1 run of a on toy; B has it with other seeds, limits or options.",
        "Only in A: 1 run of old on toy; B has no such label there, but a, new.",
        "Only in B: 1 run of a on toy; A lacks it on two.",
        "Only in B: 1 run of new on toy; A has no such label there, but a, old.",
    ]


@pytest.mark.parametrize(("after", "code"), [([100.0, 101.0], 0), ([103.0, 104.0], 1)])
def test_the_exit_code_tells(runs, tmp_path, after, code):
    """`bench compare` ends with 1 where something became worse, and with 0 otherwise."""
    for name, values in (("a", [100.0, 101.0]), ("b", after)):
        (tmp_path / name).mkdir()
        lines = [msgspec.json.encode(record) + b"\n" for record in runs(values)]
        (tmp_path / name / "records.jsonl").write_bytes(b"".join(lines))
    result = CliRunner().invoke(root, ["bench", "compare", str(tmp_path / "a"), str(tmp_path / "b")])
    assert result.exit_code == code, result.output
