"""The stored table of results on fixed seeds holds: what is meant to change nothing changes nothing."""

import json

import fixed_results
import pytest

STORED = json.loads(fixed_results.TABLE.read_text())
PAIRS = {pair.name: pair for pair in fixed_results.pairs()}


def test_the_table_has_a_row_for_every_repeatable_pair():
    """No registered pair that promises to repeat itself is missing, and none is left over."""
    assert sorted(STORED) == sorted(PAIRS)


@pytest.mark.parametrize("name", STORED)
def test_a_pair_gives_what_the_table_says(name):
    """The same seed and iterations give the stored status, objective and solution."""
    assert fixed_results.same(STORED[name], found := fixed_results.row(PAIRS[name])), (STORED[name], found)
