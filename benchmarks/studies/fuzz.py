"""Mangle files of every kind at random and read them: only typed errors, and none that takes long.

``REDWOOD_DATA=... python benchmarks/studies/fuzz.py --files 1000000 --seed 0``. ``fuzz_targets*.py`` say what is read.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import click
import numpy as np
from fuzz_targets import Target, checked, targets
from fuzz_targets_planning import planning_targets
from fuzz_targets_routing import routing_targets
from rich.console import Console
from rich.progress import track

from redwood.errors import RedwoodError

NASTY = (
    *(b"nan", b"inf", b"-1", b"0", b"1e308", b"999999999999999999999", b"-0.0", b"x", b"", b"1e-320", b"EOF", b":"),
    *(
        b"\xc3\xa9",
        b"\x00",
        b"\xff\xfe",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b"[[[[[[[[",
        b'"',
        b"1e400",
        b"9" * 400,
        b"\x1b[31m",
    ),
)
"""What a number or word is replaced by."""
SLOW = 1.0
"""Seconds from which on a reader is too slow."""


@dataclass
class Tally:
    """What became of the mangled files of one kind."""

    kinds: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    slow: int = 0
    escaped: list[str] = field(default_factory=list)


@click.command()
@click.option("--files", default=10_000, show_default=True, help="How many mangled files to read.")
@click.option("--seed", default=0, show_default=True, help="Seed of the mangling.")
@click.option("--seconds", default=0.0, help="Stop after so many seconds; 0 for never.")
@click.option("--only", multiple=True, metavar="KIND", help="Only these kinds of files.")
def main(files: int, seed: int, seconds: float, only: tuple[str, ...]) -> None:
    """Read mangled files and print a table; end with code 1 where a raw error came out or a reader took a second."""
    chosen = [target for target in every_target() if not only or target.kind in only]
    tallies = fuzz(chosen, files, seed, seconds)
    _show(tallies)
    raise SystemExit(any(tally.escaped or tally.slow for tally in tallies.values()))


def every_target() -> list[Target]:
    """Return every kind of files, each original of which can be read."""
    return checked([*targets(), *planning_targets(), *routing_targets()])


def fuzz(chosen: list[Target], files: int, seed: int = 0, seconds: float = 0.0) -> dict[str, Tally]:
    """Return what became of so many mangled files of each kind in turn, or of as many as fit into the seconds."""
    rng = np.random.default_rng(seed)
    tallies = {target.kind: Tally() for target in chosen}
    began = time.perf_counter()
    for count in track(range(files), description="reading", console=Console(stderr=True), update_period=2.0):
        target = chosen[count % len(chosen)]
        data = target.originals[int(rng.integers(len(target.originals)))]
        for _ in range(int(rng.integers(1, 4))):
            data = MANGLERS[int(rng.integers(len(MANGLERS)))](data, rng)
        _read(target, data, tallies[target.kind])
        if seconds and count % 100 == 0 and time.perf_counter() - began > seconds:
            break
    return tallies


def _read(target: Target, data: bytes, tally: Tally) -> None:
    began = time.perf_counter()
    try:
        target.read(data)
        tally.kinds["read"] += 1
    except RedwoodError as error:
        tally.kinds[type(error).__name__] += 1
    except Exception as error:
        tally.kinds["RAW"] += 1
        tally.escaped.append(f"{type(error).__name__}: {str(error)[:200]}; file {data[:120]!r}")
    taken = time.perf_counter() - began
    tally.slowest, tally.slow = max(tally.slowest, taken), tally.slow + (taken > SLOW)


def _show(tallies: dict[str, Tally]) -> None:
    console = Console(width=160)
    for kind, tally in sorted(tallies.items()):
        kinds = ", ".join(f"{name} {count}" for name, count in tally.kinds.most_common())
        console.print(
            f"{kind}: {kinds}; slowest {tally.slowest:.3f} s; above {SLOW:g} s {tally.slow}; raw errors {len(tally.escaped)}"
        )
        for message in sorted({text.partition("; file")[0][:60]: text for text in tally.escaped}.values())[:8]:
            console.print(f"  {message}", markup=False)
    every: Counter[str] = sum((tally.kinds for tally in tallies.values()), Counter())
    console.print(f"{sum(every.values())} files: {every['read']} read, {every['RAW']} raw errors.")


def _replace_token(data: bytes, rng: np.random.Generator) -> bytes:
    tokens = data.split(b" ")
    tokens[int(rng.integers(len(tokens)))] = NASTY[int(rng.integers(len(NASTY)))]
    return b" ".join(tokens)


def _replace_value(data: bytes, rng: np.random.Generator) -> bytes:
    """Replace what stands between two commas, as in JSON."""
    tokens = data.split(b",")
    at = int(rng.integers(len(tokens)))
    key, colon, _ = tokens[at].rpartition(b":")
    tokens[at] = key + colon + NASTY[int(rng.integers(len(NASTY)))]
    return b",".join(tokens)


def _drop_line(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        del lines[int(rng.integers(len(lines)))]
    return b"".join(lines)


def _repeat_line(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        lines.insert(int(rng.integers(len(lines))), lines[int(rng.integers(len(lines)))])
    return b"".join(lines)


def _truncate(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: int(rng.integers(len(data) + 1))]


def _flip_byte(data: bytes, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(len(data) + 1))
    return data[:at] + bytes([int(rng.integers(256))]) + data[at + 1 :]


def _grow_number(data: bytes, rng: np.random.Generator) -> bytes:
    """Put digits before a digit near a random place."""
    at = int(rng.integers(len(data) + 1))
    place = next((k for k in range(at, min(len(data), at + 200)) if data[k : k + 1].isdigit()), None)
    return data if place is None else data[:place] + str(rng.integers(10**9)).encode() + data[place:]


MANGLERS: tuple[Callable[[bytes, np.random.Generator], Any], ...] = (
    _replace_token,
    _replace_value,
    _drop_line,
    _repeat_line,
    _truncate,
    _flip_byte,
    _grow_number,
)


if __name__ == "__main__":
    main()
