"""The relaxation that describes orienteering's windows, against best paths by enumeration."""

import numpy as np
import pytest

from redwood.problems.orienteering.prize_collecting_trees import relax_path_trees


def relaxed(xy, prizes, budget):
    """Return the shares of pairs [n, n], the shares of being left out [n], their gains [n], and the value of a prize."""
    n = len(xy)
    lengths, share, alpha, joined = (np.zeros((n, n), dtype=np.float32) for _ in range(4))
    out = np.zeros((n, 2), dtype=np.float32)
    best = np.zeros(n, dtype=np.int32)
    value, _ = relax_path_trees(xy, prizes, budget, lengths, share, alpha, out, best, joined)
    assert np.isfinite(alpha).all()
    return share, out[:, 0], out[:, 1], value


def paths(xy, prizes, budget):
    """Return the best of the paths that the trees are made into, and the shares of pairs and positions [n, n] in them."""
    n = len(xy)
    lengths, share, alpha, joined = (np.zeros((n, n), dtype=np.float32) for _ in range(4))
    best = np.zeros(n, dtype=np.int32)
    _, found = relax_path_trees(xy, prizes, budget, lengths, share, alpha, np.zeros((n, 2), dtype=np.float32), best, joined)
    return best[:found], joined


def drawn(rng, inner):
    """Return positions, the first and last of them the ends of the path, prizes, and distances."""
    xy = rng.random((inner + 2, 2))
    prizes = np.concatenate([[0.0, 0.0], rng.integers(1, 100, size=inner).astype(float)])
    return xy, prizes, np.hypot(*(xy[:, None] - xy).transpose(2, 0, 1))


def best_visits(distances, prizes, budget):
    """Return which inner positions a best path visits, by dynamic programming over sets."""
    inner = len(prizes) - 2
    shortest = np.full((1 << inner, inner), np.inf)
    for i in range(inner):
        shortest[1 << i, i] = distances[0, i + 2]
    for members in range(1, 1 << inner):
        for i in np.flatnonzero(np.isfinite(shortest[members])):
            for j in range(inner):
                if not members >> j & 1:
                    way = shortest[members, i] + distances[i + 2, j + 2]
                    shortest[members | 1 << j, j] = min(shortest[members | 1 << j, j], way)
    lengths = (shortest + distances[2:, 1]).min(axis=1)
    value = [
        sum(prizes[k + 2] for k in range(inner) if s >> k & 1) if lengths[s] <= budget else -1.0 for s in range(1 << inner)
    ]
    return np.array([int(np.argmax(value)) >> k & 1 for k in range(inner)], dtype=bool)


def test_shares_tell_what_best_paths_visit():
    rng = np.random.default_rng(0)
    visited, shares, gains = [], [], []
    for _ in range(30):
        xy, prizes, distances = drawn(rng, 8)
        budget = distances[0, 1] + rng.uniform(0.4, 1.2)
        _, out, gain, _ = relaxed(xy, prizes, budget)
        visited.append(best_visits(distances, prizes, budget))
        shares.append(1.0 - out[2:])
        gains.append(gain[2:])
    best, share, gain = np.concatenate(visited), np.concatenate(shares), np.concatenate(gains)
    assert share[best].mean() > share[~best].mean() + 0.5
    assert np.mean((share > 0.5) == best) > 0.8
    assert gain[best].mean() > 0.0 > gain[~best].mean()


def test_trees_settle_at_paths_as_long_as_they_may_be():
    rng = np.random.default_rng(1)
    for _ in range(5):
        xy, prizes, distances = drawn(rng, 60)
        budget = distances[0, 1] + 2.0
        share, out, _, value = relaxed(xy, prizes, budget)
        edges = share.sum(axis=1)
        assert value > 0.0
        assert (share * distances).sum() / 2 == pytest.approx(budget, rel=0.1)
        assert np.abs(edges[2:] - 2.0 * (1.0 - out[2:])).mean() < 0.15
        assert edges[1] == pytest.approx(1.0, abs=1e-3)
        assert share[0, 1] == 0.0


def test_one_position_between_the_ends_is_always_visited():
    share, out, _, _ = relaxed(np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.1]]), np.array([0.0, 0.0, 1.0]), 1.2)
    assert out[2] == pytest.approx(0.0, abs=1e-6)
    assert share[0, 2] == pytest.approx(1.0, abs=1e-3)
    assert share[2, 1] == pytest.approx(1.0, abs=1e-3)


def test_paths_of_trees_are_within_the_budget_and_next_to_the_best():
    rng = np.random.default_rng(2)
    collected, possible = 0.0, 0.0
    for _ in range(20):
        xy, prizes, distances = drawn(rng, 9)
        budget = distances[0, 1] + rng.uniform(0.0, 1.2)
        path, joined = paths(xy, prizes, budget)
        assert (path[0], path[-1]) == (0, 1)
        assert len(set(path.tolist())) == len(path)
        assert distances[path[:-1], path[1:]].sum() <= budget + 1e-5
        assert joined.max() <= 1.0 + 1e-5
        assert np.allclose(joined.sum(axis=0)[2:], 3.0 * np.diag(joined)[2:], atol=1e-4)
        collected += prizes[path].sum()
        possible += prizes[2:][best_visits(distances, prizes, budget)].sum()
    assert 0.97 * possible < collected <= possible


def test_paths_pass_by_what_is_out_of_reach():
    path, joined = paths(np.array([[0.0, 0.0], [0.0, 0.0], [0.2, 0.0], [3.0, 0.0]]), np.array([0.0, 0.0, 1.0, 50.0]), 1.0)
    assert path.tolist() == [0, 2, 1]
    assert joined[3, 3] == 0.0


def test_positions_in_one_place_have_no_relaxation():
    share, _, _, value = relaxed(np.zeros((4, 2)), np.ones(4), 1.0)
    assert value == 0.0
    assert not share.any()
