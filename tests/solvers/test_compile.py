"""Compiling Pyomo models to arrays."""

import math

import numpy as np
import pyomo.environ as pyo
import pytest

from redwood.budget import Sense
from redwood.errors import ModelError, OptionError
from redwood.views.compiled import compile_model, dual_bound, stack_rows
from redwood.views.linear import Rows


def production():
    """Maximise 3 a + 2 b + 1 with 2 a + b <= 7, 1 <= a + b <= 5, a integer 0..3, b real 0..10: a = 2, b = 3 gives 13."""
    model = pyo.ConcreteModel()
    model.a = pyo.Var(domain=pyo.NonNegativeIntegers, bounds=(0, 3))
    model.b = pyo.Var(bounds=(0, 10))
    model.unused = pyo.Var(domain=pyo.Binary)
    model.profit = pyo.Objective(expr=3 * model.a + 2 * model.b + 1, sense=pyo.maximize)
    model.hours = pyo.Constraint(expr=2 * model.a + model.b <= 7)
    model.orders = pyo.Constraint(expr=pyo.inequality(1, model.a + model.b, 5))
    return model


def dense(rows, columns):
    matrix = np.zeros((len(rows.lower), columns))
    for row in range(len(rows.lower)):
        for entry in range(rows.starts[row], rows.starts[row + 1]):
            matrix[row, rows.columns[entry]] += rows.values[entry]
    return matrix


def test_arrays_are_the_model():
    """Costs, bounds, integrality and rows come out as declared; a range is one row."""
    model = production()
    compiled = compile_model(model, [model.a, model.b])
    assert (compiled.sense, compiled.offset) == (Sense.MAX, 1.0)
    assert compiled.cost.tolist() == [3, 2, 0]
    assert (compiled.lower.tolist(), compiled.upper.tolist()) == ([0, 0, 0], [3, 10, 1])
    assert compiled.integer.tolist() == [True, False, True]
    assert dense(compiled.rows, 3).tolist() == [[2, 1, 0], [1, 1, 0]]
    assert (compiled.rows.lower.tolist(), compiled.rows.upper.tolist()) == ([-math.inf, 1], [7, 5])


def test_listed_variables_come_first_even_unused_ones():
    """Column i is the i-th variable listed, whether a row uses it or not."""
    model = production()
    compiled = compile_model(model, [model.unused, model.b])
    assert compiled.cost.tolist() == [0, 2, 3]
    assert compiled.integer.tolist() == [True, False, True]


def test_optimum_is_that_of_the_model():
    """HiGHS finds on the arrays what can be worked out by hand, and again after the costs have changed."""
    model = production()
    compiled = compile_model(model, [model.a, model.b])
    highs = compiled.highs()
    highs.run()
    assert highs.getInfo().objective_function_value == pytest.approx(13)
    assert compiled.objective(np.array([2.0, 3.0, 0.0])) == 13
    highs.changeColsCost(2, np.array([0, 1], np.int32), np.array([1.0, 0.0]))
    highs.run()
    assert highs.getInfo().objective_function_value == pytest.approx(4)


def test_fixed_variables_keep_a_column():
    """A fixed variable is a column bounded to its value, in rows and in the objective."""
    model = production()
    model.b.fix(1.0)
    compiled = compile_model(model, [model.a, model.b])
    assert (compiled.lower[1], compiled.upper[1]) == (1, 1)
    highs = compiled.highs()
    highs.run()
    assert highs.getInfo().objective_function_value == pytest.approx(3 * 3 + 2 + 1)


