"""Which edges the TSP search tries."""

import numpy as np
import pytest

from redwood.problems.routing.travel import Metric, Travel
from redwood.solvers.local_search.tsp_candidates import candidate_nodes


def two_clusters():
    """Twenty nodes around each of two far centres."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.random((20, 2)), rng.random((20, 2)) + 1000.0])


@pytest.mark.parametrize("metric", [Metric.EXACT, Metric.EUC_2D, Metric.MAN_2D])
def test_candidates_are_other_nodes_nearest_first(metric):
    """Each node has as many different other nodes as asked for, sorted by distance."""
    travel = Travel(metric, 1000 * np.random.default_rng(1).random((60, 2)))
    found = candidate_nodes(travel, 8)
    assert found.shape == (60, 8)
    for node, others in enumerate(found):
        assert node not in others
        assert len(set(others)) == 8
        lengths = travel.between(np.full(8, node), others)
        assert (np.diff(lengths) >= 0).all()


def test_candidates_lead_from_cluster_to_cluster():
    """Among far clusters some candidate edges join them, as every tour must; the nearest nodes alone never do."""
    travel = Travel(Metric.EXACT, two_clusters())
    sides = np.arange(40) // 20
    assert (sides[candidate_nodes(travel, 8)] != sides[:, None]).any()
    assert not (sides[travel.nearest(8)] != sides[:, None]).any()


@pytest.mark.parametrize(
    "travel",
    [
        Travel(Metric.EXACT, np.stack([np.arange(30.0), np.zeros(30)], axis=1)),
        Travel(Metric.EXPLICIT, None, Travel(Metric.EXACT, two_clusters()).full()),
        Travel(Metric.GEO, np.random.default_rng(2).random((30, 2))),
        Travel(Metric.EXACT, np.random.default_rng(3).random((6, 2))),
    ],
    ids=["line", "matrix", "sphere", "tiny"],
)
def test_without_a_triangulation_the_nearest_nodes_serve(travel):
    """On a line, with a matrix, on the sphere and for few nodes the candidates are the nearest nodes."""
    assert np.array_equal(candidate_nodes(travel, 8), travel.nearest(8))
