"""Bad input: each kind has its own clear error, exit code 2, and no traceback."""

import os
import subprocess
import sys

import pytest

HEAD = "NAME : bad\nTYPE : TSP\nDIMENSION : 4\nEDGE_WEIGHT_TYPE : EUC_2D\n"
NODES = "NODE_COORD_SECTION\n1 0 0\n2 10 0\n3 10 10\n4 0 10\n"
FULL = HEAD + NODES + "EOF\n"

FILES = {
    "missing section": ("bad.tsp", HEAD + "EOF\n", "NODE_COORD_SECTION is missing"),
    "wrong count": ("bad.tsp", FULL.replace("DIMENSION : 4", "DIMENSION : 5"), "4 of 5 nodes"),
    "not a number": ("bad.tsp", FULL.replace("3 10 10", "3 nan 10"), "x of node 3 is 'nan'"),
    "truncated TSP file": ("bad.tsp", (HEAD + NODES)[:-12], "line 8"),
    "negative weight": ("bad.kp", "2\n10\n\n5 3\n6 -2\n", "weight -2 of item"),
    "capacity below the smallest item": ("bad.kp", "2\n10\n\n5 30\n6 20\n", "capacity 10"),
    "truncated knapsack file": ("bad.kp", "3\n10\n\n5 3\n6 2\n7", "line 1 announces 3 items"),
    "empty file": ("bad.tsp", "", "no specification entries"),
    "unknown format": ("bad.xyz", "nothing that anybody reads", "of no known instance format"),
    "binary file": ("bad.tsp", "\0\0\0", "holds binary data"),
}


def refused(result, *words):
    """Assert exit code 2, one line of error with the words, and no traceback."""
    assert result.exit_code == 2, (result.stdout, result.stderr)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, result.stderr
    for word in words:
        assert word in errors[0]


@pytest.mark.parametrize("kind", FILES)
def test_bad_files_are_refused(redwood, tmp_path, kind):
    """Every bad file is named together with the rule that it breaks."""
    name, text, words = FILES[kind]
    (tmp_path / name).write_text(text)
    refused(redwood("solve", tmp_path / name, "--solver", "greedy"), name, words)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--solver", "local-serach"), "no solver is named 'local-serach'. Did you mean 'local-search'?"),
        (("--solver", "steps"), "solver 'steps' does not fit problem 'tsp'"),
        (("--solver", "highs", "-o", "presolv=on"), "no option 'presolv'. Did you mean 'presolve'?"),
        (("--solver", "highs", "-o", "mip_rel_gap=wide"), "takes a number, not 'wide'"),
        (("-o", "presolve"), "is not of the form key=value"),
        (("-o", "tour.json"), "Files to write are named by --out"),
        (("--problem", "tps"), "no problem is named 'tps'. Did you mean 'tsp'?"),
        (("--time-limit", "-1"), "time limit -1.0 s is not positive"),
        (("--iterations", "0"), "iteration limit 0 is not a whole number from 1 up"),
        (("--seed", "-4"), "seed -4 is not a whole number from 0 up"),
        (("--threads", "0"), "threads 0 is not a whole number from 1 up"),
        (("--initial", "absent.tour"), "absent.tour: cannot be read"),
        (("--best-known", "absent.csv"), "absent.csv: cannot be read"),
        (("--plugin", "absent.py"), "plugin file absent.py: the file does not exist"),
        (("--trajectory",), "--trajectory goes with --json"),
        (("--time-limit", "soon"), "'soon' is not a valid float"),
        (("--tme-limit", "1"), "No such option"),
    ],
)
def test_wrong_use_is_refused(redwood, tmp_path, words, expected):
    """Every wrong option has an error of its own, with the closest name where one is close."""
    file = tmp_path / "good.tsp"
    file.write_text(FULL)
    refused(redwood("solve", file, *words), expected)


def test_a_pattern_without_matches_is_refused(redwood, tmp_path):
    """A pattern that matches nothing is wrong use."""
    refused(redwood("solve", f"{tmp_path}/*.tsp"), "matches no file")