def test_integer_bounds_are_tightened():
    """An integer column between 0.3 and 2.7 lies between 1 and 2."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(domain=pyo.Integers, bounds=(0.3, 2.7))
    model.cost = pyo.Objective(expr=model.x)
    compiled = compile_model(model)
    assert (compiled.lower[0], compiled.upper[0]) == (1, 2)
    assert compiled.integral(np.array([2.4])).tolist() == [2]


def test_deactivated_parts_are_left_out():
    """What the model has deactivated is no row, and no second objective."""
    model = production()
    model.other = pyo.Objective(expr=model.a)
    model.other.deactivate()
    model.hours.deactivate()
    assert len(compile_model(model).rows.lower) == 1


def add_sos(model):
    model.weights = pyo.Var([1, 2])
    model.sos = pyo.SOSConstraint(var=model.weights, sos=1)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda model: model.add_component("more", pyo.Objective(expr=model.a)), "has 2: profit, more"),
        (lambda model: model.profit.deactivate(), "has 0: none"),
        (lambda model: model.add_component("curve", pyo.Constraint(expr=model.a * model.b <= 1)), "'curve' is not linear"),
        (lambda model: model.profit.set_value(model.a**2), "'profit' is not linear"),
        (add_sos, "SOSConstraint 'sos'"),
        (lambda model: model.add_component("even", pyo.Var(domain=pyo.Set(initialize=[0, 2, 4]))), "only ranges"),
        (lambda model: model.hours.set_value(model.a + production().b <= 7), "not part of the model"),
    ],
)
def test_models_that_are_no_linear_program_are_refused(spoil, message):
    """A model with no or several objectives, nonlinear terms, SOS constraints or odd domains is an error that names it."""
    model = production()
    spoil(model)
    with pytest.raises(ModelError, match=message):
        compile_model(model)


def test_repeated_variable_is_refused():
    """A variable listed twice has no one column."""
    model = production()
    with pytest.raises(ModelError, match="1 of the 3 variables listed"):
        compile_model(model, [model.a, model.b, model.a])


def test_wrong_highs_option_is_refused():
    """An option that HiGHS does not take is an error with its name and value."""
    with pytest.raises(OptionError, match="presolve='sometimes'"):
        compile_model(production()).highs(presolve="sometimes")


def test_highs_prints_nothing(capfd):
    """Standard output stays free for JSON."""
    compile_model(production()).highs().run()
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""


def test_number_of_threads_can_change():
    """HiGHS objects with one and with two threads work in one process."""
    compiled = compile_model(production())
    for threads in (1, 2, 1):
        highs = compiled.highs(threads=threads)
        highs.run()
        assert highs.getInfo().objective_function_value == pytest.approx(13)


def test_bounds_move_to_values_that_the_objective_can_take():
    """With costs 4 and 6 on integers and offset 1, bounds of 7.2 and 7.0000001 mean 9 and 7 (minimising)."""
    model = pyo.ConcreteModel()
    model.x, model.y = pyo.Var(domain=pyo.Binary), pyo.Var(domain=pyo.Binary)
    model.cost = pyo.Objective(expr=4 * model.x + 6 * model.y + 1)
    compiled = compile_model(model)
    assert compiled.step == 2
    assert [compiled.round_bound(bound) for bound in (7.2, 7.0000001, 6.9)] == [9, 7, 7]
    model.cost.sense = pyo.maximize
    assert [compile_model(model).round_bound(bound) for bound in (7.2, 6.9999999)] == [7, 7]


def test_bounds_of_real_objectives_are_eased():
    """Where the objective can take any value, a bound gives up its last digits and never tightens."""
    compiled = compile_model(production())
    assert compiled.step == 0
    assert 13.5 < compiled.round_bound(13.5) < 13.500001


@pytest.mark.parametrize("sense", [pyo.minimize, pyo.maximize])
def test_any_duals_prove_a_bound(sense):
    """The bound of the optimal duals is the linear optimum; that of arbitrary duals is never better than it."""
    model = production()
    model.profit.sense = sense
    compiled = compile_model(model)
    highs = compiled.highs(solve_relaxation=True)
    highs.run()
    optimum = highs.getInfo().objective_function_value
    bound, _ = dual_bound(compiled, compiled.rows, np.array(highs.getSolution().row_dual))
    assert bound == pytest.approx(optimum)
    rng = np.random.default_rng(0)
    for _ in range(50):
        bound, _ = dual_bound(compiled, compiled.rows, rng.normal(size=2) * 3)
        assert bound <= optimum + 1e-9 if sense == pyo.minimize else bound >= optimum - 1e-9


def test_rows_stack():
    """Stacked rows are the rows of the parts, in their order."""
    one = Rows(np.array([0, 2]), np.array([0, 1]), np.array([1.0, 2.0]), np.array([0.0]), np.array([1.0]))
    two = Rows(np.array([0, 1, 2]), np.array([1, 0]), np.array([3.0, 4.0]), np.array([2.0, 3.0]), np.array([4.0, 5.0]))
    stacked = stack_rows([one, two])
    assert dense(stacked, 2).tolist() == [[1, 2], [0, 3], [4, 0]]
    assert (stacked.lower.tolist(), stacked.upper.tolist()) == ([0, 2, 3], [1, 4, 5])
