"""From call logs with known truth: ``python benchmarks/studies/logs.py COMMAND``.

``planners`` says what share of the achievable gain plans from a log have, how often intervals hold the truth, and how
often the stated gain does, beside per-arm counts, arms pooled by k-means and the posterior under the true prior;
``calibration`` how often intervals hold truths that follow the prior. ``online`` says what is lost while learning, ``worst``
what robust plans are worth in the worst draw, ``others`` how often estimates for another policy hold the truth, ``planned``
what each solver loses that plans from a log, ``large`` how long 500 arms take.

Arms have two states. Left alone, P(well) is drawn from Beta laws; a contact lifts those who would not be well with another
Beta's probability. Contacts in the log are random.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import click
import numpy as np
from matplotlib.axes import Axes

from redwood.arrays import Array
from redwood.planning.beliefs import collapsing
from redwood.planning.estimation.estimate import Estimate, estimate
from redwood.planning.estimation.groups import grouped
from redwood.planning.estimation.ordered import chain_of, composed, draw_outcomes
from redwood.planning.estimation.prior import USUAL, dirichlet
from redwood.planning.estimation.table import write_csv
from redwood.planning.evaluation import half_width
from redwood.planning.policies import NullPolicy
from redwood.problem import Instance
from redwood.problems.cormab.instance import BanditInstance
from redwood.problems.cormab.workers import WorkersSet, compatible_workers
from redwood.solving.act import act_by_name
from redwood.solving.draws import drawn_instance, made_policy
from redwood.solving.off_policy import off_policy
from redwood.solving.online import LEARNERS, OnlineRun, learn_online
from redwood.solving.read import instance
from redwood.solving.robust import robust
from redwood.solving.simulate import simulate
from redwood.solving.solve import solve
from redwood.solving.synthetic import log_columns

ALONE = ((2.0, 10.0), (8.0, 3.0))
"""Beta laws of P(well next week) of an arm that is left alone, not well and well."""
LIFTED = ((3.0, 4.0), (2.0, 4.0))
"""Beta laws of the share of the others that a contact makes well."""
SOLVER = "whittle"
ORDER = "action-helps"


def draw_truth(arms: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return transitions [J, 2, 2, 2], and two features [J, 2]: what a contact does to each arm, with noise."""
    alone = np.column_stack([rng.beta(*law, arms) for law in ALONE])
    lifted = np.column_stack([rng.beta(*law, arms) for law in LIFTED])
    well = np.stack((alone, alone + (1.0 - alone) * lifted), axis=1)
    features = lifted + 0.1 * rng.standard_normal(lifted.shape)
    return np.stack((1.0 - well, well), axis=-1), features


