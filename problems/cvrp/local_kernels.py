"""Moves on a plan, in Numba: relocate, swap, exchange of tails (2-opt*) and reversal (2-opt), with descent over them.

References
----------
Potvin and Rousseau (1995), An exchange heuristic for routeing problems with time windows, doi:10.1057/jors.1995.204
(2-opt*). Vidal (2022), Hybrid genetic search for the CVRP, doi:10.1016/j.cor.2021.105643, section 3.2, for the
neighbourhoods over pairs of near customers.
"""

from __future__ import annotations

import math

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below
from redwood.problems.cvrp.plan import Ground, Plan, between, link, unlink

RELOCATE_AFTER, RELOCATE_BEFORE, SWAP, TAILS, REVERSE, ALONE = 0, 1, 2, 3, 4, 5
"""Kinds of moves of a customer c and a near customer j: c behind j; c before j; change places; what follows c changes
with what precedes j, so that j follows c; the customers behind c up to j reversed; c to a route of its own."""
KINDS = 6
GAIN_SHARE = 1e-13
"""A move pays where it gains more than this share of the legs that it takes out: its gain rounds to less than 2e-15 of them,
so every move made shortens the routes truly, and no sequence of moves can come back to the same routes."""


@kernel(_nrt=False)
def move_change(plan: Plan, ground: Ground, kind: int, c: int, j: int) -> float:
    """Return the change of length that a move makes, infinite where it is not allowed or changes nothing.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    kind
        One of the kinds above.
    c, j
        A customer and a near one; the same where it goes to a route of its own.
    """
    if plan.route[c] < 0 or plan.route[j] < 0 or (c == j and kind != ALONE):
        return math.inf
    if kind == RELOCATE_AFTER:
        return relocate_change(plan, ground, c, j)
    if kind == RELOCATE_BEFORE:
        return relocate_change(plan, ground, c, plan.before[j])
    if kind == SWAP:
        return swap_change(plan, ground, c, j)
    if kind == TAILS:
        return tails_change(plan, ground, c, plan.before[j])
    if kind == REVERSE:
        return reverse_change(plan, ground, c, j)
    if plan.used[0] == 0 or plan.members[plan.route[c]] == 1:
        return math.inf
    return relocate_change(plan, ground, c, ground.size + 1 + plan.empty[plan.used[0] - 1])


@kernel(_nrt=False)
def make_move(plan: Plan, ground: Ground, kind: int, c: int, j: int) -> None:
    """Make a move that is allowed.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    kind
        One of the kinds above.
    c, j
        A customer and a near one; the same where it goes to a route of its own.
    """
    if kind == RELOCATE_AFTER:
        shift(plan, ground, c, j)
    elif kind == RELOCATE_BEFORE:
        shift(plan, ground, c, plan.before[j])
    elif kind == SWAP:
        at = plan.before[c]
        shift(plan, ground, c, j)
        shift(plan, ground, j, at)
    elif kind == TAILS:
        exchange_tails(plan, ground, c, plan.before[j])
    elif kind == REVERSE:
        first = plan.after[c]
        while plan.after[c] != j:  # j follows c on the route, and comes a stop nearer each time
            shift(plan, ground, plan.after[first], c)
    else:
        shift(plan, ground, c, ground.size + 1 + plan.empty[plan.used[0] - 1])


@kernel(_nrt=False)
def relocate_change(plan: Plan, ground: Ground, c: int, p: int) -> float:
    """Return the change of length of moving c behind stop p.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    c, p
        A customer, and a stop of any route, its end included.
    """
    if p == c or p == plan.before[c]:
        return math.inf
    r = plan.route[p]
    if r != plan.route[c] and plan.load[r] + ground.demand[c] > ground.limit:
        return math.inf
    q = plan.before[c]
    n = plan.after[c]
    closed = between(ground, q, n) - plan.leg[q] - plan.leg[c]
    return float(closed + between(ground, p, c) + between(ground, c, plan.after[p]) - plan.leg[p])


