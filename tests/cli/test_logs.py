"""From a CSV file to this week's list, in processes of their own."""

import csv
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from redwood.cli.root import root
from redwood.errors import InstanceError, SolutionError
from redwood.solving.act import act_by_name, read_deployed


def redwood(folder, *words, code=0):
    done = subprocess.run([sys.executable, "-m", "redwood", *words], cwd=folder, capture_output=True, text=True, timeout=100)
    assert done.returncode == code, done.stderr
    return done


def write(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A programme of 12 people in two languages over 12 weeks, three workers, and the states of today."""
    place, rng = tmp_path_factory.mktemp("programme"), np.random.default_rng(0)
    state, rows = rng.integers(0, 2, 12), [["arm", "step", "state", "action", "language"]]
    for week in range(12):
        called = rng.permutation(12) < 4
        rows += [[f"p{arm}", week, state[arm], int(called[arm]), "hi" if arm % 2 else "en"] for arm in range(12)]
        state = (rng.random(12) < np.where(called, 0.8, 0.3)).astype(int)
    write(place / "log.csv", rows)
    write(
        place / "workers.csv", [["worker", "capacity", "language"], ["Asha", 1, "hi"], ["Ben", 1, "en"], ["Lee", 1, "en|hi"]]
    )
    write(place / "today.csv", [["arm", "state"], *([f"p{arm}", int(arm % 3 == 0)] for arm in range(12))])
    redwood(place, "estimate", "log.csv", "--workers", "workers.csv", "--horizon", "10", "--out", "arms.json")
    redwood(place, "solve", "arms.json", "--solver", "lagrangian", "--time-limit", "5", "--out", "plans")
    return place


def test_a_list_comes_from_a_log(folder):
    """Three people are called, each by a worker who speaks their language, no worker twice."""
    redwood(folder, "act", "plans/arms.policy", "today.csv", "--out", "calls.csv")
    rows = list(csv.DictReader((folder / "calls.csv").open()))
    assert len(rows) == 3
    assert len({row["worker"] for row in rows}) == 3
    for row in rows:
        language = "hi" if int(row["arm"][1:]) % 2 else "en"
        assert language in {"Asha": "hi", "Ben": "en", "Lee": "en hi"}[row["worker"]]


def test_people_who_left_are_not_called(folder):
    """Those that today does not name are left out, though the policy would call them; a newcomer is named."""
    instance, policy = read_deployed(folder / "plans" / "arms.policy")
    all_here = act_by_name(instance, policy, {f"p{arm}": 0 for arm in range(12)})
    gone = all_here.arms[0]
    rest = act_by_name(instance, policy, {f"p{arm}": 0 for arm in range(12) if f"p{arm}" != gone})
    assert gone not in rest.arms
    assert len(rest.arms) == 3
    with pytest.raises(InstanceError, match=r"1 arms of today are not in the policy's cohort \(p99\)"):
        act_by_name(instance, policy, {"p99": 0})


def test_bad_days_have_their_own_messages(folder):
    """A state out of range, a state that is no number, an arm twice, and a policy without an instance."""
    for rows, message in (
        ([["arm", "state"], ["p1", 7]], "state 7 of arm 'p1' is outside 0 to 1"),
        ([["arm", "state"], ["p1", "well"]], "state 'well' of arm 'p1' is not a number"),
        ([["arm", "state"], ["p1", 0], ["p1", 1]], "names arm 'p1' twice"),
        ([["person", "state"], ["p1", 0]], "has no column 'arm'"),
    ):
        write(folder / "bad.csv", rows)
        done = CliRunner().invoke(root, ["act", str(folder / "plans" / "arms.policy"), str(folder / "bad.csv")])
        assert (done.exit_code, message in done.output) == (2, True), done.output
    (folder / "bare.policy").write_text('{"kind": "null"}')
    with pytest.raises(SolutionError, match="carries no instance"):
        read_deployed(folder / "bare.policy")


def test_the_columns_of_today_may_have_other_names(folder):
    """Names of columns and labels of states are said as for the log, and the calls are those of the plain file."""
    days = {"plain": ("arm", "state", ("0", "1")), "theirs": ("person", "status", ("unwell", "well"))}
    for name, (arm, state, labels) in days.items():
        write(folder / f"{name}.csv", [[arm, state], *([f"p{k}", labels[k % 2]] for k in range(12))])
    words = ("--column", "arm=person", "--column", "state=status", "--states", "unwell,well")
    redwood(folder, "act", "plans/arms.policy", "plain.csv", "--out", "plain-list.csv")
    redwood(folder, "act", "plans/arms.policy", "theirs.csv", "--out", "their-list.csv", *words)
    assert (folder / "their-list.csv").read_text() == (folder / "plain-list.csv").read_text()
    done = redwood(folder, "act", "plans/arms.policy", "theirs.csv", *words[:4], "--states", "bad,well", code=2)
    assert "state 'unwell' of arm 'p0' is none of bad, well" in done.stderr


def test_estimate_says_what_is_missing(folder):
    """Neither a budget nor workers is wrong use; a language that nobody speaks is named."""
    assert "give --budget or --workers" in redwood(folder, "estimate", "log.csv", "--out", "x.json", code=2).stderr
    write(folder / "few.csv", [["worker", "capacity", "language"], ["Ben", 1, "en"]])
    done = redwood(folder, "estimate", "log.csv", "--workers", "few.csv", "--out", "x.json", code=2)
    assert "no worker has 'hi', and 6 arms need it" in done.stderr
