"""Views: the shapes in which a problem offers an instance to solvers that know nothing of the problem.

The views of decisions step by step and of planning stand apart: `redwood.views.stepwise` and `redwood.planning`.
"""

from redwood.clock import Clock, Timer
from redwood.views.bound import Bound, BoundValue
from redwood.views.linear import Linear, Rows
from redwood.views.local import Local
from redwood.views.view import View

__all__ = ["Bound", "BoundValue", "Clock", "Linear", "Local", "Rows", "Timer", "View"]
