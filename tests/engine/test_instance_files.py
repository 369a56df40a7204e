"""Writing instances: what is written is read back the same."""

import pytest

import redwood
from redwood.errors import OptionError
from redwood.plugins.host import host


@pytest.mark.parametrize("name", ["tsp", "atsp", "cvrp", "vrp/windows", "vrp/shipments", "knapsack", "orienteering"])
def test_written_instance_is_read_back_the_same(name, tmp_path):
    """For every problem with files an instance goes through a file without a change of its data."""
    problem = name.split("/")[0]
    instance = redwood.generate(name, 8, seed=1)
    path = tmp_path / f"{instance.name}{host().problem(problem).suffix}"
    redwood.write(instance, path)
    again = redwood.read(path)
    assert host().problem(problem).format(again) == host().problem(problem).format(instance)


def test_suffix_of_another_format_is_refused(tmp_path):
    """A suffix that the problem does not write is an error, and no file is left."""
    with pytest.raises(OptionError, match=r"written as .*\.json.* files, and 'mine\.tour' is none"):
        redwood.write(redwood.generate("vrp", 5, seed=1), tmp_path / "mine.tour")
    assert not list(tmp_path.iterdir())
