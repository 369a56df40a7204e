"""The gymnasium environment of restless bandits."""

import warnings

import numpy as np
import pytest

from redwood import generate
from redwood.errors import SolutionError

gymnasium = pytest.importorskip("gymnasium", reason="gymnasium is an extra: pip install 'redwood[gym]'")

from gymnasium.utils.env_checker import check_env  # noqa: E402

from redwood.problems.cormab.environment import BanditEnvironment  # noqa: E402


@pytest.mark.parametrize("variant", ["capacity", "path", "interventions"])
def test_gymnasium_has_no_complaint(variant):
    """Gymnasium's own checker finds nothing wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*(spec|render_mode|render modes).*")
        check_env(BanditEnvironment(generate(f"cormab/{variant}", size=6, seed=0)), skip_render_check=True)


def test_episodes_earn_what_the_simulator_says():
    """The mean reward of random episodes agrees with the random policy's in the simulator."""
    from redwood.planning.policies import RandomPolicy
    from redwood.solving.simulate import simulate

    made = generate("cormab/budget", size=6, seed=2, horizon=8)
    environment, earned = BanditEnvironment(made), []
    environment.action_space.seed(1)
    for episode in range(300):
        environment.reset(seed=episode)
        total, ended = 0.0, False
        while not ended:
            _, reward, ended, _, _ = environment.step(environment.action_space.sample())
            total += reward
        earned.append(total / 8)
    rollouts = simulate(made, RandomPolicy(), episodes=1000, bound_time_limit=0)
    error = np.std(earned) / np.sqrt(300) + rollouts.rewards.mean(axis=1).std() / np.sqrt(1000)
    assert abs(np.mean(earned) - rollouts.mean) < 5 * error


def test_actions_of_any_number_type_act_alike():
    """An allowed action moves the arms in the same way as whole numbers and as floats of the same value."""
    environment = BanditEnvironment(generate("cormab/budget", size=6, seed=0))
    rewards = []
    for kind in (np.int64, np.float64):
        environment.reset(seed=0)
        rewards.append(environment.step(np.eye(6, dtype=kind)[0])[1])
    assert rewards[0] == rewards[1]


def test_actions_outside_the_set_raise():
    """An action that the set does not allow is refused, not repaired."""
    environment = BanditEnvironment(generate("cormab/budget", size=6, seed=0))
    environment.reset(seed=0)
    assert not environment.action_space.contains(np.ones(6, np.int64))
    with pytest.raises(SolutionError, match="not in the set BudgetSet"):
        environment.step(np.ones(6, np.int64))
