"""The plugin host: discovery, isolation of broken plugins, conflicts, registration by hand."""

from dataclasses import dataclass

import pytest

from redwood.errors import ConflictError, FitError, MissingDependencyError, PluginError, UnknownNameError
from redwood.plugins import host as hosting
from redwood.plugins.entries import PluginState, PluginWarning
from redwood.plugins.host import Host
from redwood.plugins.spec import Choice, ProblemSpec, Requirement, SolverSpec
from redwood.solver import Answer, Solver

SOLVER = """
    from redwood.plugins.spec import SolverSpec, hookimpl
    @hookimpl
    def redwood_solvers():
        return [SolverSpec("{name}", "A solver.", "{module}:S", problems=("tsp",){extra})]
"""


def plugin(name, module, extra=""):
    return SOLVER.format(name=name, module=module, extra=extra)


def record_of(host, name):
    return next(record for record in host.records if record.name == name)


def test_built_ins_come_through_the_same_hooks(fresh_host):
    """The built-in problems and solvers are a plugin like any other."""
    host = fresh_host()
    assert record_of(host, "builtin").state is PluginState.LOADED
    assert {"tsp", "knapsack"} <= {entry.spec.name for entry in host.problem_entries}


def test_entry_points_are_loaded_with_their_version(fresh_host, write_plugin):
    """A plugin of an installed distribution is found, and its version known."""
    write_plugin("plug_one", plugin("mine", "plug_one"))
    host = fresh_host()
    assert record_of(host, "plug_one").state is PluginState.LOADED
    assert host.version("plug_one") == "1.2"
    assert host.solver_entry("mine", "tsp").plugin == "plug_one"


@pytest.mark.parametrize(
    ("body", "state", "message"),
    [
        ("import no_such_module_anywhere", PluginState.FAILED, "No module named 'no_such_module_anywhere'"),
        ("def broken(:", PluginState.FAILED, "SyntaxError"),
        ("raise SystemExit(1)", PluginState.FAILED, "SystemExit"),
        (plugin("x", "m", ", api=99"), PluginState.INCOMPATIBLE, "plugin API 99"),
        (plugin("Bad Name", "m"), PluginState.FAILED, "'Bad Name' must be lower-case"),
        (plugin("x", "m", ", views=frozenset({'Linear'})"), PluginState.FAILED, "either the views it needs or the problems"),
        (plugin("x", "m").replace("redwood_solvers", "redwood_solver"), PluginState.FAILED, "unknown hook 'redwood_solver'"),
        (
            plugin("x", "m").replace("return [", "return [1, "),
            PluginState.FAILED,
            "gave a int, and a SolverSpec",
        ),
    ],
)
def test_broken_plugin_is_recorded_and_harms_nobody(fresh_host, write_plugin, body, state, message):
    """A plugin that cannot be used is warned of once and recorded; plugins before and after it work."""
    write_plugin("aaa_good", plugin("first", "aaa_good"))
    write_plugin("bbb_bad", body)
    write_plugin("ccc_good", plugin("last", "ccc_good"))
    with pytest.warns(PluginWarning, match="'bbb_bad' is not used") as warned:
        host = fresh_host()
    assert len(warned) == 1
    assert record_of(host, "bbb_bad").state is state
    assert message in record_of(host, "bbb_bad").message
    assert not host.manager.has_plugin("bbb_bad")
    assert host.solver_entry("first", "tsp")
    assert host.solver_entry("last", "tsp")


def test_selection_of_none_disables_all_installed_plugins(fresh_host, write_plugin, monkeypatch):
    """REDWOOD_PLUGINS=none leaves only the built-ins, and says what it left out."""
    write_plugin("plug_one", plugin("mine", "plug_one"))
    monkeypatch.setenv("REDWOOD_PLUGINS", "none")
    host = fresh_host()
    assert record_of(host, "plug_one").state is PluginState.DISABLED
    with pytest.raises(UnknownNameError):
        host.solver_entry("mine", "tsp")


