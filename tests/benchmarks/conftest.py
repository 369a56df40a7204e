"""Fixtures of the benchmarks' tests."""

import contextlib
import functools
import json
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import msgspec
import pytest

from redwood.benchmarks import jobs
from redwood.benchmarks.planning import make_plan
from redwood.benchmarks.records import Run
from redwood.benchmarks.suite import parse_suite
from redwood.plugins.host import host

PLUGIN = Path(__file__).parents[1] / "plugins_for_tests" / "countdown.py"


@pytest.fixture
def toy_plan():
    """Return a function that plans runs of solvers on one drawn instance of the toy problem."""
    host().load_file(PLUGIN)

    def make(*solvers, seeds="[0]", time_limit=0.3, more=""):
        parts = "".join(f"[[solvers]]\n{solver}\n" for solver in solvers)
        text = f"""
            time_limit = {time_limit}
            bound_time_limit = 0
            seeds = {seeds}
            {more}
            [[instances]]
            generate = "countdown"
            sizes = [30]
            {parts}
        """
        return make_plan(parse_suite("toy", text))

    return make


@pytest.fixture
def make_run():
    """Return a function that makes the record of a run on an instance of size 9, by default of value 100 at best."""

    def make(
        label="a",
        seed=0,
        objective=None,
        *,
        bound=None,
        name="one",
        known=100.0,
        status="feasible",
        share=1.0,
        message="",
        solve=1.0,
        host="h",
        batch=1,
        solution=None,
    ):
        source = {"generate": "toy", "size": 9}
        case = {"problem": "toy", "name": name, "size": 9, "sense": "min", "fingerprint": name, "best_known": known}
        result = {"solver": "a", "status": status, "termination": "time", "objective": objective, "bound": bound}
        result |= {"seconds": {"solve": solve}, "trajectory": [] if objective is None else [[0.0, objective]]}
        process = {"seconds": solve, "cpu_share": share, "peak_mb": 1.0, "load_average": 0.1, "cores": [0], "host": host}
        head = {"kind": "run", "job": f"{label}{seed}{name}", "suite": "toy", "session": "s", "started": "now", "code": {}}
        head |= {"time_limit": 1.0, "threads": 1, "memory_gb": None, "iterations": None, "options": {}, "solver": "a"}
        head |= {"label": label, "seed": seed} | {"batch": batch}
        result |= {"message": message, "solution": solution}
        return msgspec.convert(head | {"case": case | {"source": source}, "result": result, "process": process}, Run)

    return make


class Lent:
    """The fork server of all tests, which outlives each run: starting one takes two seconds of a core."""

    def __init__(self, server):
        self.start = server.start

    def close(self):
        """Leave the server as it is."""


@pytest.fixture(scope="session")
def server():
    """Where the processes of jobs come from."""
    with jobs.make_server(threads=1) as source:
        yield source


@pytest.fixture(scope="session")
def lending(server):
    """Return a context in which runs in this process fork their jobs from one server."""

    @contextlib.contextmanager
    def lend():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jobs, "make_server", lambda threads, preload: Lent(server))
            yield

    return lend


@pytest.fixture
def quick(lending):
    """Let the runs of a test fork their jobs from one server."""
    with lending():
        yield


@pytest.fixture
def running(tmp_path):
    """Return a function that starts a command which minds Ctrl-C, also where the tests do not, and ends it with the test."""
    with contextlib.ExitStack() as stack:

        def start(*words, **more):
            mind = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            child = subprocess.Popen(list(map(str, words)), cwd=tmp_path, preexec_fn=mind, **pipes, **more)
            stack.callback(child.communicate)
            stack.callback(child.kill)
            return child

        yield start


@pytest.fixture(scope="session")
def processes_of():
    """Return a function that finds the processes with a mark in their environment and a word in their command."""

    def find(mark, word):
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark.encode() in (entry / "environ").read_bytes() and word.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
        return found

    return find


class Browser:
    """Headless Chromium, driven through the W3C WebDriver protocol."""

    def __init__(self, address, profile):
        self._address = address
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
        flags += ["--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}"]
        chrome = {"args": flags, "binary": shutil.which("chromium") or shutil.which("google-chrome")}
        wanted = {"browserName": "chrome", "goog:chromeOptions": chrome, "goog:loggingPrefs": {"browser": "ALL"}}
        answer = self._send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{answer['sessionId']}"

    def _send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)["value"]

    def open(self, file):
        self._send("POST", f"{self._session}/url", {"url": file.as_uri()})

    def run(self, script):
        return self._send("POST", f"{self._session}/execute/sync", {"script": script, "args": []})

    def tool(self, command, **settings):
        """Carry out a command of Chromium's developer tools."""
        return self._send("POST", f"{self._session}/goog/cdp/execute", {"cmd": command, "params": settings})

    def log(self):
        return [entry["message"] for entry in self._send("POST", f"{self._session}/se/log", {"type": "browser"})]

    def close(self):
        self._send("DELETE", self._session)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium, or a skip that says what is missing."""
    driver = shutil.which("chromedriver")
    if driver is None or not (shutil.which("chromium") or shutil.which("google-chrome")):
        pytest.skip("no Chromium with its driver: apt-get install chromium chromium-driver")
    folder = tmp_path_factory.mktemp("chromium")
    with (folder / "driver.log").open("w+") as log:
        process = subprocess.Popen([driver, "--port=0"], stdout=log, stderr=subprocess.STDOUT)
        try:
            opened = Browser(f"http://127.0.0.1:{_port(folder / 'driver.log')}", folder / "profile")
            yield opened
            with contextlib.suppress(OSError):
                opened.close()
        finally:
            process.terminate()
            process.wait(30)


def _port(log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        words = log.read_text().partition("successfully on port ")[2]
        if "." in words:
            return int(words.partition(".")[0])
        time.sleep(0.05)
    raise RuntimeError(f"chromedriver did not start: {log.read_text()}")
