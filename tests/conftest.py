"""Fixtures of all tests."""

import os
import shutil
from pathlib import Path

import pytest

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")  # every core has a worker already: further threads would only wait for each other


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of public benchmark instances that the environment variable REDWOOD_DATA names."""
    named = os.environ.get("REDWOOD_DATA")
    if not named:
        pytest.skip("REDWOOD_DATA does not name the folder of benchmark instances")
    folder = Path(named)
    if not (folder / "best_known.csv").is_file():
        pytest.skip(f"REDWOOD_DATA names {folder}, which has no best_known.csv")
    return folder


@pytest.fixture
def case(tmp_path):
    """Return a function that copies an input that went wrong once to a folder of its own."""
    cases = Path(os.environ.get("REDWOOD_DATA", "/nowhere")).parent / "cases"
    if not cases.is_dir():
        pytest.skip("there is no folder of cases beside REDWOOD_DATA")

    def copied(name):
        folder = tmp_path / name
        shutil.copytree(cases / name, folder)
        folder.chmod(0o755)
        for file in folder.iterdir():
            file.chmod(0o644)
        return folder

    return copied
