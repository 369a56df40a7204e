"""`train_shared`: the training of a network of arm parameters in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.errors import OptionError, suggestion
from redwood.planning.contract import Planning
from redwood.problem import Problem
from redwood.trainable import TrainingConfig

if TYPE_CHECKING:
    from redwood.renamed import option_suggestion
from redwood.solvers.sequoia.learning.hyper_parameters import HyperParameters

OPTIONS = ("instances", "variant", "size")


def train_shared(
    problem: Problem[Any, Any], config: TrainingConfig, hyper_parameters: HyperParameters, options: dict[str, Any]
) -> Path:
    """Return the file of a network of arms, the one of the round that was furthest ahead on held-out instances.

    Parameters
    ----------
    problem
        The problem of the instances.
    config
        Folder, hours, seed and the like.
    hyper_parameters
        Hidden layers, rounds and the like.
    options
        Number, sizes and variant of the instances.

    Raises
    ------
    OptionError
        Where an option is unknown or out of range.
    """
    from redwood.planning.files import save_policy
    from redwood.solvers.sequoia.learning.clocks import Hours
    from redwood.solvers.sequoia.learning.sharing import Progress, share

    count, sizes, variant = _checked(problem, options)
    config.folder.mkdir(parents=True, exist_ok=True)
    clock = Hours(config.folder, config.hours)

    def drawn(index: int) -> Planning:
        rng = np.random.default_rng([config.seed, 9, index])
        return problem.view(Planning, problem.generate(sizes[index % len(sizes)], rng, variant=variant))

    best: Progress | None = None
    for progress in share(
        drawn,
        count,
        clock,
        hidden=tuple(hyper_parameters.hidden),
        rounds=max(1, hyper_parameters.improvements),
        episodes=hyper_parameters.improvement_episodes,
        steps=max(1, hyper_parameters.pretraining),
        seed=config.seed,
        folder=config.folder,
    ):
        clock.write()
        if config.on_progress is not None:
            line = f"round {progress.round + 1}: {progress.ahead:+.3f} % of the bound ahead of the Lagrangian policy"
            config.on_progress(clock.spent / 3600, line)
        if best is None or progress.ahead > best.ahead:
            best = progress
    if best is None:
        raise OptionError(f"{config.hours} hours are too short to draw {count} instances and to learn from them.")
    trained = {
        "hours": round(clock.spent / 3600, 4),
        "instances": count,
        "sizes": list(sizes),
        "round": best.round + 1,
        "ahead of lagrangian on held-out instances, % of bound": round(best.ahead, 4),
    }
    about = {"problem": f"{problem.name}/{variant}", "seed": config.seed, "trained": trained}
    return save_policy(best.policy, config.folder / "policy", **about)


def _checked(problem: Problem[Any, Any], options: dict[str, Any]) -> tuple[int, Sequence[int], str]:
    """Return the number of instances, the sizes that take turns, and the variant."""
    for name in options:
        if name not in OPTIONS:
            raise OptionError(f"the training of a network of arms has no option {name!r}.{option_suggestion(name, OPTIONS)}")
    count, size = int(options["instances"]), options.get("size", 20)
    if count < 1:
        raise OptionError(f"instances {count} is below 1.")
    variant = options.get("variant", problem.variants[0] if problem.variants else "")
    if variant and variant not in problem.variants:
        raise OptionError(f"problem {problem.name!r} has no variant {variant!r}.{suggestion(variant, problem.variants)}")
    sizes = [int(one) for one in size] if isinstance(size, Sequence) and not isinstance(size, str) else [int(size)]
    return count, sizes, variant
