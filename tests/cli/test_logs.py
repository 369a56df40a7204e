"""From a CSV file to this week's list, in processes of their own."""

import contextlib
import csv
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from redwood import read, simulate, solve
from redwood.cli.root import root
from redwood.errors import InstanceError, OptionError, SolutionError
from redwood.planning.estimation.provenance import Provenance
from redwood.planning.policies import NullPolicy
from redwood.plugins.host import host
from redwood.problems.cormab.workers import WorkersSet
from redwood.solving.act import act_by_name, read_deployed
from redwood.solving.joined import likeness

NAMES = {"arm": "patient", "step": "week", "state": "status", "action": "call"}
"""What somebody's log calls its columns."""


def redwood(folder, *words, code=0):
    done = subprocess.run([sys.executable, "-m", "redwood", *words], cwd=folder, capture_output=True, text=True, timeout=100)
    assert done.returncode == code, done.stderr
    return done


def shell(folder, *words, code=0):
    """Run a command in this process, in the folder."""
    with contextlib.chdir(folder):
        done = CliRunner().invoke(root, words)
    assert done.exit_code == code, done.output
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
    with pytest.raises(InstanceError, match=r"nobody of today's 1 \(arm p99\) is in the policy's cohort"):
        act_by_name(instance, policy, {"p99": 0})


def test_people_who_joined_are_called_like_others(folder):
    """Somebody like a person who is called takes his place; where nobody may serve everybody, she must be like somebody."""
    instance, policy = read_deployed(folder / "plans" / "arms.policy")
    today = {f"p{arm}": 0 for arm in range(12)}
    first = act_by_name(instance, policy, today).arms[0]
    changed = {name: 0 for name in today if name != first} | {"new": 0}
    assert "new" in act_by_name(instance, policy, changed, likes={"new": first}).arms
    anybody = {"likes": {"new": "all"}}
    assert set(act_by_name(instance, policy, {**today, "new": 0}, **anybody).arms) <= {*today, "new"}
    with pytest.raises(InstanceError, match="arm 'new' is said to be like 'p77'"):
        act_by_name(instance, policy, changed, likes={"new": "p77"})
    alone = replace(instance, actions=WorkersSet(np.array(instance.actions.compatible[:2], int), np.ones(2, int)))
    with pytest.raises(InstanceError, match="nobody is known to serve arm 'new'"):
        act_by_name(alone, policy, changed, **anybody)


def test_a_misspelt_name_is_nobody_new(folder):
    """A stranger of whom nothing is said is refused with who may be meant; one who is placed by features is asked about."""
    write(folder / "typo.csv", [["arm", "state"], *([f"p{arm}" if arm else "P0", 0] for arm in range(12))])
    said = shell(folder, "act", "plans/arms.policy", "typo.csv", code=2).stderr
    assert "arm 'P0' is not in the policy's cohort. Did you mean 'p0', who is missing today? To place somebody new" in said
    instance, policy = read_deployed(folder / "plans" / "arms.policy")
    names = [f"p{arm}" for arm in range(12)]
    for new, asked in (("P11", {"P11": "p11"}), ("Inga", {})):
        calls = act_by_name(instance, policy, dict.fromkeys([*names[:-1], new], 0), likes={new: "all"})
        assert calls.similar == asked
        assert any("is that the same one" in remark for remark in calls.remarks()) == bool(asked)


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


@pytest.mark.parametrize("state", ["x", 1.5, True])
def test_states_of_other_types_are_refused(folder, state):
    """Half a state is no state, and a mapping of states is one."""
    instance, policy = read_deployed(folder / "plans" / "arms.policy")
    with pytest.raises(InstanceError, match="of arm 'p0' is no whole number"):
        act_by_name(instance, policy, {"p0": state})
    with pytest.raises(InstanceError, match="expected a mapping"):
        act_by_name(instance, policy, [state])
    with pytest.raises(SolutionError, match="not all whole numbers"):
        act_by_name(instance, policy, dict.fromkeys(instance.arm_names, 0), step=str(state))


