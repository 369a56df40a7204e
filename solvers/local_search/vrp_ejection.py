"""Ejections while vehicles are saved: somebody absent takes the place of those few who were absent least often.

References
----------
Nagata and Bräysy (2009), A powerful route minimization heuristic for the vehicle routing problem with time windows,
doi:10.1016/j.orl.2009.04.006: section 3.3 (lexicographic search for ejections by counters). Deviations: iterations of ruin
and recreate take the place of the squeeze and of the random moves, and absences are counted in these too.
"""

from __future__ import annotations

import math

from redwood.kernels import RandomState, kernel, random_below
from redwood.problems.vrp.ground import Ground
from redwood.problems.vrp.plan import BROUGHT, LEFT, Plan, join, stop_duration
from redwood.problems.vrp.segments import choose_windows, refresh
from redwood.solvers.local_search.vrp_profit import begin_of_service
from redwood.solvers.local_search.vrp_search import (
    ABSENT,
    CHANGE,
    DEEP,
    EJECTED,
    Search,
    list_candidate,
    restore,
    take,
    touch,
)

SHORT, MIDDLE = 20, 80
"""On routes of up to so many customers three, and two, are taken out at most, on longer ones one."""
UNKNOWN = 1 << 60
"""More than any sum of absences."""
AT, STOP, ABSENCES = 0, 1, 2
"""Rows of `Search.stack`: where the next one to take out is looked for, the last stop kept, and the absences so far."""


@kernel(_nrt=False)
def eject(plan: Plan, ground: Ground, search: Search, state: RandomState) -> bool:
    """Insert somebody absent and take those out of the route who were absent least often; return whether that was done.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance; nobody has a shipment, and somebody is absent.
    search
        What the search remembers; gets the customers taken out.
    state
        The generator's state [2].
    """
    v = int(search.absent[random_below(state, search.counters[ABSENT])])
    search.absences[v] += 1
    least, place, routes = UNKNOWN, -1, len(plan.kind)
    first = random_below(state, routes)
    for i in range(routes):
        r = (first + i) % routes
        if plan.kind[r] < 0 or not ground.may[plan.kind[r], v]:
            continue
        p = ground.size + r
        for position in range(plan.members[r] + 1):
            if least > 0 and not ground.fixed[plan.after[p]]:
                _write_sequence(plan, ground, search, r, v, position)
                found = _least_ejection(plan, ground, search, r, v, least)
                if found < least:
                    least, place = found, p
            p = plan.after[p]
    return place >= 0 and _put_for(plan, ground, search, v, place)


@kernel(_nrt=False)
def _put_for(plan: Plan, ground: Ground, search: Search, v: int, p: int) -> bool:
    """Put v behind stop p and take the ejected out; return false, with nothing changed, where the route breaks a limit."""
    r = plan.route[p]
    touch(plan, ground, search, r)
    list_candidate(search, v)
    join(plan, ground, v, p)
    search.values[CHANGE] -= ground.prize[v]
    for d in range(search.counters[EJECTED]):
        take(plan, ground, search, search.ejected[d])
    choose_windows(plan, ground, r)
    if refresh(plan, ground, r):
        return True
    restore(plan, ground, search)
    return False


@kernel(_nrt=False)
def _write_sequence(plan: Plan, ground: Ground, search: Search, r: int, v: int, position: int) -> None:
    """Write down the customers of route r with v among them, and when the service of each may begin last."""
    sequence, latest = search.came, search.done_at
    stop, n = plan.after[ground.size + r], plan.members[r] + 1
    for i in range(n):
        if i == position:
            sequence[i] = v
        else:
            sequence[i] = stop
            stop = plan.after[stop]
    k = plan.kind[r]
    after, limit = ground.size + len(plan.kind) + r, ground.closes[k]
    for i in range(n - 1, -1, -1):
        c = sequence[i]
        limit = min(search.late[c], limit - stop_duration(plan, ground, k, c, after) - ground.service[c])
        if limit < search.early[c]:
            limit = -math.inf
        latest[i] = limit
        after = c


@kernel(_nrt=False)
def _least_ejection(plan: Plan, ground: Ground, search: Search, r: int, v: int, least: int) -> int:
    """Return the least absences of customers whose leaving makes the sequence feasible, `UNKNOWN` where below ``least``
    there are none. These customers are noted.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    search
        What the search remembers, with the sequence; gets the customers.
    r, v
        The route and who comes in.
    least
        The absences have to be below it.
    """
    k, n = plan.kind[r], plan.members[r] + 1
    stack, times = search.stack, search.stack_time
    most = DEEP if n <= SHORT else (2 if n <= MIDDLE else 1)
    stack[AT, 0], stack[STOP, 0], stack[ABSENCES, 0], times[0] = 0, ground.size + r, 0, ground.begins[k]
    if _completes(plan, ground, search, r, v, 0, 0):
        search.counters[EJECTED] = 0
        return 0
    found, depth = UNKNOWN, 0
    while depth >= 0:
        i = stack[AT, depth]
        if i >= n:
            depth -= 1
            continue
        c = search.came[i]
        stack[AT, depth] = i + 1
        deeper = False
        total = stack[ABSENCES, depth] + search.absences[c] + 1
        if c != v and not ground.fixed[c] and total < least:
            search.trial[depth] = c
            if _completes(plan, ground, search, r, v, depth, i + 1):
                found = least = total
                search.counters[EJECTED] = depth + 1
                for d in range(depth + 1):
                    search.ejected[d] = search.trial[d]
            elif depth + 1 < most:
                deeper = True
                stack[AT, depth + 1], stack[STOP, depth + 1], stack[ABSENCES, depth + 1] = i + 1, stack[STOP, depth], total
                times[depth + 1] = times[depth]
        begin = begin_of_service(ground, c, times[depth] + stop_duration(plan, ground, k, stack[STOP, depth], c))
        if begin == math.inf:  # it cannot stay, so nobody behind it is the next to go
            stack[AT, depth] = n
        else:
            stack[STOP, depth], times[depth] = c, begin + ground.service[c]
        depth += deeper
    return found


@kernel(_nrt=False)
def _completes(plan: Plan, ground: Ground, search: Search, r: int, v: int, depth: int, i: int) -> bool:
    """Return whether the rest of the sequence, from i on, may follow the stop kept last, by times and sums of loads.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    search
        What the search remembers, with the sequence and who is taken out on trial.
    r, v
        The route and who comes in.
    depth, i
        Where the state stands in the stack, so that one more is on trial where i is not 0; and where the rest begins.
    """
    k, n = plan.kind[r], plan.members[r] + 1
    end = ground.size + len(plan.kind) + r
    stop = search.stack[STOP, depth]
    limit = ground.closes[k] if i >= n else search.done_at[i]
    if search.stack_time[depth] + stop_duration(plan, ground, k, stop, end if i >= n else search.came[i]) > limit:
        return False
    out = depth + 1 if i > 0 else 0
    for m in range(ground.brought.shape[1]):
        brought = plan.head_load[end, 3 * m + BROUGHT] + ground.brought[v, m]
        left = plan.head_load[end, 3 * m + LEFT] + ground.left[v, m]
        for d in range(out):
            brought -= ground.brought[search.trial[d], m]
            left -= ground.left[search.trial[d], m]
        if max(brought, left) > ground.capacity[k, m] + ground.load_slack:
            return False
    return True
