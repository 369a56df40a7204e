"""Scikit-learn models as networks and tree ensembles, by exact class; everything else refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.embedding.network import ReluNetwork
from redwood.embedding.predictor import Evaluate, Predictor
from redwood.embedding.tape import Tape
from redwood.embedding.trees import Tree, TreeEnsemble
from redwood.errors import MissingDependencyError, ModelError

LINEAR = (
    "LinearRegression",
    "Ridge",
    "RidgeCV",
    "Lasso",
    "LassoCV",
    "ElasticNet",
    "ElasticNetCV",
    "BayesianRidge",
    "HuberRegressor",
    "LinearSVR",
    "SGDRegressor",
)
LINEAR_CLASSIFIERS = (
    "LogisticRegression",
    "LogisticRegressionCV",
    "RidgeClassifier",
    "LinearSVC",
    "SGDClassifier",
    "Perceptron",
)
PERCEPTRONS = ("MLPRegressor", "MLPClassifier")
TREES = ("DecisionTreeRegressor", "DecisionTreeClassifier", "ExtraTreeRegressor", "ExtraTreeClassifier")
FORESTS = ("RandomForestRegressor", "RandomForestClassifier", "ExtraTreesRegressor", "ExtraTreesClassifier")
BOOSTED = ("GradientBoostingRegressor", "GradientBoostingClassifier")
BINNED = ("HistGradientBoostingRegressor", "HistGradientBoostingClassifier")
SCALERS = ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler")
KNOWN = ", ".join((*LINEAR, *LINEAR_CLASSIFIERS, *PERCEPTRONS, *TREES, *FORESTS, *BOOSTED, *BINNED))


def read_sklearn(model: Any, inputs: int) -> Predictor:
    """Return what a fitted scikit-learn model computes; classifiers' outputs are their scores or probabilities."""
    try:
        from sklearn.exceptions import NotFittedError
        from sklearn.utils.validation import check_is_fitted
    except ImportError as error:
        raise MissingDependencyError(
            f"{type(model).__name__} needs scikit-learn: pip install 'redwood[sklearn]'."
        ) from error
    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise ModelError(f"the {type(model).__name__} is not fitted.") from error
    if int(model.n_features_in_) != inputs:
        raise ModelError(f"{inputs} inputs are given for a {type(model).__name__} of {model.n_features_in_}.")
    return _pipeline(model, inputs) if type(model).__name__ == "Pipeline" else _estimator(model, inputs)


def _own(model: Any, names: tuple[str, ...]) -> bool:
    """Return whether it is one of scikit-learn's own classes, and no subclass."""
    return type(model).__name__ in names and type(model).__module__.startswith("sklearn.")


def _estimator(model: Any, inputs: int) -> Predictor:
    for names, reader in READERS.items():
        if _own(model, names):
            found = reader(model, inputs)
            labels = getattr(model, "classes_", None)
            if isinstance(labels, list):
                raise ModelError(f"the {type(model).__name__} has several outputs of classes; only one can be embedded.")
            return replace(found, labels=None if labels is None else tuple(labels.tolist()))
    raise ModelError(
        f"a {type(model).__name__} cannot be embedded. Supported: {KNOWN}, and pipelines of {', '.join(SCALERS)}."
    )


def _pipeline(pipeline: Any, inputs: int) -> Predictor:
    """Return the last step's function of what the scalers before it give."""
    *before, (_, last) = pipeline.steps
    shift, scale = np.zeros(inputs), np.ones(inputs)
    for name, step in before:
        if step == "passthrough" or step is None:
            continue
        if not _own(step, SCALERS):
            kind = type(step).__name__
            raise ModelError(f"step {name!r} of the pipeline is a {kind}; only {', '.join(SCALERS)} can be embedded.")
        own_shift, own_scale = _scaler(step, inputs)
        shift, scale = shift + scale * own_shift, scale * own_scale
    found = _estimator(last, inputs)

    def evaluate(points: Array) -> Array:
        for _, step in before:
            points = points if step == "passthrough" or step is None else step.transform(points)
        return found.evaluate(points)

    return replace(found, kind="Pipeline", model=found.model.scaled(shift, scale), evaluate=evaluate)


def _scaler(step: Any, inputs: int) -> tuple[Array, Array]:
    """Return shift and scale [inputs] of ``(x - shift) / scale``."""
    kind, none = type(step).__name__, (np.zeros(inputs), np.ones(inputs))
    if kind == "MinMaxScaler":
        if step.clip:
            raise ModelError("a MinMaxScaler with clip=True is not linear and cannot be embedded.")
        return -np.asarray(step.min_) / step.scale_, 1.0 / np.asarray(step.scale_)
    shift = {"StandardScaler": "mean_", "RobustScaler": "center_"}.get(kind)
    moved = None if shift is None else getattr(step, shift)
    return none[0] if moved is None else np.asarray(moved), none[1] if step.scale_ is None else np.asarray(step.scale_)


def _linear(model: Any, inputs: int) -> Predictor:
    tape = Tape(inputs)
    matrix, bias = np.atleast_2d(model.coef_).astype(float), np.atleast_1d(model.intercept_).astype(float)
    bias = np.broadcast_to(bias, len(matrix))
    network = tape.network(tape.affine(tape.input(), matrix, bias, f"the {type(model).__name__}"))
    asked = model.decision_function if hasattr(model, "decision_function") else model.predict
    return Predictor(type(model).__name__, network, _columns(asked))


