"""Fixtures of the engine's tests."""

from pathlib import Path

import pytest

from redwood.plugins.host import Host, host

PLUGINS = Path(__file__).parents[1] / "plugins_for_tests"


@pytest.fixture(scope="session")
def countdown() -> Host:
    """The host, with the plugin of the toy problem loaded."""
    host().load_file(PLUGINS / "countdown.py")
    return host()
