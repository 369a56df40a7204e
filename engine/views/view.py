"""What all views share."""

from __future__ import annotations


class View:
    """Base of all views. A view is made of one instance (`Stepwise`: of several) and may keep what it computes."""

    def warm_up(self) -> None:
        """Import and compile what the other methods need, quickly and on small inputs, before a clock starts."""
