"""Draw the pictures of the pages: `python docs/pictures/draw.py [NAME ...]` writes SVG files beside itself."""

import sys
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


def bakery_routes():
    """Return the instance of the page on routing, and routes of its vans and bikes."""
    vehicles = [
        {"name": "van", "number": 3, "capacity": 25, "fixed_cost": 10, "max_duration": 4},
        {"name": "bike", "number": 2, "capacity": 8, "distance_cost": 0.4, "max_distance": 25},
    ]
    shops = HERE.parent / "examples" / "bakery.csv"
    instance = redwood.instance("vrp", customers=shops, vehicles=vehicles, speed=25, name="bakery")
    return instance, redwood.solve(instance, "local-search", iterations=20_000, bound_time_limit=0).solution


def vehicle_routes():
    """Draw the routes of vans and bikes through the shops of the page on routing."""
    from matplotlib.figure import Figure

    instance, solution = bakery_routes()
    figure = Figure(figsize=(8, 4))
    redwood.plot(instance, solution, axes=figure.add_subplot())
    save(figure, "routing")


def windows_that_are_kept():
    """Draw when each shop is open and when it is served, and what each vehicle carries."""
    from matplotlib.figure import Figure

    instance, solution = bakery_routes()
    shops = instance.numbers
    stops = solution.to_frame()
    figure = Figure(figsize=(8, 4.2))
    axes = figure.add_subplot()
    labels, row, colours = [], 0, (GREEN, BLUE, RED, "#8a6d3b", "#6c4f9c")
    for number, (_, route) in enumerate(stops.groupby("route", sort=False)):
        colour = colours[number % len(colours)]
        inner = route[route["name"] != "depot"]
        for stop in inner.itertuples():
            shop = shops[stop.name]
            (ready, due), service = instance.windows_of(shop)[0], instance.service[shop]
            axes.barh(row, due - ready, left=ready, height=0.7, color="#e9ecef")
            axes.barh(row, service, left=max(stop.arrival, ready), height=0.7, color=colour)
            labels.append(f"{stop.name} ({instance.delivery[shop, 0]:.0f})")
            row += 1
        load = sum(instance.delivery[shops[name], 0] for name in inner["name"])
        axes.text(11.1, row - 1, f"{route['vehicle'].iloc[0]}: {load:.0f} crates", color=colour, va="center", fontsize=9)
    axes.set(yticks=range(row), xlabel="hour of the day", xlim=(6, 13))
    axes.set_yticklabels(labels, fontsize=8)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, "windows")


def what_calls_do():
    """Draw the effects that the example's log tells, with intervals, and what its plan gains over doing nothing."""
    import runpy

    from matplotlib.figure import Figure

    from redwood.planning import estimate

    example = HERE.parent / "examples"
    found = estimate(example / "call_log.csv", order="action-helps", seed=1)
    callers = runpy.run_path(str(example / "weekly_calls.py"))["callers"]
    plan = found.instance(rewards=[0, 1], actions=callers(found, example / "workers.csv"), horizon=20)
    policy = redwood.solve(plan, "lagrangian", time_limit=10, bound_time_limit=0).solution
    gain = redwood.simulate(plan, policy, episodes=20, draws=found.sample(300), bound_time_limit=0).gain
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    found.plot(axes=left)
    bins = np.linspace(gain.episodes.min(), gain.episodes.max(), 20)
    right.hist(gain.episodes.ravel(), bins, density=True, color=GREY, label="one run of the programme")
    right.hist(gain.draws, bins, density=True, histtype="step", lw=2, color=GREEN, label="expected, over what is not known")
    right.set(xlabel="people well a week, above doing nothing", yticks=[], xlim=(0, None), ylim=(0, 0.55))
    right.set_title("What the plan gains")
    right.legend(frameon=False, fontsize=8, loc="upper left")
    save(figure, "from-a-call-log")


def tour_of_capitals():
    """Draw the best tour through the capitals of the file that comes with Redwood."""
    from matplotlib.figure import Figure

    instance = redwood.read(HERE.parents[1] / "benchmarks" / "instances" / "capitals.tsp")
    solution = redwood.solve(instance, "local-search", iterations=20_000, bound_time_limit=0).solution
    figure = Figure(figsize=(6, 4.5))
    redwood.plot(instance, solution, axes=figure.add_subplot())
    save(figure, "capitals")


