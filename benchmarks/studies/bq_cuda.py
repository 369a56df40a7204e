"""Try `bq` on a GPU, unattended and in under ten minutes: ``python benchmarks/studies/bq_cuda.py --out runs/cuda``.

Three things are measured for each size, and written to ``cuda.json`` and ``cuda.md`` as they come: whether the device
gives the CPU's answers (probabilities and best actions on the same windows, against single precision), how long greedy
decoding takes with and without `torch.compile`, and how long a training step takes. ``--device cpu`` runs the same code
where there is no GPU. The exit code is 1 where an answer is further from the CPU's than the tolerance.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

import redwood
from redwood.files import write_text
from redwood.plugins.host import host
from redwood.solvers.bq import decoding
from redwood.solvers.bq.decoding import logits, rollouts, window_size
from redwood.solvers.bq.losses import losses_of
from redwood.solvers.bq.network import PRESETS, Network
from redwood.solvers.bq.weights import network_for
from redwood.views.stepwise import Stepwise, Window

SINGLE, HALF = 1e-3, 0.05
"""How far probabilities may be from those of the CPU, in single precision and in bfloat16."""
LOOKS = 20
"""Windows along a rollout that are compared."""
STEPS = 20
"""Training steps that are timed, after three that are not."""

Row = dict[str, Any]


@click.command(help=__doc__)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the two files.")
@click.option("--device", default="cuda", show_default=True, help="What is compared with the CPU.")
@click.option("--problem", default="tsp", show_default=True, help="Problem with shipped weights.")
@click.option("--sizes", default="100,200,500,1000", show_default=True, help="Numbers of nodes.")
@click.option("--batch", default=64, show_default=True, help="Instances decoded together.")
@click.option("--presets", default="small,paper", show_default=True, help="Networks whose training step is timed.")
@click.option("--seconds", default=480.0, show_default=True, help="No measurement begins after so many seconds.")
def main(out: Path, device: str, problem: str, sizes: str, batch: int, presets: str, seconds: float) -> None:
    """Measure, and write what was measured so far after each row."""
    if device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit("PyTorch sees no CUDA device here; --device cpu tries the same code.")
    torch.set_num_threads(1)  # the CPU's times are those of one core
    out.mkdir(parents=True, exist_ok=True)
    ends = time.perf_counter() + seconds
    told: Row = {"torch": torch.__version__, "device": _name(device), "problem": problem, "batch": batch, "rows": []}
    for measure in _measurements(device, problem, [int(size) for size in sizes.split(",")], batch, presets.split(",")):
        if time.perf_counter() > ends:
            told["cut short"] = True
            break
        told["rows"].append(measure())
        click.echo(json.dumps(told["rows"][-1]))
        write_text(out / "cuda.json", json.dumps(told, indent=2) + "\n")
        write_text(out / "cuda.md", page(told))
    sys.exit(any(row.get("agrees") is False for row in told["rows"]))


def _measurements(
    device: str, problem: str, sizes: list[int], batch: int, presets: list[str]
) -> Iterator[Callable[[], Row]]:
    """Return what is measured: agreement first, then decoding and training from the smallest size on."""
    for size in sizes:
        yield partial(agreement, device, problem, size)
    for size in sizes:
        for compiled in (False, True):
            yield partial(greedy, device, problem, size, batch, compiled)
    for preset in presets:
        for place in dict.fromkeys((device, "cpu")):
            yield partial(training, place, problem, sizes[0], preset)


def agreement(device: str, problem: str, size: int) -> Row:
    """Compare the device's answers with the CPU's, on windows along the CPU's greedy rollout of one instance."""
    view, there, here = _ready(device, problem, size, 1)
    batch = view.begin(np.zeros(1, dtype=np.int64))
    row: Row = {"what": "agreement", "size": size, "single": 0.0, "bfloat16": 0.0, "same action": 0, "looks": 0}
    every = max(1, int(batch.left.max()) // LOOKS)
    step = 0
    while batch.left.any():
        window = view.window(batch, window_size(here, batch))
        with _bfloat16(False):
            scores = logits(here, window)
        if step % every == 0:
            single, half = _probabilities(there, window, False), _probabilities(there, window, True)
            exact = _softmax(scores)
            row["single"] = max(row["single"], float(np.abs(single - exact).max()))
            row["bfloat16"] = max(row["bfloat16"], float(np.abs(half - exact).max()))
            row["same action"] += int(half.argmax() == exact.argmax())
            row["looks"] += 1
        view.act(batch, window, scores.argmax(axis=1))
        step += 1
    return row | {"agrees": row["single"] <= SINGLE and row["bfloat16"] <= HALF}


def greedy(device: str, problem: str, size: int, count: int, compiled: bool) -> Row:
    """Time greedy decoding of a batch as users have it, once it is compiled, and the mean of what it finds."""
    view, network, _ = _ready(device, problem, size, count)
    if compiled:
        network.compile(dynamic=True)
    began = time.perf_counter()
    rollouts(network, view, np.arange(count), None, sure=view.sure)
    first = time.perf_counter() - began
    began = time.perf_counter()
    batch = rollouts(network, view, np.arange(count), None, sure=view.sure)
    seconds = time.perf_counter() - began
    kind = host().problem(problem)
    solutions = zip(view.instances, view.solutions(batch), strict=True)
    mean = float(np.mean([kind.objective(instance, solution) for instance, solution in solutions]))
    row: Row = {"what": "greedy", "size": size, "compiled": compiled, "seconds": seconds, "first": first, "mean": mean}
    return row | {"ms an instance": 1e3 * seconds / count}


def training(device: str, problem: str, size: int, preset: str) -> Row:
    """Time training steps of a network with random weights on the windows of random tours."""
    kind: Any = host().problem(problem)
    rng = np.random.default_rng(0)
    instances = [kind.generate(size, rng, variant=kind.variants[0]) for _ in range(8)]
    solutions = [redwood.solve(i, solver="greedy", bound_time_limit=0).solution for i in instances]
    view = kind.view(Stepwise, *instances)
    view.set_labels(solutions)
    network = Network(view.layout, PRESETS[preset]).to(torch.device(device))
    if device.startswith("cuda"):
        network.compile()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    loss = 0.0
    began = time.perf_counter()
    for step in range(STEPS + 3):
        if step == 3:
            began = time.perf_counter()
        batch = view.sample(256, rng)
        window = view.window(batch, window_size(network, batch))
        choice, neighbours, _ = losses_of(network, window, view.target(batch, window))
        optimiser.zero_grad(set_to_none=True)
        (choice + neighbours).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        loss = choice.item()
    seconds = (time.perf_counter() - began) / STEPS
    return {"what": "training", "device": device, "preset": preset, "size": size, "seconds a step": seconds, "loss": loss}


def page(told: Row) -> str:
    """Return the result as Markdown: a table for each thing that was measured."""
    lines = ["# `bq` on a GPU", "", f"{told['device']}, PyTorch {told['torch']}, problem `{told['problem']}`.", ""]
    for what in dict.fromkeys(row["what"] for row in told["rows"]):
        rows = [{key: value for key, value in row.items() if key != "what"} for row in told["rows"] if row["what"] == what]
        lines += [f"## {what.capitalize()}", "", "| " + " | ".join(rows[0]) + " |", "|---" * len(rows[0]) + "|"]
        lines += ["| " + " | ".join(_cell(value) for value in row.values()) + " |" for row in rows]
        lines.append("")
    if told.get("cut short"):
        lines += ["Time was over before everything was measured.", ""]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def _ready(device: str, problem: str, size: int, count: int) -> tuple[Any, Network, Network]:
    """Return a view of random instances, the shipped network on the device, and the one on the CPU."""
    kind = host().problem(problem)
    rng = np.random.default_rng(1234)
    view: Any = kind.view(Stepwise, *[kind.generate(size, rng, variant=kind.variants[0]) for _ in range(count)])
    network_for.cache_clear()  # a network that is compiled is not to serve the next measurement
    there = network_for(problem, view.layout, "", device)
    network_for.cache_clear()
    return view, there, network_for(problem, view.layout, "", "cpu")


def _probabilities(network: Network, window: Window, half: bool) -> Any:
    with _bfloat16(half):
        return _softmax(logits(network, window))


def _softmax(scores: Any) -> Any:
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


@contextmanager
def _bfloat16(used: bool) -> Iterator[None]:
    """Compute in bfloat16 or in single precision, whatever the device prefers."""
    before = decoding.fast_bfloat16
    decoding.fast_bfloat16 = lambda device: used
    try:
        yield
    finally:
        decoding.fast_bfloat16 = before


if __name__ == "__main__":
    main()
