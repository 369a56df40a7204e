"""`read`: what a torch, scikit-learn or ONNX object computes, by the reader of its library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redwood.embedding.predictor import Predictor
from redwood.errors import ModelError

SUPPORTED = (
    "torch modules (an nn.Sequential or any module of the layers listed in docs/network-in-my-mip.md), scikit-learn linear "
    "models, perceptrons, trees, forests, gradient boosting and pipelines of scalers with these, and ONNX models"
)


def read(predictor: Any, inputs: int) -> Predictor:
    """Return what a predictor of so many inputs computes.

    Raises
    ------
    ModelError
        Where it is none of those supported, a part of it is not, its weights are not finite, or its inputs are not as many.
    """
    families = {base.__module__.partition(".")[0] for base in type(predictor).__mro__}
    if "torch" in families:
        from redwood.embedding.read_torch import read_torch

        found = read_torch(predictor, inputs)
    elif "sklearn" in families:
        from redwood.embedding.read_sklearn import read_sklearn

        found = read_sklearn(predictor, inputs)
    elif "onnx" in families or isinstance(predictor, (str, Path)):
        from redwood.embedding.read_onnx import read_onnx

        found = read_onnx(predictor, inputs)
    else:
        raise ModelError(f"a {type(predictor).__name__} cannot be embedded. Supported: {SUPPORTED}.")
    if found.model.inputs != inputs:
        raise ModelError(f"{inputs} inputs are given for a {found.kind} of {found.model.inputs}.")
    return found
