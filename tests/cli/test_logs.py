"""From a CSV file to this week's list, in processes of their own."""

import csv
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from redwood.cli.root import root
from redwood.errors import InstanceError, OptionError, SolutionError
from redwood.problems.cormab.workers import WorkersSet
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
    """Those that today does not name are left out, though the policy would call them; a cohort of strangers is refused."""
    instance, policy = read_deployed(folder / "plans" / "arms.policy")
    all_here = act_by_name(instance, policy, {f"p{arm}": 0 for arm in range(12)})
    gone = all_here.arms[0]
    rest = act_by_name(instance, policy, {f"p{arm}": 0 for arm in range(12) if f"p{arm}" != gone})
    assert gone not in rest.arms
    assert len(rest.arms) == 3
    with pytest.raises(InstanceError, match="none of today's 1 arms is in the policy's cohort"):
        act_by_name(instance, policy, {"p99": 0})


def test_people_who_joined_are_called_like_others(folder):
    """Somebody like a person who is called takes his place; where nobody may serve everybody, she must be like somebody."""
    instance, policy = read_deployed(folder / "plans" / "arms.policy")
    today = {f"p{arm}": 0 for arm in range(12)}
    first = act_by_name(instance, policy, today).arms[0]
    changed = {name: 0 for name in today if name != first} | {"new": 0}
    assert "new" in act_by_name(instance, policy, changed, likes={"new": first}).arms
    assert set(act_by_name(instance, policy, {**today, "new": 0}).arms) <= {*today, "new"}
    with pytest.raises(InstanceError, match="arm 'new' is said to be like 'p77'"):
        act_by_name(instance, policy, changed, likes={"new": "p77"})
    alone = replace(instance, actions=WorkersSet(np.array(instance.actions.compatible[:2], int), np.ones(2, int)))
    with pytest.raises(InstanceError, match="nobody is known to serve arm 'new'"):
        act_by_name(alone, policy, changed)


def test_this_week_may_be_another(folder):
    """People who wait are not called, and workers call no more than this week's capacities; who is not named is away."""
    instance, policy = read_deployed(folder / "plans" / "arms.policy")
    today = {f"p{arm}": 0 for arm in range(12)}
    usual = act_by_name(instance, policy, today)
    waiting = act_by_name(instance, policy, today, not_now=usual.arms)
    assert not set(waiting.arms) & set(usual.arms)
    assert len(waiting.arms) == 3
    fewer = act_by_name(instance, policy, today, capacities={"Lee": 2})
    assert set(fewer.workers) == {"Lee"}
    assert len(fewer.arms) == 2
    with pytest.raises(OptionError, match="worker 'Le' is not one of the plan's"):
        act_by_name(instance, policy, today, capacities={"Le": 2})
    with pytest.raises(OptionError, match="a budget is given, and the actions are of the kind 'workers'"):
        act_by_name(instance, policy, today, budget=2)


def test_the_shell_knows_this_week(folder):
    """Columns like and callable, and a file of this week's workers, give the same list as the call in Python."""
    rows = [
        ["arm", "state", "like", "callable"],
        *([f"p{arm}", 0, "", int(arm > 3)] for arm in range(12)),
        ["new", 0, "p5", 1],
    ]
    write(folder / "this.csv", rows)
    write(folder / "here.csv", [["worker", "capacity"], ["Lee", 4]])
    words = ["act", str(folder / "plans" / "arms.policy"), str(folder / "this.csv"), "--workers", str(folder / "here.csv")]
    done = CliRunner().invoke(root, [*words, "--json"])
    instance, policy = read_deployed(folder / "plans" / "arms.policy")
    today = {f"p{arm}": 0 for arm in range(12)} | {"new": 0}
    wait = [f"p{arm}" for arm in range(4)]
    expected = act_by_name(instance, policy, today, likes={"new": "p5"}, not_now=wait, capacities={"Lee": 4})
    assert tuple(json.loads(done.output)["arms"]) == expected.arms
    assert len(expected.arms) == 4


def test_bad_days_have_their_own_messages(folder):
    """A state out of range, a state that is no number, an arm twice, and a policy without an instance."""
    for rows, message in (
        ([["arm", "state"], ["p1", 7]], "state 7 of arm 'p1' is outside 0 to 1"),
        ([["arm", "state"], ["p1", "well"]], "state 'well' of arm 'p1' is not a number"),
        ([["arm", "state"], ["p1", 0], ["p1", 1]], "names arm 'p1' twice"),
        ([["person", "state"], ["p1", 0]], "has no column 'arm'"),
        ([["arm", "state", "callable"], ["p1", 0, "maybe"]], "callable 'maybe' of arm 'p1' is neither 0 nor 1"),
        ([["arm", "state"], ["q1", 0]], "is it the policy of another one?"),
    ):
        write(folder / "bad.csv", rows)
        done = CliRunner().invoke(root, ["act", str(folder / "plans" / "arms.policy"), str(folder / "bad.csv")])
        assert (done.exit_code, message in done.output) == (2, True), done.output
    (folder / "bare.policy").write_text('{"kind": "null"}')
    with pytest.raises(SolutionError, match="carries no instance"):
        read_deployed(folder / "bare.policy")


@pytest.mark.parametrize("state", ["x", None, 1.5, True])
def test_states_of_other_types_are_refused(folder, state):
    """Half a state is no state, and a mapping of states is one."""
    instance, policy = read_deployed(folder / "plans" / "arms.policy")
    with pytest.raises(InstanceError, match="of arm 'p0' is no whole number"):
        act_by_name(instance, policy, {"p0": state})
    with pytest.raises(InstanceError, match="expected a mapping"):
        act_by_name(instance, policy, [state])
    with pytest.raises(SolutionError, match="not all whole numbers"):
        act_by_name(instance, policy, dict.fromkeys(instance.arm_names, 0), step=str(state))


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
