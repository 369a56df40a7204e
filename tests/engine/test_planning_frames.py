"""Frames and pictures of policies, simulations, gains and estimates: they hold what the objects do, with the arms' names."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

import redwood
from redwood.errors import OptionError, SolutionError
from redwood.planning import estimate, plot_against_bound, thompson
from redwood.planning.contract import Planning
from redwood.planning.estimation.provenance import Provenance
from redwood.planning.picture import colours_of, draw_rewards
from redwood.planning.simulation import Rollouts
from redwood.planning.wording import Wording, wording_of
from redwood.plugins.host import host

pandas = pytest.importorskip("pandas", reason="the extra frames is not installed")
NAMES = ("Ada", "Bo", "Cy", "Di")


@pytest.fixture(scope="module")
def solved():
    """Four named arms, of which a contact helps each by another amount, and their plan."""
    rows = np.zeros((4, 2, 2, 2))
    rows[:, 0, :, 1], rows[:, 1, :, 1] = 0.2, np.array([0.3, 0.5, 0.7, 0.9])[:, None]
    rows[..., 0] = 1 - rows[..., 1]
    instance = redwood.instance(
        "cormab",
        transitions=rows,
        rewards=np.tile([0.0, 1.0], (4, 2, 1)),
        actions={"kind": "budget", "count": 4, "budget": 1},
        horizon=6,
        arm_names=NAMES,
    )
    return instance, redwood.solve(instance, "lagrangian", time_limit=5)


def test_a_table_has_a_row_for_each_value(solved):
    """Values are found by step, name, action and state; indices are the differences of the two actions."""
    _, result = solved
    table, q_values = result.solution.table(), result.solution.q_values
    assert list(table.columns) == ["step", "arm", "action", "state", "value"]
    assert len(table) == q_values.size
    one = table[(table.step == 2) & (table.arm == "Cy") & (table.action == 1) & (table.state == 0)]
    assert one.value.tolist() == [q_values[2, 2, 1, 0]]
    indices = result.solution.indices()
    assert list(indices.index) == list(NAMES)
    assert indices.to_numpy() == pytest.approx(q_values[0, :, 1] - q_values[0, :, 0])
    assert indices[0].idxmax() == "Di"
    with pytest.raises(SolutionError, match="step 99 is outside the table"):
        result.solution.indices(99)


def test_episodes_are_a_frame(solved):
    """Kept episodes have a row an episode, step and arm, and others one a reward."""
    instance, result = solved
    kept = redwood.simulate(instance, result.solution, episodes=3, bound_time_limit=0, keep=True)
    found = kept.to_frame(NAMES)
    assert len(found) == 3 * 6 * 4
    assert found.groupby(["episode", "step"]).action.sum().max() == 1
    row = found[(found.episode == 1) & (found.step == 4) & (found.arm == "Bo")].iloc[0]
    assert (row.state, row.action) == (kept.states[1, 4, 1], kept.arm_actions[1, 4, 1])
    plain = redwood.simulate(instance, result.solution, episodes=3, bound_time_limit=0)
    assert plain.to_frame().reward.to_numpy() == pytest.approx(plain.rewards.ravel())
    with pytest.raises(OptionError, match="2 names were given, and there are 4 arms"):
        kept.to_frame(("a", "b"))


def test_frames_and_pictures_speak_as_the_log(solved):
    """Where arms come from a log, columns of frames and the axis of the picture have its words for arm and step."""
    from matplotlib.figure import Figure

    instance, result = solved
    columns = {"arm": "person", "step": "week"}
    named = replace(instance, provenance=Provenance(states=("unwell", "well"), actions=("no", "yes"), columns=columns))
    policy = replace(result.solution)
    kept = redwood.simulate(named, policy, episodes=2, bound_time_limit=0, keep=True)
    assert list(policy.table().columns) == ["week", "person", "action", "state", "value"]
    assert policy.indices().index.name == "person"
    assert policy.plot(axes=Figure().add_subplot()).get_ylabel() == "person"
    assert list(kept.to_frame().columns) == ["episode", "week", "person", "state", "action"]
    assert set(kept.to_frame().person) == set(NAMES)
    taken = replace(instance, provenance=Provenance(states=("0", "1"), actions=("0", "1"), columns={"step": "episode"}))
    assert wording_of(taken).columns == ("arm", "step")


def test_every_picture_is_drawn(solved, tmp_path):
    """Indices, calls, gain, regret and policies beside their bound are saved, and what cannot be drawn says why."""
    instance, result = solved
    moves = np.stack([instance.arms.transitions] * 3)
    kept = redwood.simulate(instance, result.solution, episodes=4, keep=True, draws=moves)
    result.solution.plot(tmp_path / "indices.png")
    kept.plot_calls(tmp_path / "calls.png", names=NAMES)
    kept.gain.plot(tmp_path / "gain.png")
    plot_against_bound({"plan": kept}, tmp_path / "bound.png")
    thompson(instance, steps=4, runs=2).plot(tmp_path / "regret.png", average=True)
    assert len(list(tmp_path.glob("*.png"))) == 5
    assert len(kept.gain.to_frame()) == 12
    with pytest.raises(OptionError, match="actions were not kept"):
        redwood.simulate(instance, result.solution, episodes=2, bound_time_limit=0).plot_calls()
    with pytest.raises(OptionError, match="there is no policy to draw"):
        plot_against_bound({})


def test_the_bound_lies_over_the_means_that_it_bounds(solved):
    """Steps may earn more than the bound on their mean, so the bound is drawn beside the curves, over the mean's dot."""
    from matplotlib.figure import Figure

    instance, result = solved
    rollouts = redwood.simulate(instance, result.solution, episodes=200)
    axes = Figure().add_subplot()
    draw_rewards(axes, {"plan": rollouts})
    curve, dot, bound = axes.get_lines()
    assert min(bound.get_xdata()) > max(curve.get_xdata())
    assert bound.get_ydata()[0] == rollouts.bound
    assert dot.get_ydata()[0] == pytest.approx(rollouts.mean)
    assert bound.get_ydata()[0] >= dot.get_ydata()[0] - (rollouts.interval[1] - rollouts.mean)


