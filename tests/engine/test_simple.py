"""The short ways to write a problem: arrays are checked, files survive, moves and picks do what they say."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

import redwood
from redwood.budget import Sense
from redwood.errors import FormatError, InstanceError, OptionError, PluginError
from redwood.plugins import host as hosting
from redwood.plugins.conformance.checks import check_problem
from redwood.plugins.host import Host
from redwood.problem import Solution
from redwood.simple import ArrayInstance, JsonProblem, Moves, Picks, array, permutation_violations, scaled
from redwood.views.local import Local
from redwood.views.stepwise import Layout, Stage, Stepwise


@dataclass(frozen=True, eq=False, kw_only=True)
class Loads(ArrayInstance):
    """Profit [N] and weight [N, 2] of things, and what may be carried of either weight [2]."""

    profit: np.ndarray = array("N")
    weight: np.ndarray = array("N", 2)
    room: np.ndarray = array(2)
    note: str = ""


@dataclass(frozen=True, eq=False)
class Carried(Solution):
    """The things taken."""

    things: list


class CarryMoves(Moves):
    """Take a thing, or leave one. Nothing but the moves is written."""

    def initial(self, rng):
        return []

    def moves(self, state):
        inside = [("leave", thing) for thing in state]
        room = self.instance.room - self.instance.weight[state].sum(axis=0)
        fits = np.flatnonzero((self.instance.weight <= room).all(axis=1))
        return inside + [("take", int(thing)) for thing in fits if thing not in state]

    def apply(self, state, move):
        (state.remove if move[0] == "leave" else state.append)(move[1])


class CarryPicks(Picks):
    """Take one thing after another while any fits."""

    layout = Layout(features=2, marks=0, sets=True, neighbours=False)
    curriculum = (Stage(4, 2, 2),)

    def allowed(self, instance, picked, left):
        return (instance.weight[left] <= instance.room - instance.weight[picked].sum(axis=0)).all(axis=1)

    def describe(self, instance, picked, left):
        return np.stack([scaled(instance.profit[left]), scaled(instance.weight[left].sum(axis=1))], axis=1), None


class Carry(JsonProblem):
    """Carry the things of most value whose weights both fit."""

    name, sense = "carry", Sense.MAX
    instance_type, solution_type = Loads, Carried
    views = {Local: CarryMoves, Stepwise: CarryPicks}  # noqa: RUF012

    def generate(self, size, rng, *, variant=""):
        weight = rng.integers(1, 9, (size, 2))
        return self.make(profit=rng.random(size), weight=weight, room=weight.sum(axis=0) // 2 + 9, note="drawn")

    def objective(self, instance, solution):
        return float(instance.profit[solution.things].sum())

    def violations(self, instance, solution):
        over = instance.weight[solution.things].sum(axis=0) > instance.room
        twice = len(set(solution.things)) < len(solution.things)
        return ["too heavy."] * bool(over.any()) + ["a thing is taken twice."] * twice


@pytest.fixture
def problem(monkeypatch):
    """The problem, registered in a host of its own."""
    host = Host()
    host.discover()
    monkeypatch.setattr(hosting, "_host", host)
    redwood.register(Carry)
    return host.problem("carry")


def test_a_problem_of_moves_and_picks_keeps_every_promise(problem, tmp_path):
    """A choice of things that ends when nothing fits, with neither delta nor descent written, satisfies the kit."""
    assert check_problem("carry", size=6, seeds=[0, 1], save=tmp_path) == []


def test_a_descent_ends_where_no_move_improves(problem):
    """After a descent every move makes the objective worse, or leaves it."""
    instance = redwood.generate("carry", size=12, seed=1)
    view = problem.view(Local, instance)
    state = view.initial(np.random.default_rng(0))
    view.descend(state)
    assert state
    assert max(view.change(state, move) for move in view.moves(state)) <= 0


def test_a_descent_on_false_promises_is_ended(problem, monkeypatch):
    """Moves that announce improvements which do not come raise, instead of going on for ever."""
    monkeypatch.setattr(CarryMoves, "change", lambda self, state, move: 1.0)
    view = problem.view(Local, redwood.generate("carry", size=6, seed=1))
    with pytest.raises(PluginError, match="change announced 500 improvements"):
        view.descend(view.initial(np.random.default_rng(0)))


def test_files_are_recognised_and_keep_whole_numbers_and_text(problem, tmp_path):
    """A written instance is known by its content, with types as they were; so is a solution."""
    instance = redwood.generate("carry", size=4, seed=1)
    file, answer = tmp_path / "four.json", tmp_path / "answer.json"
    file.write_text(problem.format(instance))
    back = redwood.read(file)
    assert (back.weight.dtype, back.profit.dtype, back.note) == (np.int64, np.float64, "drawn")
    assert back.fingerprint() == instance.fingerprint()
    result = redwood.solve(back, "local-search", iterations=5)
    result.save_solution(answer)
    assert problem.parse_solution(answer.read_text(), back).things == result.solution.things


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weight": [[1, 1]]}, "weight has shape [1, 2]; expected [N, 2] with N = 2 of profit."),
        ({"profit": [[1, 2]]}, "profit has shape [1, 2]; expected [N], none of them zero."),
        ({"room": [1, 2, 3]}, "room has shape [3]; expected [2]."),
        ({"profit": [1, float("nan")]}, "profit[1] is nan; give finite numbers."),
        ({"profit": ["a", "b"]}, "profit holds what is no number"),
        ({"weight": [[1, 1], [2]]}, "weight is no array"),
        ({"profit": []}, "profit has shape [0]; expected [N], none of them zero."),
    ],
)
def test_wrong_arrays_are_named_with_what_was_expected(problem, change, words):
    """Shapes, dimensions shared by fields, types and single numbers are checked at the door."""
    sound = {"profit": [1, 2], "weight": [[1, 1], [2, 2]], "room": [2, 2], "note": ""}
    assert redwood.instance("carry", **sound).size == 2
    with pytest.raises(InstanceError) as told:
        redwood.instance("carry", **{**sound, **change})
    assert words in str(told.value)


def test_wrong_names_and_files_are_refused(problem):
    """A field that does not exist, one that is missing, and a file of another problem are named."""
    with pytest.raises(OptionError, match="Did you mean 'profit'"):
        redwood.instance("carry", profits=[1])
    with pytest.raises(InstanceError, match="weight is missing"):
        redwood.instance("carry", profit=[1])
    with pytest.raises(FormatError, match='begins with "problem": "carry"'):
        problem.parse(json.dumps({"problem": "other"}), "file")
    with pytest.raises(FormatError, match="takes no 'size'"):
        problem.parse(json.dumps({"problem": "carry", "size": 3}), "file")
    with pytest.raises(FormatError, match="no JSON"):
        problem.parse("{", "file")


def test_a_view_has_one_owner():
    """A view's class cannot be named by two problems, since it prices by its own."""
    with pytest.raises(PluginError, match=r"belongs to problem 'carry'; give 'other' a subclass"):
        type("Other", (JsonProblem,), {"name": "other", "instance_type": Loads, "views": {Local: CarryMoves}})