def test_the_columns_of_today_are_those_of_the_log(folder):
    """Names and labels said to `estimate` are kept: `act` needs none, and its list has them, ranked by value."""
    rows = list(csv.reader((folder / "log.csv").open()))
    labels = {"0": "unwell", "1": "well"}
    theirs = [["patient", "week", "status", "call", "language"]]
    theirs += [[arm, week, labels[state], ("no", "yes")[int(action)], lang] for arm, week, state, action, lang in rows[1:]]
    write(folder / "their-log.csv", theirs)
    named = [f"--column={own}={other}" for own, other in NAMES.items()]
    words = ("--states", "unwell,well", "--actions", "no,yes", "--budget", "3", "--horizon", "10", "--out", "theirs.json")
    said = shell(folder, "estimate", "their-log.csv", *named, *words).stdout
    assert "12 people, 144 rows" in said
    assert "theirs.json: planning for 12 people" in said
    shell(folder, "solve", "theirs.json", "--solver", "whittle", "--out", "plans")
    write(folder / "theirs.csv", [["patient", "status"], *([f"p{k}", labels[str(k % 2)]] for k in range(12))])
    done = shell(folder, "act", "plans/theirs.policy", "theirs.csv", "--out", "their-list.csv")
    assert "3 of the 12 in theirs.csv are called" in done.stdout
    found = list(csv.DictReader((folder / "their-list.csv").open()))
    assert list(found[0]) == ["rank", "patient", "status", "call", "value"]
    assert [row["rank"] for row in found] == ["1", "2", "3"]
    values = [float(row["value"]) for row in found]
    assert values == sorted(values, reverse=True)
    assert "mean a week" in shell(folder, "simulate", "theirs.json", "--solver", "null", "--episodes", "4").stdout
    write(folder / "twice.csv", [*theirs, theirs[1]])
    refused = shell(folder, "estimate", "twice.csv", *named, *words, code=2).stderr
    assert "patient 'p0' at week 0 is there twice" in refused
    instance, policy = read_deployed(folder / "plans" / "theirs.policy")
    for row in found:
        person = int(row["patient"][1:])
        assert (row["status"], row["call"]) == (labels[str(person % 2)], "yes")
        table = policy.q_values[0, instance.arm_names.index(row["patient"]), :, person % 2]
        assert float(row["value"]) == pytest.approx(table[1] - table[0], abs=1e-4)
    write(folder / "other.csv", [["patient", "status"], ["p0", "bad"]])
    assert (
        "state 'bad' of patient 'p0' is none of unwell, well"
        in shell(folder, "act", "plans/theirs.policy", "other.csv", code=2).stderr
    )
    write(folder / "nameless.csv", [["who", "status"], ["p0", "well"]])
    done = shell(folder, "act", "plans/theirs.policy", "nameless.csv", code=2)
    assert "has no column 'patient'; it has who, status. Say what it is called by --column arm=..." in done.stderr
    done = shell(folder, "act", "plans/arms.policy", "theirs.csv", code=2)
    assert "has no column 'arm'; it has patient, status. Say what it is called by --column arm=..." in done.stderr


def test_who_is_missing_is_named_and_blank_is_not_known(folder):
    """People of the log who are not in the file are named as left; a blank state is the last one known, moved on."""
    write(folder / "thin.csv", [["arm", "state"], *([f"p{arm}", "" if arm == 2 else 0] for arm in range(8))])
    done = shell(folder, "act", "plans/arms.policy", "thin.csv", "--out", "thin-list.csv")
    assert "4 of the cohort are not in thin.csv and count as left: p8, p9, p10, p11." in done.stdout
    assert "Today's state is not known, so that the last one known, moved on to step 12, stands for it: p2." in done.stdout
    instance, policy = read_deployed(folder / "plans" / "arms.policy")
    calls = act_by_name(instance, policy, {"p2": None, "p3": 0})
    value = instance.arms.start[2] @ (policy.q_values[0, 2, 1] - policy.q_values[0, 2, 0])
    assert calls.values[calls.arms.index("p2")] == pytest.approx(value)
    assert calls.states[calls.arms.index("p2")] is None
    network = NullPolicy()
    with pytest.raises(
        SolutionError, match="today's state of 1 of the cohort is not known, and a policy of the kind 'null'"
    ):
        act_by_name(instance, network, dict.fromkeys(instance.arm_names, 0) | {"p2": None})


