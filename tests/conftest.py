"""Fixtures of all tests."""

import os
from pathlib import Path

import pytest


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
