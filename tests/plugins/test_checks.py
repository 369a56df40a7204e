"""The conformance checks catch plugins that are broken on purpose, each by the right rule, and pass sound ones."""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

from redwood.errors import OptionError, UnknownNameError
from redwood.plugins import host as hosting
from redwood.plugins.conformance import rules
from redwood.plugins.conformance.by_name import check_name
from redwood.plugins.conformance.checks import check_problem, check_solver, rule_names
from redwood.plugins.conformance.rules import PAGE
from redwood.plugins.conformance.scaffold import scaffold
from redwood.plugins.entries import PluginWarning
from redwood.plugins.host import Host
from redwood.problems.cvrp.instance import Routes
from redwood.solver import Answer, Solver

PROBLEMS = {  # what is broken: the text of the scaffold's problem, what stands there instead, the rule, words of the message
    "wrong-sign": ("this - old)", "old - this)", "local-view", "announced"),
    "wrong-sense": (
        "for i in range(n) for j in range(n)))",
        "for i in range(n) for j in range(n)), sense=pyo.maximize)",
        "linear-view",
        "sense",
    ),
    "wrong-shape": (
        "return float(instance.cost[np.arange(instance.size), solution.tasks].sum())",
        "return instance.cost[0]",
        "pricing",
        "finite number",
    ),
    "descends-for-ever": ("            improved = False\n", "", "local-view", "a loop of it never end"),
    "not-a-number": ("solution.tasks].sum())", "solution.tasks].sum() * np.nan)", "pricing", "finite number"),
    "mutates-input": (
        "        self.cost = instance.cost\n\n    def initial",
        "        self.cost = instance.cost\n        object.__setattr__(instance, 'cost', self.cost + 1)\n\n    def initial",
        "pricing",
        "changed the instance",
    ),
    "ignores-the-seed": (
        "rng.integers(1, 100,",
        "np.random.default_rng().integers(1, 100,",
        "generator",
        "another instance",
    ),
    "other-size": ("(size, size)", "(size + 1, size + 1)", "generator", "size 3 came back"),
    "infeasible-state": (
        "for _ in range(3):",
        "state[0] = state[1]\n        for _ in range(3):",
        "local-view",
        "infeasible",
    ),
    "shared-copy": (
        "    def copy(self, state):\n        return list(state)",
        "    def copy(self, state):\n        return state",
        "local-view",
        "copy",
    ),
    "lossy-file": ("instance.cost.tolist()}", "(instance.cost + 1).tolist()}", "round-trip", "changed the instance"),
    "cannot-be-pickled": (
        "cost: np.ndarray\n",
        "cost: np.ndarray\n    key: object = threading.Lock()\n",
        "pickles",
        "cannot pickle",
    ),
    "undeclared-view": ('frozenset({"Linear", "Local"})', 'frozenset({"Local"})', "views-as-declared", "offers the views"),
    "missing-row": (
        "for j in range(n)) == 1)\n        model.task",
        "for j in range(n)) >= 0)\n        model.task",
        "linear-view",
        "breaks a rule",
    ),
}