def test_unknown_states_are_moved_on_by_what_was_done(folder):
    """From each person's own last week on, calls count as calls: in the grown log, and in the file's column step."""
    instance, policy = read_deployed(folder / "plans" / "arms.policy")
    rows = list(csv.reader((folder / "log.csv").open()))
    more = [["p2", 12, 1, 1, "en"], ["p2", 13, "", 0, "en"], ["p2", 15, "", 1, "en"], ["p3", 15, 0, 0, "hi"]]
    write(folder / "grown.csv", [*rows, *more])
    write(folder / "later.csv", [["arm", "state", "step"], ["p2", "", ""], ["p3", 1, 16], ["p4", 1, 14]])
    alone, called = instance.arms.transitions[2]
    value = policy.q_values[0, :, 1] - policy.q_values[0, :, 0]
    done = shell(folder, "act", "plans/arms.policy", "later.csv", "--log", "grown.csv", "--json")
    found = json.loads(done.stdout)
    values = dict(zip(found["arms"], found["values"], strict=True))
    assert values["p2"] == pytest.approx(np.array([0.0, 1.0]) @ called @ alone @ alone @ called @ value[2])
    assert values["p3"] == pytest.approx(value[3, 1])
    assert values["p4"] == pytest.approx(np.linalg.matrix_power(instance.arms.transitions[4, 0], 2)[1] @ value[4])
    assert found["unknown"] == ["p2", "p4"]
    assert (
        "moved on to step 16, stands for it: p2, p4"
        in shell(folder, "act", "plans/arms.policy", "later.csv", "--log", "grown.csv").stdout
    )


def test_who_has_been_called_already_is_not_called_again(folder):
    """Who has an action in the file of today is left out, and a budget has so many calls less."""
    shell(folder, "estimate", "log.csv", "--budget", "4", "--out", "four.json", "--horizon", "3")
    shell(folder, "solve", "four.json", "--solver", "lagrangian", "--out", "plans", "--bound-time-limit", "0")
    people = [[f"p{arm}", 0] for arm in range(12)]
    write(folder / "nobody.csv", [["arm", "state", "action"], *([*one, ""] for one in people)])
    first = json.loads(shell(folder, "act", "plans/four.policy", "nobody.csv", "--json").stdout)["arms"]
    assert len(first) == 4
    write(folder / "two.csv", [["arm", "state", "action"], *([*one, int(one[0] in first[:2])] for one in people)])
    assert json.loads(shell(folder, "act", "plans/four.policy", "two.csv", "--json").stdout)["arms"] == first[2:]
    said = shell(folder, "act", "plans/four.policy", "two.csv", "--out", "list.csv").stdout
    assert "2 have been called already" in said
    write(folder / "all.csv", [["arm", "state", "action"], *([*one, int(one[0] in first)] for one in people)])
    assert "the week has 4 calls" in shell(folder, "act", "plans/four.policy", "all.csv", code=2).output


def test_states_that_are_all_older_than_today_are_warned_of(folder):
    """Where the log already has the week of today's states, it is said that they were moved on, and what to do."""
    rows = list(csv.reader((folder / "log.csv").open()))
    write(folder / "with_this_week.csv", [*rows, ["p2", 12, "", 1, "en"]])
    write(folder / "this_week.csv", [["arm", "state", "step"], *([f"p{arm}", 0, 12] for arm in range(12))])
    said = shell(folder, "act", "plans/arms.policy", "this_week.csv", "--log", "with_this_week.csv").stdout
    assert "Warning: all states in this_week.csv are of step 12 or before, and today is taken to be 13" in " ".join(
        said.split()
    )
    assert "Warning" not in shell(folder, "act", "plans/arms.policy", "this_week.csv").stdout


