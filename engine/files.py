"""Files of people and programs: read whole and once, written beside and renamed."""

from __future__ import annotations

import gzip
import json
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from redwood.errors import FormatError, OptionError, OutputError

LARGEST = 1 << 30
"""Bytes that a text file may have, after decompression."""

LONGEST_NUMBER = 300
"""Digits of a whole number in JSON, at most."""

MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
"""Byte-order marks, and the encodings that they announce."""


def path_of(path: object) -> Path:
    """Return a path that somebody gave.

    Raises
    ------
    OptionError
        Where it is neither a text nor a path.
    """
    named = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(named, str):
        raise OptionError(f"{path!r:.100} is of the type {type(path).__name__}; a path is a str or a pathlib.Path.")
    return Path(named)


def read_text(path: Path) -> str:
    """Return the text in a file, a pipe or, for the name ``-``, standard input; ``.gz`` is decompressed.

    Raises
    ------
    FormatError
        Where it cannot be read, is too large, or holds binary data.
    """
    try:
        data = _bytes(path)
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    if len(data) > LARGEST:
        raise FormatError(f"{path}: is larger than {LARGEST >> 20} MB.")
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), "utf-8")
    if encoding != "utf-16" and b"\x00" in data[:65536]:
        raise FormatError(f"{path}: holds binary data, and a text file was expected.")
    return data.decode(encoding, errors="replace")


def stem(path: Path) -> str:
    r"""Return a file's name without its suffix, and without that of a compressed file before; ``stdin`` for ``-``.

    Bytes that are no UTF-8 come out as ``\xff``, since names are written into files and shown.
    """
    if str(path) == "-":
        return "stdin"
    name = path.with_suffix("").stem if path.suffix.lower() == ".gz" else path.stem
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def suffix(path: Path) -> str:
    """Return a file's suffix in small letters: of a compressed file that of what is in it."""
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


def with_path(message: str, file: Path) -> str:
    """Return a message about an instance with its file, and not only the name without suffix, in the front, once."""
    short = stem(file)
    if str(file) in message:
        return message
    while message.startswith(f"{short}: "):
        message = message.removeprefix(f"{short}: ")
    return f"{file}{message.removeprefix(short)}" if message.startswith(f"{short}, ") else f"{file}: {message}"


def parse_json(text: str, what: object) -> Any:
    """Return what a JSON text says.

    Parameters
    ----------
    text
        The text.
    what
        What it is, such as the file, for messages.

    Raises
    ------
    FormatError
        Where the text is no JSON, is nested too deeply, or has a number of thousands of digits.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_int=_whole)
    except RecursionError:
        raise FormatError(f"{what}: is nested too deeply to be read.") from None
    except json.JSONDecodeError as error:
        raise FormatError(f"{what}: line {error.lineno} is no JSON: {error.msg}.", line=error.lineno) from error
    except ValueError as error:
        raise FormatError(f"{what}: is no JSON: {error}.") from error


def write_text(path: str | Path, text: str) -> None:
    """Write a file beside and rename it, so that the old one stays whole until the new one is.

    What is no character, such as a byte of a file's name that is no UTF-8, is written as an escape.

    Raises
    ------
    OutputError
        Where it cannot be written, as on a full disk.
    """
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", errors="backslashreplace")


@contextmanager
def replacing(path: str | Path, durable: bool = False) -> Iterator[Path]:
    """Give a path beside a file to write to, and put what was written in the file's place once it is whole.

    The path has the file's suffix, by which libraries choose a format. ``durable`` waits until the disk has it. Nothing but
    the writing belongs inside, since what it raises is taken for the disk's fault.

    Raises
    ------
    OutputError
        Where it cannot be written, as on a full disk; what stood there before is then whole.
    """
    out = path_of(path)
    if "\0" in str(out) or not out.name:
        raise OutputError(f"{str(out)!r:.200} names no file.")
    try:
        special = out.exists() and not out.is_file()  # such as /dev/stdout, which has nothing to lose
    except OSError as error:
        raise OutputError(f"{str(out)[:200]}: cannot be written: {error.strerror}.") from error
    unfinished = out if special else out.with_name(f".{os.getpid()}-{out.name[-100:]}")
    try:
        yield unfinished
        if unfinished is not out:
            if durable:
                with unfinished.open("rb") as file:
                    os.fsync(file.fileno())
            os.replace(unfinished, out)
    except BaseException as error:
        if unfinished is not out:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
        if not isinstance(error, (OSError, RuntimeError)) and type(error).__name__ != "SafetensorError":
            raise
        cause = getattr(error, "strerror", None) or str(error).partition("\n")[0][:200]  # of torch a page of addresses
        raise OutputError(f"{out}: cannot be written: {cause}.") from error


def _bytes(path: Path) -> bytes:
    """Return at most `LARGEST` bytes and one more."""
    if str(path) == "-":
        return sys.stdin.buffer.read(LARGEST + 1)
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if not data.startswith(b"\x1f\x8b"):
        return data
    decompressor = zlib.decompressobj(16 + zlib.MAX_WBITS)
    found = decompressor.decompress(data, LARGEST + 1)
    if not decompressor.eof and len(found) <= LARGEST:
        raise gzip.BadGzipFile("the compressed data end early")
    return found


def _whole(digits: str) -> int:
    """Return a whole number; one that no float can hold is no number of any format that is read here."""
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(digits)} digits is too large")
    return int(digits)


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")
