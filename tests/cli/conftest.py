"""Fixtures of the command line's tests."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from redwood.cli.root import root

PLUGIN = Path(__file__).parents[1] / "plugins_for_tests" / "countdown.py"


@pytest.fixture
def redwood():
    """Return a function that runs the command line in this process, with the toy problem's plugin."""

    def run(*words):
        return CliRunner().invoke(root, ["--plugin", str(PLUGIN), *map(str, words)])

    return run


@pytest.fixture
def json_lines(redwood):
    """Return a function that runs the command line with --json and gives back the objects printed."""

    def run(*words):
        result = redwood(*words, "--json")
        assert result.stdout, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    return run


@pytest.fixture
def count_file(tmp_path):
    """Return a function that writes an instance file of the toy problem."""

    def write(largest=30, name="toy"):
        file = tmp_path / f"{name}.count"
        file.write_text(f"COUNTDOWN {largest}\n")
        return file

    return write
