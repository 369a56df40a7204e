"""Mangle instance files at random and read them: only typed errors, and none that takes long.

``REDWOOD_DATA=... python benchmarks/studies/fuzz.py --files 10000 --seed 0``
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.progress import track

from redwood.errors import RedwoodError
from redwood.plugins.host import host
from redwood.solving.read import generate

NASTY = ("nan", "inf", "-1", "0", "1e308", "999999999999999999999", "-0.0", "x", "", "1e-320", "EOF", ":", "\u00e9", "\x00")
"""What a number or word is replaced by."""


@dataclass
class Tally:
    """What became of the mangled files of one problem."""

    kinds: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    escaped: list[str] = field(default_factory=list)


@click.command()
@click.option("--files", default=10_000, help="How many mangled files to read.")
@click.option("--seed", default=0, help="Seed of the mangling.")
def main(files: int, seed: int) -> None:
    """Read mangled files and print a table; end with code 1 where another error than Redwood's own came out."""
    rng = np.random.default_rng(seed)
    texts = _originals()
    tallies = {problem: Tally() for problem in texts}
    names = sorted(texts)
    for count in track(range(files), description="reading", console=Console(stderr=True)):
        problem = names[count % len(names)]
        text = texts[problem][int(rng.integers(len(texts[problem])))]
        for _ in range(int(rng.integers(1, 4))):
            text = MANGLERS[int(rng.integers(len(MANGLERS)))](text, rng)
        _read(problem, text, tallies[problem])
    _show(tallies)
    raise SystemExit(any(tally.escaped for tally in tallies.values()))


def _originals() -> dict[str, list[str]]:
    """Return small valid files of each problem: generated ones, and those of ``REDWOOD_DATA`` up to 20 kB."""
    texts: dict[str, list[str]] = {}
    for entry in host().problem_entries:
        if not entry.spec.formats:
            continue
        problem = host().problem(entry.spec.name)
        found = [problem.format(generate(entry.spec.name, size=size, seed=size)) for size in (5, 30)]
        suffixes = {suffix for form in entry.spec.formats for suffix in form.suffixes}
        folder = os.environ.get("REDWOOD_DATA")
        paths = sorted(path for path in Path(folder).rglob("*") if path.suffix in suffixes) if folder else []
        found += [path.read_text(errors="replace") for path in paths if path.stat().st_size < 20_000]
        texts[entry.spec.name] = found
    return texts


def _read(problem: str, text: str, tally: Tally) -> None:
    began = time.perf_counter()
    try:
        host().problem(problem).parse(text, "mangled")
        tally.kinds["read"] += 1
    except RedwoodError as error:
        tally.kinds[type(error).__name__] += 1
    except Exception as error:
        tally.escaped.append(f"{type(error).__name__}: {error}")
    tally.slowest = max(tally.slowest, time.perf_counter() - began)


def _show(tallies: dict[str, Tally]) -> None:
    console = Console()
    for problem, tally in sorted(tallies.items()):
        kinds = ", ".join(f"{kind} {count}" for kind, count in tally.kinds.most_common())
        console.print(f"{problem}: {kinds}; slowest {tally.slowest:.3f} s; untyped errors {len(tally.escaped)}")
        for message in sorted(set(tally.escaped))[:5]:
            console.print(f"  {message}")


def _replace_token(text: str, rng: np.random.Generator) -> str:
    tokens = text.split(" ")
    tokens[int(rng.integers(len(tokens)))] = NASTY[int(rng.integers(len(NASTY)))]
    return " ".join(tokens)


def _drop_line(text: str, rng: np.random.Generator) -> str:
    lines = text.splitlines(keepends=True)
    if lines:
        del lines[int(rng.integers(len(lines)))]
    return "".join(lines)


def _repeat_line(text: str, rng: np.random.Generator) -> str:
    lines = text.splitlines(keepends=True)
    if lines:
        lines.insert(int(rng.integers(len(lines))), lines[int(rng.integers(len(lines)))])
    return "".join(lines)


def _truncate(text: str, rng: np.random.Generator) -> str:
    return text[: int(rng.integers(len(text) + 1))]


def _flip_character(text: str, rng: np.random.Generator) -> str:
    at = int(rng.integers(len(text) + 1))
    return text[:at] + chr(int(rng.integers(1, 256))) + text[at + 1 :]


def _grow_number(text: str, rng: np.random.Generator) -> str:
    digits = [at for at, character in enumerate(text) if character.isdigit()]
    if not digits:
        return text
    at = digits[int(rng.integers(len(digits)))]
    return text[:at] + str(rng.integers(10**9)) + text[at:]


MANGLERS: tuple[Callable[[str, np.random.Generator], str], ...] = (
    _replace_token,
    _drop_line,
    _repeat_line,
    _truncate,
    _flip_character,
    _grow_number,
)


if __name__ == "__main__":
    main()
