"""The commands for what learns and plans: train and simulate."""

from pathlib import Path

import pytest

from redwood.problems.knapsack.stepwise import KnapsackStepwise
from redwood.views.stepwise import Stage


def test_training_ends_with_weights_that_solve(redwood, json_lines, tmp_path, monkeypatch):
    """A short training leaves a weights file that the solver takes as an option."""
    monkeypatch.setattr(KnapsackStepwise, "curriculum", (Stage(20, 8, 64), Stage(30, 4, 64)))
    words = ("train", "bq", "--problem", "knapsack", "--hours", 0.001, "--out", tmp_path)
    words += ("-o", "preset=tiny", "-o", "test_instances=2", "-o", "label_share=0.8")
    (record,) = json_lines(*words)
    assert Path(record["weights"]).is_file()
    trained = record["trained"]
    assert trained["steps"] == trained["steps of this call"] > 0
    assert 0 < trained["hours"] < 0.05
    assert all(gap >= 0 for gap in trained["gaps to the expert, %"].values())
    again = redwood(*words)
    assert "Nothing was left to do" in again.stdout
    assert f"steps: {trained['steps']}" in again.stdout
    redwood("generate", "knapsack", "--size", 9, "--out", tmp_path / "small.kp")
    (solved,) = json_lines("solve", tmp_path / "small.kp", "--solver", "bq", "-o", f"weights={record['weights']}")
    assert solved["status"] in ("feasible", "optimal")


def test_training_refuses_what_cannot_learn(redwood):
    """A solver without anything to train is refused by name."""
    result = redwood("train", "exact", "--problem", "knapsack", "--hours", 1, "--out", "nowhere")
    assert result.exit_code == 2
    assert "'exact' has nothing to train for problem 'knapsack'" in result.stderr


def test_simulation_gives_mean_interval_and_share_of_the_bound(redwood, json_lines, tmp_path):
    """A policy is made and simulated; the Lagrangian one beats doing nothing, and neither beats the bound."""
    redwood("generate", "cormab/budget", "--size", 6, "--seed", 1, "--out", tmp_path / "six.json")
    means = {}
    for solver in ("null", "lagrangian"):
        (record,) = json_lines("simulate", tmp_path / "six.json", "--solver", solver, "--episodes", 40)
        assert record["low"] <= record["mean"] <= record["high"]
        assert record["percent_of_bound"] <= 103
        means[solver] = record["mean"]
    assert means["lagrangian"] > means["null"]


def test_several_instances_are_simulated_at_once(redwood, json_lines, tmp_path):
    """Two processes give what one gives, in the order of the files; an executor that is unknown is refused."""
    files = [tmp_path / "seven.json", tmp_path / "six.json"]
    for file, size in zip(files, (7, 6), strict=True):
        redwood("generate", "cormab/budget", "--size", size, "--out", file)
    words = ("simulate", *files, "--solver", "null", "--episodes", 5)
    together = json_lines(*words, "--jobs", 2)
    assert [record["size"] for record in together] == [7, 6]
    apart = json_lines(*words)
    for record in together + apart:
        assert record.pop("latency")["median"] > 0
    assert together == apart
    assert "no executor is named 'dusk'" in redwood(*words, "--executor", "dusk").stderr


def test_simulation_refuses_other_problems(redwood, tmp_path):
    """An instance that is not one of planning is refused."""
    redwood("generate", "knapsack", "--size", 9, "--out", tmp_path / "small.kp")
    result = redwood("simulate", tmp_path / "small.kp", "--solver", "exact")
    assert result.exit_code == 2
    assert "is not one of planning" in result.stderr


@pytest.mark.parametrize("variant", ["path", "schedule", "interventions"])
def test_several_solvers_are_compared(variant, json_lines, redwood, tmp_path):
    """Solvers after the first are compared with it in the same episodes, decisions are timed, and a picture is saved."""
    redwood("generate", f"cormab/{variant}", "--size", 8, "--out", tmp_path / "eight.json")
    words = ("--solver", "lagrangian", "--solver", "random", "--episodes", 10, "--plot", tmp_path / "eight.png")
    first, second = json_lines("simulate", tmp_path / "eight.json", *words)
    assert "difference" not in first
    assert second["difference"]["mean"] == pytest.approx(second["mean"] - first["mean"])
    assert second["difference"]["low"] < second["difference"]["high"]
    assert 0 < first["latency"]["median"] <= first["latency"]["p99"]
    assert (tmp_path / "eight.png").stat().st_size > 20_000


def test_a_picture_is_of_one_instance(redwood, tmp_path):
    """A picture of two instances is wrong use."""
    for seed in (0, 1):
        redwood("generate", "cormab/budget", "--size", 4, "--seed", seed, "--out", tmp_path / f"{seed}.json")
    result = redwood("simulate", tmp_path / "0.json", tmp_path / "1.json", "--solver", "null", "--plot", tmp_path / "x.png")
    assert result.exit_code == 2
    assert "--plot draws one instance, and 2 are given" in result.stderr
