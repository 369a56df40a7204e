"""A torch network of your own inside a Pyomo model of your own, solved on HiGHS.

A bakery puts up to five of eight products on a shelf. A network has learnt what a shelf earns from past days; which
products go together is a matter of constraints. The program finds the shelf that the network values most.
"""

import pyomo.environ as pyo
import torch
from torch import nn

from redwood.solvers.sequoia.search.pyomo_block import network_block

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


def model_of(net: nn.Sequential) -> pyo.ConcreteModel:
    """Return the shelf as a program: at most five products, two that need each other, the network's worth."""
    model = pyo.ConcreteModel()
    model.on = pyo.Var(range(PRODUCTS), domain=pyo.Binary)
    model.room = pyo.Constraint(expr=sum(model.on.values()) <= 5)
    model.together = pyo.Constraint(expr=model.on[0] == model.on[7])
    model.q = network_block(net, list(model.on.values()))
    model.worth = pyo.Objective(expr=model.q.outputs[0], sense=pyo.maximize)
    return model


if __name__ == "__main__":
    net = learn()
    model = model_of(net)
    pyo.SolverFactory("appsi_highs").solve(model)
    shelf = torch.tensor([[round(pyo.value(on)) for on in model.on.values()]]).double()
    print("shelf", shelf.int().tolist()[0], "program", pyo.value(model.worth), "network", net(shelf).item())
