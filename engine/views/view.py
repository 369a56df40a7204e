"""What all views share."""

from __future__ import annotations


class View:
    """Base of all views. A view is made of one instance (`Stepwise`: of several) and may keep what it computes."""
