"""From call logs with known truth: ``python benchmarks/studies/logs.py planners | online | worst | others``.

``planners`` says what share of the achievable gain plans from a log have, how often intervals hold the truth, and how
often the stated gain does, beside per-arm counts, arms pooled by k-means and the posterior under the true prior. ``online``
says what is lost while learning, ``worst`` what robust plans are worth in the worst draw, ``others`` how often estimates for
another policy hold the truth.

Arms have two states. Left alone, P(well) is drawn from Beta laws; a contact lifts those who would not be well with another
Beta's probability. Contacts in the log are random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click
import numpy as np

from redwood.arrays import Array
from redwood.planning.estimation.estimate import Estimate, estimate
from redwood.planning.estimation.groups import grouped
from redwood.planning.estimation.ordered import chain_of, composed, draw_outcomes
from redwood.planning.estimation.prior import dirichlet
from redwood.planning.evaluation import half_width
from redwood.planning.policies import NullPolicy
from redwood.problem import Instance
from redwood.solving.draws import drawn_instance, made_policy
from redwood.solving.off_policy import off_policy
from redwood.solving.online import LEARNERS, learn_online
from redwood.solving.read import instance
from redwood.solving.robust import robust
from redwood.solving.simulate import simulate
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
@click.option("--weeks", default="5,15,60", show_default=True, help="Lengths of logs; five weeks are one contact an arm.")
@click.option("--seed", default=1000, show_default=True, help="Of the first draw.")
def planners(draws: int, size: int, weeks: str, seed: int) -> None:
    """Print a row for each length of the log."""
    names = [*PLANNERS, "with features"]
    click.echo(f"| contacts an arm | {' | '.join(names)} | 90 % intervals hold | gain's 95 % interval holds |")
    click.echo("|" + "---:|" * (len(names) + 3))
    for length in map(int, weeks.split(",")):
        rows = np.array([_one(size, length, seed + number, names) for number in range(draws)])
        cells = [_cell(column) for column in rows[:, : len(names) + 1].T]
        click.echo(f"| {length / 5:g} | {' | '.join(cells)} | {100 * rows[:, -1].mean():.0f} |")
        for other in ("counts", "k-means", "true prior", "with features"):
            ahead = rows[:, names.index("posterior")] - rows[:, names.index(other)]
            click.echo(f"posterior less {other}: {_cell(ahead)} points")


def _one(size: int, length: int, seed: int, names: Sequence[str]) -> list[float]:
    """Return the shares of the gain of all planners, the share of intervals that hold, and whether the gain's does."""
    rng = np.random.default_rng(seed)
    truth, features = draw_truth(size, rng)
    real = make(truth, 20)
    log = log_columns(make(truth, length), "random", steps=length, seed=seed)
    for number in (0, 1):
        log[f"x{number}"] = features[log["arm"].astype(int), number]
    found = estimate(log, order=ORDER, seed=seed)
    with_features = estimate(log, order=ORDER, seed=seed, features=["x0", "x1"])
    guesses = {name: planner(found) for name, planner in PLANNERS.items()}
    guesses["with features"] = with_features.arms.transitions

    def earned(transitions: Array) -> float:
        return simulate(real, made_policy(drawn_instance(real, transitions), SOLVER), episodes=100, bound_time_limit=0).mean

    nothing = simulate(real, NullPolicy(), episodes=100, bound_time_limit=0).mean
    best = earned(truth) - nothing
    shares = [100.0 * (earned(guesses[name]) - nothing) / best for name in names]
    drawn = found.sample(200, seed)
    low, high = np.quantile(drawn, (0.05, 0.95), axis=0)
    held = 100.0 * float(((low <= truth) & (truth <= high))[..., 1].mean())
    guess = drawn_instance(real, found.arms.transitions)
    policy = made_policy(guess, SOLVER)
    stated = simulate(guess, policy, episodes=5, draws=drawn[:100], bound_time_limit=0).gain
    actual = simulate(guess, policy, episodes=200, draws=np.stack([truth, truth]), bound_time_limit=0).gain
    assert stated is not None
    assert actual is not None
    return [*shares, held, float(stated.interval[0] <= actual.mean <= stated.interval[1])]


@main.command()
@click.option("--draws", default=10, show_default=True, help="Programmes.")
@click.option("--size", default=50, show_default=True, help="Number of arms.")
@click.option("--steps", default=52, show_default=True)
@click.option("--seed", default=2000, show_default=True)
def online(draws: int, size: int, steps: int, seed: int) -> None:
    """Print the average regret a week of each learner after some weeks, and what the planner who knows earns."""
    truths = [make(draw_truth(size, np.random.default_rng(seed + number))[0], 20) for number in range(draws)]
    marks = [mark for mark in (4, 13, 26, 52) if mark <= steps]
    click.echo(f"| learner | {' | '.join(f'{mark} weeks' for mark in marks)} |\n|---|" + "---:|" * len(marks))
    for learner in LEARNERS:
        runs = [learn_online(truth, learner, steps=steps, runs=1, seed=seed) for truth in truths]
        curves = np.array([run.average_regret[0] for run in runs])
        click.echo(f"| {learner} | {' | '.join(_cell(curves[:, mark - 1], 2) for mark in marks)} |")


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
        made = robust(plan, found.sample(scenarios, 1), criterion=criterion, solver=SOLVER, episodes=20)
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


def _cell(values: Array, digits: int = 1) -> str:
    return f"{values.mean():.{digits}f} ± {half_width(values):.{digits}f}"


if __name__ == "__main__":
    main()