SOLVERS = {
    "import-error": (
        "from redwood.views import Local",
        "import no_such_module",
        "loads",
        "No module named 'no_such_module'",
    ),
    "missing-dependency": (
        'views=frozenset({"Local"})',
        'views=frozenset({"Local"}), requires=(Requirement("no_such_module", "pip install no-such"),)',
        "loads",
        "pip install no-such",
    ),
    "stale-api": ('views=frozenset({"Local"})', 'views=frozenset({"Local"}), api=0', "loads", "plugin API 0"),
    "not-frozen": ("@dataclass(frozen=True)", "@dataclass", "loads", "is not frozen"),
    "nothing-written": ("def run(", "def walk(", "loads", "leaves run unwritten"),
    "duplicate-name": ("@hookimpl", "twice = None\n\n\n@hookimpl", "loads", "is claimed by"),
    "own-generator": (
        "state = view.construct(run.rng) if self.greedy else view.initial(run.rng)",
        "return Answer(view.solution(view.initial(np.random.default_rng())))",
        "repeatable",
        "declared seeded",
    ),
    "global-generator": (
        "view = problem.view(Local, instance)",
        "view = problem.view(Local, instance)\n        np.random.random()",
        "own-randomness",
        "run.rng",
    ),
    "overruns": ("if run.stops():", "if False:", "budget-kept", "had to be killed"),
    "holds-a-lock": (
        "greedy: bool = True",
        "greedy: bool = True\n    lock: object = field(default_factory=threading.Lock, compare=False)",
        "picklable",
        "pickle",
    ),
    "infeasible-answer": ("return Answer(run.best)", "return Answer(type(run.best)([0, 0]))", "feasible", "infeasible"),
    "bound-on-the-wrong-side": ("return Answer(run.best)", "return Answer(run.best, bound=1e9)", "feasible", "contradicts"),
    "changes-the-instance": (
        "view = problem.view(Local, instance)",
        "view = problem.view(Local, instance)\n        object.__setattr__(instance, 'cost', instance.cost * 2)",
        "instance-kept",
        "changed the instance",
    ),
    "crashes": ("return Answer(run.best)", "raise RuntimeError('out of paper')", "feasible", "out of paper"),
}
TOY = Path(__file__).parents[1] / "plugins_for_tests" / "toy.py"
IMPORTS = """import threading
from dataclasses import dataclass, field

import numpy as np
from redwood.plugins.spec import Requirement"""


@pytest.fixture
def install(tmp_path, write_plugin, monkeypatch):
    """Return a function that installs texts as plugins of distributions, in a host of their own."""

    def installed(**bodies):
        for name, body in bodies.items():
            write_plugin(name, body)
        host = Host()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PluginWarning)  # that a broken plugin warns is for tests of the host
            host.discover()
        monkeypatch.setattr(hosting, "_host", host)
        return host

    return installed


@pytest.fixture
def texts(tmp_path):
    """A problem with every method written out, named ``toy``, and the scaffold's solver, named ``toy-solver``."""
    (solver,) = scaffold("solver", "toy-solver", tmp_path / "new", single_file=True)
    return TOY.read_text(), solver.read_text().replace("from dataclasses import dataclass", IMPORTS)


def changed(text, old, new):
    assert text.count(old) >= 1, old
    return text.replace(old, new)


@pytest.mark.parametrize("fault", PROBLEMS)
def test_a_broken_problem_is_caught_by_the_right_rule(fault, install, texts, tmp_path, monkeypatch):
    """Each fault is found by its own rule, with words that say what is wrong."""
    import pyomo.environ  # noqa: F401 (an import that patience ends stays half done)

    monkeypatch.setattr(rules, "PATIENCE", 0.5)
    old, new, rule, words = PROBLEMS[fault]
    install(toy=changed(texts[0], old, new))
    findings, _ = check_name("toy", save=tmp_path / "kept")
    assert any(finding.rule == rule and words in finding.message for finding in findings), list(map(str, findings))


@pytest.mark.parametrize("fault", SOLVERS)
def test_a_broken_solver_is_caught_by_the_right_rule(fault, install, texts, tmp_path):
    """Each fault is found by its own rule, and everything else stays usable."""
    old, new, rule, words = SOLVERS[fault]
    broken = changed(texts[1], old, new)
    bodies = {"toy": texts[0], "toy_solver": broken}
    if fault == "duplicate-name":
        bodies["another"] = broken
    host = install(**bodies)
    skipped = [] if rule in ("budget-kept", "loads") else ["budget-kept"]
    whole = "toy_solver" if fault in ("import-error", "stale-api") else "toy-solver"
    if rule == "loads":
        findings, _ = check_name(whole, exclude=skipped, save=tmp_path / "kept")
    else:
        findings = check_solver("toy-solver", "toy", seeds=[0], exclude=skipped, save=tmp_path / "kept")
    assert any(finding.rule == rule and words in finding.message for finding in findings), list(map(str, findings))
    assert host.problem("toy").name == "toy"


