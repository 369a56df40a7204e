"""Draw why planning arms apart fails, a picture a family: `python docs/pictures/families.py [FAMILY ...]`.

On the left is what goes wrong, on the right what policies have of the optimum's gain over doing nothing: exact values of the
instance, among ten small ones, that `lagrangian` is worst at.
"""

import sys

import matplotlib
import numpy as np
from draw import BLUE, GREEN, GREY, RED, save

import redwood
from redwood.clock import Timer
from redwood.errors import FitError
from redwood.planning.bounds.pricing import relax
from redwood.planning.contract import Planning
from redwood.planning.policies import NullPolicy
from redwood.plugins.host import host
from redwood.solvers.planning.exact import evaluate, induce
from redwood.solvers.planning.improving import recorded

SOLVERS = ("constant", "myopic", "whittle", "lagrangian", "sequoia")


def view(instance):
    return host().problem("cormab").view(Planning, instance)


def share(instance, policy, optimum, nothing):
    """Return what a policy has of the optimum's gain over doing nothing, in per cent."""
    return 100 * (evaluate(view(instance), policy) - nothing) / (optimum - nothing)


def decided(instance, name):
    """Return the policy of a solver; none where it does not fit."""
    options = {"reward": "next-state"} if name == "myopic" and instance.exposure is not None else {}
    try:
        return redwood.solve(instance, name, time_limit=60, bound_time_limit=0, seed=0, **options).solution
    except FitError:
        return None


def hardest(family, size):
    """Return the one of ten instances that `lagrangian` is worst at, its optimum, and what doing nothing has."""
    found = []
    for seed in range(1000, 1010):
        instance = redwood.generate(f"cormab/{family}", size=size, seed=seed)
        optimum, nothing = induce(view(instance))[1], evaluate(view(instance), NullPolicy())
        if optimum > nothing + 1e-6:
            found.append(
                (share(instance, decided(instance, "lagrangian"), optimum, nothing), seed, instance, optimum, nothing)
            )
    return min(found, key=lambda one: one[:2])[2:]


def shares(axes, family, size, sequoia=False):
    """Draw what solvers have of the optimum's gain over doing nothing, in the hardest of ten instances."""
    instance, optimum, nothing = hardest(family, size)
    policies = {name: decided(instance, name) for name in (SOLVERS if sequoia else SOLVERS[:-1])}
    names = ["optimum", *(name for name, policy in policies.items() if policy is not None)]
    gained = [100.0, *(share(instance, policies[name], optimum, nothing) for name in names[1:])]
    colours = [GREEN if name in ("optimum", "sequoia") else BLUE if name == "lagrangian" else GREY for name in names]
    places = np.arange(len(names))[::-1]
    axes.barh(places, np.maximum(gained, 0), color=colours, height=0.7)
    for place, value in zip(places, gained, strict=True):
        axes.text(max(value, 0) + 1, place, f"{value:.1f}" if 99 < value < 100 else f"{value:.0f}", va="center", fontsize=9)
    axes.set_yticks(places, names)
    axes.set(xlim=(0, 115), xlabel=f"% of the optimum's gain, {size} arms")
    axes.spines[["top", "right"]].set_visible(False)


def panels(widths=(1.7, 1.0)):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2.8), layout="constrained")
    return figure, figure.subplots(1, 2, width_ratios=widths)