def test_a_folder_without_instances_is_refused(redwood, tmp_path):
    """A folder without instance files is wrong use."""
    refused(redwood("solve", tmp_path), "holds no file with a known suffix")


def test_unknown_commands_are_refused(redwood):
    """An unknown command is named, with the closest one."""
    refused(redwood("sovle"), "no command is named 'sovle'. Did you mean 'solve'?")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("def broken(:", "SyntaxError"),
        ("import no_such_module", "No module named 'no_such_module'"),
        ("raise SystemExit(3)", "SystemExit"),
    ],
)
def test_unreadable_plugins_are_refused(redwood, tmp_path, body, words):
    """A plugin file given by hand that cannot be loaded is an error that names it."""
    plugin = tmp_path / "broken_plugin.py"
    plugin.write_text(body)
    refused(redwood("plugins", "list", "--plugin", plugin), "broken_plugin.py", words)


def test_one_start_serves_one_instance(redwood, count_file):
    """--initial with several files is wrong use."""
    files = [count_file(name="a"), count_file(name="b")]
    refused(redwood("solve", *files, "--initial", "x.json"), "--initial is for one instance, and 2 files are given")


def test_files_that_would_overwrite_each_other_are_refused(redwood, count_file, tmp_path):
    """Two files of one name cannot be written to one folder."""
    file = count_file()
    (tmp_path / "sub").mkdir()
    twin = tmp_path / "sub" / "toy.count"
    twin.write_text(file.read_text())
    refused(redwood("solve", file, twin, "--out", tmp_path / "out"), "under one name")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("generate", "tsp/unifrom", "--size", 5), "no variant 'unifrom'. Did you mean 'uniform'?"),
        (("generate", "tsp", "--size", 0), "size 0 is not a whole number from 1 up"),
        (("generate", "tsp", "--size", 5, "-o", "sped=1"), "takes no 'sped'"),
        (("generate", "tsp", "--size", 5, "--count", 2), "--out is needed"),
        (("generate", "countdown", "--size", 5), "cannot be written to files"),
        (("plugins", "info", "hihgs"), "Did you mean 'highs'?"),
        (("warmup", "--solver", "hihgs"), "Did you mean 'highs'?"),
        (("bench", "run", "smok", "--out", "nowhere"), "Did you mean 'smoke'?"),
        (("bench", "report", "nowhere"), "holds no benchmark records"),
        (("bench", "resume", "nowhere"), "holds no benchmark run"),
    ],
)
def test_other_commands_refuse_wrong_use(redwood, words, expected):
    """The other commands have clear errors as well."""
    refused(redwood(*words), expected)


def test_a_folder_that_cannot_be_made_is_refused(redwood, tmp_path):
    """Where the output cannot be written, the path and the reason are named."""
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "good.tsp").write_text(FULL)
    result = redwood("solve", tmp_path / "good.tsp", "--solver", "greedy", "--out", tmp_path / "file")
    refused(result, str(tmp_path / "file"), "File exists")


def test_control_characters_and_bytes_of_names_lose_nothing(tmp_path):
    """An instance whose file's name is no UTF-8 and holds an escape sequence is solved, written, and shown harmlessly."""
    name = b"a\xff\x1b[31mred.tsp"
    text = "NAME : x\x1b[31m\nTYPE : TSP\nDIMENSION : 2\nEDGE_WEIGHT_TYPE : EUC_2D\nNODE_COORD_SECTION\n1 0 0\n2 3 4\nEOF\n"
    for file in (name, b"plain.tsp"):
        with open(os.path.join(os.fsencode(tmp_path), file), "w") as stream:
            stream.write(text)
    command = [sys.executable, "-m", "redwood", "solve", name, b"plain.tsp", "--time-limit", "0.1", "--out", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout + done.stderr
    assert rb"a\xff\x1b[31mred" in done.stdout
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device without space")
@pytest.mark.parametrize("form", ["--json", "--quiet"])
def test_standard_output_on_a_full_disk_is_one_line(tmp_path, form):
    """The solution is written before, and the error is no traceback."""
    (tmp_path / "a.tsp").write_text(
        "NAME : x\nTYPE : TSP\nDIMENSION : 2\nEDGE_WEIGHT_TYPE : EUC_2D\nNODE_COORD_SECTION\n1 0 0\n2 3 4\nEOF\n"
    )
    command = [sys.executable, "-m", "redwood", "solve", "a.tsp", "--time-limit", "0.1", "--out", "out", form]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False
        )
    assert done.returncode == 2
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out" / "a.tour").exists()


