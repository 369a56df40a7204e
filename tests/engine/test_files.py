"""Tests of reading and writing files."""

import gzip

import pytest

import redwood
from redwood.errors import FormatError, OptionError, OutputError
from redwood.files import parse_json, read_text, write_text
from redwood.planning.policies import NullPolicy
from redwood.saved import load_checkpoint


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marks_of_byte_order_are_no_text(tmp_path, encoding):
    """The text is the same whatever announces its encoding."""
    file = tmp_path / "a.txt"
    file.write_bytes("größe 1\n".encode(encoding))
    assert read_text(file) == "größe 1\n"


def test_a_compressed_file_that_ends_early_is_an_error(tmp_path):
    """Half of the data is not taken for the whole."""
    file = tmp_path / "a.txt.gz"
    file.write_bytes(gzip.compress(b"12345" * 1000)[:-20])
    with pytest.raises(FormatError, match="end early"):
        read_text(file)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 10_000, "[1, " + "9" * 400 + "]", "NaN", "-Infinity", "{"])
def test_what_is_no_json_is_one_error(text):
    """Depth, digits and constants beyond JSON are errors of the format."""
    with pytest.raises(FormatError, match="case"):
        parse_json(text, "case")


def test_a_full_disk_leaves_the_old_file(tmp_path):
    """What cannot be written beside does not replace what stands there."""
    file = tmp_path / "old.sol"
    write_text(file, "old")
    with pytest.raises(OutputError, match="cannot be written"):
        write_text(tmp_path / "no-folder" / "new.sol", "new")
    with pytest.raises(OutputError, match="No space left"):
        write_text("/dev/full", "new" * 10_000)
    assert file.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["old.sol"]


@pytest.mark.parametrize("path", [None, 7, [], b"a.tsp"])
def test_what_is_no_path_is_one_error(path):
    """Whatever reads or writes a file names the value and its type where it is no path."""
    made = redwood.generate("tsp", size=4)
    for use in (
        redwood.read,
        redwood.load_policy,
        lambda given: redwood.read_solution(given, made),
        lambda given: redwood.write(made, given),
        lambda given: redwood.save_policy(NullPolicy(), given),
    ):
        with pytest.raises(OptionError, match=r"a path is a str or a pathlib\.Path"):
            use(path)


@pytest.mark.parametrize("data", [b"J0.0", b"", b"\x80\x2c", b"PK\x03\x04"])
def test_a_checkpoint_of_a_few_bytes_is_one_error(tmp_path, data):
    """What ends within its first instruction is named like any other damage."""
    pytest.importorskip("torch")
    (tmp_path / "checkpoint.pt").write_bytes(data)
    with pytest.raises(OptionError, match=r"checkpoint\.pt"):
        load_checkpoint(tmp_path / "checkpoint.pt")
