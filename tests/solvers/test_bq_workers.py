"""Training by several processes, as `torchrun` starts them."""

import os
import socket
import subprocess
import sys

import numpy as np
import torch

from redwood.problems.tsp.instance import Tour
from redwood.problems.tsp.problem import TSP
from redwood.problems.tsp.stepwise import TSPStepwise

SCRIPT = """
import sys
from pathlib import Path
import torch
from redwood.problems.tsp.problem import TSP
from redwood.solvers.bq.network import Shape
from redwood.solvers.bq.training import HyperParameters, Trainer
torch.set_num_threads(1)
folder = Path(sys.argv[1])
shape = Shape(layers=1, width=16, heads=2, hidden=16, window=6)
trainer = Trainer(TSP(), folder / "run", folder / "labels", shape=shape,
    hyper_parameters=HyperParameters(batch=4, checkpoint_steps=2))
trainer.train(steps=4)
torch.save(trainer.network.state_dict(), folder / f"weights-{trainer.rank}.pt")
assert trainer.workers == 2
assert trainer.counters.decisions == 4 * 4 * 2
"""


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_two_processes_keep_the_same_weights(tmp_path):
    """Two gloo processes see different tails, share their gradients and end with equal weights; one checkpoint is left."""
    (tmp_path / "labels").mkdir()
    rng = np.random.default_rng(0)
    problem = TSP()
    instances = [problem.make(coords=rng.random((10, 2))) for _ in range(4)]
    labels = TSPStepwise.pack(instances, [Tour(rng.permutation(10)) for _ in instances])
    np.savez(tmp_path / "labels" / "10-0000.npz", **labels)
    script = tmp_path / "worker.py"
    script.write_text(SCRIPT)
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    workers = [
        subprocess.Popen(
            [sys.executable, str(script), str(tmp_path)],
            env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    one, other = (torch.load(tmp_path / f"weights-{rank}.pt", weights_only=True) for rank in range(2))
    for name, weights in one.items():
        assert torch.equal(weights, other[name])
    assert (tmp_path / "run" / "checkpoint.pt").exists()