def _perceptron(model: Any, inputs: int) -> Predictor:
    if model.activation not in ("relu", "identity"):
        raise ModelError(
            f"the {type(model).__name__} has the activation {model.activation!r}; only relu and identity can be embedded."
        )
    tape = Tape(inputs)
    value, last = tape.input(), len(model.coefs_) - 1
    for place, (matrix, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        value = tape.affine(
            value, matrix.T.astype(float), bias.astype(float), f"layer {place} of the {type(model).__name__}"
        )
        if place < last and model.activation == "relu":
            value = tape.relu(value)
    network = tape.network(value)
    evaluate = _columns(model.predict) if type(model).__name__ == "MLPRegressor" else _scores(model, network)
    return Predictor(type(model).__name__, network, evaluate)


def _scores(model: Any, network: ReluNetwork) -> Evaluate:
    """Return the scores before the last function, which a perceptron does not tell, held against what it tells."""

    def evaluate(points: Array) -> Array:
        scores = network.values(points)
        told = model.predict_proba(points)
        if scores.shape[1] == 1:
            made = 1.0 / (1.0 + np.exp(-np.clip(scores, -500, 500)))
            told = told[:, 1:]
        else:
            made = np.exp(scores - scores.max(axis=1, keepdims=True))
            made /= made.sum(axis=1, keepdims=True)
        if np.abs(made - told).max() > 1e-5:
            raise ModelError(
                f"the scores read from the MLPClassifier lead to probabilities off by {np.abs(made - told).max():.2g}."
            )
        return scores

    return evaluate


def _columns(asked: Callable[[Array], Any]) -> Evaluate:
    """Return a method whose results have one column an output."""

    def evaluate(points: Array) -> Array:
        found = np.asarray(asked(points), float)
        return found.reshape(len(points), -1)

    return evaluate


def _tree(tree: Any, factor: float, classifies: bool) -> Tree:
    """Return a fitted tree, its values times the factor; classifiers' as shares."""
    values = tree.value.astype(float)
    if values.shape[1] > 1 and values.shape[2] > 1:
        raise ModelError("a tree with several outputs of classes cannot be embedded; only one can.")
    value = values[:, 0, :] if classifies else values[:, :, 0]
    if classifies:
        value = value / value.sum(axis=1, keepdims=True)
    feature = np.where(tree.children_left < 0, -1, tree.feature)
    return Tree(feature, tree.threshold.astype(float), tree.children_left, tree.children_right, factor * value)


def _forest(model: Any, inputs: int) -> Predictor:
    members = model.estimators_ if hasattr(model, "estimators_") else [model]
    classifies = hasattr(model, "predict_proba")
    trees = tuple(_tree(member.tree_, 1.0 / len(members), classifies) for member in members)
    count = trees[0].value.shape[1]
    ensemble = TreeEnsemble(inputs, trees, np.zeros(count), np.zeros(inputs), np.ones(inputs))
    return Predictor(type(model).__name__, ensemble, _columns(model.predict_proba if classifies else model.predict))


def _boosted(model: Any, inputs: int) -> Predictor:
    """Return gradient boosting's raw scores: what it predicts, or decides by."""
    kind = type(model).__name__
    if model.init is not None and model.init != "zero":
        raise ModelError(
            f"the {kind} begins from a {type(model.init).__name__}; only the default and 'zero' can be embedded."
        )
    count = model.estimators_.shape[1]
    trees = []
    for place in range(count):
        for member in model.estimators_[:, place]:
            tree = _tree(member.tree_, float(model.learning_rate), False)
            spread = np.zeros((len(tree.value), count))
            spread[:, place] = tree.value[:, 0]
            trees.append(tree._replace(value=spread))
    asked = _columns(model.decision_function if hasattr(model, "decision_function") else model.predict)
    origin = np.zeros((1, inputs))
    ensemble = TreeEnsemble(inputs, tuple(trees), np.zeros(count), np.zeros(inputs), np.ones(inputs))
    start = asked(origin)[0] - ensemble.values(origin)[0]
    return Predictor(kind, replace(ensemble, offset=start), asked)


def _binned(model: Any, inputs: int) -> Predictor:
    """Return histogram gradient boosting's raw scores."""
    kind = type(model).__name__
    if kind == "HistGradientBoostingRegressor" and model.loss not in ("squared_error", "absolute_error", "quantile"):
        raise ModelError(f"the {kind} has the loss {model.loss!r}, whose predictions are no sums of trees.")
    count, trees = len(model._predictors[0]), []
    for stage in model._predictors:
        for place, member in enumerate(stage):
            nodes = member.nodes
            if nodes["is_categorical"].any():
                raise ModelError(f"the {kind} splits by categories, which cannot be embedded.")
            value = np.zeros((len(nodes), count))
            value[:, place] = nodes["value"]
            leaf = nodes["is_leaf"].astype(bool)
            feature = np.where(leaf, -1, nodes["feature_idx"].astype(np.int64))
            ends = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
            trees.append(Tree(feature, np.where(leaf, 0.0, nodes["num_threshold"]), *ends, value))
    start = np.asarray(model._baseline_prediction, float).reshape(-1)
    ensemble = TreeEnsemble(inputs, tuple(trees), start, np.zeros(inputs), np.ones(inputs), single=False)
    asked = model.decision_function if hasattr(model, "decision_function") else model.predict
    return Predictor(kind, ensemble, _columns(asked))


READERS: dict[tuple[str, ...], Callable[[Any, int], Predictor]] = {
    (*LINEAR, *LINEAR_CLASSIFIERS): _linear,
    PERCEPTRONS: _perceptron,
    (*TREES, *FORESTS): _forest,
    BOOSTED: _boosted,
    BINNED: _binned,
}
