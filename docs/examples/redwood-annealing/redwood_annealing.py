"""Simulated annealing for Redwood. This file says what there is and imports none of it."""

from redwood.plugins.spec import SolverSpec, hookimpl


@hookimpl
def redwood_solvers():
    return [
        SolverSpec(
            name="annealing",
            summary="Simulated annealing over the moves of any problem that offers the view Local.",
            target="redwood_annealing_solver:Annealing",
            views=frozenset({"Local"}),
        )
    ]
