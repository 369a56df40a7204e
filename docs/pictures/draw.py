"""Draw the pictures of the pages on the two papers: `python docs/pictures/draw.py` writes SVG files beside itself."""

from pathlib import Path

import matplotlib
import numpy as np

import redwood

matplotlib.use("svg")
matplotlib.rcParams |= {"svg.hashsalt": "redwood", "font.size": 10, "axes.axisbelow": True}
GREEN, GREY, RED, BLUE = "#2d6a4f", "#adb5bd", "#c1121f", "#1d6fa5"
HERE = Path(__file__).parent


def save(figure, name):
    figure.savefig(HERE / f"{name}.svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")


def bare(axes, title):
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.set_title(title, fontsize=10)
    axes.spines[:].set_color("#dee2e6")


def tail_sub_problem():
    """Draw that two partial tours leave the same rest, and the window that a policy sees of it."""
    from matplotlib.figure import Figure

    instance = redwood.generate("tsp", size=24, seed=8)
    points = instance.travel.coords
    tour = redwood.solve(instance, "highs", time_limit=30, bound_time_limit=0).solution.tour
    done, rest = tour[:10], tour[10:]
    other = np.concatenate([done[:1], done[1:-1][::-1], done[-1:]])
    figure = Figure(figsize=(9, 3.1))
    for axes, order, title in zip(
        figure.subplots(1, 3),
        (done, other, None),
        ("one past ...", "another past ...", "the same state: the tail"),
        strict=True,
    ):
        if order is not None:
            axes.plot(*points[order].T, color=GREY, lw=2, zorder=1)
            axes.plot(*points[done[1:-1]].T, "o", color=GREY, ms=5)
        else:
            near = rest[np.argsort(np.linalg.norm(points[rest] - points[done[-1]], axis=1))[:8]]
            radius = np.linalg.norm(points[near] - points[done[-1]], axis=1).max()
            angles = np.linspace(0, 2 * np.pi, 100)
            axes.plot(
                points[done[-1], 0] + radius * np.cos(angles), points[done[-1], 1] + radius * np.sin(angles), ":", color=BLUE
            )
            axes.annotate("window", points[done[-1]] + [0, radius], color=BLUE, ha="center", va="bottom", fontsize=8)
            for node in near:
                axes.plot(*points[[done[-1], node]].T, color=BLUE, lw=0.6, zorder=1)
            axes.plot(*points[[done[-1], rest[0]]].T, color=GREEN, lw=2.5, zorder=2)
        axes.plot(*points[rest].T, "o", color=GREEN, ms=5)
        axes.plot(*points[done[-1]], "s", color=RED, ms=8)
        axes.plot(*points[done[0]], "^", color=RED, ms=8)
        bare(axes, title)
        axes.set(
            xlim=axes.get_xlim()
            if order is not None
            else (-0.08 * np.ptp(points) + points.min(), points.max() + 0.08 * np.ptp(points))
        )
        margin = 0.08 * np.ptp(points)
        axes.set(
            xlim=(points[:, 0].min() - margin, points[:, 0].max() + margin),
            ylim=(points[:, 1].min() - margin, points[:, 1].max() + margin),
        )
    save(figure, "bq-tail")


def one_label_many_examples():
    """Draw one optimal tour and three of its tails, each an optimal solution of its own sub-problem."""
    from matplotlib.figure import Figure

    instance = redwood.generate("tsp", size=24, seed=8)
    points = instance.travel.coords
    tour = redwood.solve(instance, "highs", time_limit=30, bound_time_limit=0).solution.tour
    figure = Figure(figsize=(9, 2.5))
    for axes, begin in zip(figure.subplots(1, 4), (0, 6, 12, 18), strict=True):
        tail = tour[begin:]
        axes.plot(*points[tour[:begin]].T, "o", color="#e9ecef", ms=4)
        axes.plot(*points[np.append(tail, tour[0])].T, color=GREEN, lw=1.2)
        axes.plot(*points[tail].T, "o", color=GREEN, ms=4)
        axes.plot(*points[tail[0]], "s", color=RED, ms=6)
        axes.plot(*points[tour[0]], "^", color=RED, ms=6)
        bare(axes, f"{len(tail)} nodes left")
    save(figure, "bq-labels")


def network_in_a_program():
    """Draw states and actions into the network, the action set around the action, and what is maximised."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2))
    axes = figure.subplots()
    columns = {
        "state": (0.3, 4, GREY),
        "action": (2.0, 4, RED),
        "first": (4.2, 5, BLUE),
        "second": (6.0, 3, BLUE),
        "q": (7.8, 1, GREEN),
    }
    places = {name: [(x, 2 + (i - (count - 1) / 2) * 0.75) for i in range(count)] for name, (x, count, _) in columns.items()}
    for a, b in (("action", "first"), ("first", "second"), ("second", "q")):
        for one in places[a]:
            for other in places[b]:
                axes.plot(*zip(one, other, strict=True), color="#dee2e6", lw=0.8, zorder=1)
    for name, (_, _, color) in columns.items():
        axes.plot(*zip(*places[name], strict=True), "o", ms=15, color=color, zorder=3)
    axes.annotate(
        "", (4.0, 0.15), (0.3, 0.15), arrowprops={"arrowstyle": "->", "color": GREY, "connectionstyle": "arc3,rad=0.12"}
    )
    axes.text(
        2.1, -0.75, "conditioned into the biases before the program is solved", color="#6c757d", ha="center", fontsize=9
    )
    axes.add_patch(
        matplotlib.patches.FancyBboxPatch((1.55, 0.45), 0.9, 3.1, boxstyle="round,pad=0.05", fill=False, ec=RED, ls="--")
    )
    for text, x, y, color in (
        ("state s\nknown", 0.3, 3.85, "#6c757d"),
        ("joint action a\nbinary, in the set A", 2.0, 3.85, RED),
        ("ReLUs: a binary each,\nunless bounds settle it", 5.1, 4.1, BLUE),
        ("Q(s, a)\nmaximise", 7.8, 2.45, GREEN),
    ):
        axes.text(x, y, text, color=color, ha="center", va="bottom", fontsize=9)
    axes.set(xlim=(-0.6, 8.8), ylim=(-1.0, 5.0))
    axes.axis("off")
    save(figure, "sequoia")


def vehicle_routes():
    """Draw the routes of vans and bikes through the shops of the page on routing."""
    from matplotlib.figure import Figure

    vehicles = [
        {"name": "van", "number": 3, "capacity": 25, "fixed_cost": 10, "max_duration": 4},
        {"name": "bike", "number": 2, "capacity": 8, "distance_cost": 0.4, "max_distance": 25},
    ]
    shops = HERE.parent / "examples" / "bakery.csv"
    instance = redwood.instance("vrp", customers=shops, vehicles=vehicles, speed=25, name="bakery")
    solution = redwood.solve(instance, "local-search", iterations=20_000, bound_time_limit=0).solution
    figure = Figure(figsize=(8, 4))
    redwood.plot(instance, solution, axes=figure.add_subplot())
    save(figure, "routing")


if __name__ == "__main__":
    vehicle_routes()
    tail_sub_problem()
    one_label_many_examples()
    network_in_a_program()
