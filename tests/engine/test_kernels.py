"""Compiled kernels: the cache notices changes anywhere, and the random generator is the published one."""

import os
import subprocess
import sys

import numpy as np

from redwood.kernels import random_below, random_bits, random_float, random_state

MASK = (1 << 64) - 1


def test_generator_is_xoroshiro128_plus():
    """The kernel draws what a plain Python transcription of the published algorithm draws."""
    state = np.array([1234567, 89101112], dtype=np.uint64)
    s0, s1 = 1234567, 89101112
    for _ in range(100):
        expected = (s0 + s1) & MASK
        t = s1 ^ s0
        s0, s1 = ((s0 << 24 | s0 >> 40) & MASK) ^ t ^ ((t << 16) & MASK), (t << 37 | t >> 27) & MASK
        assert int(random_bits(state)) == expected


def test_draws_are_uniform_on_their_range():
    """Floats lie in [0, 1) and integers in 0..limit - 1, with the mean that uniform draws have."""
    state = random_state(np.random.default_rng(1))
    floats = np.array([random_float(state) for _ in range(4000)])
    integers = np.array([random_below(state, 7) for _ in range(4000)])
    assert 0 <= floats.min() < floats.max() < 1
    assert abs(floats.mean() - 0.5) < 0.03
    assert sorted(set(integers)) == list(range(7))


def test_cache_never_serves_stale_code(tmp_path):
    """A change in a helper of another file, two files away, is seen although the caller's own file is unchanged."""
    (tmp_path / "top.py").write_text(
        "from redwood.kernels import kernel\nfrom middle import middle\n@kernel\ndef top(x):\n    return between(x)\n"
        "@kernel\ndef between(x):\n    return middle(x)\n"
    )
    (tmp_path / "middle.py").write_text(
        "from redwood.kernels import kernel\nfrom bottom import bottom\n@kernel\ndef middle(x):\n    return bottom(x) + 1\n"
    )
    environment = {**os.environ, "REDWOOD_CACHE": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    for factor in (10, 20):
        (tmp_path / "bottom.py").write_text(
            f"from redwood.kernels import kernel\n@kernel\ndef bottom(x):\n    return x * {factor}\n"
        )
        for _ in range(2):
            command = [sys.executable, "-c", "from top import top; print(top(1))"]
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
            assert int(done.stdout) == factor + 1
