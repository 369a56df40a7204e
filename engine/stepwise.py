"""The view `Stepwise`: an instance as the bisimulation-quotient decision process, whose state is the tail sub-problem.

References
----------
Drakulic, Michel, Mai, Sors, Andreoli (2023), BQ-NCO: Bisimulation Quotienting for Efficient Neural Combinatorial
Optimization, arXiv:2301.03313, section 3.
"""

from __future__ import annotations

from redwood.views import View


class Stepwise(View):
    """A batch of tail sub-problems, stepped together."""
