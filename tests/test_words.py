"""One word for one thing: none of the words that the field has better ones for is left in the repository."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXEMPT = {"CHANGELOG.md", "engine/renamed.py", "tests/test_words.py", "tests/test_renamed.py"}
"""What may name old words: the history, the table of renamed options, this table, and the test of the renamed options."""
TEXTS = {".py", ".md", ".toml", ".ipynb", ".json", ".txt", ".html", ".css", ".js", ".svg", ".yml", ".cfg", ""}
BANDITS = (
    r"^(engine/planning|problems/cormab|solvers/(planning|sequoia)|tests/problems/test_cormab|tests/solvers/test_sequoia)"
)

WORDS = {
    "value, Q-value, objective coefficient": [
        (r"\bworths\b|\bworth_|_worths?\b|\.worth\b|\b[Tt]he worth\b|\bworth \[|\bworth: Array", "")
    ],
    "noise, common random numbers, control variate": [(r"(?i)(?<![a-z])luck(?![a-z])", "")],
    "probabilities": [(r"(?i)(?<![a-z])chances(?![a-z])", "")],
    "training configuration, curriculum, expert": [
        (r"(?i)schooling|(?<![a-z])lessons?(?![a-z])|(?<![a-z])teacher|(?-i:\bTeaches\b)|\bdef teach\b|\.teach\(", "")
    ],
    "state-conditioned network": [(r"\bFolded\b|(?<![a-z])folded(?![a-z])", r"^(?!problems/cvrp/generators)")],
    "horizon segment, sub-path": [(r"(?i)(?<![a-z])stretch(es)?(?![a-z])", "")],
    "rollout policy, candidate actions": [(r"(?i)foresight|(?<![a-z])rivals?(?![a-z])", "")],
    "quadratic coupling correction, its features": [(r"(?i)congest|(?<![a-z])prospects(?![a-z])", "")],
    "hyper-parameters": [(r"(?i)(?<![a-z])recipes?(?![a-z])", "")],
    "destroy, repair, sub-problems, merge": [
        (
            r"\bput_back\b|\bput back\b|\bpart_of\b|\bpart_view\b|\.mend\(|\bdef mend\b|\bmended\b",
            "",
        ),
        (r"\bdef cut\(self, solutions|\bParts\(|-> Parts\b|parts: Parts\b|\.Parts\b|import .*\bParts\b", ""),
    ],
    "path, prize-collecting tree": [(r"(?i)(?<![a-z])outings?(?![a-z])|prize[_ ]trees?(?![a-z])", "")],
    "augmentations": [
        (r"\bsymmetries ?=|[\"']symmetries[\"']|--symmetries|search ?= ?[\"']views[\"']|\bSearch\.VIEWS\b|\baliases\b", "")
    ],
    "enumerate, action oracle": [
        (r"import every\b|@every\b|(?<![\w.])every\((?=\w+(\.\w+)*, )|(?i:maximisers?)(?![a-z])", "")
    ],
    "action with its bound, solve the average criterion, bind": [
        (r"\bFound\(|\bclass Found\b|import Found\b|-> Found\b", ""),
        (r"\bsettle(_exactly)?\(|\bimport settle\b|\.settled\(", BANDITS),
        (r"\bdef meet\(self, planning|\.meet\(|met no instance", BANDITS),
    ],
    "fork server, supervisor, receiver and sender, outcome": [
        (r"(?i)(?<![a-z])(nursery|keepers?|mouth|verdicts?)(?![a-z])", "")
    ],
    "pairwise test, warnings, request": [(r"(?i)(?<![a-z])(duels?|doubts|errands?)(?![a-z])", "")],
    "repair suggestions": [(r"(?i)(?<![a-z])remed(y|ies)(?![a-z])", "")],
    "pulled, action": [(r"(?<![a-z])levels(?![a-z])|\blevel\]|\braised(?= =|\[|:)|\bfor level in\b", BANDITS)],
    "closed walks": [(r"\bWalkProgram\b|\bwalk_program\b|\bwalks_|\bdraw_walks?\b|\bchoose_walks\b|\bbeyond_walks\b", "")],
    "average reward": [(r"(?i)\bendless time\b|\bendless ?=|\bnot endless\b", "")],
    "generators, picture": [
        (
            r"\b(cormab|knapsack|routing)\.(generation|placement)\b|\borienteering\.plotting\b|import generation\b",
            "",
        )
    ],
}
"""For each row of the table, by the field's words: patterns of what stood for them, each with the paths that it is about."""

NAMES = (
    r"(^|/)(generation|placement|plotting|remedies|parts|prize_trees|tree_outings|listing|walks\w*|lessons|congestion|"
    r"foresight\w*|found|maximising|luck|recipe|folded)\.py$"
)
"""Names of files that were words of this kind; `solvers/sequoia/search/listing.py` lists actions of networks and stays."""


def tracked() -> list[str]:
    """Return the paths of the files under version control."""
    if not (ROOT / ".git").exists():
        pytest.skip("the repository's history is not here, so nobody knows which files are its own")
    found = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in found.split("\0") if name and name not in EXEMPT and (ROOT / name).is_file()]


def found(patterns: list[tuple[str, str]], name: str, text: str) -> list[str]:
    """Return the places of a text that the patterns of a row find."""
    told = []
    for pattern, paths in patterns:
        if re.search(paths, name):
            told += [f"{name}:{text.count(chr(10), 0, hit.start()) + 1}: {hit[0]}" for hit in re.finditer(pattern, text)]
    return told


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """The texts of the repository by their paths."""
    names = [name for name in tracked() if Path(name).suffix in TEXTS]
    return {name: (ROOT / name).read_text(encoding="utf-8", errors="replace") for name in names}


@pytest.mark.parametrize("row", WORDS)
def test_no_file_has_a_private_word(row, texts):
    """Identifiers, options and phrases that a row of the table replaces stand in no tracked file."""
    left = [place for name, text in texts.items() for place in found(WORDS[row], name, text)]
    assert not left, f"{len(left)} places where the words are {row}: " + "; ".join(left[:20])


def test_no_file_is_named_by_a_private_word():
    """The same file names in every problem, and none of the names that the table replaces."""
    left = [name for name in tracked() if re.search(NAMES, name) and name != "solvers/sequoia/search/listing.py"]
    assert not left


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ("value, Q-value, objective coefficient", "def worth_of(worths): return self.worth"),
        ("noise, common random numbers, control variate", "test_without_luck_pairs"),
        ("training configuration, curriculum, expert", "SolverTeacher(few_lessons)"),
        ("rollout policy, candidate actions", "rivals_of(planning)"),
        ("augmentations", "BQ(symmetries=8)"),
        ("enumerate, action oracle", "every(planning.actions, 1000)"),
        ("pulled, action", "choice.levels"),
        ("closed walks", "from redwood import walks_kernels"),
    ],
)
def test_the_table_finds_its_words(row, line):
    """A line with a private word is found by its row, and the same line is not where only ordinary English stands."""
    assert found(WORDS[row], "solvers/sequoia/new.py", line)
    assert not found(WORDS[row], "solvers/sequoia/new.py", "every part of a picture is worth a look, by chance at eye level")
