"""Best known values: numbers that JSON has, or refused."""

import json

import numpy as np
import pytest

import redwood
from redwood.errors import InstanceError


def _make(known):
    return redwood.instance("knapsack", values=[1, 2], weights=[1, 2], capacity=3, best_known=known)


@pytest.mark.parametrize("known", [float("nan"), float("inf"), -float("inf"), np.float64("nan"), "3", True, [3], 10**400])
def test_what_is_no_finite_number_is_refused(known):
    """A best known value that is not a finite number is an error of the instance that names it."""
    with pytest.raises(InstanceError, match="best_known"):
        _make(known)


@pytest.mark.parametrize("known", [3, 3.0, np.int64(3), np.float32(3), np.float64(3), None])
def test_numbers_of_any_kind_go_to_json(known):
    """NumPy's numbers become Python's own, and a result that holds them is JSON without NaN."""
    made = _make(known)
    assert made.best_known is None or type(made.best_known) in (int, float)
    told = json.loads(redwood.solve(made, time_limit=0.2).to_json(), parse_constant=lambda word: pytest.fail(word))
    assert told["best_known"] == (None if known is None else 3)
