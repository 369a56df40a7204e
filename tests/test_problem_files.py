"""Every problem has the same files, and the same thing has one name in all of them."""

import importlib
import re
from pathlib import Path

import pytest

from redwood.lazy import load_target
from redwood.plugins.builtin import redwood_problems

ROOT = Path(__file__).parents[1]
EVERYWHERE = ("problem", "instance", "files", "generators", "picture", "bound")
PUBLIC = {
    "files": ("parse_instance", "format_instance"),
    "generators": ("VARIANTS",),
    "picture": ("draw",),
    "repair_suggestions": ("repair_suggestions",),
}
"""What the files of these names have in every problem that has them."""
OTHER_NAMES = {
    "files": r"io|parsing|reading|formats?|writer|text",
    "generators": r"generation|generate|families|placement|random\w*",
    "picture": r"pictures|plot\w*|draw\w*|figures?",
    "local_kernels": r"moves|neighbou?rhoods?",
    "instance": r"data|instances|model",
    "checks": r"rules|violations|feasib\w*|validation",
    "repair_suggestions": r"repair\w*|hints|cures|suggestions",
    "subproblems": r"parts|decompos\w*",
    "relaxation": r"lp|master",
    "linear": r"mip|milp|program",
    "stepwise": r"mdp|process|construct\w*",
}
"""Names that a file of the template might get instead of its own."""
NAMES = [spec.name for spec in redwood_problems()]


def files_of(problem: str) -> set[str]:
    """Return the names of the modules of a problem's package."""
    return {path.stem for path in (ROOT / "problems" / problem).glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("problem", NAMES)
def test_a_problem_has_the_files_of_the_template(problem):
    """The files that all problems have are there, with what they promise to hold."""
    assert files_of(problem) >= set(EVERYWHERE)
    for file in files_of(problem) & set(PUBLIC):
        module = importlib.import_module(f"redwood.problems.{problem}.{file}")
        assert [name for name in PUBLIC[file] if not hasattr(module, name)] == []


@pytest.mark.parametrize("problem", NAMES)
def test_a_view_is_in_the_file_of_its_name(problem):
    """What a problem offers as `Linear` is in its `linear.py`, and so on."""
    spec = next(spec for spec in redwood_problems() if spec.name == problem)
    views = load_target(spec.target).views
    assert {kind: target.partition(":")[0] for kind, target in views.items()} == {
        kind: f"redwood.problems.{problem}.{kind.__name__.lower()}" for kind in views
    }


@pytest.mark.parametrize("problem", NAMES)
def test_no_file_has_another_name_for_what_the_template_names(problem):
    """What the template has a name for has no other name."""
    others = re.compile("|".join(OTHER_NAMES.values()))
    assert [file for file in files_of(problem) - set(OTHER_NAMES) if others.fullmatch(file)] == []


def test_the_map_shows_the_template():
    """The table of the page on the architecture has a row for each file that all problems have, and says so."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)\.py` \|.*\| all \|$", page, re.MULTILINE)) == set(EVERYWHERE)