def wanted(axes, family, size, seed):
    """Draw how many arms want a pull at the prices of the bound, while `lagrangian` decides, and how many may be pulled."""
    instance = redwood.generate(f"cormab/{family}", size=size, seed=seed)
    planning = view(instance)
    priced = relax(planning, Timer(20.0)).priced
    policy = redwood.solve(instance, "lagrangian", time_limit=20, bound_time_limit=0).solution
    states = recorded(view(instance), policy, 1, 1).states[:, 0]  # [H, J]
    steps, arms = np.arange(len(states)), np.arange(size)
    above = [(priced.q_values[step, :, 1] - priced.q_values[step, :, 0])[arms, states[step]] for step in steps]
    wants = np.array([(above[step] > priced.prices[step, :, 1] + 1e-9).sum() for step in steps])
    budget = instance.actions.budget
    axes.bar(steps, np.minimum(wants, budget), color=GREEN, width=1.0)
    axes.bar(steps, np.maximum(wants - budget, 0), bottom=np.minimum(wants, budget), color=RED, width=1.0)
    axes.bar(steps, np.maximum(budget - wants, 0), bottom=wants, color="#e9ecef", width=1.0)
    axes.axhline(budget, color="black", lw=1)
    axes.text(len(steps) - 0.4, budget, " allowed", va="center", fontsize=8)
    axes.set(xlabel="step", ylabel="arms that want a pull", xlim=(-0.5, len(steps) - 0.5))
    axes.set_title("at the bound's prices: too many (red), then too few (grey)", fontsize=10)


def out_of_step(family, size, seed, small):
    def drawn():
        figure, (left, right) = panels()
        wanted(left, family, size, seed)
        shares(right, family, small)
        save(figure, f"family-{family}")

    drawn.__name__ = family
    return drawn


def network():
    """Draw a state in which the optimum cuts an infection off, and `lagrangian` treats whom it can."""
    import networkx as nx

    figure, (left, right) = panels()
    seed = 1003
    instance = redwood.generate("cormab/network", size=8, seed=seed)
    planning = view(instance)
    best = induce(planning)[0]
    apart = redwood.solve(instance, "lagrangian", time_limit=20, bound_time_limit=0).solution
    states = recorded(view(instance), apart, 40, 1).states[1:10].reshape(-1, 8)
    rng = np.random.default_rng(0)
    choices = [(best.choose(planning, s[None], 5, rng)[0], apart.choose(planning, s[None], 5, rng)[0]) for s in states]
    at = max(range(len(states)), key=lambda k: (np.abs(choices[k][0] - choices[k][1]).sum(), states[k].sum()))
    graph = nx.Graph(instance.exposure.edges.tolist())
    graph.add_nodes_from(range(8))
    places = nx.spring_layout(graph, seed=3, iterations=500)
    nx.draw_networkx_edges(graph, places, ax=left, edge_color=GREY)
    colours = [RED if states[at][node] == 0 else "#d8f3dc" for node in graph]
    nx.draw_networkx_nodes(graph, places, ax=left, node_color=colours, node_size=260, edgecolors="0.4")
    for chosen, size, colour, width in ((choices[at][0], 560, GREEN, 3), (choices[at][1], 900, BLUE, 1.5)):
        nx.draw_networkx_nodes(
            graph, places, np.flatnonzero(chosen).tolist(), ax=left,
            node_color="none", node_size=size, edgecolors=colour, linewidths=width,
        )  # fmt: skip
    left.set_axis_off()
    left.margins(0.15)
    left.set_title("sick (red), pulled by the optimum (green), by `lagrangian` (blue)", fontsize=10)
    shares(right, "network", 8, sequoia=True)
    save(figure, "family-network")


def coverage():
    """Draw what calls add to a group's probability of an answer: the second call adds less than the first."""
    figure, (left, right) = panels()
    seed = 1000
    instance = redwood.generate("cormab/coverage", size=6, seed=seed)
    success = instance.joint.success[0, :, 1, 1]
    order = np.argsort(-success)
    sums, together = np.cumsum(success[order]), 1 - np.cumprod(1 - success[order])
    calls = np.arange(1, len(order) + 1)
    left.bar(calls - 0.2, sums, 0.4, color=GREY, label="sum over arms")
    left.bar(calls + 0.2, together, 0.4, color=GREEN, label="somebody answers")
    left.set(xlabel="volunteers of one group who are called", ylabel="reward, in weights", xticks=calls)
    left.legend(frameon=False, fontsize=9)
    left.spines[["top", "right"]].set_visible(False)
    shares(right, "coverage", 6)
    save(figure, "family-coverage")