def objective_and_bound():
    """Draw how the objective of a run falls towards the bound, and what the gap is."""
    from matplotlib.figure import Figure

    instance = redwood.generate("cvrp", size=100, seed=2)
    result = redwood.solve(instance, "local-search", iterations=20_000, seed=0)
    seconds, objectives = np.array(result.trajectory).T
    seconds = np.append(seconds, result.seconds.solve)
    objectives = np.append(objectives, result.objective)
    figure = Figure(figsize=(7, 3.2))
    axes = figure.add_subplot()
    axes.step(seconds, objectives, where="post", color=GREEN, lw=2)
    axes.axhline(result.bound, color=RED, ls="--", lw=1.2)
    axes.annotate("objective: best so far", (seconds[0], objectives[0]), (8, -14), textcoords="offset points", color=GREEN)
    axes.annotate("bound: no solution is better", (seconds[0], result.bound), (8, 4), textcoords="offset points", color=RED)
    end = seconds[-1]
    axes.annotate(
        "",
        (end, result.objective),
        (end, result.bound),
        arrowprops={"arrowstyle": "<->", "color": GREY, "shrinkA": 0, "shrinkB": 0},
    )
    axes.annotate(
        "gap", (end, (result.objective + result.bound) / 2), (-6, 0), textcoords="offset points", ha="right", va="center"
    )
    axes.set(xlabel="seconds", ylabel="length of all routes")
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, "result")


def states_of_arms():
    """Draw the states of arms over time under a policy, and which of them it pulls."""
    from matplotlib.figure import Figure

    bandit = redwood.generate("cormab/capacity", size=20, seed=3)
    policy = redwood.solve(bandit, "lagrangian", time_limit=30).solution
    figure = Figure(figsize=(7, 3.6))
    axes = figure.add_subplot()
    redwood.simulate(bandit, policy, episodes=1, seed=1, bound_time_limit=0, keep=True).plot(axes=axes)
    axes.set_title("one episode: light is a good state, a dot is a pull", fontsize=10)
    save(figure, "bandits")


def inputs_that_change_the_class():
    """Draw the classes of the page's classifier, a box that has one class, and the worst point of another."""
    import runpy

    import torch
    from matplotlib.figure import Figure

    example = runpy.run_path(str(HERE.parent / "examples" / "robust_classifier.py"))
    net, point = example["learn"](), np.array([0.6, 0.2])
    line = np.linspace(-1, 1, 300)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    classes = net(torch.tensor(grid)).argmax(dim=1).numpy().reshape(300, 300)
    figure = Figure(figsize=(5, 4.4))
    axes = figure.add_subplot()
    axes.contourf(line, line, classes, levels=[-0.5, 0.5, 1.5, 2.5], colors=["#d8e8df", "#dbe7f0", "#f3dcdc"])
    for radius, colour in ((0.2, GREEN), (0.4, RED)):
        corner = point - radius
        axes.add_patch(matplotlib.patches.Rectangle(corner, 2 * radius, 2 * radius, fill=False, ec=colour, lw=1.8))
    worst = example["worst_lead"](net, point, 0.4)[2]
    axes.plot(*point, "o", color=GREEN, ms=7)
    axes.plot(*worst, "x", color=RED, ms=9, mew=2.5)
    axes.annotate("proved", point + np.array([0, 0.2]), (0, 3), textcoords="offset points", color=GREEN, ha="center")
    axes.annotate("the worst point", worst, (-6, -14), textcoords="offset points", color=RED, ha="right")
    bare(axes, "")
    save(figure, "classifier")


