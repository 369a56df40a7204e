"""Decoding a policy: greedy, sampled and beam rollouts over batches of tail sub-problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from redwood.arrays import Array
from redwood.solvers.bq.network import Network
from redwood.views.stepwise import Batch, Stepwise, Window

CHUNK = 512
"""Windows in one forward pass at most, which bounds the memory."""
AHEAD = 8
"""Steps at most that are taken from one look besides the first, where the network is sure of them."""
DOUBT = 0.9
"""Probability of the best action below which the policy looks ahead."""
COMPARED, LIKELY = 4, 0.05
"""How many actions are compared then, and how probable they have to be at least beside the best."""
SPARSE = 0.7
"""Finished rows are set aside when less than this share of a batch is still open."""

Choose = Callable[[Array], Array]
"""Picks an action [B] from logits [B, T x A]."""
Stops = Callable[[], bool]


def window_size(network: Network, batch: Batch) -> int:
    """Return how many unmarked tokens the network is to be shown: its window, or all there are."""
    return network.shape.window or int(batch.left.max(initial=1))


def tensors(window: Window, device: torch.device) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return features, presence and edges of a window on a device."""
    edges = None if window.edges is None else torch.from_numpy(window.edges).to(device)
    return torch.from_numpy(window.features).to(device), torch.from_numpy(window.present).to(device), edges


@torch.inference_mode()
def logits(network: Network, window: Window) -> Array:
    """Return the scores of all actions [B, T x A] float32, -inf where not allowed, computed in chunks."""
    return np.concatenate([scores for _, scores, _ in _looks(network, window, sure=1.0)])


def _looks(network: Network, window: Window, sure: float) -> Iterator[tuple[slice, Array, Tensor | None]]:
    """Yield rows of the window, their scores [R, T x A], and below 1 of ``sure`` who is next to whom, [R, T, T]."""
    device = next(network.parameters()).device
    features, present, edges = tensors(window, device)
    mask = torch.from_numpy(window.mask).to(device)
    with autocast(device):
        for begin in range(0, len(features), CHUNK):
            part = slice(begin, begin + CHUNK)
            pairs = None if edges is None else edges[part]
            tokens = network(features[part], present[part], pairs)
            scores = network.scores(tokens, mask[part]).cpu().numpy()
            next_to = torch.softmax(network.neighbours(tokens, present[part], pairs), dim=2) if sure < 1.0 else None
            yield part, scores, next_to


@torch.inference_mode()
def _decide(
    network: Network, view: Stepwise[Batch], batch: Batch, window: Window, choose: Choose, sure: float
) -> tuple[Array, Array]:
    """Return the actions [B] chosen, and the tokens [B, AHEAD] that surely follow them, -1 where there is doubt."""
    chosen, followers = [], []
    for part, scores, next_to in _looks(network, window, sure):
        rows = np.arange(part.start, part.start + len(scores))
        told = looked_ahead(view, batch, rows, window.nodes, scores)
        chosen.append(choose(told))
        if next_to is None:
            followers.append(np.full((len(scores), 0), -1))
        else:
            first = torch.from_numpy(chosen[-1]).to(next_to.device)
            count = torch.from_numpy(window.present[part].sum(axis=1)).to(next_to.device)
            followers.append(_followers(next_to, first, count, sure).cpu().numpy())
            followers[-1][(told != scores).any(axis=1)] = -1  # a step that was in doubt may surprise the neighbours
    return np.concatenate(chosen), np.concatenate(followers)


