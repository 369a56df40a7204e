"""The scaffold writes plugins that keep every promise as they are."""

import pytest

from redwood.errors import FitError, OptionError, PluginError
from redwood.plugins import host as hosting
from redwood.plugins.conformance.checks import check_problem, check_solver
from redwood.plugins.conformance.scaffold import scaffold
from redwood.plugins.host import Host


def test_a_new_package_has_everything_and_its_own_name(tmp_path):
    """A package has project file, module, tests and README, with no placeholder left, and is not written over."""
    files = scaffold("solver", "my-solver", tmp_path)
    names = sorted(str(file.relative_to(tmp_path / "redwood-my-solver")) for file in files)
    assert names == ["README.md", "pyproject.toml", "redwood_my_solver.py", "tests/test_my_solver.py"]
    for file in files:
        assert "$" not in file.read_text()
        if file.suffix == ".py":
            compile(file.read_text(), file, "exec")
    with pytest.raises(PluginError, match="exists already"):
        scaffold("solver", "my-solver", tmp_path)
    with pytest.raises(OptionError, match="must begin with a lower-case letter"):
        scaffold("solver", "My Solver", tmp_path)


def test_new_single_files_pass_the_checks(tmp_path, monkeypatch):
    """A new problem and a new solver keep every promise, and the solver solves the problem."""
    host = Host()
    host.discover()
    for kind, name in (("problem", "thing"), ("solver", "doer")):
        (file,) = scaffold(kind, name, tmp_path, single_file=True)
        host.load_file(file)
    monkeypatch.setattr(hosting, "_host", host)
    assert check_problem("thing", seeds=[0], save=tmp_path) == []
    assert check_solver("doer", "thing", seeds=[0], save=tmp_path) == []


def test_a_new_solver_may_be_for_one_problem(tmp_path, monkeypatch):
    """It keeps every promise on that problem, serves no other, and has a package whose tests are of that problem."""
    host = Host()
    host.discover()
    (file,) = scaffold("solver", "rounds", tmp_path, single_file=True, problem="cvrp")
    host.load_file(file)
    monkeypatch.setattr(hosting, "_host", host)
    assert check_solver("rounds", "cvrp", seeds=[0], exclude=["budget-kept"], save=tmp_path) == []
    assert host.solver_entry("rounds", "cvrp").spec.problems == ("cvrp",)
    with pytest.raises(FitError):
        host.solver_entry("rounds", "tsp")
    files = {file.name: file.read_text() for file in scaffold("solver", "tours", tmp_path, problem="cvrp")}
    assert 'solver_tests("tours", "cvrp")' in files["test_tours.py"]
    assert "redwood generate cvrp --size 20 --out twenty.vrp" in files["README.md"]
    with pytest.raises(FitError, match="problem 'cormab' does not offer the view Local"):
        scaffold("solver", "plans", tmp_path, problem="cormab")
    with pytest.raises(OptionError, match="a new problem is asked for"):
        scaffold("problem", "plans", tmp_path, problem="cvrp")


@pytest.mark.parametrize(
    ("problem", "field"),
    [
        ("tsp", "instance.travel.between"),
        ("atsp", "instance.travel.between"),
        ("cvrp", "instance.demands"),
        ("knapsack", "instance.weights"),
        ("orienteering", "instance.prizes"),
    ],
)
def test_a_new_solver_for_a_built_in_problem_reads_the_instance(tmp_path, monkeypatch, problem, field):
    """It builds its starts from the fields of the instance, and keeps every promise."""
    host = Host()
    host.discover()
    (file,) = scaffold("solver", f"own-{problem}", tmp_path, single_file=True, problem=problem)
    host.load_file(file)
    monkeypatch.setattr(hosting, "_host", host)
    assert field in file.read_text()
    assert check_solver(f"own-{problem}", problem, seeds=[0], exclude=["budget-kept"], save=tmp_path) == []
