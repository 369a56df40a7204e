"""`HiGHS`: any problem with the view `Linear`, solved to proven optimality by mixed-integer programming."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from redwood.budget import Iterations
from redwood.errors import NoSolutionError, OptionError
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver
from redwood.views.local import Local


@dataclass(frozen=True)
class HiGHS(Solver):
    """Mixed-integer programming on HiGHS, for formulations written down whole or given row by row.

    A first incumbent comes from the run or, where the problem offers `Local`, from a short local search. A
    formulation that separates its rows is solved in rounds: linear relaxations with fractional points cut off, then
    mixed-integer programs with integral points cut off, until one needs no further row. Every round is a relaxation,
    so each of its bounds holds; every integral point that needs no row is a solution.

    One iteration is one branch-and-bound node (at least one a round) or one linear relaxation.

    Attributes
    ----------
    presolve
        HiGHS's presolve: ``"choose"``, ``"on"`` or ``"off"``.
    mip_rel_gap
        Relative gap at which HiGHS stops; 0 proves optimality.
    log
        Whether HiGHS's own log goes to the logger ``redwood.solvers.mip.session``, level info.

    References
    ----------
    Huangfu and Hall (2018), Parallelizing the dual revised simplex method, doi:10.1007/s12532-017-0130-5.
    Dantzig, Fulkerson and Johnson (1954), Solution of a large-scale traveling-salesman problem,
    doi:10.1287/opre.2.4.393, for rows added in rounds.
    """

    presolve: str = "choose"
    mip_rel_gap: float = 0.0
    log: bool = False

    def __post_init__(self) -> None:
        if self.presolve not in ("choose", "on", "off"):
            raise OptionError(f"presolve {self.presolve!r} is none of 'choose', 'on', 'off'.")
        if not 0 <= self.mip_rel_gap < math.inf:
            raise OptionError(f"mip_rel_gap {self.mip_rel_gap} is not a number from 0 up (0.01 is one per cent).")

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        import highspy  # noqa: F401
        import pyomo.environ  # noqa: F401

        if problem.offers(Local):
            with contextlib.suppress(NoSolutionError):  # the model may prove that there is none
                problem.view(Local, instance).warm_up()
        _rehearse(problem)

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        from redwood.solvers.mip.search import Search

        return Search(self, problem, instance, run).answer()


REHEARSAL = 10
"""Size of the instance that is looked at ahead of the clock."""


@cache
def _rehearse(problem: Problem[Any, Any]) -> None:
    """Cut on one small instance of a problem, so that no clock pays for the kernels of its bounds and cuts, or for Pyomo."""
    from redwood.solvers.mip.search import Search

    variant = problem.variants[0] if problem.variants else ""
    with contextlib.suppress(Exception):  # it decides nothing: without a generator, say, the clock pays after all
        small = problem.generate(REHEARSAL, np.random.default_rng(0), variant=variant)
        search = Search(HiGHS(), problem, small, Run(problem, small, budget=Iterations(3)))
        search.answer()
        if search.separates:  # three relaxations need not come to a fractional point
            search.view.separate(np.full(search.listed, 0.3), False)
