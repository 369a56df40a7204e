"""Policies as files: arrays as safetensors, the rest as JSON in the header, and a card beside it to read."""

from __future__ import annotations

import json
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from redwood.errors import SolutionError
from redwood.files import path_of, replacing, write_text
from redwood.planning.contract import Policy

FORMAT = 1
"""Version of the layout; files of a later one are refused."""
HEADER = "redwood-policy"


def save_policy(policy: Policy, path: str | Path, **card: Any) -> Path:
    """Write a policy, and return the path of the file.

    Parameters
    ----------
    path
        The file; its suffix becomes ``.safetensors``. A crash leaves the old file or the new one.
    **card
        What else the card ``path.json`` shall tell: the instance, the cost of training, figures measured.
    """
    from safetensors.numpy import save_file

    out = path_of(path).with_suffix(".safetensors")
    values = {entry.name: getattr(policy, entry.name) for entry in fields(policy)}
    arrays = {name: np.ascontiguousarray(value) for name, value in values.items() if isinstance(value, np.ndarray)}
    rest = {name: value for name, value in policy.to_dict().items() if name not in arrays}
    header = {"format": FORMAT, "redwood": version("redwood"), "policy": rest}
    with replacing(out) as unfinished:
        save_file(arrays, unfinished, metadata={HEADER: json.dumps(header)})
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    write_text(out.with_suffix(".json"), json.dumps({**header, "arrays": shapes, **card}, indent=2) + "\n")
    return out


def load_policy(path: str | Path) -> Policy:
    """Return the policy of a file that `save_policy` wrote.

    Raises
    ------
    SolutionError
        Where the file cannot be read, holds no policy, or was written by a later version.
    """
    from safetensors import SafetensorError, safe_open

    place = path_of(path)
    try:
        with safe_open(place, framework="np") as file:
            header = json.loads((file.metadata() or {})[HEADER])
            arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
        made, kind = header["format"], header["policy"]
    except (OSError, KeyError, ValueError, TypeError, SafetensorError) as error:
        raise SolutionError(f"{path} holds no policy that can be read: {type(error).__name__}: {error}.") from error
    if made != FORMAT:
        raise SolutionError(f"{path} has the layout {made!r}; this version of Redwood reads {FORMAT}.")
    found: Policy = Policy.from_dict({**kind, **arrays})
    return found
