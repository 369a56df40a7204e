"""A random forest inside a Pyomo model: prices of three sizes of coffee, to the highest predicted revenue.

The forest has learnt the revenue of a day from its prices. Larger sizes must cost more, and prices stay near today's.
"""

import numpy as np
import pyomo.environ as pyo
from sklearn.ensemble import RandomForestRegressor

from redwood import Embedded, embed

TODAY = np.array([2.0, 2.6, 3.2])


def revenue(prices: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return what days earned at prices [N, 3]; customers change to the next size where it is cheap."""
    demand = np.maximum(120 - 35 * prices, 0) + 20 * (np.roll(prices, 1, axis=1) - prices)
    return (prices * np.maximum(demand, 0)).sum(axis=1) + noise


def learn(seed: int = 0) -> RandomForestRegressor:
    """Return a forest fitted to 1,500 past days."""
    generator = np.random.default_rng(seed)
    prices = generator.uniform(1.0, 5.0, (1500, 3))
    return RandomForestRegressor(20, max_depth=5, random_state=seed).fit(
        prices, revenue(prices, generator.normal(0, 5, 1500))
    )


def model_of(forest: RandomForestRegressor) -> tuple[pyo.ConcreteModel, Embedded]:
    """Return the pricing as a program."""
    model = pyo.ConcreteModel()
    model.price = pyo.Var(range(3), bounds=lambda _, size: (TODAY[size] - 0.8, TODAY[size] + 0.8))
    model.order = pyo.Constraint([0, 1], rule=lambda _, size: model.price[size] + 0.3 <= model.price[size + 1])
    embedded = embed(model, forest, model.price)
    model.revenue = pyo.Objective(expr=embedded.outputs[0], sense=pyo.maximize)
    return model, embedded


def solve(model: pyo.ConcreteModel, embedded: Embedded) -> object:
    """Solve with the options of HiGHS that suit trees."""
    solver = pyo.SolverFactory("appsi_highs")
    solver.highs_options = embedded.highs_options()
    return solver.solve(model)


if __name__ == "__main__":
    model, embedded = model_of(learn())
    check = embedded.check(results=solve(model, embedded))
    print("prices", check.inputs.round(2), "revenue", check.predicted[0], "bound", check.bound)
    print(embedded.report())