def test_selection_by_name_takes_entry_points_and_modules(fresh_host, write_plugin, monkeypatch):
    """REDWOOD_PLUGINS takes names of entry points and of importable modules; others are disabled."""
    write_plugin("plug_one", plugin("one", "plug_one"))
    write_plugin("plug_two", plugin("two", "plug_two"))
    write_plugin("plug_three", plugin("three", "plug_three"), announced=False)
    monkeypatch.setenv("REDWOOD_PLUGINS", "plug_one, plug_three")
    host = fresh_host()
    states = {record.name: record.state for record in host.records}
    assert states["plug_one"] is states["plug_three"] is PluginState.LOADED
    assert states["plug_two"] is PluginState.DISABLED


def test_two_plugins_of_one_name_are_an_error_naming_both(fresh_host, write_plugin):
    """A name that two plugins claim is refused when it is used, and both are named; the rest works."""
    write_plugin("plug_one", plugin("same", "plug_one"))
    write_plugin("plug_two", plugin("same", "plug_two"))
    host = fresh_host()
    with pytest.raises(ConflictError, match=r"'plug_one' .* and 'plug_two'"):
        host.solver_entry("same", "tsp")
    assert any("'same for tsp'" in sentence for sentence in host.conflicts())
    assert host.problem_entry("tsp")


def test_one_name_may_serve_several_problems(fresh_host, write_plugin):
    """The same solver name for different problems is no conflict."""
    write_plugin("plug_one", plugin("same", "plug_one"))
    write_plugin("plug_two", plugin("same", "plug_two").replace('("tsp",)', '("knapsack",)'))
    host = fresh_host()
    assert host.conflicts() == []
    assert host.solver_entry("same", "tsp").plugin == "plug_one"
    assert host.solver_entry("same", "knapsack").plugin == "plug_two"


def test_solver_made_for_the_problem_goes_before_one_for_a_view(fresh_host):
    """Where both fit, the typed solver is taken."""
    host = fresh_host()
    for spec in (
        SolverSpec("two-ways", "By view.", "m:V", views=frozenset({"Bound"})),
        SolverSpec("two-ways", "By problem.", "m:P", problems=("tsp",)),
    ):
        host.register(spec)
    assert host.solver_entry("two-ways", "tsp").spec.target == "m:P"
    assert host.solver_entry("two-ways", "knapsack").spec.target == "m:V"


def test_single_file_plugin(tmp_path, fresh_host):
    """A plugin can be one file; a broken or missing one is an error that names it."""
    file = tmp_path / "solo.py"
    file.write_text(
        "from redwood.plugins.spec import SolverSpec, hookimpl\n@hookimpl\ndef redwood_solvers():\n"
        "    return [SolverSpec('solo', 'One.', f'{__name__}:S', problems=('tsp',))]\n"
    )
    host = fresh_host()
    host.load_file(file)
    host.load_file(file)
    assert host.solver_entry("solo", "tsp").plugin == "solo"
    file = tmp_path / "broken.py"
    file.write_text("import")
    with pytest.raises(PluginError, match=r"broken\.py: SyntaxError"):
        host.load_file(file)
    with pytest.raises(PluginError, match="does not exist"):
        host.load_file(tmp_path / "missing.py")


def test_missing_dependency_is_told_with_its_install_line(fresh_host):
    """A solver whose package is absent is listed as missing, and using it says what to install."""
    host = fresh_host()
    need = Requirement("no_such_module_anywhere", "pip install no-such")
    host.register(SolverSpec("needy", "Needs.", "m:S", problems=("tsp",), requires=(need,)))
    entry = host.solver_entry("needy", "tsp")
    assert entry.missing == ["pip install no-such"]
    with pytest.raises(MissingDependencyError, match="pip install no-such"):
        entry.load()


@dataclass(frozen=True)
class Mine(Solver):
    """A solver written in a notebook."""

    def run(self, problem, instance, run):
        return Answer(None)


