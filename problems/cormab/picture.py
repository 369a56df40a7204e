"""Pictures of restless bandits: the walk on its graph, who meets whom when, and what arms look like."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.arrays import Array
from redwood.planning.contract import Policy
from redwood.problems.cormab.instance import BanditInstance
from redwood.problems.cormab.path import PathSet
from redwood.problems.cormab.planning import BanditPlanning
from redwood.problems.cormab.schedule import ScheduleSet

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(instance: BanditInstance, policy: Policy | None, axes: Axes) -> None:
    """Draw an instance, and the first action of a policy from the likeliest start where one is given."""
    arm_actions = None
    if policy is not None:
        states = instance.arms.start.argmax(axis=1)[None]
        arm_actions = policy.choose(BanditPlanning(instance), states, 0, np.random.default_rng(0))[0]
    actions = instance.actions
    if isinstance(actions, PathSet):
        draw_closed_walk(actions, arm_actions, axes)
    elif isinstance(actions, ScheduleSet):
        draw_meetings(actions, arm_actions, axes)
    else:
        draw_gains(instance, arm_actions, axes)
    if arm_actions is not None:
        axes.set_title("The first action from the likeliest start")


def draw_closed_walk(actions: PathSet, arm_actions: Array | None, axes: Axes) -> None:
    """Draw the graph, and a walk that visits the pulled arms."""
    import networkx as nx

    graph: Any = nx.Graph(actions.edges.tolist())
    graph.add_nodes_from(range(actions.count))
    places = nx.kamada_kawai_layout(graph)
    pulled = set() if arm_actions is None else set(np.flatnonzero(arm_actions).tolist())
    colours = ["tab:orange" if node in pulled else "0.85" for node in graph]
    nx.draw_networkx_edges(graph, places, ax=axes, edge_color="0.75")
    if arm_actions is not None and actions.strict:
        walk = actions.witness(arm_actions).tolist()
        steps = [(tail, head) for tail, head in itertools.pairwise(walk) if tail != head]
        nx.draw_networkx_edges(graph, places, steps, ax=axes, edge_color="tab:blue", width=2.5)
    nx.draw_networkx_nodes(graph, places, ax=axes, node_color=colours, node_size=180, edgecolors="0.4")
    nx.draw_networkx_nodes(
        graph, places, [actions.source], ax=axes, node_color="none", node_size=300, edgecolors="tab:blue", linewidths=2
    )
    nx.draw_networkx_labels(graph, places, ax=axes, font_size=7)
    axes.set_title("The network; the source is ringed")
    axes.set_axis_off()


def draw_meetings(actions: ScheduleSet, arm_actions: Array | None, axes: Axes) -> None:
    """Draw when workers are free, and the arm that each meets there."""
    free = actions.worker_slots.astype(float)
    axes.imshow(free, cmap="Greys", vmin=0, vmax=3, aspect="auto")
    if arm_actions is not None:
        for arm, meetings in actions.witness(arm_actions).items():
            for worker, slot in meetings:
                axes.text(slot, worker, str(arm), ha="center", va="center", color="tab:blue", fontweight="bold")
    axes.set_xticks(range(free.shape[1]))
    axes.set_yticks(range(free.shape[0]))
    axes.set_xlabel("slot")
    axes.set_ylabel("worker")
    axes.set_title("When workers are free (grey)")


def draw_gains(instance: BanditInstance, arm_actions: Array | None, axes: Axes) -> None:
    """Draw what the highest action adds to the reward of one step, in each state of each arm; chosen arms are marked."""
    gains = instance.arms.rewards[:, -1] - instance.arms.rewards[:, 0]
    widest = float(np.abs(gains).max()) or 1.0
    shown = axes.imshow(gains, cmap="RdBu_r", vmin=-widest, vmax=widest, aspect="auto", origin="lower")
    axes.set_xlabel("state")
    axes.set_ylabel("arm")
    axes.set_title("What the highest action adds in one step")
    axes.figure.colorbar(shown, ax=axes, label="reward", shrink=0.8)
    for arm in [] if arm_actions is None else np.flatnonzero(arm_actions).tolist():
        axes.text(-0.48, arm, f"action {arm_actions[arm]}", va="center", fontsize=7, fontweight="bold")  # type: ignore[index]