@kernel(_nrt=False)
def swap_change(plan: Plan, ground: Ground, c: int, j: int) -> float:
    """Return the change of length of c and j, which are not neighbours on a route, changing places.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    c, j
        Two different customers.
    """
    if plan.after[c] == j or plan.after[j] == c:
        return math.inf
    extra = ground.demand[j] - ground.demand[c]
    r = plan.route[c]
    s = plan.route[j]
    if r != s and (plan.load[r] + extra > ground.limit or plan.load[s] - extra > ground.limit):
        return math.inf
    p = plan.before[c]
    q = plan.before[j]
    new = between(ground, p, j) + between(ground, j, plan.after[c])
    new += between(ground, q, c) + between(ground, c, plan.after[j])
    return float(new - plan.leg[p] - plan.leg[c] - plan.leg[q] - plan.leg[j])


@kernel(_nrt=False)
def tails_change(plan: Plan, ground: Ground, c: int, d: int) -> float:
    """Return the change of length of customers behind c and behind stop d changing routes.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    c, d
        A customer, and a stop of any route, its end included.
    """
    r = plan.route[c]
    s = plan.route[d]
    if r == s:
        return math.inf
    change = between(ground, c, plan.after[d]) + between(ground, d, plan.after[c]) - plan.leg[c] - plan.leg[d]
    if change >= 0.0 and plan.members[s] == 0:
        return math.inf
    behind_c = tail_load(plan, ground, c)
    behind_d = tail_load(plan, ground, d)
    if plan.load[r] - behind_c + behind_d > ground.limit or plan.load[s] - behind_d + behind_c > ground.limit:
        return math.inf
    return float(change)


@kernel(_nrt=False)
def tail_load(plan: Plan, ground: Ground, stop: int) -> float:
    """Return the demand behind a stop on its route."""
    load = 0.0
    c = plan.after[stop]
    # a route is a ring that its end closes, so walks along it, here and below, stop there
    while c <= ground.size:
        load += ground.demand[c]
        c = plan.after[c]
    return load


@kernel(_nrt=False)
def reverse_change(plan: Plan, ground: Ground, c: int, j: int) -> float:
    """Return the change of length of reversing the customers behind c up to j, which must follow on the same route.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    c, j
        Two different customers.
    """
    if plan.route[c] != plan.route[j] or plan.after[c] == j:
        return math.inf
    stop = plan.after[c]
    while stop != j:  # along the route, as far as its end
        if stop > ground.size:
            return math.inf
        stop = plan.after[stop]
    first = plan.after[c]
    last = plan.after[j]
    return float(between(ground, c, j) + between(ground, first, last) - plan.leg[c] - plan.leg[j])


@kernel(_nrt=False)
def shift(plan: Plan, ground: Ground, c: int, p: int) -> None:
    """Move customer c behind stop p, which is not c.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    c, p
        A customer, and a stop of any route, its end included.
    """
    if p == plan.before[c]:
        return
    unlink(plan, ground.demand, c, between(ground, plan.before[c], plan.after[c]))
    link(plan, ground.demand, c, p, between(ground, p, c), between(ground, c, plan.after[p]))


@kernel(_nrt=False)
def exchange_tails(plan: Plan, ground: Ground, c: int, d: int) -> None:
    """Let the customers behind c and behind stop d, on different routes, change routes.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    c, d
        A customer, and a stop of another route, its end included.
    """
    old = plan.after[c]
    p = c
    while plan.after[d] <= ground.size:  # each round moves a customer of the tail
        moved = plan.after[d]
        shift(plan, ground, moved, p)
        p = moved
    while old <= ground.size:  # each round moves a customer of the tail
        following = plan.after[old]
        shift(plan, ground, old, d)
        d = old
        old = following


