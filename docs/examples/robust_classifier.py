"""Can a small change of the input change the class? The worst one within a box, with a proof.

For each other class the program maximises its score minus the true class's. Where the greatest lead is below 0, no
input of the box has that class: a proof. Where it is above 0, the solution is such an input.
"""

import numpy as np
import pyomo.environ as pyo
import torch
from torch import nn

from redwood import embed

CLASSES = 3


def learn(seed: int = 0) -> nn.Sequential:
    """Return a classifier of points in the plane into three sectors around the origin."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(2, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, CLASSES)).double()
    points = 2 * torch.rand(1500, 2).double() - 1
    sector = torch.bucketize(torch.atan2(points[:, 1], points[:, 0]), torch.tensor([-1.0, 1.0]).double())
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(300):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(points), sector).backward()
        optimiser.step()
    return net


def worst_lead(net: nn.Sequential, point: np.ndarray, radius: float) -> tuple[float, float, np.ndarray]:
    """Return the greatest lead of another class near a point, the bound on all such leads, and the input that has it."""
    scores = net(torch.tensor(point)).detach().numpy()
    true, found = int(scores.argmax()), []
    for other in set(range(CLASSES)) - {true}:
        model = pyo.ConcreteModel()
        model.x = pyo.Var(range(2), bounds=lambda _, i: (point[i] - radius, point[i] + radius))
        embedded = embed(model, net, model.x)
        model.lead = pyo.Objective(expr=embedded.outputs[other] - embedded.outputs[true], sense=pyo.maximize)
        check = embedded.check(results=pyo.SolverFactory("appsi_highs").solve(model))
        found.append((check.predicted[other] - check.predicted[true], check.bound, check.inputs))
    lead, _, worst = max(found, key=lambda one: one[0])
    return lead, max(bound for _, bound, _ in found), worst


if __name__ == "__main__":
    net, point = learn(), np.array([0.6, 0.2])
    for radius in (0.1, 0.2, 0.4):
        lead, bound, worst = worst_lead(net, point, radius)
        outcome = f"{worst.round(3)} has another class" if lead > 0 else "no input in the box has another class"
        print(f"radius {radius}: lead {lead:.4f}, bound {bound:.4f}: {outcome}")