def test_a_bound_on_the_wrong_side_is_caught(install, texts, tmp_path):
    """A view Bound above what a minimum can be is beaten by a solution."""
    text = texts[0].replace(
        "from redwood.views import Linear, Local", "from redwood.views import Bound, BoundValue, Linear, Local"
    )
    text = text.replace('frozenset({"Linear", "Local"})', 'frozenset({"Bound", "Linear", "Local"})')
    text = text.replace("Toy.views = {", 'Toy.views = {Bound: f"{__name__}:ToyBound", ')
    install(
        toy=text
        + """

class ToyBound(Bound):
    def __init__(self, instance):
        self.instance = instance

    def bound(self, clock, incumbent=None):
        return BoundValue(float(self.instance.cost.max(axis=1).sum()) + 1, "the wrong side")
"""
    )
    findings = check_problem("toy", seeds=[0], save=tmp_path)
    assert {finding.rule for finding in findings} == {"bound-valid"}


def test_the_counter_example_is_small_and_kept(install, texts, tmp_path):
    """A fault that shows at every size is shown at the smallest, and the file holds that instance."""
    old, new, rule, _ = PROBLEMS["lossy-file"]
    install(toy=changed(texts[0], old, new))
    finding = check_problem("toy", seeds=[0], save=tmp_path / "kept")[0]
    kept = json.loads(Path(finding.example).read_text())
    assert len(kept["instance"]["cost"]) == 2
    assert kept["rule"] == rule
    assert f"{PAGE}#{rule}" in str(finding)


def test_rules_can_be_left_out(install, texts, tmp_path):
    """A rule by name, or every rule younger than a release, is not asked; a rule that does not exist is refused."""
    old, new, rule, _ = PROBLEMS["lossy-file"]
    install(toy=changed(texts[0], old, new))
    assert check_problem("toy", seeds=[0], exclude=[rule], save=tmp_path) == []
    assert check_problem("toy", seeds=[0], since="0.0.9", save=tmp_path) == []
    assert check_problem("toy", seeds=[0], since="0.1", save=tmp_path) != []
    with pytest.raises(OptionError, match="Did you mean 'round-trip'"):
        check_problem("toy", exclude=["round-trips"])
    with pytest.raises(OptionError, match="is not a release"):
        check_problem("toy", since="soon")


def test_a_name_that_nobody_has_is_refused():
    """A typing error in a name is not a plugin without faults."""
    with pytest.raises(UnknownNameError, match="Did you mean 'knapsack'"):
        check_name("knapsak")


def test_every_rule_has_its_heading_on_the_page(request):
    """What a message refers to is there."""
    page = (request.config.rootpath / PAGE).read_text()
    missing = [rule for rule in rule_names() if f"\n### {rule}\n" not in page]
    assert missing == []


@dataclass(frozen=True)
class Fleetless(Solver):
    """Drives a route for each customer, however few vehicles there are."""

    def run(self, problem, instance, run):
        run.report(Routes([[customer] for customer in range(1, instance.size + 1)]))
        return Answer(None)


def test_solvers_are_tried_on_further_variants(install, tmp_path):
    """One that heeds no fleet is caught on `cvrp/fleet` alone, though it keeps its promises on the default instances."""
    install().register(Fleetless, name="fleetless", problems=["cvrp"])
    found = check_solver("fleetless", "cvrp", seeds=[0], exclude=["budget-kept"], save=tmp_path)
    assert {finding.subject.partition(" of size")[0] for finding in found} == {"fleetless on cvrp/fleet"}
    assert "feasible" in {finding.rule for finding in found}


@pytest.mark.parametrize(
    ("takes", "reason"),
    [
        ({"capacty": 10}, "the generator of 'cvrp' takes no 'capacty'. Did you mean 'capacity'?"),
        ({"capacity": "wide"}, "capacity"),
    ],
)
def test_settings_that_no_generator_has_are_a_finding_about_the_solver(install, tmp_path, takes, reason):
    """A wrong name or value in `takes` is said once, with the solver, the settings and the reason."""
    install().register(Fleetless, name="fleetless", problems=["cvrp"], takes=takes)
    (found,) = check_solver("fleetless", "cvrp", seeds=[0], save=tmp_path)
    assert (found.rule, found.subject) == ("loads", "solver fleetless")
    assert found.message.startswith(f"takes is {takes!r}, and no instance of 'cvrp' can be drawn so: ")
    assert reason in found.message
