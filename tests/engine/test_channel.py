"""Messages through a pipe: whole ones are heard, and nothing that the other end does makes the listener wait."""

import os
import threading
import time

import pytest

from redwood.errors import SolverError
from redwood.execution.channel import HEADER, MARK, Ear, Mouth


@pytest.fixture
def pipe():
    """Return an ear and the descriptor that it hears."""
    reading, writing = os.pipe()
    ear = Ear(reading)
    yield ear, writing
    ear.close()


def test_messages_come_whole_and_in_order(pipe):
    """Short and long messages, empty ones too, come as they were said; then the end is told."""
    ear, writing = pipe
    said = [b"", b"one", b"x" * 3_000_000, b"last"]

    def speak():
        mouth = Mouth(writing)
        for message in said:
            mouth.say(message)
        os.close(writing)

    threading.Thread(target=speak).start()
    heard = []
    while len(heard) < len(said):
        heard += ear.hear(10.0)
    assert heard == said
    with pytest.raises(EOFError):
        ear.hear(10.0)


def test_nobody_waits_for_the_rest_of_a_message(pipe):
    """Half a message is nothing, and hearing it takes no longer than was asked for."""
    ear, writing = pipe
    os.write(writing, HEADER.pack(MARK, 1000) + b"half")
    began = time.monotonic()
    assert ear.hear(0.01) == ear.hear(0.01) == []
    assert time.monotonic() - began < 5
    assert not ear.has_more()
    os.close(writing)
    assert ear.has_more()
    with pytest.raises(EOFError):
        ear.hear(0.01)


@pytest.mark.parametrize("garbage", [b"garbage\n" * 10, HEADER.pack(MARK, 2**60), HEADER.pack(b"another!", 3) + b"abc"])
def test_garbage_is_named_after_what_came_before_it(pipe, garbage):
    """What is no message ends the conversation; what was said before counts."""
    ear, writing = pipe
    Mouth(writing).say(b"before")
    os.write(writing, garbage)
    assert ear.hear(1.0) == [b"before"]
    with pytest.raises(SolverError, match="garbage came"):
        ear.hear(1.0)
    os.close(writing)
