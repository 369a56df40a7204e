"""Messages from a process to the one that supervises it: framed, counted and signed, so that nothing else passes for one.

Only the holder of the channel's secret can write a message. Whatever else comes through the pipe, from a solver that writes
into every open descriptor or from processes that inherited it, ends the channel with an error and is never interpreted.
"""

from __future__ import annotations

import hashlib
import os
import select
import struct
import threading

from redwood.errors import SolverError

HEADER = struct.Struct(">8sQQ16s")
"""What comes before a message: the mark, its number, its length in bytes, and the digest of number and message."""

MARK = b"redwood\n"

LARGEST = 2**30
"""Bytes of a message, at most."""

PIECE = 2**20
"""Bytes that are read at a time."""


def frame(secret: bytes, number: int, message: bytes) -> bytes:
    """Return a message with its header."""
    return HEADER.pack(MARK, number, len(message), _digest(secret, number, message)) + message


class Sender:
    """The writing end of a pipe, for the threads of one process alone: processes that it forks must not write."""

    def __init__(self, descriptor: int, secret: bytes) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        self._secret = secret
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._number = 0

    def send(self, message: bytes) -> None:
        """Send a message, waiting until it is under way.

        Raises
        ------
        SolverError
            Where it is too large, or this process is not the one that the channel was made for.
        """
        if os.getpid() != self._process:
            raise SolverError("a process that the solver has forked cannot report; only the solver's own process can.")
        if len(message) > LARGEST:
            raise SolverError(f"a message of {len(message)} bytes exceeds the limit of {LARGEST} bytes.")
        with self._lock:
            left = memoryview(frame(self._secret, self._number, message))
            self._number += 1
            while left:
                left = left[os.write(self._descriptor, left) :]


class Receiver:
    """The reading end of a pipe, which never waits for the rest of a message."""

    def __init__(self, descriptor: int, secret: bytes) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._secret = secret
        self._number = 0
        self._read = bytearray()
        self._complaint = ""

    def receive(self, seconds: float) -> list[bytes]:
        """Return the messages that are whole by now, after waiting up to ``seconds`` for anything to come.

        Raises
        ------
        EOFError
            Where the other end is closed and everything was returned.
        SolverError
            Where something else than messages came, after all messages before it were returned.
        """
        if self._complaint:
            raise SolverError(self._complaint)
        if is_readable(self._descriptor, max(0.0, seconds)):
            piece = os.read(self._descriptor, PIECE)
            if not piece:
                raise EOFError
            self._read += piece
        return self._whole()

    def has_more(self) -> bool:
        """Return whether there is more to read, the end included."""
        return is_readable(self._descriptor, 0.0)

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._descriptor)

    def _whole(self) -> list[bytes]:
        """Take the whole messages out of what was read."""
        begin, messages = 0, []
        while len(self._read) - begin >= HEADER.size and not self._complaint:
            mark, number, length, digest = HEADER.unpack_from(self._read, begin)
            end = begin + HEADER.size + length
            if mark != MARK or number != self._number or length > LARGEST:
                self._complaint = "garbage came through the pipe that reports come through."
            elif end > len(self._read):
                break
            else:
                message = bytes(self._read[begin + HEADER.size : end])
                if digest == _digest(self._secret, number, message):
                    messages.append(message)
                    self._number += 1
                    begin = end
                else:
                    self._complaint = f"message {number} through the pipe that reports come through is forged or damaged."
        del self._read[:begin]
        return messages


def is_readable(descriptor: int, seconds: float) -> bool:
    """Return whether there is anything to read within seconds, the end included."""
    watch = select.poll()  # select() knows no descriptor above 1,023
    watch.register(descriptor, select.POLLIN)
    return bool(watch.poll(1000 * seconds))


def _digest(secret: bytes, number: int, message: bytes) -> bytes:
    signed = hashlib.blake2b(number.to_bytes(8, "big"), key=secret, digest_size=16)
    signed.update(message)
    return signed.digest()