@kernel(_nrt=False)
def removed_length(plan: Plan, kind: int, c: int, j: int) -> float:
    """Return the length of the legs that a move takes out.

    Parameters
    ----------
    plan
        The routes before the move.
    kind
        One of the kinds above.
    c, j
        A customer and a near one, as for `move_change`.
    """
    if kind == SWAP:
        return float(plan.leg[plan.before[c]] + plan.leg[c] + plan.leg[plan.before[j]] + plan.leg[j])
    if kind == TAILS:
        return float(plan.leg[c] + plan.leg[plan.before[j]])
    if kind == REVERSE:
        return float(plan.leg[c] + plan.leg[j])
    away = float(plan.leg[plan.before[c]] + plan.leg[c])
    if kind == RELOCATE_AFTER:
        return away + float(plan.leg[j])
    return away + float(plan.leg[plan.before[j]]) if kind == RELOCATE_BEFORE else away


@kernel(_nrt=False)
def propose_move(plan: Plan, ground: Ground, state: RandomState, near: int, tries: int) -> tuple[int, int, int, float]:
    """Return kind, customer, near customer and change of a random allowed move; kind -1 where none was hit upon.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    state
        The generator's state [2].
    near
        Among how many nearest customers of a random one the second is drawn.
    tries
        Moves drawn before it is given up.
    """
    width = min(near, ground.near.shape[1])
    for _ in range(tries):
        c = 1 + random_below(state, ground.size)
        j = ground.near[c, random_below(state, width)]
        kind = random_below(state, KINDS)
        if j == 0:
            j = c
        change = move_change(plan, ground, kind, c, j)
        if change < math.inf:
            return kind, c, j, change
    return -1, 0, 0, 0.0


@kernel
def descend_plan(plan: Plan, ground: Ground, near: int, fresh: Array, first: int, steps: int) -> tuple[float, int]:
    """Make improving moves over the ``near`` nearest customers; return the change of length, and where to go on.

    Customers marked in ``fresh`` [N + 1] are looked at in turn, from customer ``first`` on and up to ``steps`` times; 0 is
    returned as the customer to go on from where no move is left.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    near
        How many nearest customers of each customer are tried.
    fresh
        Customers [N + 1] to look at; changes.
    first
        The customer to begin with, 1..N.
    steps
        Customers looked at, at most.
    """
    size = ground.size
    width = min(near, ground.near.shape[1])
    total = 0.0
    c = first
    waited = 0
    while waited < size:  # each round takes a step, or comes nearer to the end of a whole turn without any
        if not fresh[c]:
            waited += 1
            c = c + 1 if c < size else 1
            continue
        if steps == 0:
            return total, c
        steps -= 1
        waited = 0
        fresh[c] = False
        kind, j, change = best_move(plan, ground, c, width)
        if change < -GAIN_SHARE * removed_length(plan, kind, c, j):
            wake(plan, size, fresh, c)
            wake(plan, size, fresh, j)
            make_move(plan, ground, kind, c, j)
            wake(plan, size, fresh, c)
            wake(plan, size, fresh, j)
            total += change
        else:
            c = c + 1 if c < size else 1
    return total, 0


@kernel(_nrt=False)
def best_move(plan: Plan, ground: Ground, c: int, width: int) -> tuple[int, int, float]:
    """Return kind, near customer and change of the best move of a customer.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    c
        A customer.
    width
        How many of its nearest customers are tried.
    """
    kind = ALONE
    found = c
    best = move_change(plan, ground, ALONE, c, c)
    for k in range(width):
        j = ground.near[c, k]
        if j == 0:
            continue
        for other in range(ALONE):
            change = move_change(plan, ground, other, c, j)
            if change < best:
                best = change
                kind = other
                found = j
    return kind, found, best


@kernel(_nrt=False)
def wake(plan: Plan, size: int, fresh: Array, c: int) -> None:
    """Mark a customer and its two neighbours on the route as worth looking at again.

    Parameters
    ----------
    plan
        The routes.
    size
        Number of customers N.
    fresh
        Customers [N + 1] to look at; changes.
    c
        A customer.
    """
    fresh[c] = True
    if plan.before[c] <= size:
        fresh[plan.before[c]] = True
    if plan.after[c] <= size:
        fresh[plan.after[c]] = True
