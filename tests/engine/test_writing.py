"""Whatever writes a file leaves the old one whole where there is no space, and says which file."""

import os
import subprocess
import sys

import pytest

import redwood
from redwood.errors import OutputError
from redwood.files import write_text
from redwood.printable import printable

PRELUDE = """
import resource, signal, sys
from pathlib import Path
import numpy as np
import redwood
from redwood.errors import OutputError
folder = Path(sys.argv[1])
def network(size):
    from redwood.solvers.bq.weights import SHIPPED, load_weights
    return load_weights(SHIPPED / "tsp.safetensors")
"""
WRITERS = {
    "text": ("old.sol", "from redwood.files import write_text", "write_text(file, 'x' * 100_000)"),
    "policy": (
        "old.safetensors",
        "from redwood.planning.files import save_policy\nfrom redwood.planning.policies import IndexPolicy\n"
        "made = IndexPolicy(np.zeros((20, 50, 2, 4)))",
        "save_policy(made, file)",
    ),
    "weights": (
        "old.safetensors",
        "from redwood.solvers.bq.weights import save_weights\nmade = network(1)",
        "save_weights(made, file, {})",
    ),
    "picture": (
        "old.png",
        "made = redwood.generate('tsp', size=50, seed=1)",
        "redwood.plot(made, path=file)",
    ),
    "curve": ("old.csv", "from redwood.solvers.bq.curves import append_row", "append_row(file, {'a': 'x' * 100_000})"),
    "checkpoint": (
        "old.pt",
        "import torch\nfrom redwood.files import replacing",
        "exec('with replacing(file) as unfinished:\\n    torch.save({1: torch.zeros(100_000)}, unfinished)')",
    ),
    "arrays": (
        "old.npy",
        "from redwood.files import replacing",
        "exec('with replacing(file, durable=True) as unfinished:\\n    np.save(unfinished, np.zeros(100_000))')",
    ),
}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits of file sizes on Windows")
@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_loses_no_file_of_any_kind(writer, tmp_path):
    """A limit on the size of files stands for the full disk: one typed error with the name, and the old file whole."""
    name, before, write = WRITERS[writer]
    script = f"{PRELUDE}{before}\nfile = folder / {name!r}\nfile.write_text('old')\n"
    script += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
    script += f"try:\n    {write}\nexcept OutputError as error:\n    print(error)\n"
    environment = {**os.environ, "MPLCONFIGDIR": str(tmp_path / "matplotlib")}
    folder = tmp_path / "files"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert f"{name}: cannot be written" in done.stdout
    assert (folder / name).read_text() == "old"
    assert [file.name for file in folder.iterdir()] == [name]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("berlin52, Größe 5 ─ 10 %", "berlin52, Größe 5 ─ 10 %"),
        ("a\x1b[31mred", "a\\x1b[31mred"),
        ("bell\x07\x9b2J", "bell\\x07\\x9b2J"),
        ("one\ntwo\tthree", "one\ntwo\tthree"),
        ("turned \u202eback", "turned \\u202eback"),
        (os.fsdecode(b"file\xff"), "file\\xff"),
    ],
)
def test_what_steers_a_terminal_is_shown(text, shown):
    """Escape sequences, other control characters and undecodable bytes come out as text."""
    assert printable(text) == shown


@pytest.mark.parametrize("name", ["a" * 300 + ".tsp", "a\0.tsp", ""])
def test_paths_that_no_system_takes_are_typed_errors(tmp_path, name):
    """A name that is too long, one with a null byte and none at all: an error of the file, in a line of bounded length."""
    with pytest.raises(OutputError) as caught:
        write_text(f"{tmp_path}/{name}" if name else "", "text")
    assert len(str(caught.value)) < 400
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["\ud800", "caf\udce9"])
def test_a_name_that_is_no_text_is_written_as_an_escape(tmp_path, name):
    """Half a character, or a byte of a file's name, in an instance's name does not keep it from being written and read."""
    instance = redwood.instance("tsp", coords=[[0, 0], [3, 0], [3, 4]], name=name)
    redwood.write(instance, tmp_path / "a.tsp")
    assert redwood.read(tmp_path / "a.tsp").size == 3