def looked_ahead(view: Stepwise[Batch], batch: Batch, rows: Array, nodes: Array, scores: Array) -> Array:
    """Return scores in which what the view estimates counts between likely actions, where none of them is sure.

    Drakulic et al. score actions by their probability alone. Where it leaves a doubt, an estimate of the rest after each of
    the likely actions tells more, and those are few.

    Parameters
    ----------
    view, batch
        The sub-problems.
    rows
        Those [R] of the batch to which the scores belong.
    nodes
        What the tokens of the windows stand for, [B, T].
    scores
        Scores [R, T x A].
    """
    if view.trust <= 0.0:
        return scores
    choices = np.flatnonzero(batch.left[rows] > 1)
    logs = scores[choices] - np.logaddexp.reduce(scores[choices], axis=1, keepdims=True)
    in_doubt = logs.max(axis=1, initial=-np.inf) < np.log(DOUBT)
    doubtful, logs = choices[in_doubt], logs[in_doubt]
    if not len(doubtful):
        return scores
    actions = np.argsort(-logs, axis=1)[:, :COMPARED]
    likely = np.take_along_axis(logs, actions, axis=1)
    tokens, which = np.divmod(actions, view.layout.scores)
    chosen = np.where(likely < likely[:, :1] + np.log(LIKELY), -1, np.take_along_axis(nodes[rows[doubtful]], tokens, axis=1))
    costs = view.look_ahead(batch.take(rows[doubtful]), chosen, which)
    scores = scores.copy()
    scores[doubtful] = -np.inf
    least = costs.min(axis=1, keepdims=True)
    row, column = np.nonzero(chosen >= 0)
    worse = 100.0 * (costs - least)[row, column] / np.maximum(np.abs(least[row, 0]), 1e-12)
    scores[doubtful[row], actions[row, column]] = likely[row, column] - view.trust * worse
    return scores


def _followers(next_to: Tensor, first: Tensor, count: Tensor, sure: float) -> Tensor:
    """Return what follows the tokens ``first`` [B] on the path that the neighbours' probabilities [B, T, T] tell of.

    A path ends at the destination, at the first doubt, and where it leaves the nearer half of the window, since of what is
    next to its rim the window may not hold all.
    """
    every = torch.arange(len(first), device=first.device)
    at = first
    passed = torch.zeros(next_to.shape[:2], dtype=torch.bool, device=first.device)
    passed[:, 0] = True
    going = torch.ones_like(first, dtype=torch.bool)
    path = []
    for _ in range(AHEAD):
        passed[every, at] = True
        row = next_to[every, at].masked_fill(passed, 0.0)
        share, following = row.max(dim=1)
        going = going & (share >= sure * row.sum(dim=1)) & (following > 1) & (2 * at <= count)
        path.append(torch.where(going, following, -1))
        at = torch.where(going, following, at)
    return torch.stack(path, dim=1)


def autocast(device: torch.device) -> torch.autocast:
    """Return the context for mixed precision in bfloat16, switched on where the hardware multiplies it fast."""
    return torch.autocast(device.type, torch.bfloat16, enabled=fast_bfloat16(device))


