"""The standing defence against damaged files, and that it would notice a raw error."""

import fuzz
from fuzz_targets import Target


def test_mangled_files_of_every_kind_give_typed_errors():
    """Forty mangled files of each kind are read or refused, none by a raw error and none slowly."""
    kinds = fuzz.every_target()
    assert len(kinds) >= 43
    tallies = fuzz.fuzz(kinds, 40 * len(kinds), seed=3)
    assert {kind: tally.escaped for kind, tally in tallies.items() if tally.escaped} == {}
    assert all(sum(tally.kinds.values()) == 40 for tally in tallies.values())


def test_a_raw_error_is_noticed():
    """A reader that lets an error of Python's out is told, with the file."""
    raw = Target("numbers", [b"1 2 3"], lambda data: [float(word) for word in data.split()])
    tallies = fuzz.fuzz([raw], 200, seed=0)
    assert tallies["numbers"].escaped
    assert tallies["numbers"].kinds["RAW"] == len(tallies["numbers"].escaped)
