"""`network_block`: the name of 0.1 for what `redwood.embed` does now."""

from __future__ import annotations

from typing import Any, NoReturn

from redwood.errors import ModelError


def network_block(*_: Any, **__: Any) -> NoReturn:
    """Say what took its place.

    Raises
    ------
    ModelError
        Always.
    """
    raise ModelError(
        "network_block is redwood.embed now: embedded = redwood.embed(model, network, inputs); see embedded.outputs."
    )
