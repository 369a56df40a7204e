"""From a log to a posterior: what it covers, closed forms, order, missing weeks, and what is wrong with a log."""

import json

import numpy as np
import pytest

from redwood.errors import FormatError, InstanceError, OptionError
from redwood.planning import estimate
from redwood.planning.estimation.direction import direction_notes
from redwood.planning.estimation.log import read_log
from redwood.planning.estimation.ordered import chain_of, composed
from redwood.planning.estimation.posterior import Order, Posterior, fitted
from redwood.planning.estimation.prior import dirichlet, draw_weights, log_marginal
from redwood.planning.gain import end_error
from redwood.planning.policies import NullPolicy
from redwood.plugins.host import host


def beta_arms(rng, arms):
    """Two-state arms [J, 2, 2, 2] that a contact never hurts."""
    rows = np.zeros((arms, 2, 2, 2))
    rows[:, 0, 0, 1], rows[:, 0, 1, 1] = rng.beta(2, 10, arms), rng.beta(8, 3, arms)
    for state, law in ((0, (3, 4)), (1, (2, 4))):
        below = rows[:, 0, state, 1]
        rows[:, 1, state, 1] = below + (1 - below) * rng.beta(*law, arms)
    rows[..., 0] = 1 - rows[..., 1]
    return rows