def test_wrong_descriptions_name_the_shape(problem, monkeypatch):
    """A description of another shape than the layout's is refused with both."""
    monkeypatch.setattr(CarryPicks, "describe", lambda self, instance, picked, left: (np.zeros((len(left), 3)), None))
    view = problem.view(Stepwise, redwood.generate("carry", size=3, seed=0))
    with pytest.raises(PluginError, match=r"features of shape \[3, 3\]; expected \[3, 2\]"):
        view.window(view.begin(np.zeros(1, np.int64)), 3)


def test_allowed_things_are_shown_first(problem):
    """Where a window has not room for everything, it shows what may be picked."""
    instance = redwood.instance("carry", profit=[1, 1, 1], weight=[[9, 9], [1, 1], [9, 9]], room=[2, 2], note="")
    view = problem.view(Stepwise, instance)
    window = view.window(view.begin(np.zeros(1, np.int64)), 1)
    assert window.nodes.tolist() == [[1]]


def test_orders_say_what_is_wrong_with_them():
    """Every sort of fault in an order is named."""
    assert permutation_violations([2, 0, 1], 3) == []
    words = permutation_violations([0, 0, 5], 3, "worker")
    assert words == [
        "worker 5 does not exist.",
        "worker 0 stands there 2 times.",
        "worker 1 is missing.",
        "worker 2 is missing.",
    ]


@pytest.mark.parametrize("unit", [2.0**-40, 2.0**40])
def test_a_descent_does_not_depend_on_the_unit_of_the_objective(problem, unit):
    """Values a power of two as large, tiny or huge, lead to the same local optimum: gains count by their share."""
    instance = redwood.generate("carry", size=12, seed=1)
    scaled_instance = problem.make(profit=unit * instance.profit, weight=instance.weight, room=instance.room, note="drawn")
    states = []
    for given in (instance, scaled_instance):
        view = problem.view(Local, given)
        states.append(view.initial(np.random.default_rng(0)))
        view.descend(states[-1])
    assert list(states[0]) == list(states[1])
