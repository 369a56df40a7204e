"""Instances in the formats of others: what was written is read back as the same, and what does not fit is named."""

import os
from pathlib import Path

import numpy as np
import pytest

import redwood
from redwood.errors import FormatError, OptionError


def small(**changes):
    """Return two customers with windows and one vehicle, with changes to the arguments."""
    rows = [{"name": str(k), "x": 3 * k, "y": 4 * k, "delivery": k, "service": 1, "window": [0, 50 + k]} for k in (1, 2)]
    data = {
        "customers": rows,
        "depots": [{"name": "0", "x": 0, "y": 0, "window": [0, 100]}],
        "vehicles": [{"number": 2, "capacity": 5}],
    }
    return redwood.instance("vrp", **(data | changes))


def same(one, other):
    """Return whether two instances have the same data, names of types apart."""
    arrays = ("delivery", "pickup", "service", "windows", "release", "prize", "required", "shipments", "amounts")
    assert one.customers == other.customers
    for name in (*arrays, "depot_windows", "may_serve"):
        if name == "may_serve" and len(one.vehicles) != len(other.vehicles):
            continue
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    nodes = np.arange(one.roads.size)
    for kind in ("distance", "duration"):
        lengths = [getattr(i.roads, kind)(i.vehicles[0].profile, nodes[:, None], nodes) for i in (one, other)]
        assert np.allclose(*lengths, rtol=0, atol=1e-9)
    assert [(v.number, v.capacity, v.fixed_cost, v.distance_cost, v.start) for v in one.vehicles] == [
        (v.number, v.capacity, v.fixed_cost, v.distance_cost, v.start) for v in other.vehicles
    ]
    assert (one.groups, one.group_required, one.linehauls_first) == (
        other.groups,
        other.group_required,
        other.linehauls_first,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"distances": [[0, 2, 3], [4, 0, 5], [6, 7, 0]]},
        {
            "vehicles": [
                {"name": "a", "number": 1, "capacity": 3, "fixed_cost": 2},
                {"name": "b", "number": 2, "capacity": 5},
            ]
        },
        {"vehicles": [{"number": 2, "capacity": 5, "max_duration": 60.5, "max_distance": 70, "distance_cost": 2}]},
    ],
)
def test_vrplib_text_reads_back(tmp_path, changes):
    """Fleets, limits, matrices and windows survive the way through a .vrp file."""
    instance = small(**changes)
    redwood.write(instance, tmp_path / "a.vrp")
    same(instance, redwood.read(tmp_path / "a.vrp", "vrp"))


@pytest.mark.parametrize("variant", ["plain", "windows", "pickups", "prizes"])
def test_generated_instances_survive_vrplib(tmp_path, variant):
    """A generated instance is read back with the same data."""
    instance = redwood.generate(f"vrp/{variant}", 12, seed=1)
    redwood.write(instance, tmp_path / "a.vrp")
    again = redwood.read(tmp_path / "a.vrp", "vrp")
    for name in ("delivery", "pickup", "prize", "windows"):
        assert np.array_equal(getattr(instance, name), getattr(again, name)), name


def test_groups_and_prizes_in_vrplib(tmp_path):
    """Groups keep their customers, and prizes make customers optional."""
    rows = [{"name": str(k), "x": k, "y": 1, "delivery": 1} for k in (1, 2, 3)]
    rows[0]["prize"] = 4
    rows[1]["group"] = rows[2]["group"] = "either"
    instance = small(customers=rows, depots=[{"name": "0", "x": 0, "y": 0}])
    redwood.write(instance, tmp_path / "a.vrp")
    again = redwood.read(tmp_path / "a.vrp", "vrp")
    same(instance, again)


def test_solomon_text_reads_back(tmp_path):
    """A plain instance with windows survives the way through Solomon's text."""
    redwood.write(small(), tmp_path / "a.txt")
    same(small(), redwood.read(tmp_path / "a.txt", "vrp"))


@pytest.mark.parametrize(
    ("changes", "suffix", "named"),
    [
        ({"vehicles": [{"number": 2, "capacity": 5, "duration_cost": 1}]}, ".vrp", "cost of time"),
        ({"vehicles": [{"number": 2, "capacity": 5, "end": "none"}]}, ".vrp", "an end that is not its start"),
        ({"objective": "fewest-vehicles"}, ".vrp", "fewest-vehicles"),
        ({"distances": np.ones((3, 3)) - np.eye(3)}, ".txt", "straight"),
        ({"vehicles": [{"number": 2, "capacity": 5, "fixed_cost": 1}]}, ".txt", "fixed cost"),
        ({"depots": [{"name": "0", "x": 0, "y": 0}]}, ".txt", "time window"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, changes, suffix, named):
    """The error says what the format has no place for, and nothing is written."""
    with pytest.raises(FormatError, match=named):
        redwood.write(small(**changes), tmp_path / f"a{suffix}")
    assert not (tmp_path / f"a{suffix}").exists()


def test_other_suffixes_are_refused_with_those_known(tmp_path):
    """A path of no known format is an error that names the formats."""
    with pytest.raises(OptionError, match=r"\.json or \.vrp or \.txt"):
        redwood.write(small(), tmp_path / "a.csv")


@pytest.mark.skipif("REDWOOD_DATA" not in os.environ, reason="REDWOOD_DATA names no folder with instances")
@pytest.mark.parametrize(
    ("file", "suffix"), [("solomon/R102.txt", ".txt"), ("solomon/R102.txt", ".vrp"), ("hfvrp/X143-FSMF.vrp", ".vrp")]
)
def test_real_files_survive(tmp_path, file, suffix):
    """Files of others are written, and read back as the same."""
    instance = redwood.read(Path(os.environ["REDWOOD_DATA"]) / "vrp" / file)
    redwood.write(instance, tmp_path / f"a{suffix}")
    same(instance, redwood.read(tmp_path / f"a{suffix}", "vrp"))
