"""Pictures of restless bandits: walks and contacts on graphs, who meets whom when, groups, and what arms look like."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.arrays import Array
from redwood.planning.contract import Policy
from redwood.planning.coupling import CoverageReward, Exposure
from redwood.planning.picture import colours_of, name_rows, name_states
from redwood.problems.cormab.instance import BanditInstance
from redwood.problems.cormab.path import PathSet
from redwood.problems.cormab.planning import BanditPlanning
from redwood.problems.cormab.schedule import ScheduleSet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS = 60
"""The most arms whose numbers all stand beside their rows; of more only chosen ones have theirs."""


def draw(instance: BanditInstance, policy: Policy | None, axes: Axes) -> None:
    """Draw an instance, and the first action of a policy from the likeliest start where one is given."""
    arm_actions = None
    if policy is not None:
        states = instance.arms.start.argmax(axis=1)[None]
        arm_actions = policy.choose(BanditPlanning(instance), states, 0, np.random.default_rng(0))[0]
    actions = instance.actions
    if instance.exposure is not None:
        draw_contacts(instance, instance.exposure, arm_actions, axes)
    elif isinstance(instance.joint, CoverageReward):
        draw_groups(instance.joint, arm_actions, axes)
    elif isinstance(actions, PathSet):
        draw_closed_walk(actions, arm_actions, axes)
    elif isinstance(actions, ScheduleSet):
        draw_meetings(actions, arm_actions, axes)
    else:
        draw_gains(instance, arm_actions, axes)
    if arm_actions is not None:
        begun = "the likeliest start" if instance.provenance is None else "the log's last states"
        axes.set_title(f"The first action, from {begun}")


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


def draw_contacts(instance: BanditInstance, exposure: Exposure, arm_actions: Array | None, axes: Axes) -> None:
    """Draw which arms expose which, those that emit at the start in red; pulled arms are ringed.

    Parameters
    ----------
    instance, exposure
        The instance, and how its arms expose each other.
    arm_actions
        The first action [J] of a policy, or none.
    axes
        Where to draw.
    """
    import networkx as nx

    count = instance.size
    graph: Any = nx.Graph(exposure.edges.tolist())
    graph.add_nodes_from(range(count))
    pulls: Any = nx.Graph()  # contacts draw together, and all others a little, so that nobody drifts away
    pulls.add_edges_from(itertools.combinations(range(count), 2), weight=0.1)
    pulls.add_nodes_from(range(count))
    pulls.add_edges_from(graph.edges, weight=2.0)
    places = nx.spring_layout(pulls, seed=1, iterations=300)
    likeliest = instance.arms.start.argmax(axis=1)
    emitting = exposure.emits[np.arange(count), 0, likeliest] > 0
    pulled = [] if arm_actions is None else np.flatnonzero(arm_actions).tolist()
    colours = ["tab:red" if emitting[node] else "0.85" for node in graph]
    nx.draw_networkx_edges(graph, places, ax=axes, edge_color="0.75")
    nx.draw_networkx_nodes(graph, places, ax=axes, node_color=colours, node_size=180, edgecolors="0.4")
    nx.draw_networkx_nodes(
        graph, places, pulled, ax=axes, node_color="none", node_size=330, edgecolors="tab:blue", linewidths=2.5
    )
    nx.draw_networkx_labels(graph, places, ax=axes, font_size=7)
    axes.set_title("Contacts; red arms expose their neighbours at the start")
    axes.set_axis_off()


def draw_groups(joint: CoverageReward, arm_actions: Array | None, axes: Axes) -> None:
    """Draw the greatest probability that an arm succeeds in each group; pulled arms are marked."""
    success = joint.success.max(axis=(2, 3)).T
    groups = np.argsort(success.argmax(axis=1), kind="stable")
    shown = axes.imshow(success[groups], cmap="Greens", vmin=0.0, vmax=1.0, aspect="auto")
    axes.set_xticks(range(success.shape[1]))
    axes.set_yticks(range(len(groups)), groups.tolist(), fontsize=7)
    axes.set_xlabel("group")
    axes.set_ylabel("arm")
    axes.set_title("Probability that an arm succeeds for its group")
    axes.figure.colorbar(shown, ax=axes, shrink=0.8)
    for row, arm in enumerate(groups.tolist()):
        if arm_actions is not None and arm_actions[arm]:
            axes.text(success[arm].argmax(), row, "chosen", ha="center", va="center", fontsize=7, fontweight="bold")


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
    """Draw what the highest action adds to the rewards of this step and the next, in each state of each arm.

    Arms are sorted by the most that it adds; chosen arms have a triangle.
    """
    arms = instance.arms
    ahead = arms.rewards.max(axis=1)
    two_steps = arms.rewards + np.einsum("jast,jt->jas", arms.transitions, ahead)
    gains = two_steps[:, -1] - two_steps[:, 0]
    order = np.argsort(gains.max(axis=1), kind="stable")
    shown = axes.imshow(gains[order], aspect="auto", origin="lower", **colours_of(gains))
    chosen = np.zeros(len(order), np.int64) if arm_actions is None else arm_actions
    marked = [row for row, arm in enumerate(order) if chosen[arm]]
    names = instance.arm_names or range(instance.size)
    kept = instance.provenance
    names_of_actions = [str(action) for action in range(arms.shape[1])] if kept is None else kept.actions
    told = [f"action {label}" if label.isdecimal() else label for label in names_of_actions]
    labels = [f"{names[arm]}: {told[chosen[arm]]}" if chosen[arm] else f"{names[arm]}" for arm in order.tolist()]
    axes.scatter([-0.5] * len(marked), marked, s=12, color="black", marker=">", clip_on=False, zorder=3)
    word = "arm" if kept is None else kept.words.noun("arm")
    name_rows(axes, labels, f"{word}, by the most that it adds", marked if marked and len(order) > ROWS else None)
    name_states(axes, gains.shape[1], () if kept is None else kept.states)
    axes.set_title("What the highest action adds in this step and the next")
    axes.figure.colorbar(shown, ax=axes, label="reward", shrink=0.8)