def test_without_a_file_of_today_all_are_where_the_log_leaves_them(folder):
    """The list is that for everybody with an unknown state."""
    instance, policy = read_deployed(folder / "plans" / "arms.policy")
    found = json.loads(shell(folder, "act", "plans/arms.policy", "--json").stdout)
    expected = act_by_name(instance, policy, dict.fromkeys(instance.arm_names))
    assert (tuple(found["arms"]), found["unknown"]) == (expected.arms, list(instance.arm_names))
    assert "3 of the 12 in the plan are called." in shell(folder, "act", "plans/arms.policy").stdout


def test_new_people_are_placed_by_their_features(folder):
    """With --feature, somebody new has the mean value of those of her language; without, the column is said unused."""
    words = ("--feature", "language", "--budget", "3", "--horizon", "10", "--out", "alike.json")
    shell(folder, "estimate", "log.csv", *words)
    shell(folder, "solve", "alike.json", "--solver", "whittle", "--out", "plans")
    rows = [
        ["arm", "state", "language"],
        *([f"p{arm}", 1, "hi" if arm % 2 else "en"] for arm in range(12)),
        ["new", 0, "hi"],
    ]
    write(folder / "alike.csv", rows)
    done = shell(folder, "act", "plans/alike.policy", "alike.csv")
    assert "New in alike.csv, and taken to be like the 6 nearest by language: new." in done.stdout
    instance, policy = read_deployed(folder / "plans" / "alike.policy")
    states = {"new": 0} | dict.fromkeys((name for name in instance.arm_names if name != "p0"), 0)
    calls = act_by_name(instance, policy, states, features={"new": {"language": "hi"}}, budget=12)
    gains = policy.q_values[0, 1::2, 1, 0] - policy.q_values[0, 1::2, 0, 0]
    assert calls.values[calls.arms.index("new")] == pytest.approx(gains.mean())
    stranger = act_by_name(instance, policy, states, features={"new": {"language": "ta"}})
    assert stranger.joined["new"] == "like the mean of all, since nobody else has language ta"
    with pytest.raises(InstanceError, match="To place somebody new, fill in language, or say in the column like"):
        act_by_name(instance, policy, states)


