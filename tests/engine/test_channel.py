"""Messages through a pipe: whole and signed ones are read, and nothing that the other end does makes the reader wait."""

import os
import pickle
import threading
import time

import numpy as np
import pytest

import redwood
from redwood.errors import SolutionError, SolverError
from redwood.execution.channel import HEADER, LARGEST, MARK, Receiver, Sender, frame
from redwood.execution.messages import Improved, decode, encode, pack_solution, unpack_solution
from redwood.plugins.host import host

SECRET = b"s" * 32


@pytest.fixture
def pipe():
    """Return a receiver and the descriptor that it reads from."""
    reading, writing = os.pipe()
    receiver = Receiver(reading, SECRET)
    yield receiver, writing
    receiver.close()


def test_messages_come_whole_and_in_order(pipe):
    """Short and long messages, empty ones too, come as they were sent; then the end is told."""
    receiver, writing = pipe
    sent = [b"", b"one", b"x" * 3_000_000, b"last"]

    def send():
        sender = Sender(writing, SECRET)
        for message in sent:
            sender.send(message)
        os.close(writing)

    threading.Thread(target=send).start()
    received = []
    while len(received) < len(sent):
        received += receiver.receive(10.0)
    assert received == sent
    with pytest.raises(EOFError):
        receiver.receive(10.0)


def test_nobody_waits_for_the_rest_of_a_message(pipe):
    """Half a message is nothing, and reading it takes no longer than was asked for."""
    receiver, writing = pipe
    os.write(writing, frame(SECRET, 0, b"x" * 1000)[:100])
    began = time.monotonic()
    assert receiver.receive(0.01) == receiver.receive(0.01) == []
    assert time.monotonic() - began < 5
    assert not receiver.has_more()
    os.close(writing)
    assert receiver.has_more()
    with pytest.raises(EOFError):
        receiver.receive(0.01)


@pytest.mark.parametrize(
    "garbage",
    [
        b"garbage\n" * 10,
        HEADER.pack(MARK, 1, LARGEST + 1, bytes(16)),
        HEADER.pack(b"another!", 1, 3, bytes(16)) + b"abc",
        frame(b"another secret", 1, b"forged"),
        frame(SECRET, 0, b"before"),
        frame(SECRET, 1, b"damaged")[:-1] + b"!",
        HEADER.pack(MARK, 1, 60, bytes(16)) + pickle.dumps(print).ljust(60),
    ],
    ids=["text", "too-long", "other-mark", "forged", "repeated", "damaged", "pickle"],
)
def test_garbage_is_named_after_what_came_before_it(pipe, garbage):
    """What is no message of the one writer ends the channel; what was sent before counts."""
    receiver, writing = pipe
    Sender(writing, SECRET).send(b"before")
    os.write(writing, garbage)
    assert receiver.receive(1.0) == [b"before"]
    with pytest.raises(SolverError, match=r"garbage came|forged or damaged"):
        receiver.receive(1.0)
    os.close(writing)


def test_a_fork_of_the_writer_cannot_write(pipe):
    """A process that the writer has forked gets an error, and what it would have written never comes."""
    receiver, writing = pipe
    sender = Sender(writing, SECRET)
    child = os.fork()
    if child == 0:
        try:
            sender.send(b"mine")
        except SolverError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    sender.send(b"ours")
    assert receiver.receive(1.0) == [b"ours"]
    os.close(writing)


@pytest.mark.parametrize("data", [b"", b"\xc1", encode(Improved(0, 1.0, 2.0, b""))[:-1], b"\x91" * 5000, pickle.dumps([1])])
def test_what_is_no_message_is_refused(data):
    """Bytes that are no message of a known type are a typed error, whatever they are."""
    with pytest.raises(SolverError, match="cannot be read"):
        decode(data)


def test_solutions_travel_with_their_arrays():
    """A solution comes back with its arrays, types and shapes; that of a planning problem as a policy."""
    instance = redwood.generate("cormab", size=5, seed=0)
    policy = redwood.solve(instance, "myopic", bound_time_limit=0).solution
    again = unpack_solution(host().problem("cormab"), pack_solution(policy))
    assert type(again) is type(policy)
    np.testing.assert_array_equal(again.q_values, policy.q_values)
    assert again.q_values.dtype == policy.q_values.dtype


@pytest.mark.parametrize("data", [b"", b"\x90", b"\x81\xa4tour\xc0", b"\xd4\x05\x00", b"\x91" * 5000, b"\x81\xa5other\x01"])
def test_what_is_no_solution_is_refused(data):
    """Bytes of which the problem can make no solution are a typed error."""
    with pytest.raises(SolutionError, match="cannot be read"):
        unpack_solution(host().problem("tsp"), data)
