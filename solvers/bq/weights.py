"""Weights as safetensors: the network is described in the file's header, so that a file is all one needs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from redwood.errors import FitError, OptionError
from redwood.files import replacing, write_text
from redwood.solvers.bq.network import Network, Shape
from redwood.views.stepwise import Layout

SHIPPED = Path(__file__).parent / "weights"


def save_weights(network: Network, path: Path, card: Mapping[str, Any]) -> None:
    """Write a network in half precision with its description, and the card beside it as JSON."""
    tensors = {name: tensor.detach().half().contiguous().cpu() for name, tensor in network.state_dict().items()}
    with replacing(path) as unfinished:
        save_file(tensors, unfinished, metadata={"network": json.dumps(network.describe())})
        unfinished.chmod(0o644)  # readable wherever a wheel unpacks it
    write_text(path.with_suffix(".json"), json.dumps(card, indent=2) + "\n")


def load_weights(path: Path, device: str = "cpu") -> Network:
    """Return the network of a file, ready to decode.

    Raises
    ------
    OptionError
        Where the file is missing or does not describe a network.
    """
    try:
        with safe_open(path, framework="pt", device=device) as file:
            described = json.loads((file.metadata() or {})["network"])
            tensors = {name: file.get_tensor(name).float() for name in sorted(file.keys())}
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise OptionError(f"weights {path} cannot be read: {type(error).__name__}: {error}.") from error
    network = _empty_network(path, described, {name: tensor.shape for name, tensor in tensors.items()})
    network.load_state_dict(tensors)
    return network.to(torch.device(device)).eval().requires_grad_(False)


def _empty_network(path: Path, described: Any, shapes: Mapping[str, Sequence[int]]) -> Network:
    """Return the network that a file describes, once its tensors are known to be those that the file holds."""
    try:
        layout, shape = Layout(**described["layout"]), Shape(**described["shape"])
        if shape.layers > len(shapes):
            raise ValueError(f"it describes {shape.layers} layers and holds {len(shapes)} tensors")
        with torch.device("meta"):
            expected = {name: tensor.shape for name, tensor in Network(layout, shape).state_dict().items()}
        wrong = sorted(set(expected) ^ set(shapes)) or [name for name in expected if expected[name] != shapes[name]]
        if wrong:
            raise ValueError(f"tensor {wrong[0]!r} is not as the description says")
    except (TypeError, ValueError, KeyError, RuntimeError, ArithmeticError, AttributeError) as error:
        raise OptionError(f"weights {path} cannot be read: {type(error).__name__}: {error}.") from error
    return Network(layout, shape)


@lru_cache(maxsize=8)
def network_for(problem: str, layout: Layout, weights: str, device: str, window: int = 0) -> Network:
    """Return the network of a weights file, or the one that is shipped for a problem of that name.

    A ``window`` other than 0 is how many tokens it is to be shown, in place of as many as it was trained with.

    Parameters
    ----------
    problem
        Name of the problem; decides which network is shipped.
    layout
        Numbers of features and the like that the problem's windows have.
    weights
        A file; empty for the shipped network.
    device
        Where the network is put, such as ``cpu``.
    window
        Tokens that the network is shown; 0 for as many as it was trained with.

    Raises
    ------
    FitError
        Where none is shipped, or the network was made for another layout.
    """
    path = Path(weights) if weights else SHIPPED / f"{problem}.safetensors"
    if not weights and not path.exists():
        shipped = ", ".join(sorted(p.stem for p in SHIPPED.glob("*.safetensors"))) or "none"
        raise FitError(f"no weights are shipped for problem {problem!r} (shipped: {shipped}); train some and give weights=.")
    network = load_weights(path, device)
    if network.layout != layout:
        raise FitError(f"weights {path} were trained for {network.layout}, and problem {problem!r} has {layout}.")
    if window:
        network.shape = replace(network.shape, window=window)
    return network