def test_numbers_place_people_among_those_with_the_same_words():
    """Of those who speak her language the ten nearest in age are taken; infinity is refused."""
    names = tuple(f"p{arm}" for arm in range(40))
    known = {"language": ("hi", "mr") * 20, "age": tuple(str(20 + arm // 4) for arm in range(40))}
    kept = Provenance(features=known)
    near = likeness(names, kept, "new", None, {"language": "mr", "age": "20"})
    assert near.words == "like the 10 nearest by language and age"
    assert np.flatnonzero(near.arms).tolist() == list(range(1, 20, 2))
    with pytest.raises(InstanceError, match="age of arm 'new' is a number that is not finite"):
        likeness(names, kept, "new", None, {"language": "mr", "age": "inf"})


def simulated(folder, *words):
    file, solvers = str(folder / "arms.json"), ("--solver", "random", "--solver", "lagrangian", "--episodes", "6")
    done = CliRunner().invoke(root, ["simulate", file, *solvers, *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_plans_are_valued_over_what_the_log_leaves_open(folder):
    """The difference of two solvers over draws is that of Python, is wider than with known transitions, and says so."""
    known = [json.loads(line) for line in simulated(folder, "--json").splitlines()]
    over = [json.loads(line) for line in simulated(folder, "--draws", "20", "--json").splitlines()]
    assert "Transitions taken as known; what the log leaves open is not in this interval" in simulated(folder)
    assert "note" in known[1]
    assert "Over 20 draws of what the log leaves open" in over[1]["note"]
    instance = read(folder / "arms.json", "cormab")
    options = {"episodes": 6, "bound_time_limit": 0, "draws": instance.provenance.draws[:20]}
    gains = [
        simulate(instance, solve(instance, name, bound_time_limit=0).solution, **options).gain
        for name in ("lagrangian", "random")
    ]
    above, found = gains[0].above(gains[1]), over[1]["difference"]
    assert (found["mean"], found["low"], found["high"]) == pytest.approx((above.mean, *above.interval))
    assert over[1]["mean"] == pytest.approx(gains[0].earned.mean())
    known = [json.loads(line) for line in simulated(folder, "--json", "--episodes", "120").splitlines()]
    assert over[1]["high"] - over[1]["low"] > known[1]["high"] - known[1]["low"]


def test_a_plan_is_told_in_the_log_s_words(folder):
    """The message of a plan says for how many, what it earns a week, and what no plan can pass, to a tenth."""
    instance = read(folder / "arms.json", "cormab")
    named = replace(instance, provenance=replace(instance.provenance, columns={"step": "week"}))
    problem, policy = host().problem("cormab"), NullPolicy()
    assert problem.comment(named, policy, 5.84, 5.96) == "Plan for 12 people: 5.8 a week expected; no plan can pass 6.0."
    assert problem.comment(named, policy, 5.97, 5.96).endswith("no plan can do better, within the noise of the simulation.")
    several = replace(instance, provenance=replace(instance.provenance, columns={"step": "week no"}))
    assert "5.8 a step expected" in problem.comment(several, policy, 5.84, 5.96)
    assert problem.comment(replace(named, provenance=None), policy, 5.84, 5.96) == ""
    assert solve(named, "lagrangian", time_limit=5).message.startswith("Plan for 12 people: ")


def test_draws_have_to_be_there(folder):
    """More draws than are kept, and an instance that comes from no log, are refused by name."""
    words = ["simulate", str(folder / "arms.json"), "--solver", "null", "--draws", "101"]
    assert "--draws 101 is not between 2 and the 100 draws" in CliRunner().invoke(root, words).output
    CliRunner().invoke(root, ["generate", "cormab/budget", "--size", "4", "--out", str(folder / "drawn.json")])
    words[1] = str(folder / "drawn.json")
    assert "keeps no draws; only files of `redwood estimate` do" in CliRunner().invoke(root, words).output


def test_estimate_says_what_is_missing(folder):
    """Neither a budget nor workers is wrong use; a language that nobody speaks is named."""
    assert "give --budget or --workers" in redwood(folder, "estimate", "log.csv", "--out", "x.json", code=2).stderr
    write(folder / "few.csv", [["worker", "capacity", "language"], ["Ben", 1, "en"]])
    done = redwood(folder, "estimate", "log.csv", "--workers", "few.csv", "--out", "x.json", code=2)
    assert "no worker has 'hi', and 6 arms need it" in done.stderr


def test_what_takes_long_says_what_it_is_doing(folder, monkeypatch):
    """On a terminal `estimate` and `act` show a line while they work, and nothing elsewhere."""
    words = {
        "estimating from log.csv": ("estimate", "log.csv", "--budget", "3", "--out", "line.json"),
        "choosing whom to call": ("act", "plans/arms.policy", "today.csv"),
    }
    for line, command in words.items():
        assert shell(folder, *command).stderr == ""
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert line in shell(folder, *command).stderr
        monkeypatch.delenv("FORCE_COLOR")


def test_the_picture_shows_the_policy_that_was_asked_for(folder):
    """Arms and actions are those of the solver that earned most, which the titles say, with the names of people."""
    simulated(folder, "--plot", str(folder / "drawn.svg"))
    picture = " ".join((folder / "drawn.svg").read_text().split())
    assert "lagrangian, which earned most: mean state" in picture
    assert "random, which earned most" not in picture
    assert "-- p11 --" in picture
    assert "without what the log leaves open" in picture
    assert "last states" in picture


def test_the_picture_over_draws_has_what_is_gained(folder):
    """With draws the picture has a panel of the gain above the first solver, and its bands are over the draws."""
    simulated(folder, "--draws", "20", "--plot", str(folder / "drawn.svg"))
    picture = " ".join((folder / "drawn.svg").read_text().split())
    assert "lagrangian above random" in picture
    assert "more arms with state 1 a step than by random" in picture
    assert "one run of 10 steps: 95 % in" in picture
    assert "over 20 draws of what the log leaves open" in picture


def test_the_table_has_no_empty_column_and_says_what_an_episode_is(folder):
    """Without a bound there is no column of its per cents; an episode is a run of so many steps."""
    assert "% of bound" in simulated(folder)
    over = simulated(folder, "--draws", "20")
    assert "% of bound" not in over
    assert "Each of the 6 episodes is one run of 10 steps." in over