def fast_bfloat16(device: torch.device) -> bool:
    """Return whether a device multiplies bfloat16 matrices faster than float32 ones."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device.type != "cpu":
        return False
    supported: Callable[[], bool] | None = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported is not None and supported())


def greedily(scores: Array) -> Array:
    """Return the action of the highest score in each row."""
    return np.asarray(scores.argmax(axis=1))


def sampler(rng: np.random.Generator, temperature: float) -> Choose:
    """Return a choice in proportion to exp(score / temperature)."""

    def choose(scores: Array) -> Array:
        return np.asarray((scores / temperature + rng.gumbel(size=scores.shape)).argmax(axis=1))

    return choose


def finish(
    network: Network,
    view: Stepwise[Batch],
    batch: Batch,
    choose: Choose = greedily,
    stops: Stops = lambda: False,
    sure: float = 1.0,
) -> bool:
    """Act until every row is finished; returns whether the network chose every action.

    Below 1, ``sure`` is the confidence from which on greedy steps are followed by further ones without looking again.

    When ``stops`` says so, what is left is decided without the network: the first allowed action of the window, which is
    the nearest node or the item of best value. So there is always a solution in the end.

    Parameters
    ----------
    network
        Chooses the actions.
    view
        The instances' view.
    batch
        Sub-problems of the view, [B]; finished afterwards.
    choose
        Picks an action [B] from logits [B, T x A].
    stops
        Whether to end the network's work; asked before each step.
    sure
        From 0 to 1: share of a neighbour's probability from which on it is followed; 1 for a look at each step.
    """
    while batch.left.any():
        going = np.flatnonzero(batch.left)
        if len(going) < SPARSE * len(batch.left):
            part = batch.take(going)
            whole = finish(network, view, part, choose, stops, sure)
            batch.put(going, part)
            return whole
        if stops():
            _finish_simply(view, batch)
            return False
        window = view.window(batch, window_size(network, batch))
        chosen, ahead = _decide(network, view, batch, window, choose, sure)
        view.act(batch, window, chosen)
        for following in ahead.T:
            rows = np.flatnonzero(following >= 0)
            if not len(rows):
                break
            part = batch.take(rows)
            view.act(part, window.take(rows), following[rows])
            batch.put(rows, part)
    return True


def _finish_simply(view: Stepwise[Batch], batch: Batch) -> None:
    while batch.left.any():
        window = view.window(batch, 4)
        view.act(batch, window, window.mask.reshape(len(window.mask), -1).argmax(axis=1))


def beam(
    network: Network, view: Stepwise[Batch], rows: Array, width: int, rng: np.random.Generator | None, stops: Stops
) -> Batch:
    """Return ``width`` finished rows for each of ``rows`` [R], by beam search on the summed log-probabilities.

    Rows of one instance stand together: instance i has rows i x width to (i + 1) x width - 1.

    Parameters
    ----------
    network
        Chooses the actions.
    view
        The instances' view.
    rows
        Instances of the view, [R].
    width
        Rows kept for each of them.
    rng
        Draws the presentations; ``None`` for the data as they stand.
    stops
        Whether to end the network's work; asked before each step.
    """
    batch = view.begin(rows, rng).take(np.repeat(np.arange(len(rows)), width))
    value = np.full((len(rows), width), -np.inf)
    value[:, 0] = 0.0  # the copies differ only after the first step
    while batch.left.any():
        if stops():
            _finish_simply(view, batch)
            break
        window = view.window(batch, window_size(network, batch))
        scores = looked_ahead(view, batch, np.arange(len(batch.left)), window.nodes, logits(network, window))
        parents, choice, value = _extend(scores, value, batch.left == 0)
        window = Window(
            window.features[parents],
            window.present[parents],
            window.mask[parents],
            window.nodes[parents],
            None if window.edges is None else window.edges[parents],
        )
        batch = batch.take(parents)
        view.act(batch, window, choice)
    return batch


def _extend(scores: Array, value: Array, done: Array) -> tuple[Array, Array, Array]:
    """Return the parent row, the action and the value of the best extensions of each beam [R, width]."""
    R, width = value.shape
    steps: Array = np.full(scores.shape, -np.inf)
    going = scores[~done]
    steps[~done] = going - np.logaddexp.reduce(going, axis=1, keepdims=True)
    steps[done, 0] = 0.0  # a finished row stays as it is
    actions = steps.shape[1]
    total = (value.reshape(-1, 1) + steps).reshape(R, width * actions)
    best = np.argpartition(-total, min(width, total.shape[1]) - 1, axis=1)[:, :width]
    found = np.take_along_axis(total, best, axis=1)
    spare = ~np.isfinite(found)
    best[spare] = np.repeat(total.argmax(axis=1)[:, None], best.shape[1], axis=1)[spare]
    parents = np.arange(R)[:, None] * width + best // actions
    return parents.ravel(), (best % actions).ravel(), np.where(spare, -np.inf, found)


def rollouts(
    network: Network,
    view: Stepwise[Batch],
    rows: Array,
    rng: np.random.Generator | None,
    choose: Choose = greedily,
    stops: Stops = lambda: False,
    sure: float = 1.0,
) -> Batch:
    """Return finished rows for the view's instances ``rows`` [B], in random presentations where ``rng`` is given.

    Parameters
    ----------
    network
        Chooses the actions.
    view
        The instances' view.
    rows
        Instances of the view, [B].
    rng
        Draws the presentations; ``None`` for the data as they stand.
    choose
        Picks an action from logits, in each row.
    stops
        Whether to end the network's work; asked before each step.
    sure
        As in `finish`.
    """
    batch = view.begin(rows, rng)
    finish(network, view, batch, choose, stops, sure)
    return batch
