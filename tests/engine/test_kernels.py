"""Compiled kernels: the cache notices changes anywhere, and the random generator is the published one."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

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


CALL = "from outer import total; print(total(1)); print(len(total.stats.cache_hits))"


@pytest.fixture
def kernels(tmp_path):
    """A folder with a kernel `outer.total` that calls `inner.price`."""
    folder = tmp_path / "code"
    folder.mkdir()
    write_inner(folder, 1)
    (folder / "outer.py").write_text(
        "from inner import price\nfrom redwood.kernels import kernel\n@kernel\ndef total(x):\n    return 10 * price(x)\n"
    )
    return folder


def write_inner(folder: Path, added: int) -> None:
    """Write a kernel that adds a number."""
    (folder / "inner.py").write_text(f"from redwood.kernels import kernel\n@kernel\ndef price(x):\n    return x + {added}\n")


def call(folder: Path, cache: Path, code: str = CALL, **environment: str) -> tuple[list[int], str]:
    """Return the numbers that a fresh process prints, and its warnings."""
    everything = {**os.environ, "REDWOOD_CACHE": str(cache), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    done = subprocess.run(
        [sys.executable, "-W", "always", "-"], input=code, cwd=folder, env=everything, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split()], done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", ["empty", "truncated", "flipped"])
def test_a_damaged_cache_file_is_made_anew(kernels, tmp_path, suffix, damage):
    """Whatever happened to an index or a data file, the answer is right, and the next process finds a whole file."""
    cache = tmp_path / "cache"
    assert call(kernels, cache) == ([20, 0], "")
    assert call(kernels, cache) == ([20, 1], "")
    files = list(cache.rglob(f"*.{suffix}"))
    assert files
    for file in files:
        content = file.read_bytes()
        half = len(content) // 2
        flipped = content[:half] + bytes([content[half] ^ 255]) + content[half + 1 :]
        file.write_bytes({"empty": b"", "truncated": content[:half], "flipped": flipped}[damage])
    assert call(kernels, cache)[0][0] == 20
    assert call(kernels, cache) == ([20, 1], "")


def test_a_missing_data_file_is_made_anew(kernels, tmp_path):
    """An index that names a file that is gone does no harm."""
    cache = tmp_path / "cache"
    call(kernels, cache)
    for file in cache.rglob("*.nbc"):
        file.unlink()
    assert call(kernels, cache) == ([20, 0], "")
    assert call(kernels, cache) == ([20, 1], "")


def test_a_folder_that_cannot_be_used_costs_one_warning(kernels, tmp_path):
    """Kernels are kept in a private temporary folder, never beside the source, and are never stale."""
    (tmp_path / "file").touch()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for added, expected in ((1, [20, 0]), (1, [20, 1]), (100, [1010, 0])):
        write_inner(kernels, added)
        numbers, told = call(kernels, tmp_path / "file", TMPDIR=str(temporary))
        assert numbers == expected
        assert told.count("CacheWarning") == 1
        assert str(temporary) in told
    assert not (kernels / "__pycache__").exists()
    private = next(temporary.iterdir())
    assert private.stat().st_mode & 0o077 == 0


def test_a_temporary_folder_of_others_is_not_trusted(kernels, tmp_path):
    """A folder that others may write to could hold their machine code: kernels are compiled without a cache."""
    (tmp_path / "file").touch()
    open_to_all = tmp_path / f"redwood-kernels-{os.getuid()}"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    for _ in range(2):
        numbers, told = call(kernels, tmp_path / "file", TMPDIR=str(tmp_path))
        assert numbers == [20, 0]
        assert told.count("CacheWarning") == 1
    assert not list(open_to_all.iterdir())


def test_no_space_for_the_cache_costs_one_warning(kernels, tmp_path):
    """A process that may write no byte more compiles, answers, and says once that nothing was kept."""
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
    numbers, told = call(kernels, tmp_path / "cache", limited + CALL)
    assert numbers == [20, 0]
    assert told.count("CacheWarning") == 1
    assert call(kernels, tmp_path / "cache") == ([20, 0], "")


def test_functions_without_a_file_are_kernels(kernels, tmp_path):
    """On standard input and in `exec` kernels compile; what imports them is not kept, as nobody would notice a change."""
    code = (
        "import sys, types\nfrom redwood.kernels import kernel\nprint(kernel(lambda x: x + 1)(1))\n"
        "sys.modules['inner'] = inner = types.ModuleType('inner')\n"
        "exec('from redwood.kernels import kernel\\n@kernel\\ndef price(x):\\n    return x + {}', inner.__dict__)\n"
    )
    for added, expected in ((1, 20), (100, 1010)):
        assert call(kernels, tmp_path / "cache", code.format(added) + CALL) == ([2, expected, 0], "")
