"""The one rule of when two values are the same, at every magnitude."""

import math

import pytest

from redwood.budget import Sense
from redwood.tolerance import beyond, contradicts, eased, gap_to, relative_gap, same, to_beat, unit_scale, usable_step

SCALES = (1e-12, 1e-6, 1.0, 1e9, 1e18)


@pytest.mark.parametrize("scale", SCALES)
def test_values_are_the_same_by_their_share_alone(scale):
    """A difference of 1e-10 of the value is none and one of 1e-8 is one, whatever the unit; only 0 is the same as 0."""
    assert same(scale, scale * (1 + 1e-10))
    assert not same(scale, scale * (1 + 1e-8))
    assert not same(0.0, scale)
    assert same(0.0, 1e-10 * scale, magnitude=scale)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("sense", "sign"), [(Sense.MIN, 1), (Sense.MAX, -1)])
def test_bounds_contradict_by_their_share_alone(scale, sense, sign):
    """A bound is beyond an objective by 1e-5 of it, not by 1e-7 of it, and never on the right side."""
    assert contradicts(sense, scale, scale * (1 + sign * 1e-5))
    assert not contradicts(sense, scale, scale * (1 + sign * 1e-7))
    assert not contradicts(sense, scale, scale * (1 - sign * 0.5))
    assert beyond(sense, scale * (1 + sign * 1e-8), scale)


@pytest.mark.parametrize("scale", SCALES)
def test_eased_bounds_are_below_what_was_computed(scale):
    """A real lower bound is eased by less than 1e-11 of it, an upper one likewise upward, and more where terms cancelled."""
    assert scale * (1 - 1e-11) < eased(scale, "min") < scale < eased(scale, "max") < scale * (1 + 1e-11)
    assert eased(scale, "min", magnitude=1e13 * scale) < 0


def test_eased_bounds_of_whole_objectives_are_whole():
    """A lower bound goes up to the next multiple, an upper one down, unless it is a millionth of a step from one."""
    assert eased(10.2, "min", step=1.0) == 11
    assert eased(10.2, "max", step=1.0) == 10
    assert eased(10.0000001, "min", step=1.0) == 10
    assert eased(10.1, "min", step=5.0) == 15
    assert eased(10.9999999, "max", step=1.0) == 11


def test_steps_count_only_where_floats_can_tell_them():
    """Whole objectives above 1e15 are eased as real ones are: a step of 1 is within their rounding."""
    assert usable_step(1.0, 1e6) == 1.0
    assert usable_step(1.0, 1e15) == 0.0
    assert eased(1e15, "min", step=1.0) < 1e15
    assert to_beat(100.0, "min", 1.0) == pytest.approx(99.0, abs=1e-5)
    assert to_beat(100.0, "max", 1.0) == pytest.approx(101.0, abs=1e-5)
    assert to_beat(1e-9, "min") > 1e-9


def test_gaps_are_signed_shares():
    """An open gap is positive in either sense, a bound beyond the objective gives a negative one, equal values 0."""
    assert relative_gap(4e-10, 3e-10, "min") == pytest.approx(0.25)
    assert relative_gap(3e-10, 4e-10, "max") == pytest.approx(0.25)
    assert relative_gap(3e-10, 4e-10, "min") == pytest.approx(-0.25)
    assert relative_gap(0.0, 0.0, "max") == 0
    assert gap_to(1.1e-10, 1e-10, "min") == pytest.approx(0.1)
    assert gap_to(0.0, 0.0, "min") == 0
    assert gap_to(1e-20, 0.0, "min") == 1


@pytest.mark.parametrize("magnitude", [1e-300, 1e-12, 0.3, 7.0, 1e15, 1e300])
def test_scales_are_powers_of_two(magnitude):
    """A scale loses nothing, and brings a magnitude to a million within a factor of two; 0 and infinity have none."""
    scale = unit_scale(magnitude)
    assert math.frexp(scale)[0] == 0.5
    assert 2**19 <= magnitude * scale <= 2**21 or magnitude < 1e-250 or magnitude > 1e250
    assert unit_scale(0.0) == unit_scale(math.inf) == 1.0
    assert unit_scale(5.0, 1.0, 10.0) == 1.0
