"""Messages from a process to the one that watches it, which never waits for the rest of a message.

The watched process is not to be trusted with more than its own fate: whatever it writes, and wherever in a message it is
stopped or dies, hearing it takes no longer than it was meant to.
"""

from __future__ import annotations

import os
import select
import struct
import threading

from redwood.errors import SolverError

HEADER = struct.Struct(">8sQ")
"""What comes before a message: the mark, and the length in bytes."""

MARK = b"redwood\n"

LARGEST = 2**36
"""Bytes of a message that are beyond belief."""

GULP = 2**20
"""Bytes that are read at a time."""


class Mouth:
    """The end of a pipe that speaks; threads may share it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def say(self, message: bytes) -> None:
        """Send a message, waiting until it is under way."""
        left = memoryview(HEADER.pack(MARK, len(message)) + message)
        with self._lock:
            while left:
                left = left[os.write(self._descriptor, left) :]


class Ear:
    """The end of a pipe that hears."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._heard = bytearray()
        self._is_garbled = False
        self._watch = select.poll()  # select() knows no descriptor above 1,023
        self._watch.register(descriptor, select.POLLIN)

    def hear(self, seconds: float) -> list[bytes]:
        """Return the messages that are whole by now, after waiting up to ``seconds`` for anything to come.

        Raises
        ------
        EOFError
            Where the other end is closed and everything was returned.
        SolverError
            Where something else than messages came, after all messages before it were returned.
        """
        if self._is_garbled:
            raise SolverError("garbage came through the pipe that reports come through.")
        if self._watch.poll(max(0.0, 1000 * seconds)):
            piece = os.read(self._descriptor, GULP)
            if not piece:
                raise EOFError
            self._heard += piece
        return self._whole()

    def has_more(self) -> bool:
        """Return whether there is more to read, the end included."""
        return bool(self._watch.poll(0))

    def close(self) -> None:
        """Hear no more."""
        os.close(self._descriptor)

    def _whole(self) -> list[bytes]:
        """Take the whole messages out of what was heard."""
        begin, messages = 0, []
        while len(self._heard) - begin >= HEADER.size:
            mark, length = HEADER.unpack_from(self._heard, begin)
            if mark != MARK or length > LARGEST:
                self._is_garbled = True
                break
            end = begin + HEADER.size + length
            if end > len(self._heard):
                break
            messages.append(bytes(self._heard[begin + HEADER.size : end]))
            begin = end
        del self._heard[:begin]
        return messages