def test_bands_and_intervals_are_over_draws(solved):
    """Where arms differ from draw to draw, bands and lines hold that too, and the legends say so; without, they say what."""
    from matplotlib.figure import Figure

    instance, result = solved
    moves = np.stack([instance.arms.transitions] * 4)
    moves[2:, :, :, :, 0], moves[2:, :, :, :, 1] = 0.9, 0.1
    known = redwood.simulate(instance, result.solution, episodes=30, bound_time_limit=0)
    over = redwood.simulate(instance, result.solution, episodes=30, bound_time_limit=0, draws=moves)
    assert np.diff(over.curve[1:, -1], axis=0) > 1.5 * np.diff(known.curve[1:, -1], axis=0)
    curves, means = Figure().add_subplot(), Figure().add_subplot()
    draw_rewards(curves, {"plan": over})
    plot_against_bound({"plan": over, "known": known}, axes=means)
    low, high = over.gain.reward()[1]
    assert means.get_lines()[0].get_xdata() == pytest.approx([low, high])
    assert "over 4 draws of the transitions" in curves.get_legend().get_texts()[-1].get_text()
    assert "mean of 30 runs" in means.get_legend().get_texts()[-1].get_text()
    assert means.get_title() == "Policies; no bound was asked for"


def test_names_beside_rows_do_not_overlap():
    """Of four hundred names as many are written as have room; calls have the names of the instance without being asked."""
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    axes = figure.add_subplot()
    actions = np.zeros((1, 5, 400), np.int64)
    actions[0, :4, :3] = 1
    wording = Wording("person", "week", names=tuple(f"p{arm}" for arm in range(400)))
    Rollouts(np.ones((1, 5)), arm_actions=actions, wording=wording).plot_calls(axes=axes)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.get_yticklabels()]
    assert 20 < len(boxes) < 400
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in itertools.pairwise(boxes))
    assert axes.get_yticklabels()[0].get_text() == "p0"
    assert axes.get_ylabel() == f"person ({len(boxes)} of 400 named)"
    assert "none is acted on in the last week" in axes.get_xlabel()


def test_pictures_have_the_names_and_one_side(solved):
    """State labels stand below, all names beside, colours begin at 0 where no pull loses, and the legend covers no curve."""
    from matplotlib.figure import Figure

    instance, result = solved
    kept = Provenance(states=("unwell", "well"), actions=("no", "yes"))
    named = replace(instance, provenance=kept)
    policy = replace(result.solution)
    policy.bind(host().problem("cormab").view(Planning, named))
    axes = policy.plot(axes=Figure().add_subplot())
    assert [text.get_text() for text in axes.get_xticklabels()] == ["unwell", "well"]
    assert {text.get_text() for text in axes.get_yticklabels()} == set(NAMES)
    assert axes.images[0].get_clim()[0] == 0.0
    assert list(policy.indices().columns) == ["unwell", "well"]
    panel = Figure().add_subplot()
    host().problem("cormab").plot(named, policy, panel)
    assert [text.get_text() for text in panel.get_xticklabels()] == ["unwell", "well"]
    assert "Di: yes" in {text.get_text() for text in panel.get_yticklabels()}
    assert colours_of(np.array([[1.0, -0.5]])) == {"cmap": "RdBu_r", "vmin": -1.0, "vmax": 1.0}
    figure = Figure()
    curves = figure.add_subplot()
    draw_rewards(curves, {"plan": redwood.simulate(named, policy, episodes=3)})
    figure.draw_without_rendering()
    assert curves.get_legend().get_window_extent().y1 <= curves.get_window_extent().y0


def test_effects_are_those_of_all_and_coloured_by_a_feature():
    """The picture has a point an arm, more than sixty too, and a colour a word of the feature or shades of its numbers."""
    from matplotlib.figure import Figure

    rng = np.random.default_rng(0)
    step, arm = np.divmod(np.arange(70 * 3), 70)
    log = {"arm": arm, "step": step, "state": rng.integers(0, 2, 210), "action": rng.integers(0, 2, 210)}
    log |= {"language": np.where(arm % 2, "hi", "mr"), "age": 20 + arm}
    words, numbers, plain = (Figure().add_subplot() for _ in range(3))
    estimate(log, features=["language"]).plot(axes=words)
    assert {text.get_text() for text in words.get_legend().get_texts()} == {"hi", "mr"}
    assert sum(len(points.get_offsets()) for points in words.collections[1:]) == 70
    told = words.get_xlabel().splitlines()
    assert told[0] == "all 70 arms, by estimated effect"
    assert " ".join(told[1:]).count(",") == 9
    estimate(log, features=["age"]).plot(axes=numbers)
    estimate(log).plot(axes=plain)
    for axes, label in ((numbers, "age"), (plain, "contacts in the log")):
        assert label in {one.get_ylabel() for one in axes.figure.axes}