def test_classes_register_themselves_and_replace_their_earlier_selves():
    """A class can be registered by hand, again and again, and then made."""
    host = Host()
    for _ in range(2):
        host.register(Mine, name="mine", views=["Linear"], choices=(Choice(1),), takes={"side": 10})
    found = [entry for entry in host.solver_entries if entry.spec.name == "mine"]
    assert len(found) == 1
    assert found[0].load() is Mine
    assert found[0].spec.summary == "A solver written in a notebook."
    assert found[0].spec.takes == {"side": 10}


@pytest.mark.parametrize(
    ("thing", "options", "message"),
    [
        (Mine, {}, "needs a name"),
        (Mine, {"name": "mine"}, "either the views it needs or the problems"),
        (Mine, {"name": "mine", "problems": ["tsp"], "takes": {"size": 5}}, "'mine': takes names 'size', 5, which whoever"),
        (Mine, {"name": "mine", "problems": ["tsp"], "takes": ["side"]}, r"'mine': takes is \['side'\]; expected names"),
        (42, {}, "42 is no Problem or Solver class"),
        (ProblemSpec, {}, "is no Problem or Solver class"),
    ],
)
def test_registering_nonsense_is_explained(thing, options, message):
    """What cannot be registered is refused with the reason."""
    with pytest.raises(PluginError, match=message):
        Host().register(thing, **options)


def test_targets_that_are_not_what_they_should_be(fresh_host):
    """A target that cannot be imported, or is no solver, is an error that names it."""
    host = fresh_host()
    for target, message in (
        ("no_such_module_anywhere:S", "cannot be imported"),
        ("redwood.budget:NoSuchName", "has no 'NoSuchName'"),
        ("redwood.budget:Seconds", "not a subclass of Solver"),
    ):
        host.register(SolverSpec("wrong", "W.", target, problems=("tsp",)))
        with pytest.raises(PluginError, match=message):
            host.solver_entry("wrong", "tsp").load()


def test_fit_names_what_would_fit(fresh_host):
    """A solver that does not fit is refused with what it needs and which solvers fit."""
    host = fresh_host()
    host.register(SolverSpec("planner", "P.", "m:S", views=frozenset({"Planning"})))
    with pytest.raises(
        FitError, match=r"'planner' does not fit problem 'tsp': it needs view Planning. Solvers that fit: .*highs"
    ):
        host.solver_entry("planner", "tsp")


@pytest.mark.parametrize(
    ("choice", "arguments", "holds"),
    [
        (Choice(1), ("tsp", 5, 1.0), True),
        (Choice(1, problem="tsp"), ("knapsack", 5, 1.0), False),
        (Choice(1, min_size=5, max_size=5), ("tsp", 5, 1.0), True),
        (Choice(1, min_size=6), ("tsp", 5, 1.0), False),
        (Choice(1, max_size=4), ("tsp", 5, 1.0), False),
        (Choice(1, min_seconds=2), ("tsp", 5, 1.9), False),
        (Choice(1, min_seconds=2), ("tsp", 5, 2.0), True),
    ],
)
def test_choices_hold_within_their_ranges(choice, arguments, holds):
    """A choice holds for its problem, its sizes (inclusive) and its least time."""
    assert choice.holds(*arguments) is holds


def test_a_plugin_may_register_while_it_is_imported(write_plugin, monkeypatch):
    """A plugin module that calls `redwood.register` when it is imported neither deadlocks nor starts discovery anew."""
    write_plugin(
        "eager",
        """
        import redwood
        from redwood.plugins.spec import SolverSpec
        redwood.register(SolverSpec("eager", "A solver.", "eager:S", problems=("tsp",)))
        """,
    )
    monkeypatch.setattr(hosting, "_host", None)
    found = hosting.host()
    assert record_of(found, "eager").state is PluginState.LOADED
    assert [entry.spec.name for entry in found.solver_entries].count("eager") == 1