def test_a_horizon_that_no_memory_holds_is_refused():
    """A file that asks for a horizon of 10^9 is refused before anything is made of it; a long one gives no raw error."""
    import redwood
    from redwood.errors import InstanceError

    bandit = redwood.generate("cormab/budget", size=6, seed=0)
    text = redwood.plugins.host.host().problem("cormab").format(bandit)
    with pytest.raises(InstanceError, match="values of states over time"):
        redwood.plugins.host.host().problem("cormab").parse(text.replace('"horizon": 20', '"horizon": 1000000000'), "long")


def test_a_bound_that_no_memory_holds_is_refused():
    """A hundred thousand steps ask for arrays that are quadratic in them: a typed error, with the size."""
    import redwood
    from redwood.errors import SolverError
    from redwood.planning.bounds.decomposition import Decomposition

    bandit = redwood.generate("cormab/budget", size=6, seed=0, horizon=100_000)
    planning = redwood.plugins.host.host().problem("cormab").view(redwood.planning.contract.Planning, bandit)
    with pytest.raises(SolverError, match="GiB"):
        Decomposition(planning)


STEERING = "\x1b[31mred\x1b]0;title\x07\u202eback\rover"
"""An escape sequence, a bell, a change of direction and a return to the start of the line."""
WRONG_USE = {
    "unknown command": (STEERING,),
    "unknown option": ("solve", f"--{STEERING}"),
    "bad value": ("solve", "a.tsp", "--seed", STEERING),
    "bad choice": ("plugins", STEERING),
    "missing file": ("solve", STEERING),
    "unwanted argument": ("info", STEERING),
    "option without value": ("generate", "tsp", "--size", STEERING),
}


@pytest.mark.parametrize("case", WRONG_USE)
def test_arguments_cannot_steer_the_terminal(redwood, case):
    """What an error repeats of the arguments is shown, not sent: no control character reaches the terminal."""
    result = redwood(*WRONG_USE[case])
    assert result.exit_code == 2, (result.stdout, result.stderr)
    told = result.stdout + result.stderr
    assert not {character for character in told if not character.isprintable()} - {"\n"}
    assert "\\x1b[31m" in told


@pytest.mark.parametrize("command", ["estimate", "simulate", "solve", "plot"])
def test_a_picture_of_no_format_is_refused_before_anything_is_done(redwood, tmp_path, command):
    """A suffix that names no format of pictures is one line of error with the formats, in every command that draws."""
    (tmp_path / "log.csv").write_text("arm,step,state,action\n")
    (tmp_path / "a.tsp").write_text(FULL)
    redwood("generate", "cormab/budget", "--size", 4, "--out", tmp_path / "b.json")
    picture = tmp_path / "p.xyz"
    words = {
        "estimate": ("estimate", tmp_path / "log.csv", "--budget", 1, "--out", tmp_path / "o.json", "--plot", picture),
        "simulate": ("simulate", tmp_path / "b.json", "--solver", "null", "--plot", picture),
        "solve": ("solve", tmp_path / "a.tsp", "--plot", picture),
        "plot": ("plot", tmp_path / "a.tsp", "--out", picture),
    }
    refused(redwood(*words[command]), "p.xyz", "the suffix names no format of pictures; known are", "png")
    assert not picture.exists()
