"""Promises of the script that is prepared for GPUs, on the CPU."""

from __future__ import annotations

from pathlib import Path

import bq_cuda
import pytest
import torch

from redwood.solvers.bq.network import Network


def test_the_cpu_agrees_with_itself() -> None:
    """In single precision nothing differs, and bfloat16 keeps within its tolerance."""
    row = bq_cuda.agreement("cpu", "tsp", 12)
    assert row["agrees"]
    assert row["single"] == 0.0
    assert 0.0 < row["bfloat16"] <= bq_cuda.HALF


def test_other_answers_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device whose network scores otherwise does not agree."""
    ready = bq_cuda._ready

    def disturbed(device: str, problem: str, size: int, count: int) -> tuple[object, Network, Network]:
        view, there, here = ready(device, problem, size, count)
        with torch.no_grad():
            there.score.weight.mul_(-1.0)
        return view, there, here

    monkeypatch.setattr(bq_cuda, "_ready", disturbed)
    assert not bq_cuda.agreement("cpu", "tsp", 12)["agrees"]


def test_a_page_shows_what_was_measured(tmp_path: Path) -> None:
    """Each thing that was measured has its table, whose numbers are those of the rows."""
    row = bq_cuda.greedy("cpu", "tsp", 12, count=2, compiled=False)
    step = bq_cuda.training("cpu", "tsp", 12, "tiny")
    page = bq_cuda.page({"device": "cpu", "torch": torch.__version__, "problem": "tsp", "rows": [row, step]})
    assert "## Greedy" in page
    assert "## Training" in page
    assert f"{row['mean']:.4g}" in page
    assert step["loss"] > 0
