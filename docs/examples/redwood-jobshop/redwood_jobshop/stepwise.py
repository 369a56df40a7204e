"""The view `Stepwise`: dispatch one operation after another, as Giffler and Thompson do (1960, doi:10.1287/opre.8.4.487)."""

from dataclasses import dataclass

import numpy as np

from redwood.views.stepwise import Batch, Layout, Stage, Stepwise, Target, Window
from redwood_jobshop.problem import JobShop, Schedule
from redwood_jobshop.sequences import left_shifted


@dataclass
class Partial(Batch):
    """Operations done [B, J], starts [B, J, M], and when jobs [B, J] and machines [B, M] are free."""

    done: np.ndarray
    starts: np.ndarray
    ready: np.ndarray
    free: np.ndarray


class JobShopStepwise(Stepwise):
    """Tokens are the jobs. A decision is made where several jobs compete for the machine that can be done first.

    What is dispatched never leaves the machine idle for an operation that would have fitted; the best of such schedules
    is optimal. Decisions with one candidate make themselves.
    """

    layout = Layout(features=11, marks=0, edges=2, neighbours=False)
    curriculum = (Stage(6, 20, 100), Stage(10, 20, 300), Stage(15, 10, 500))
    symmetric = False
    kind = JobShop

    def __init__(self, *instances):
        super().__init__(*instances)
        jobs, count = (max(i.machines.shape[axis] for i in instances) for axis in (0, 1))
        self.machines, self.durations, self.best = np.zeros((3, len(instances), jobs, count + 1), np.int64)
        self.ends = np.zeros((len(instances), jobs), np.int64)  # operations of each job; absent jobs have none
        for row, instance in enumerate(instances):
            self.machines[row, : instance.size, : instance.machines.shape[1]] = instance.machines
            self.durations[row, : instance.size, : instance.machines.shape[1]] = instance.durations
            self.ends[row, : instance.size] = instance.machines.shape[1]

    def begin(self, rows, rng=None):
        B, (_, J, M) = len(rows), self.machines.shape
        done, starts, ready, free = (np.zeros(shape, np.int64) for shape in ((B, J), (B, J, M), (B, J), (B, M)))
        batch = Partial(np.asarray(rows, np.int64), self.ends[rows].sum(axis=1), done, starts, ready, free)
        self._do_what_is_clear(batch)
        return batch

    def window(self, batch, size):
        machine, length, begin, candidates, open_jobs = self._next(batch)
        shown = np.argsort(np.where(candidates, -1, np.where(open_jobs, begin, 2**60)), axis=1, kind="stable")[:, :size]
        shown = shown[:, : max(1, int(open_jobs.sum(axis=1).max(initial=1)))]
        pick, rows = lambda array: np.take_along_axis(array, shown, axis=1), np.arange(len(shown))[:, None]
        present = pick(open_jobs)
        after = (np.arange(self.machines.shape[2]) >= batch.done[:, :, None]) * self.durations[batch.rows]  # [B, J, M]
        work, loads = after.sum(axis=2), np.zeros_like(batch.free)
        np.add.at(loads, (np.arange(len(loads))[:, None, None], self.machines[batch.rows]), after)
        now = np.where(open_jobs, begin, 2**60).min(axis=1, initial=2**60, keepdims=True)
        scale = np.maximum(1.0, np.maximum(work.max(axis=1), loads.max(axis=1)))[:, None]
        following = np.minimum(batch.done + 1, self.machines.shape[2] - 1)
        later = np.take_along_axis(self.machines[batch.rows], following[:, :, None], 2)[:, :, 0]
        told = [begin - now, length, work, begin + work - now, batch.free[rows, machine] - now, batch.ready - now]
        told += [loads[rows, machine], np.take_along_axis(after, following[:, :, None], 2)[:, :, 0]]
        told += [loads[rows, later], np.maximum(batch.free[rows, later] - now, 0)]
        features = np.stack([pick(array) / scale for array in told] + [pick(candidates)], axis=2)
        features = np.where(present[:, :, None], features, 0.0).astype(np.float32)
        on, first, ending = pick(machine), pick(begin), pick(begin + length)
        same = on[:, :, None] == on[:, None, :]
        delay = np.clip((ending[:, :, None] - first[:, None, :]) / scale[:, :, None], -1, 1) * same
        both = present[:, :, None] & present[:, None, :]
        edges = (np.stack([same, delay], axis=3) * both[:, :, :, None]).astype(np.float32)
        return Window(features, present, (pick(candidates) & present)[:, :, None], np.where(present, shown, -1), edges)

    def act(self, batch, window, choice):
        going = np.flatnonzero(batch.left)
        self._dispatch(batch, going, window.nodes[going, choice[going]])
        self._do_what_is_clear(batch)

    def solutions(self, batch):
        shapes = [self.instances[row].machines.shape for row in batch.rows]
        return [Schedule(starts[:jobs, :count]) for starts, (jobs, count) in zip(batch.starts, shapes, strict=True)]

    def set_labels(self, solutions):
        for best, instance, solution in zip(self.best, self.instances, solutions, strict=True):
            best[: instance.size, : instance.machines.shape[1]] = left_shifted(instance, solution.starts)
        super().set_labels(solutions)

    def target(self, batch, window):
        _, _, _, candidates, _ = self._next(batch)
        begins = np.take_along_axis(self.best[batch.rows], batch.done[:, :, None], axis=2)[:, :, 0]
        right = np.where(candidates, begins, 2**60).argmin(axis=1)[:, None] == window.nodes
        return Target(np.where(right.any(axis=1), right.argmax(axis=1), -1))

    def _next(self, batch):
        """Return of each job's next operation [B, J] machine, duration and earliest start, who competes, who is not done."""
        here = batch.done[:, :, None]
        machine, length = (np.take_along_axis(a[batch.rows], here, 2)[:, :, 0] for a in (self.machines, self.durations))
        begin = np.maximum(batch.ready, np.take_along_axis(batch.free, machine, axis=1))
        open_jobs = batch.done < self.ends[batch.rows]
        end = np.where(open_jobs, begin + length, 2**60)
        first = end.argmin(axis=1)[:, None]
        candidates = (
            (machine == np.take_along_axis(machine, first, 1)) & (begin < np.take_along_axis(end, first, 1)) & open_jobs
        )
        return machine, length, begin, candidates, open_jobs

    def _do_what_is_clear(self, batch):
        while len(clear := np.flatnonzero((batch.left > 0) & ((candidates := self._next(batch)[3]).sum(axis=1) == 1))):
            self._dispatch(batch, clear, candidates[clear].argmax(axis=1))

    def _dispatch(self, batch, going, job):
        operation, of = batch.done[going, job], batch.rows[going]
        machine = self.machines[of, job, operation]
        begin = np.maximum(batch.ready[going, job], batch.free[going, machine])
        end = begin + self.durations[of, job, operation]
        batch.starts[going, job, operation], batch.ready[going, job], batch.free[going, machine] = begin, end, end
        batch.done[going, job] += 1
        batch.left[going] -= 1