def make(transitions: Array, horizon: int, start: Array | None = None) -> Instance:
    """Return the instance of a programme that contacts a fifth of the arms a week."""
    arms = len(transitions)
    rewards = np.tile([0.0, 1.0], (arms, 2, 1))
    actions = {"kind": "budget", "count": arms, "budget": arms // 5}
    begun = np.full((arms, 2), 0.5) if start is None else start
    return instance("cormab", transitions=transitions, rewards=rewards, actions=actions, start=begun, horizon=horizon)


def by_counts(found: Estimate) -> Array:
    """Return (n + 1) / (N + 2) for each arm by itself, a contact taken to do no harm."""
    counts = found.log.counts
    well = (counts[..., 1] + 1.0) / (counts.sum(axis=-1) + 2.0)
    well[:, 1] = np.maximum(well[:, 1], well[:, 0])
    return np.stack((1.0 - well, well), axis=-1)


def by_kmeans(found: Estimate) -> Array:
    """Return the frequencies of each arm's group, of eight that k-means makes of passive behaviour."""
    counts = found.log.counts
    group, _ = grouped(found.log, 8, None, np.random.default_rng(0))
    pooled = np.array([counts[group == g].sum(axis=0) for g in range(int(group.max()) + 1)])
    well = (pooled[..., 1] + 1.0) / (pooled.sum(axis=-1) + 2.0)
    well[:, 1] = np.maximum(well[:, 1], well[:, 0])
    return np.asarray(np.stack((1.0 - well, well), axis=-1)[group])


def by_true_prior(found: Estimate, rounds: int = 400) -> Array:
    """Return the posterior mean under the laws that the arms were drawn from."""
    rng, counts = np.random.default_rng(1), found.log.counts
    chain = chain_of(2, 2, action_helps=True, states_ordered=False)
    weights = np.zeros((len(chain.laws), 2))
    for state in (0, 1):
        weights[chain.bases[0, state]] = ALONE[state][::-1]
        worse, better = chain.lifts[1, state][0]
        weights[worse], weights[better] = LIFTED[state][::-1], (0.0, 1.0)
    laws = dirichlet(np.broadcast_to(weights, (len(counts), *weights.shape)), rng)
    total = np.zeros(counts.shape)
    for turn in range(rounds):
        laws = dirichlet(draw_outcomes(counts, chain, laws, rng) + weights, rng)
        if turn >= rounds // 4:
            total += composed(chain, laws)
    return np.asarray(total / total.sum(axis=-1, keepdims=True))


PLANNERS: dict[str, Callable[[Estimate], Array]] = {
    "counts": by_counts,
    "k-means": by_kmeans,
    "posterior": lambda found: found.arms.transitions,
    "true prior": by_true_prior,
}


@click.group()
def main() -> None:
    """Measure estimates and plans from synthetic call logs."""


@main.command()
@click.option("--draws", default=30, show_default=True, help="Programmes and logs.")
@click.option("--size", default=100, show_default=True, help="Number of arms; a fifth is contacted a week.")
@click.option("--weeks", default=15, show_default=True, help="Length of the log; five weeks are one contact an arm.")
@click.option("--seed", default=1000, show_default=True, help="Of the first draw.")
@click.argument("rows", type=click.Path(path_type=Path))
def planners(draws: int, size: int, weeks: int, seed: int, rows: Path) -> None:
    """Score plans from logs, and append a row for each log to the file ROWS; `table` prints it."""
    for number in range(draws):
        row = {"size": size, "weeks": weeks, "seed": seed + number, **_one(size, weeks, seed + number)}
        with rows.open("a") as file:
            file.write(json.dumps(row) + "\n")


@main.command()
@click.argument("rows", type=click.Path(path_type=Path, exists=True))
def table(rows: Path) -> None:
    """Print what `planners` found: the share of the achievable gain, and how often intervals hold the truth."""
    found = [json.loads(line) for line in rows.read_text().splitlines()]
    names = list(found[0]["shares"])
    click.echo(f"| arms | weeks | logs | {' | '.join(names)} | 90 % intervals hold | gain's 95 % interval holds |")
    click.echo("|" + "---:|" * (len(names) + 5))
    for size, weeks in sorted({(row["size"], row["weeks"]) for row in found}):
        own = [row for row in found if (row["size"], row["weeks"]) == (size, weeks)]
        shares = {name: np.array([row["shares"][name] for row in own]) for name in names}
        held, gain = (np.array([row[key] for row in own]) for key in ("held", "gain_held"))
        away = np.sqrt(np.mean([row["gain_away"] ** 2 for row in own]))
        cells = [_cell(values) for values in (*shares.values(), 100.0 * held)]
        click.echo(f"| {size} | {weeks} | {len(own)} | {' | '.join(cells)} | {gain.sum():.0f} of {len(own)} |")
        click.echo(f"the truth is {away:.2f} stated deviations from the stated gain, in the root mean square", err=True)
        for other in (name for name in names if name != "posterior"):
            click.echo(f"posterior less {other}: {_cell(shares['posterior'] - shares[other])} points", err=True)


def _one(size: int, weeks: int, seed: int) -> dict[str, Any]:
    """Return the shares of the gain of all planners, the share of intervals that hold, and whether the gain's does."""
    rng = np.random.default_rng(seed)
    truth, features = draw_truth(size, rng)
    real = make(truth, 20)
    log = log_columns(make(truth, weeks), "random", steps=weeks, seed=seed)
    for number in (0, 1):
        log[f"x{number}"] = features[log["arm"].astype(int), number]
    found = estimate(log, order=ORDER, seed=seed)
    guesses = {name: planner(found) for name, planner in PLANNERS.items()}
    guesses["with features"] = estimate(log, order=ORDER, seed=seed, features=["x0", "x1"]).arms.transitions

    def earned(transitions: Array) -> float:
        return simulate(real, made_policy(drawn_instance(real, transitions), SOLVER), episodes=100, bound_time_limit=0).mean

    nothing = simulate(real, NullPolicy(), episodes=100, bound_time_limit=0).mean
    best = earned(truth) - nothing
    shares = {name: 100.0 * (earned(guess) - nothing) / best for name, guess in guesses.items()}
    drawn = found.sample(200, seed)
    low, high = np.quantile(drawn, (0.05, 0.95), axis=0)
    held = float(((low <= truth) & (truth <= high))[..., 1].mean())
    guess = drawn_instance(real, found.arms.transitions)
    policy = made_policy(guess, SOLVER)
    stated = simulate(guess, policy, episodes=5, draws=drawn, bound_time_limit=0).gain
    actual = simulate(guess, policy, episodes=200, draws=np.stack([truth, truth]), bound_time_limit=0).gain
    assert stated is not None
    assert actual is not None
    least, most = stated.interval
    away = (actual.mean - stated.mean) / stated.model_deviation
    return {"shares": shares, "held": held, "gain_held": least <= actual.mean <= most, "gain_away": away, "best": best}


@main.command()
@click.option("--draws", default=30, show_default=True, help="Programmes and logs.")
@click.option("--size", default=100, show_default=True, help="Number of arms; a fifth is contacted a week.")
@click.option("--weeks", default="5,15,60", show_default=True, help="Lengths of logs.")
@click.option("--alike", type=float, help="Total weight of all Beta laws; by default drawn from what the prior says of it.")
@click.option("--seed", default=7000, show_default=True)
def calibration(draws: int, size: int, weeks: str, alike: float | None, seed: int) -> None:
    """Print how often 90 % intervals hold transitions whose laws are drawn from the prior of `estimate` itself."""
    for length in map(int, weeks.split(",")):
        held = []
        for number in range(draws):
            truth = draw_from_prior(size, np.random.default_rng(seed + number), alike)
            log = log_columns(make(truth, length), "random", steps=length, seed=seed + number)
            drawn = estimate(log, order=ORDER, seed=seed + number).sample(200, seed)
            low, high = np.quantile(drawn, (0.05, 0.95), axis=0)
            held.append(((low <= truth) & (truth <= high))[..., 1].mean())
        click.echo(f"{length} weeks: {_cell(100.0 * np.array(held))} %")


def draw_from_prior(arms: int, rng: np.random.Generator, alike: float | None) -> Array:
    """Return transitions [J, 2, 2, 2] of Beta laws with a mean by chance, and the weight given or that of `log_prior`."""
    means = rng.random(4)
    total = USUAL * (rng.random(4) ** -0.5 - 1.0) if alike is None else np.full(4, float(alike))
    rows = rng.beta(np.maximum(means * total, 1e-3), np.maximum((1.0 - means) * total, 1e-3), (arms, 4))
    alone, lifted = rows[:, :2], rows[:, 2:]
    well = np.stack((alone, alone + (1.0 - alone) * lifted), axis=1)
    return np.stack((1.0 - well, well), axis=-1)


@main.command()
@click.option("--draws", default=10, show_default=True, help="Programmes.")
@click.option("--size", default=50, show_default=True, help="Number of arms.")
@click.option("--steps", default=52, show_default=True)
@click.option("--replan", default=4, show_default=True, help="Weeks from one plan to the next.")
@click.option("--order", default=ORDER, show_default=True, help="What thompson and greedy know beforehand; '' for nothing.")
@click.option("--learners", default=",".join(LEARNERS), show_default=True)
@click.option("--seed", default=2000, show_default=True)
@click.option("--plot", type=click.Path(path_type=Path), help="Save the curves.")
def online(draws: int, size: int, steps: int, replan: int, order: str, learners: str, seed: int, plot: Path | None) -> None:
    """Print the regret a week of each learner in the weeks since the mark before, and on average up to each mark."""
    from redwood.picture import drawn

    truths = [make(draw_truth(size, np.random.default_rng(seed + number))[0], 20) for number in range(draws)]
    marks = [mark for mark in (4, 13, 26, 52) if mark <= steps]
    spans = [f"weeks {begun + 1} to {mark}" for begun, mark in pairwise([0, *marks])]
    click.echo(f"| learner | {' | '.join(spans)} | average of {steps} |\n|---|" + "---:|" * (len(marks) + 1))
    played = []
    for learner in learners.split(","):
        runs = [
            learn_online(truth, learner, seed=seed, steps=steps, runs=1, replan=replan, order=order or None)
            for truth in truths
        ]
        all_runs = OnlineRun(
            learner, *(np.concatenate([getattr(run, name) for run in runs]) for name in ("rewards", "known"))
        )
        lost = all_runs.known - all_runs.rewards
        cells = [_cell(lost[:, begun:mark].mean(axis=1), 2) for begun, mark in pairwise([0, *marks])]
        click.echo(f"| `{learner}` | {' | '.join(cells)} | {_cell(lost.mean(axis=1), 2)} |")
        played.append(all_runs)
    if plot is not None:

        def curves(axes: Axes) -> None:
            for run in played:
                run.plot(axes=axes, average=True)

        drawn(curves, plot, None)


@main.command()
@click.option("--draws", default=5, show_default=True, help="Programmes and logs.")
@click.option("--size", default=50, show_default=True)
@click.option("--scenarios", default=200, show_default=True, help="Draws of the posterior.")
@click.option("--criterion", default="max-min", show_default=True)
@click.option("--seed", default=3000, show_default=True)
def worst(draws: int, size: int, scenarios: int, criterion: str, seed: int) -> None:
    """Print by how much robust plans are above the plan for the mean in the worst draw, and below it on average."""
    rows = []
    for number in range(draws):
        truth, _ = draw_truth(size, np.random.default_rng(seed + number))
        found = estimate(log_columns(make(truth, 15), "random", steps=15, seed=seed + number), order=ORDER)
        plan = found.instance(rewards=[0, 1], actions=size // 5)
        made = robust(plan, found.sample(scenarios, 1), criterion=criterion, solver=SOLVER, episodes=200)
        rows.append((made.worst_gain, made.cost, made.mean_rewards.min(), made.mean_rewards.mean()))
    gain, cost, least, mean = np.array(rows).T
    click.echo(f"worst draw: {_cell(gain, 3)} above {least.mean():.3f}; on average {_cell(cost, 3)} below {mean.mean():.3f}")


@main.command()
@click.option("--draws", default=200, show_default=True, help="Logs.")
@click.option("--size", default=200, show_default=True)
@click.option("--steps", default=5, show_default=True, help="Weeks that count.")
@click.option("--seed", default=4000, show_default=True)
def others(draws: int, size: int, steps: int, seed: int) -> None:
    """Print how often the intervals of both estimates for a plan from another log hold its true reward."""
    held = []
    for number in range(draws):
        truth, _ = draw_truth(size, np.random.default_rng(seed + number))
        real = make(truth, 20)
        first, second = (log_columns(real, "random", steps=12, seed=seed + number + move) for move in (0, 500_000))
        policy = made_policy(estimate(first).instance(rewards=[0, 1], actions=size // 5), SOLVER)
        found = estimate(second)
        guess = found.instance(rewards=[0, 1], actions=size // 5)
        valued = off_policy(found, guess, policy, steps=steps, draws=60, resamples=200)
        first_states = second["state"][second["step"] == 0].astype(int)
        mean = simulate(make(truth, steps, np.eye(2)[first_states]), policy, episodes=200, bound_time_limit=0).mean
        held.append([one.interval[0] <= mean <= one.interval[1] for one in (valued.weighted, valued.simulated)])
    shares = 100.0 * np.array(held).mean(axis=0)
    click.echo(f"of {draws} logs: weighted {shares[0]:.1f} %, simulated {shares[1]:.1f} % hold the truth")


@main.command()
@click.option("--draws", default=5, show_default=True, help="Programmes and logs.")
@click.option("--size", default=100, show_default=True, help="Number of arms; a fifth is contacted a week.")
@click.option("--weeks", default="5,15,30,100", show_default=True, help="Lengths of logs.")
@click.option("--solvers", default="lagrangian,whittle,myopic,constant,random", show_default=True)
@click.option("--seed", default=6000, show_default=True)
def planned(draws: int, size: int, weeks: str, solvers: str, seed: int) -> None:
    """Print the reward a week that each solver loses, planning for the posterior mean, against knowing the truth."""
    names = solvers.split(",")
    click.echo(f"| arms | weeks | logs | {' | '.join(names)} | doing nothing | earned by knowing |")
    click.echo("|" + "---:|" * (len(names) + 5))
    for length in map(int, weeks.split(",")):
        rows = []
        for number in range(draws):
            truth, _ = draw_truth(size, np.random.default_rng(seed + number))
            real = make(truth, 20)
            log = log_columns(make(truth, length), "random", steps=length, seed=seed + number)
            guess = drawn_instance(real, estimate(log, order=ORDER, seed=seed).arms.transitions)
            policies = [made_policy(real, "lagrangian"), *(made_policy(guess, name) for name in names), NullPolicy()]
            earned = [simulate(real, policy, episodes=100, bound_time_limit=0).mean for policy in policies]
            rows.append([*(earned[0] - np.array(earned[1:])), earned[0]])
        cells = [_cell(column, 2) for column in np.array(rows).T]
        click.echo(f"| {size} | {length} | {draws} | {' | '.join(cells)} |")


@main.command()
@click.option("--size", default=500, show_default=True, help="Number of arms.")
@click.option("--weeks", default=30, show_default=True, help="Length of the log.")
@click.option("--seed", default=1, show_default=True)
def large(size: int, weeks: int, seed: int) -> None:
    """Print what a large programme takes from its CSV file to this week's list, and planning it where calls alone see."""
    rng = np.random.default_rng(seed)
    truth, _ = draw_truth(size, rng)
    languages = ("hi", "mr", "ta", "te")
    spoken = rng.choice(languages, size)
    log = log_columns(make(truth, weeks), "random", steps=weeks, seed=seed)
    log["language"] = spoken[log["arm"].astype(int)]
    with TemporaryDirectory() as folder:
        file = Path(folder, "call_log.csv")
        write_csv(file, log)
        began = time.perf_counter(), time.process_time()
        found = estimate(file, order=ORDER, seed=seed)
        owned = [["hi"], ["hi", "mr"], ["mr"], ["ta"], ["te"], ["ta", "te"], ["hi", "te"]]
        callers = WorkersSet(compatible_workers(found.feature("language"), owned), np.full(7, 8))
        plan = cast(BanditInstance, found.instance(rewards=[0, 1], actions=callers, horizon=20))
        estimated = time.process_time() - began[1]
        result = solve(plan, "lagrangian", time_limit=30)
        calls = act_by_name(plan, result.solution)
        taken = time.perf_counter() - began[0], time.process_time() - began[1]
    click.echo(f"{len(log['arm'])} rows to {len(calls.arms)} calls: {taken[0]:.1f} s, {taken[1]:.1f} s of the processor")
    click.echo(f"of these {estimated:.1f} s for the estimate; objective {result.objective:.3f}, bound {result.bound:.3f}")
    began = time.perf_counter(), time.process_time()
    unseen = collapsing(plan.arms)
    hidden = instance(
        "cormab",
        transitions=unseen.transitions,
        rewards=unseen.rewards,
        start=unseen.start,
        actions={"kind": "budget", "count": size, "budget": size // 10},
        horizon=20,
    )
    result = solve(hidden, "lagrangian", time_limit=30)
    taken = time.perf_counter() - began[0], time.process_time() - began[1]
    click.echo(f"collapsing: {taken[0]:.1f} s, {taken[1]:.1f} s of the processor")
    click.echo(f"objective {result.objective:.3f}, bound {result.bound:.3f}")


def _cell(values: Array, digits: int = 1) -> str:
    return f"{values.mean():.{digits}f} ± {half_width(values):.{digits}f}"


if __name__ == "__main__":
    main()
