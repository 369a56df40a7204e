"""The doctor finds what is wrong with a plugin, in words, and survives it."""

import sys

import pytest

from redwood.plugins import host as hosting
from redwood.plugins.conformance.doctor import examine
from redwood.plugins.entries import PluginWarning
from redwood.plugins.host import Host
from redwood.plugins.spec import Grade

PLUGIN = """
from dataclasses import dataclass
from redwood.plugins.spec import Diagnosis, Grade, ProblemSpec, Requirement, SolverSpec, hookimpl
from redwood.solver import Answer, Solver

SICK = {
    "fine": "sick:Fine",
    "thawed": "sick:Thawed",
    "unready": "sick:Unready",
    "absent": "sick:Absent",
    "plain": "sick:Plain",
    "deadly": "sick_deadly:Any",
    "slow": "sick_slow:Any",
    "after": "sick:Fine",
}

@hookimpl
def redwood_solvers():
    needs = (Requirement("no_such_module", "pip install no-such-module"),)
    sick = [SolverSpec(name, "A solver.", target, problems=("tsp",)) for name, target in SICK.items()]
    return [*sick, SolverSpec("needy", "A solver.", "sick:Fine", problems=("tsp",), requires=needs)]

@hookimpl
def redwood_problems():
    return [ProblemSpec("odd", "A problem.", "redwood.problems.tsp.problem:TSP", frozenset({"Planning"}))]

@hookimpl
def redwood_doctor():
    yield Diagnosis("licence", Grade.WRONG, "the licence has expired; renew it.")
    yield Diagnosis("cache", Grade.NOTE, "the cache is empty.")

@dataclass(frozen=True)
class Fine(Solver):
    depth: int = 1

    def run(self, problem, instance, run):
        return Answer(None)

@dataclass
class Thawed(Solver):
    run = Fine.run

@dataclass(frozen=True)
class Unready(Solver):
    pass

class Plain(Solver):
    run = Fine.run
"""


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """What the doctor says where a plugin full of faults and one that cannot be loaded are installed."""
    folder = tmp_path_factory.mktemp("sick")
    hook = "from redwood.plugins.spec import hookimpl\n@hookimpl\ndef redwood_doctor():\n    "
    modules = {"sick": PLUGIN, "broken": "import no_such_module"}
    modules |= {
        "raising": f"{hook}return 1 / 0",
        "dying": f"import os\n{hook}os._exit(3)",
        "other": f"{hook}return ['text']",
    }
    for name in modules:
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[redwood]\n{name} = {name}\n")
    modules |= {"sick_deadly": "import os\nos._exit(7)", "sick_slow": "import time\ntime.sleep(60)"}
    for name, body in modules.items():
        (folder / f"{name}.py").write_text(body)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        fresh = Host()
        with pytest.warns(PluginWarning, match="broken"):
            fresh.discover()
        patch.setattr(hosting, "_host", fresh)
        yield examine(patience=8.0)
        sys.modules.pop("sick")


@pytest.fixture
def findings(everything):
    """The findings on the two plugins, by what was looked at, or by the plugin where that is the plugin itself."""
    ours = [finding for finding in everything if finding.plugin in ("sick", "broken")]
    return {
        finding.plugin if finding.subject == "plugin" else finding.subject.removesuffix(" for tsp"): finding
        for finding in ours
    }


def test_the_doctor_names_every_fault(findings):
    """Each fault is found at its own target, those after a deadly or a slow import as well."""
    wrong = {
        "broken": "No module named 'no_such_module'",
        "solver thawed": "is not frozen",
        "solver unready": "leaves run unwritten",
        "solver absent": "has no 'Absent'",
        "solver plain": "is not a dataclass",
        "solver deadly": "kills the process (exit code 7)",
        "solver slow": "takes more than 8 s",
        "problem odd": "the spec is named 'odd' and the class 'tsp'",
    }
    for subject, words in wrong.items():
        assert findings[subject].grade is Grade.WRONG, subject
        assert words in findings[subject].message
    assert "offers the views Planning and the class" in findings["problem odd"].message


def test_sound_targets_are_good(findings):
    """What is as its spec says is good, also behind a target that kills the examiner."""
    for subject in ("sick", "solver fine", "solver after"):
        assert findings[subject].grade is Grade.GOOD, subject


def test_a_missing_package_is_only_a_note(findings):
    """A solver whose optional package is missing is a note with the install line."""
    assert findings["solver needy"].grade is Grade.NOTE
    assert "pip install no-such-module" in findings["solver needy"].message


def test_checks_of_plugins_are_asked(findings):
    """What a plugin's own checks find stands among the doctor's findings, with its grade."""
    assert (findings["licence"].grade, findings["licence"].message) == (Grade.WRONG, "the licence has expired; renew it.")
    assert findings["cache"].grade is Grade.NOTE


def test_checks_that_fail_are_findings(everything):
    """Checks that raise, kill their process or return something else are wrong themselves, and end nothing else."""
    said = {finding.plugin: finding for finding in everything if finding.subject == "checks"}
    assert all(finding.grade is Grade.WRONG for finding in said.values())
    assert "ZeroDivisionError" in said["raising"].message
    assert "kills the process (exit code 3)" in said["dying"].message
    assert "gave a str, and a Diagnosis was expected" in said["other"].message


def test_everything_built_in_is_well(everything):
    """Nothing that Redwood ships is wrong."""
    faults = [finding for finding in everything if finding.plugin == "builtin" and finding.grade is Grade.WRONG]
    assert faults == []