def problems_views_solvers():
    """Draw that problems offer views, and solvers take them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.6))
    axes = figure.add_subplot()
    columns = (
        ("your problem", 0.0, GREEN, ("instances\nsolutions\nobjective\nviolations",)),
        ("views that it offers", 3.0, BLUE, ("Linear", "Local", "Stepwise", "Bound")),
        ("who takes them", 6.4, RED, ("highs", "local-search, greedy,\nyour solver", "bq", "the gap of every result")),
    )
    for heading, x, color, texts in columns:
        axes.text(x, 3.9, heading, ha="center", color="#6c757d", fontsize=10)
        for text, y in zip(texts, [1.5] if len(texts) == 1 else [3, 2, 1, 0], strict=True):
            frame = {"boxstyle": "round,pad=0.45", "fc": "white", "ec": color, "lw": 1.5}
            axes.text(x, y, text, ha="center", va="center", fontsize=10, bbox=frame, zorder=3)
    for y in (3, 2, 1, 0):
        axes.plot([0, 3], [1.5, y], color=GREY, lw=1, zorder=1)
        axes.plot([3, 6.4], [y, y], color=GREY, lw=1, zorder=1)
    axes.set(xlim=(-1.2, 8.2), ylim=(-0.6, 4.3))
    axes.axis("off")
    save(figure, "views")


def rooms_of_the_house():
    """Draw the rooms, one above the other as imports point down, and the way of an instance through them."""
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyBboxPatch

    figure = Figure(figsize=(9.6, 6.6))
    axes = figure.subplots()

    def room(left, bottom, width, height, name, inside, colour=GREY):
        axes.add_patch(
            FancyBboxPatch((left, bottom), width, height, boxstyle="round,pad=0.06", fc="white", ec=colour, lw=1.5)
        )
        axes.text(left + 0.1, bottom + height - 0.06, name, va="top", weight="bold", fontsize=9.5)
        axes.text(left + 0.1, bottom + height - 0.36, inside, va="top", fontsize=8, color="0.3", linespacing=1.35)

    def step(start, end, number, beside, bend=0.0):
        style = {"arrowstyle": "-|>", "color": GREEN, "lw": 1.8, "connectionstyle": f"arc3,rad={bend}"}
        axes.annotate("", end, start, arrowprops=style, zorder=3)
        axes.text(*beside, str(number), color="white", fontsize=8, weight="bold", ha="center", va="center",
                  bbox={"boxstyle": "circle,pad=0.2", "fc": GREEN, "ec": GREEN}, zorder=4)  # fmt: skip

    room(0.0, 7.0, 2.7, 0.85, "cli", "commands")
    room(3.1, 7.0, 3.2, 0.85, "benchmarks", "suite, jobs, records, report")
    room(6.7, 7.0, 3.1, 0.85, "plugins/conformance", "rules for what is registered")
    room(0.0, 5.2, 6.3, 1.3, "solving", "read, choose, solve, bound, simulate, train", GREEN)
    room(6.7, 5.2, 3.1, 1.3, "plugins", "host: from names to classes\nspecs, the list of built-ins", GREEN)
    room(
        0.0,
        3.1,
        6.3,
        1.6,
        "execution",
        "run: here, or in a process of its own\ncheck: price the answer on a copy of\nthe instance, its bound, the result",
        GREEN,
    )
    room(6.7, 3.1, 3.1, 1.6, "solvers/FAMILY", "local_search, exact, mip, bq,\nplanning, sequoia, external", GREEN)
    room(6.7, 1.2, 3.1, 1.4, "problems/NAME", "problem, instance, files, views,\ngenerators, picture, kernels", GREEN)
    room(0.0, 1.2, 3.0, 1.4, "planning, embedding", "arms, policies, bounds;\nnetworks in programs")
    room(3.3, 1.2, 3.0, 1.4, "contracts", "problem, solver, views/,\nbudget, result, errors")
    axes.text(0.0, 8.35, 'redwood.solve(instance, "name")', family="monospace", fontsize=9.5, color=GREEN)
    step((2.9, 8.2), (2.9, 6.6), 1, (2.9, 7.95))
    step((6.3, 6.1), (6.7, 6.1), 2, (6.5, 6.38))
    step((2.6, 5.2), (2.6, 4.72), 3, (2.86, 4.96))
    step((6.3, 4.25), (6.7, 4.25), 4, (6.5, 4.52))
    step((8.25, 3.1), (8.25, 2.62), 5, (8.52, 2.86))
    step((6.7, 3.4), (6.3, 3.4), 6, (6.5, 3.66))
    step((4.6, 4.72), (4.6, 5.2), 7, (4.86, 4.96))
    steps = (
        "1 validate, make the budget    2 the solver by its name    3 one request    4 prepare, start the clock, run",
        "5 the view or the data of the instance    6 the answer and the best report    7 the checked result",
    )
    for row, words in enumerate(steps):
        axes.text(4.9, 0.62 - 0.34 * row, words, ha="center", fontsize=8.5, color=GREEN)
    axes.set(xlim=(-0.2, 10.0), ylim=(0.05, 8.6))
    axes.axis("off")
    save(figure, "rooms")


DRAWN = (
    what_calls_do,
    vehicle_routes,
    windows_that_are_kept,
    tail_sub_problem,
    one_label_many_examples,
    network_in_a_program,
    tour_of_capitals,
    objective_and_bound,
    states_of_arms,
    inputs_that_change_the_class,
    problems_views_solvers,
    rooms_of_the_house,
)


if __name__ == "__main__":
    asked = sys.argv[1:]
    for draw in DRAWN:
        if not asked or draw.__name__ in asked:
            draw()
