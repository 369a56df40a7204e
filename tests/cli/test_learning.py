"""The commands for what learns and plans: train and simulate."""

from pathlib import Path


def test_training_ends_with_weights_that_solve(redwood, json_lines, tmp_path):
    """A short training leaves a weights file that the solver takes as an option."""
    (record,) = json_lines(
        "train",
        "bq",
        "--problem",
        "knapsack",
        "--hours",
        0.001,
        "--out",
        tmp_path,
        "-o",
        "preset=tiny",
        "-o",
        "test_instances=2",
    )
    assert Path(record["weights"]).is_file()
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
    assert together == json_lines(*words)
    assert "no executor is named 'dusk'" in redwood(*words, "--executor", "dusk").stderr


def test_simulation_refuses_other_problems(redwood, tmp_path):
    """An instance that is not one of planning is refused."""
    redwood("generate", "knapsack", "--size", 9, "--out", tmp_path / "small.kp")
    result = redwood("simulate", tmp_path / "small.kp", "--solver", "exact")
    assert result.exit_code == 2
    assert "is not one of planning" in result.stderr