def logged(rows, rng, steps=15, contacts=None):
    """A log of random contacts, as columns."""
    arms, _, states, _ = rows.shape
    state, parts = rng.integers(0, states, arms), []
    for step in range(steps):
        action = np.zeros(arms, int)
        action[rng.choice(arms, contacts or arms // 5, replace=False)] = 1
        after = (rng.random((arms, 1)) >= rows[np.arange(arms), action, state].cumsum(axis=1)).sum(axis=1)
        after = np.minimum(after, states - 1)
        parts.append((np.arange(arms), np.full(arms, step), state, action))
        state = after
    return dict(zip(("arm", "step", "state", "action"), np.concatenate(parts, axis=1), strict=True))


def small_log(**changed):
    log = {"arm": [0, 0, 0, 1, 1, 1], "step": [0, 1, 2] * 2, "state": [0, 1, 1, 1, 0, 1], "action": [1, 0, 0, 0, 1, 0]}
    return {name: np.array(values, dtype=object) for name, values in {**log, **changed}.items()}


@pytest.mark.parametrize("order", [None, "action-helps"])
def test_intervals_cover_the_truth(order):
    """Over some logs of 150 arms about 90 % of the 90 % intervals hold the true probability: neither 84 nor 96."""
    shares = []
    for seed in range(4 if order is None else 2):
        rng = np.random.default_rng(700 + seed)
        truth = beta_arms(rng, 150)
        low, high = np.quantile(estimate(logged(truth, rng), order=order).sample(300, 1), (0.05, 0.95), axis=0)
        shares.append(((low <= truth) & (truth <= high))[..., 1].mean())
    assert 0.84 < np.mean(shares) < 0.96


def test_the_mean_of_a_group_is_its_closed_form():
    """Given weights a, the mean is (n + a) / (N + sum a), and draws have that mean and a Dirichlet's variance."""
    counts = np.zeros((1, 2, 2, 2))
    counts[0, 0, 0], counts[0, 1, 1] = (3.0, 1.0), (0.0, 5.0)
    weights = np.full((1, 1, 2, 2, 2), 2.0)
    posterior = Posterior(counts, np.zeros(1, int), (), weights)
    mean = (counts + 2.0) / (counts.sum(axis=-1, keepdims=True) + 4.0)
    assert posterior.mean() == pytest.approx(mean)
    drawn = posterior.sample(20_000, np.random.default_rng(0))
    assert drawn.mean(axis=0) == pytest.approx(mean, abs=0.01)
    assert drawn[:, 0, 0, 0, 0].var() == pytest.approx(5 / 8 * 3 / 8 / 9, rel=0.05)


def test_the_marginal_of_two_outcomes_is_worked_by_hand():
    """Under uniform probabilities every number of successes is as likely, so one order of 2 among 3 has 1/4 / 3."""
    found = log_marginal(np.array([[1.0, 2.0]]), np.ones(1), np.array([[1.0, 1.0]]))
    assert np.exp(found[0]) == pytest.approx(1 / 12)


@pytest.mark.parametrize("spread", [4.0, 40.0])
def test_weights_are_found_where_there_are_many_arms(spread):
    """From 20 outcomes each of 400 arms drawn from a known prior its mean is found, and its total within a half."""
    rng = np.random.default_rng(3)
    truth = spread * np.array([0.2, 0.3, 0.5])
    counts = rng.multinomial(20, rng.dirichlet(truth, 400)).astype(float)
    weights = draw_weights(counts, rng)
    total = weights.sum(axis=1, keepdims=True)
    assert (weights / total).mean(axis=0) == pytest.approx(truth / spread, abs=0.04)
    assert spread / 1.5 < np.exp(np.log(total).mean()) < spread * 1.5


@pytest.mark.parametrize("order", [("states-ordered",), ("action-helps", "states-ordered")])
def test_every_draw_is_in_order(order):
    """Tails of next states never fall with the action or with the state, also where the counts speak against it."""
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 4, (12, 2, 3, 3)).astype(float)
    counts[0, 1, :, 0], counts[0, 0, :, 2] = 30.0, 30.0  # contacts seem to hurt
    drawn = fitted(counts, np.zeros(12, int), order, rng).sample(50, rng)
    tails = drawn[..., ::-1].cumsum(axis=-1)[..., ::-1]
    assert drawn.sum(axis=-1) == pytest.approx(1.0)
    for name, axis in (("action-helps", -3), ("states-ordered", -2)):
        assert name not in order or np.diff(tails, axis=axis).min() > -1e-9


def test_lifts_make_any_better_row():
    """A base row and its lifts, multiplied out by hand."""
    chain = chain_of(2, 2, action_helps=True, states_ordered=False)
    laws = np.tile([1.0, 0.0], (len(chain.laws), 1))
    laws[chain.bases[0, 0]] = 0.75, 0.25
    worse, better = chain.lifts[1, 0][0]
    laws[worse], laws[better] = (0.4, 0.6), (0.0, 1.0)
    assert composed(chain, laws)[:, 0, 1] == pytest.approx([0.25, 0.25 + 0.75 * 0.6])


def test_made_rows_are_probabilities():
    """No entry of 20,000 rows of many lifts is above 1, not even by rounding, so that every draw can be planned for."""
    rng = np.random.default_rng(0)
    chain = chain_of(4, 4, action_helps=True, states_ordered=False)
    allowed = np.arange(4) >= np.array(chain.laws)[:, None]
    rows = composed(chain, dirichlet(np.where(allowed, 0.05, 0.0) * np.ones((1250, 1, 1)), rng))
    assert rows.max() <= 1.0
    assert rows.min() >= 0.0
    assert rows.sum(axis=-1) == pytest.approx(1.0)


def test_order_is_learnt_where_the_log_is_thin():
    """For an arm of which nothing is known, 'action-helps' puts every draw of a contact above one without."""
    rng = np.random.default_rng(1)
    found = estimate(logged(beta_arms(rng, 60), rng, steps=8), order="action-helps").sample(40, 0)
    assert (found[:, :, 1, :, 1] >= found[:, :, 0, :, 1] - 1e-12).all()


def test_dirichlet_rows_of_no_weight_are_distributions():
    """Weights so small that gamma variables are 0 still give rows that sum to 1."""
    rows = dirichlet(np.array([[1e-320, 1e-321], [0.0, 2.0]]), np.random.default_rng(0))
    assert rows.sum(axis=1) == pytest.approx(1.0)


def test_missing_weeks_are_left_out():
    """A week without a row or with an empty state breaks two transitions, and next_state gives one back."""
    whole = read_log(small_log()).counts.sum()
    assert whole == 4
    assert read_log(small_log(state=[0, None, 1, 1, 0, 1])).counts.sum() == 2
    kept = {name: values[[0, 2, 3, 4, 5]] for name, values in small_log().items()}
    assert read_log(kept).counts.sum() == 2
    assert read_log({**kept, "next_state": np.array([1, None, None, None, None], dtype=object)}).counts.sum() == 3


def test_steps_counted_in_days_are_weeks():
    """Where all steps are multiples of seven apart, seven are one step."""
    log = read_log(small_log(step=[0, 7, 14, 0, 7, 14]))
    assert (log.stride, log.counts.sum()) == (7, 4)


def test_arms_start_where_the_log_leaves_them():
    """The last known state, or next_state, is moved on by each action since; who was never seen is as all are."""
    found = estimate(small_log(next_state=[None, None, 0, None, None, 1]))
    assert found.start.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    instance = found.instance(rewards=[0, 1], actions=1, horizon=5)
    assert instance.arm_names == ("0", "1")
    assert instance.arms.rewards[0].tolist() == [[0.0, 1.0], [0.0, 1.0]]
    log = {"arm": [0] * 4 + [1] * 3 + [2], "step": [1, 2, 3, 4, 1, 2, 4, 4], "action": [0, 1, 0, 1, 0, 1, 1, 0]}
    found = estimate({**log, "state": [0, 1, None, None, 1, 0, None, None]})
    (alone, called), (other_alone, other_called) = found.arms.transitions[:2]
    first, second = (called @ alone @ called)[1], (other_called @ other_alone @ other_called)[0]
    assert found.start == pytest.approx(np.array([first, second, (first + second) / 2]))
    assert found.log.next_step == 5


def test_a_csv_file_is_read_without_pandas(tmp_path, monkeypatch):
    """The same log as text, with other names and labels, gives the same counts though pandas cannot be imported."""
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    rows = ["person;week;mood;call"]
    log = small_log()
    for arm, step, state, action in zip(*log.values(), strict=True):
        rows.append(f"p{arm};{step};{('bad', 'good')[state]};{('no', 'yes')[action]}")
    (tmp_path / "log.csv").write_text("\n".join(rows))
    columns = {"arm": "person", "step": "week", "state": "mood", "action": "call"}
    found = read_log(tmp_path / "log.csv", columns, ["bad", "good"], ["no", "yes"])
    assert found.names == ("p0", "p1")
    assert (found.counts == read_log(log).counts).all()


def test_a_frame_is_read():
    """A pandas frame gives what its columns give, NaN standing for unknown states."""
    pandas = pytest.importorskip("pandas", reason="the extra frames is not installed")
    frame = pandas.DataFrame({name: values.astype(float) for name, values in small_log().items()})
    frame.loc[1, "state"] = np.nan
    assert (read_log(frame).counts == read_log(small_log(state=[0, None, 1, 1, 0, 1])).counts).all()


def test_truth_values_are_actions():
    """Whether anything was done may be said by False and True."""
    done = [bool(action) for action in small_log()["action"]]
    assert (read_log(small_log(action=done)).counts == read_log(small_log()).counts).all()


def two_kinds(rng, contacts=None, steps=15):
    """120 arms of two kinds, which contacts help by 0.05 or by 0.45, their log with a feature that tells, and their kind."""
    rows = np.zeros((120, 2, 2, 2))
    kind = np.arange(120) % 2
    rows[:, 0, :, 1] = np.where(kind, 0.85, 0.15)[:, None]
    rows[:, 1, :, 1] = np.where(kind, 0.9, 0.6)[:, None]
    rows[..., 0] = 1 - rows[..., 1]
    log = logged(rows, rng, steps, contacts)
    log["age"] = np.where(kind, 60.0, 20.0)[log["arm"]] + rng.normal(0, 1, 120)[log["arm"]]
    return rows, log, kind


def test_groups_are_alike_in_their_features_or_when_left_alone():
    """Two kinds of arms told apart by a feature are found as two groups, and by their passive behaviour as well."""
    _, log, kind = two_kinds(np.random.default_rng(5))
    found = estimate(log, features=["age"], groups=2)
    assert len({(k, g) for k, g in zip(kind, found.posterior.group, strict=True)}) == 2
    alike = estimate(log, groups=2).posterior.group
    assert max((alike == kind).mean(), (alike != kind).mean()) > 0.95


@pytest.mark.parametrize("order", [None, "action-helps"])
def test_features_that_tell_are_used(order):
    """Where a feature tells the kind, rows under contact are estimated with at most 0.75 of the error without it."""
    rows, log, _ = two_kinds(np.random.default_rng(6), contacts=12, steps=10)
    error = [
        np.abs(estimate(log, order=order, features=features).arms.transitions - rows)[:, 1].mean()
        for features in (None, ["age"])
    ]
    assert error[1] < 0.75 * error[0]


def test_features_that_do_not_tell_do_no_harm():
    """With a feature of pure noise the error is within a tenth of the error without any."""
    rng = np.random.default_rng(9)
    rows = beta_arms(rng, 100)
    log = logged(rows, rng, 10)
    log["noise"] = rng.normal(0, 1, 100)[log["arm"]]
    error = [
        np.abs(estimate(log, order="action-helps", features=features).arms.transitions - rows).mean()
        for features in (None, ["noise"])
    ]
    assert error[1] < 1.1 * error[0]


def test_the_mean_effect_is_covered():
    """Over 12 thin logs the mean effect of contacts is 0.7 to 1.3 of its stated deviation away, in the root mean square.

    An ensemble of walkers that follows drawn counts of earlier rounds states deviations too small by 1.4.
    """
    away = []
    for seed in range(12):
        rng = np.random.default_rng(7100 + seed)
        truth = beta_arms(rng, 50)
        drawn = estimate(logged(truth, rng, 12), order="action-helps", seed=seed).sample(200, 1)
        effect = (drawn[:, :, 1] - drawn[:, :, 0])[..., 1].mean(axis=(1, 2))
        away.append(((truth[:, 1] - truth[:, 0])[..., 1].mean() - effect.mean()) / effect.std())
    assert 0.7 < np.sqrt(np.mean(np.square(away))) < 1.3


def test_memory_and_drift_are_noticed_and_said():
    """Arms that repeat the state before the last, and arms that change half-way, fail one test each; plain ones none."""
    rng = np.random.default_rng(8)
    plain = estimate(logged(beta_arms(rng, 100), rng)).cohort
    assert all(test.p_value > 0.01 for test in plain.tests)
    assert "present one alone" in str(plain)
    log = logged(beta_arms(rng, 100), rng)
    state = log["state"].reshape(15, 100)
    for step in range(2, 15):
        state[step] = np.where(rng.random(100) < 0.7, state[step - 2], state[step])
    memory, drift = estimate(log).cohort.tests
    assert memory.p_value < 0.001
    assert "remember" in memory.words
    rows = beta_arms(rng, 100)
    early = logged(rows, rng)
    rows = np.stack((1 - 0.7 * rows[..., 1], 0.7 * rows[..., 1]), axis=-1)
    late = logged(rows, rng)
    both = {name: np.concatenate((early[name], late[name] + (15 if name == "step" else 0))) for name in early}
    memory, drift = estimate(both).cohort.tests
    assert drift.p_value < 0.001
    assert "later part alone" in drift.words


def test_an_arm_without_contact_is_named():
    """It is estimated from its group, and the cohort's remarks say so."""
    log = small_log(action=[1, 0, 0, 0, 0, 0])
    assert "1 of 2 arms have no contact with a known outcome (1)" in str(estimate(log).cohort)


@pytest.mark.parametrize(
    ("changed", "options", "message"),
    [
        ({}, {"columns": {"arm": "person"}}, "no column 'person' for 'arm'"),
        ({}, {"columns": {"who": "arm"}}, "'who', which is no column of a log"),
        ({"state": [0, 1, 5, 1, 0, 1]}, {"states": 2}, "state '5' of arm '0' at step 2 is outside the range"),
        ({"state": [0, 1, "ill", 1, 0, 1]}, {}, "state 'ill' is not a number"),
        ({"step": [0, 1, 1, 0, 1, 2]}, {}, "arm '0' at step 1 is there twice"),
        ({"step": [0, 1, 1.5, 0, 1, 2]}, {}, "step 1.5 of arm '0' is not a whole number"),
        ({"step": [0, 1, np.nan, 0, 1, 2]}, {}, "row 3 of the log, of arm '0', has no step"),
        ({"arm": [0, 0, np.nan, 1, 1, 1]}, {}, "row 3 of the log names no arm"),
        ({"action": [1, 0, np.nan, 0, 1, 0]}, {}, "action of arm '0' at step 2 is missing"),
        ({"action": ["Ann", None, None, "Bea", None, "Ann"]}, {}, "a column that says whether anything was done"),
        ({"action": [2, 0, 0, 0, 2, 0]}, {}, "action '1' never occurs"),
        ({"action": [0] * 6}, {}, "one action only"),
        ({"state": [0, None, 1, None, 0, None]}, {}, "no transition"),
        ({"cohort": ["a", "a", "a", "b", "b", "b"]}, {}, "the cohorts a, b"),
        ({"step": [0, 1, 2, 10, 11, 12]}, {}, "two cohorts: 1 arms of step 0 to 2"),
        (
            {"next_state": [0, None, None, None, None, None]},
            {},
            "next_state of arm '0' at step 0 is not the state at step 1",
        ),
        ({"age": [1, 1, np.nan, 3, 3, 3]}, {"features": ["age"]}, "'age' of arm '0' at step 2 is missing"),
        ({"age": [1, 2, 1, 3, 3, 3]}, {"features": ["age"]}, "each arm has one value"),
        ({}, {"features": ["age"]}, "no column 'age'"),
        ({}, {"features": []}, "name no column"),
        ({}, {"groups": {"0": "x"}}, "no group for arm '1'"),
    ],
)
def test_bad_logs_have_their_own_messages(changed, options, message):
    """Each names the arm, the step and the value."""
    with pytest.raises((InstanceError, OptionError), match=message.replace("(", r"\(")):
        estimate(small_log(**changed), **options)


def test_bad_options_and_files_have_their_own_messages(tmp_path):
    """An unknown order, a log of a wrong type, a ragged file and missing columns."""
    with pytest.raises(OptionError, match="order 'action-help' is not known"):
        estimate(small_log(), order="action-help")
    with pytest.raises(OptionError, match="the log is a int"):
        estimate(7)
    with pytest.raises(InstanceError, match="the log has no column 'action'"):
        estimate({name: values for name, values in small_log().items() if name != "action"})
    (tmp_path / "ragged.csv").write_text("arm,step,state,action\n0,1,2\n")
    with pytest.raises(FormatError, match="row 2 has 3 fields"):
        estimate(tmp_path / "ragged.csv")
    assert list(Order) == ["action-helps", "states-ordered"]


def test_an_instance_keeps_its_log():
    """Names, labels, features and draws come back from a file, the policy's file is without draws, and wrong sizes raise."""
    log = {**small_log(state=["bad", "well", "well"] * 2), "language": np.array(["hi"] * 3 + ["mr"] * 3, dtype=object)}
    log["person"] = log.pop("arm")
    found = estimate(log, columns={"arm": "person"}, states=["bad", "well"], features=["language"])
    made = found.instance(rewards=[0, 1], actions=1, horizon=4)
    problem = host().problem("cormab")
    kept = problem.parse(problem.format(made), "kept").provenance
    assert (kept.columns, kept.states, kept.actions) == ({"arm": "person"}, ("bad", "well"), ("0", "1"))
    assert kept.features == {"language": ("hi", "mr")}
    assert (kept.time.state_is, kept.time.stride, kept.time.next_step) == ("before", 1, 3)
    assert kept.draws == pytest.approx(found.sample(100), abs=1e-5)
    assert kept.draws.sum(axis=-1) == pytest.approx(1.0, abs=1e-12)
    policy = problem.format_solution(made, NullPolicy())
    assert set(json.loads(policy)["instance"]["provenance"]) == {"columns", "states", "actions", "features", "time"}
    data = json.loads(problem.format(made))
    data["provenance"]["states"] = ["bad", "middling", "well"]
    with pytest.raises(InstanceError, match="the provenance has 3 states, 2 actions"):
        problem.parse(json.dumps(data), "wrong")


def test_states_may_be_those_after_the_action():
    """A log whose states are a week later gives the same transitions and last states; next_state beside them is refused."""
    rng = np.random.default_rng(5)
    log = logged(beta_arms(rng, 12), rng, steps=8)
    plain = read_log(log)
    late = {name: [] for name in log}
    for arm in range(12):
        own = {name: values[log["arm"] == arm] for name, values in log.items()}
        late["arm"].append(own["arm"])
        late["step"].append(own["step"] - 1)
        late["state"].append(own["state"])
        late["action"].append(np.append(0, own["action"][:-1]))  # what was done before the first week is not known, nor used
    shifted = {name: np.concatenate(parts) for name, parts in late.items()}
    found = read_log(shifted, state_is="after")
    assert found.counts.tolist() == plain.counts.tolist()
    assert np.array(found.last_known).tolist() == np.array(plain.last_known).tolist()
    assert read_log(shifted).counts.tolist() != plain.counts.tolist()
    same = estimate(shifted, state_is="after", seed=1)
    assert same.arms.transitions == pytest.approx(estimate(log, seed=1).arms.transitions)
    with pytest.raises(OptionError, match="'after' with a column next_state"):
        read_log({**shifted, "next_state": shifted["state"]}, state_is="after")
    with pytest.raises(OptionError, match="state_is 'later' is neither of before, after"):
        read_log(log, state_is="later")


def test_reversed_labels_are_warned_of():
    """Worst and best are named; where next states are worse after contacts there is a warning, else none."""
    rng = np.random.default_rng(6)
    rows = np.zeros((30, 2, 2, 2))
    rows[:, 0, :, 1], rows[:, 1, :, 1] = 0.3, 0.8
    rows[..., 0] = 1 - rows[..., 1]
    log = logged(rows, rng, steps=12)
    log["state"] = np.where(log["state"] > 0, "well", "unwell")
    right = str(estimate(log, states=["unwell", "well"], order="action-helps").cohort)
    assert "Worst state: 'unwell', best: 'well'; a contact (1) is taken to raise the next state." in right
    assert "Warning" not in right
    wrong = str(estimate(log, states=["well", "unwell"], order="action-helps").cohort)
    assert "Worst state: 'well', best: 'unwell'" in wrong
    assert "Warning: the log speaks against action-helps: next states are worse after a contact" in wrong
    assert "Warning: next states are worse" in str(estimate(log, states=["well", "unwell"]).cohort)


def test_whoever_is_called_for_being_unwell_is_not_harmed():
    """Contacts without effect that go to those in bad states give no warning in 19 of 20 logs."""
    warned = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        risk = rng.uniform(0.1, 0.9, 40)
        state, parts = (rng.random(40) < risk).astype(int), []
        for step in range(10):
            action = (rng.random(40) < np.where(state == 0, 0.6, 0.1)).astype(int)
            parts.append((np.arange(40), np.full(40, step), state, action))
            state = (rng.random(40) < risk).astype(int)
        log = read_log(dict(zip(("arm", "step", "state", "action"), np.concatenate(parts, axis=1), strict=True)))
        warned += any("Warning" in note for note in direction_notes(log, (Order.ACTION_HELPS,)))
    assert warned <= 1


def test_the_notes_say_what_the_uncalled_are_known_from():
    """Without groups it is all arms, and with features these are named."""
    log = small_log(action=[1, 0, 0, 0, 0, 0], language=["hi"] * 3 + ["mr"] * 3)
    assert "is known from all arms alone." in str(estimate(log).cohort)
    assert "is known from all arms and their language alone." in str(estimate(log, features=["language"]).cohort)


def test_seeds_move_an_interval_by_less_than_its_draws_do():
    """Two seeds move the ends of the mean effect's interval by less than 10 % of its width, the error of 50 draws."""
    rng = np.random.default_rng(3)
    log, ends = logged(beta_arms(rng, 40), rng), []
    for seed in range(2):
        drawn = estimate(log, order="action-helps", seed=seed).sample(1000, 1)
        ends.append(np.quantile((drawn[:, :, 1, :, 1] - drawn[:, :, 0, :, 1]).mean(axis=(1, 2)), (0.025, 0.975)))
    apart = np.abs(ends[0] - ends[1])
    assert (apart < 0.1 * (ends[0][1] - ends[0][0])).all()


@pytest.mark.parametrize("draws", [50, 100])
def test_how_well_draws_tell_an_interval_s_ends(draws):
    """Over 2,000 sets of normal draws, the deviation of both ends is that which is said, to a tenth."""
    values = np.random.default_rng(0).standard_normal((2000, draws))
    low, high = np.quantile(values, (0.025, 0.975), axis=1)
    assert np.array([low.std(), high.std()]) / (high - low).mean() == pytest.approx(end_error(draws), rel=0.12)
