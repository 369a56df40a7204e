"""Job-shop scheduling for Redwood. This file says what there is and imports none of it."""

from redwood.plugins.spec import Format, ProblemSpec, hookimpl

PAIRS = r"\A(\s*#[^\n]*\n)*\s*\d+[ \t]+\d+[ \t\r]*\n\s*\d+[ \t]+\d+[ \t]+\d+[ \t]+\d+"
"""Jobs and machines in the first line, then at least two pairs of machine and duration in the next."""


@hookimpl
def redwood_problems():
    return [
        ProblemSpec(
            name="jobshop",
            summary="Job-shop scheduling: operations of jobs on machines, the last one done as early as possible.",
            target="redwood_jobshop.problem:JobShop",
            views=frozenset({"Linear", "Local", "Stepwise", "Bound"}),
            formats=(Format((".jsp",), PAIRS),),
        )
    ]
