"""Plugins outside of the core, built and installed by pip, with Redwood's own wheel, into a new environment."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from redwood.plugins.conformance.scaffold import scaffold

ROOT = Path(__file__).parents[2]
EXAMPLES = ("redwood-jobshop", "redwood-annealing")
NEW = (("problem", "thing"), ("solver", "doer"))
KEPT = ("engine", "plugins", "problems", "solvers", "benchmarks", "pyproject.toml", "README.md", "LICENSE")
SECONDS = 600

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """An environment with Redwood, the examples and new scaffolds installed from wheels; returns its Python and the sources.

    Libraries (NumPy, torch, ...) are those of this environment, seen by their path; nothing comes from a network.
    """
    folder = tmp_path_factory.mktemp("fresh")
    sources = folder / "sources"
    for name in KEPT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, _parent(sources / "redwood" / name))
    for name in EXAMPLES:
        shutil.copytree(ROOT / "docs" / "examples" / name, sources / name)
    for kind, name in NEW:
        scaffold(kind, name, sources)
    venv.create(folder / "env", with_pip=False)
    python = next(path for path in (folder / "env").glob("*/python*") if path.stem == "python")
    packages = next((folder / "env").rglob("site-packages"))
    (packages / "libraries.pth").write_text(f"{Path(pytest.__file__).parents[1]}\n")
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    places = [str(sources / name) for name in ("redwood", *EXAMPLES, *(f"redwood-{name}" for _, name in NEW))]
    _run([sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", *offline, *places], folder)
    return python, sources


def _parent(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _run(command, folder):
    """Run a command without what this session's environment says of Python and plugins; return its output."""
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "REDWOOD_PLUGINS", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_installed_plugins_are_found_with_redwoods_own_wheel(fresh):
    """The new environment runs Redwood from its wheel, with data files, and finds all four plugins by their entry points."""
    python, sources = fresh
    told = _run([python, "-m", "redwood", "plugins", "list"], sources)
    for name in ("jobshop", "annealing", "thing", "doer"):
        assert name in told
    place = _run([python, "-c", "import redwood; print(redwood.__file__)"], sources)
    assert str(python.parents[1]) in place


@pytest.mark.parametrize("names", [[f"redwood-{name}" for _, name in NEW], list(EXAMPLES)], ids=["scaffolds", "examples"])
def test_installed_plugins_pass_their_own_tests(fresh, names):
    """What the scaffold writes, and the two examples, pass their own tests, with the conformance kit among them."""
    python, sources = fresh
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(sources / name / "tests") for name in names)]
    assert " passed" in _run(command, sources)