def bundles():
    """Draw the bundles that can be pulled, and what the bound pulls of each arm in a step."""
    figure, (left, right) = panels()
    seed = 1001
    instance = redwood.generate("cormab/bundles", size=6, seed=seed)
    priced = relax(view(instance), Timer(20.0)).priced
    mixed = priced.activity[instance.horizon // 2, :, 1]
    rows = np.vstack([instance.actions.rows[instance.actions.rows.any(axis=1)], mixed])
    left.imshow(rows, cmap="Greens", vmin=0, vmax=1, aspect="auto")
    for (row, arm), value in np.ndenumerate(rows):
        if value > 0.005:
            left.text(
                arm, row, f"{value:.2g}", ha="center", va="center", color="white" if value > 0.6 else "black", fontsize=9
            )
    left.axhline(len(rows) - 1.5, color="black", lw=1)
    left.set_yticks(range(len(rows)), [*(f"bundle {k + 1}" for k in range(len(rows) - 1)), "the bound"])
    left.set(xticks=range(6), xlabel="arm")
    left.set_title("the bound pulls a mixture, a step can pull one bundle", fontsize=10)
    shares(right, "bundles", 6)
    save(figure, "family-bundles")


def shifting():
    """Draw what a pull of an arm adds from step to step, where it can be pulled, and where it cannot."""
    figure, (left, right) = panels()
    seed = 1000
    instance = redwood.generate("cormab/shifting", size=6, seed=seed)
    priced = relax(view(instance), Timer(20.0)).priced
    for arm, colour in ((0, GREEN), (1, BLUE), (2, RED)):
        steps = np.arange(instance.horizon)
        here = np.minimum(2 * steps, instance.arms.rewards.shape[2] - 2)
        gains = np.array(
            [priced.q_values[t, arm, 1, s] - priced.q_values[t, arm, 0, s] for t, s in zip(steps, here, strict=True)]
        )
        left.step(steps, gains, where="mid", color=colour, label=f"arm {arm}")
    left.set(xlabel="step", ylabel="what a pull adds in state 0")
    left.legend(frameon=False, fontsize=8, ncols=3, loc="upper right")
    left.spines[["top", "right"]].set_visible(False)
    left.set_title("values jump when arms change, and are nothing outside windows", fontsize=10)
    shares(right, "shifting", 6)
    save(figure, "family-shifting")


def collapsing():
    """Draw the probability that a person takes the medicine, by steps since the call that saw it."""
    figure, (left, right) = panels()
    seed = 1001
    instance = redwood.generate("cormab/collapsing", size=3, seed=seed)
    belief = instance.arms.rewards[:, 0]  # the reward of a belief is the probability of state 1
    half = belief.shape[1] // 2
    for arm, colour in zip(range(3), (GREEN, BLUE, RED), strict=True):
        for begin, style in ((0, ":"), (half, "-")):
            left.plot(range(1, half + 1), belief[arm, begin : begin + half], style, marker="o", ms=3, color=colour)
    left.set(xlabel="steps since the last call", ylabel="probability of state 1", ylim=(0, 1.02))
    left.spines[["top", "right"]].set_visible(False)
    left.set_title("three people, seen in state 1 (lines) or in state 0 (dots)", fontsize=10)
    shares(right, "collapsing", 3)
    save(figure, "family-collapsing")


FAMILIES = (
    network,
    coverage,
    out_of_step("nonsync", 100, 1000, 3),
    out_of_step("conveyor", 100, 1000, 3),
    out_of_step("sparse", 20, 1000, 4),
    out_of_step("deadlines", 20, 1000, 3),
    bundles,
    shifting,
    collapsing,
)


if __name__ == "__main__":
    matplotlib.rcParams |= {"font.size": 9}
    for draw in FAMILIES:
        if not sys.argv[1:] or draw.__name__ in sys.argv[1:]:
            draw()
