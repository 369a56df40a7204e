"""Fixtures of the host's tests."""

import sys
import textwrap

import pytest

from redwood.plugins.host import Host


@pytest.fixture
def write_plugin(tmp_path, monkeypatch):
    """Write an importable plugin module, announced as an entry point of an installed distribution."""
    written = []

    def write(name, body, announced=True):
        written.append(name)
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(body))
        if announced:
            info = tmp_path / f"{name}-1.2.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
            (info / "entry_points.txt").write_text(f"[redwood]\n{name} = {name}\n")

    monkeypatch.syspath_prepend(tmp_path)
    yield write
    for name in written:
        sys.modules.pop(name, None)


@pytest.fixture
def fresh_host():
    """Return a function that makes a host of its own and discovers plugins."""

    def make():
        host = Host()
        host.discover()
        return host

    return make
