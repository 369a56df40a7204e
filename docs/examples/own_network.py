"""A torch network of your own inside a Pyomo model of your own, solved on HiGHS.

A bakery puts up to five of eight products on a shelf. A network has learnt what a shelf earns from past days; which
products go together is a matter of constraints. The program finds the shelf with the highest predicted earnings.
"""

import pyomo.environ as pyo
import torch
from torch import nn

from redwood import Embedded, embed

PRODUCTS = 8


def earned(shelf: torch.Tensor) -> torch.Tensor:
    """Return what shelves [N, 8] earned: each product for itself, less for every pair that competes."""
    price = torch.linspace(1.0, 3.0, PRODUCTS).double()
    pairs = shelf[:, :-1] * shelf[:, 1:]
    return shelf @ price - 1.2 * pairs.sum(dim=1)


def learn(seed: int = 0) -> nn.Sequential:
    """Return a network trained on 2,000 past days."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(PRODUCTS, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1)).double()
    shelves = (torch.rand(2000, PRODUCTS) < 0.5).double()
    target = earned(shelves)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(300):
        optimiser.zero_grad()
        ((net(shelves)[:, 0] - target) ** 2).mean().backward()
        optimiser.step()
    return net


def model_of(net: nn.Sequential) -> tuple[pyo.ConcreteModel, Embedded]:
    """Return the shelf as a program: at most five products, two that need each other, the predicted earnings."""
    model = pyo.ConcreteModel()
    model.on = pyo.Var(range(PRODUCTS), domain=pyo.Binary)
    model.room = pyo.Constraint(expr=sum(model.on.values()) <= 5)
    model.together = pyo.Constraint(expr=model.on[0] == model.on[7])
    embedded = embed(model, net, model.on)
    model.earnings = pyo.Objective(expr=embedded.outputs[0], sense=pyo.maximize)
    return model, embedded


if __name__ == "__main__":
    model, embedded = model_of(learn())
    results = pyo.SolverFactory("appsi_highs").solve(model)
    check = embedded.check(results=results)
    print("shelf", check.inputs, "network", check.predicted, "bound", check.bound, "deviation", check.deviation)
