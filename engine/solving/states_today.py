"""Where the arms of a policy are today: what today's states say, and the log where they say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError
from redwood.planning.estimation.last_known import actions_of, carried, since
from redwood.planning.estimation.log import UNKNOWN, CallLog, read_log
from redwood.planning.estimation.provenance import Provenance
from redwood.problems.cormab.instance import BanditInstance
from redwood.solving.rolling import names_of


def read_grown(log: Any, kept: Provenance | None) -> CallLog | None:
    """Return a later log of the plan's people, read as the one that the plan was made from; ``None`` where none is given."""
    if log is None:
        return None
    if kept is None:
        raise InstanceError("a log is given, and the plan was not made from one, so that its states cannot be told from it.")
    grown = read_log(log, kept.columns, kept.states, kept.actions, kept.time.state_is)
    if grown.stride != kept.time.stride:
        raise InstanceError(
            f"the log counts {grown.stride} from one {kept.words.quoted('step')} to the next, and the plan's counted "
            f"{kept.time.stride}; estimate and plan anew."
        )
    return grown


def states_today(
    instance: BanditInstance,
    kept: Provenance,
    today: Mapping[str, int | None],
    seen_at: Mapping[str, int],
    grown: CallLog | None,
) -> tuple[Array, int]:
    """Return probabilities [J, S] of the arms' states today, and which step of the log today is.

    Parameters
    ----------
    instance
        Of the policy's arms, with those that have joined.
    kept
        What the plan keeps of its log.
    today
        State of each arm by name, ``None`` where it is not known.
    seen_at
        In which step of the log these states were, for those of which it is said.
    grown
        A later log of the same arms.
    """
    time = kept.time
    said = {name: time.known_at(step) for name, step in seen_at.items()}
    now = max([time.next_step, *([] if grown is None else [grown.next_step]), *said.values()])
    of_log = {} if grown is None else _last_known(grown)
    done = {} if grown is None else actions_of(grown)
    found = np.array(instance.arms.start)
    for arm, name in enumerate(names_of(instance)):
        state, at = today.get(name), said.get(name, now)
        if state is None:
            state, at = of_log.get(name, (None, time.next_step))
        if state is not None:
            found[arm] = np.arange(found.shape[1]) == state
        steps = since(done.get(name, ()), at, time.stride)
        found[arm] = carried(found[arm], instance.arms.transitions[arm], steps, (now - at) // time.stride)
    return found, now


def _last_known(log: CallLog) -> dict[str, tuple[int, int]]:
    """Return the last known state of each arm that was ever seen, and before which step's action it was."""
    state, at = log.last_known
    return {name: (int(state[arm]), int(at[arm])) for arm, name in enumerate(log.names) if state[arm] != UNKNOWN}


def checked_states(instance: BanditInstance, kept: Provenance, today: Mapping[str, Any]) -> None:
    """Raise `InstanceError` where one of today's states is none of the instance's."""
    states = instance.arms.shape[2]
    for name, state in today.items():
        if state is None:
            continue
        if isinstance(state, (bool, np.bool_)) or not isinstance(state, (int, np.integer)):
            raise InstanceError(f"state {state!r:.40} of {kept.words.quoted('arm')} {name!r} is no whole number.")
        if not 0 <= state < states:
            raise InstanceError(f"state {state} of {kept.words.quoted('arm')} {name!r} is outside 0 to {states - 1}.")
