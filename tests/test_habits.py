"""What a release says of itself in several files says the same."""

import re
import tomllib
from pathlib import Path

import redwood

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"matplotlib": "matplotlib-base", "torch": "pytorch"}


def test_every_file_names_the_same_version():
    """Package, citation, conda file and changelog are of the version of pyproject.toml."""
    version = PROJECT["version"]
    assert redwood.__version__ == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f'version: "{version}"' in (ROOT / "conda/redwood.yaml").read_text(encoding="utf-8")
    assert re.search("^## (.*?) ", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE).group(1) == version


def test_the_conda_file_names_every_dependency():
    """Each dependency of pyproject.toml stands in the conda file with the same least version."""
    conda = (ROOT / "conda/redwood.yaml").read_text(encoding="utf-8")
    for dependency in PROJECT["dependencies"]:
        name, least = dependency.split(">=")
        assert f"- {CONDA_NAMES.get(name, name)} >={least}\n" in conda
