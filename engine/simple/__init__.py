"""Short ways to write a problem: instances of arrays, files in JSON, local search by moves, policies by picks.

They fill in the contracts of `redwood.problem`, `redwood.views` and `redwood.views.stepwise` in plain Python. A problem that
is to be fast overrides them, or writes the contracts themselves; no solver can tell the difference.
"""

from redwood.simple.instance import ArrayInstance, array
from redwood.simple.moves import Moves
from redwood.simple.picks import Picks, scaled
from redwood.simple.problem import JsonProblem, permutation_violations

__all__ = ["ArrayInstance", "JsonProblem", "Moves", "Picks", "array", "permutation_violations", "scaled"]
