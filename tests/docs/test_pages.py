"""Everything that the documentation shows runs, in the order of the page, and every hook has a page of its own."""

import os
import re
import runpy
import shlex
import shutil
import tomllib
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import redwood
from redwood.cli.root import root
from redwood.plugins import host as hosting
from redwood.plugins.host import Host
from redwood.plugins.spec import Hooks

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
OURS = ("pip install", "pytest", "make ", "python3 -m venv", ". .venv")
"""What shell lines may begin with besides `redwood`; installing is tested apart."""
WRITTEN = sorted(page for page in DOCS.rglob("*.md") if "examples" not in page.parts)
SLOW = ("add-a-solver.md", "train-a-policy.md")  # the whole kit on every problem, and trainings; `make test-slow` runs them
PAGES = [page for page in WRITTEN if re.search(r"^```(python|sh)$", page.read_text(), re.M)]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the documentation's examples, and a host that forgets what the page registers."""
    shutil.copytree(DOCS / "examples", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    host = Host()
    host.discover()
    monkeypatch.setattr(hosting, "_host", host)
    torch.set_num_threads(1)
    return tmp_path


def blocks(page):
    """Yield the language, the text and the line of each block of code on a page."""
    text = page.read_text()
    for found in re.finditer(r'^```(python|sh|toml)(?: title="[^"]+")?\n(.*?)^```$', text, re.M | re.S):
        yield found[1], found[2], text[: found.start()].count("\n") + 1


def page_cases():
    """Return the pages with code as cases, the slow ones marked."""
    marks = {True: [pytest.mark.slow], False: []}
    return [pytest.param(page, id=str(page.relative_to(DOCS)), marks=marks[page.name in SLOW]) for page in PAGES]


@pytest.mark.parametrize("page", page_cases())
def test_all_code_of_a_page_runs(page, place):
    """Python blocks run one after another in one namespace, commands end with code 0, TOML can be read."""
    run_page(page)


def test_the_code_of_the_readme_runs(place):
    """It runs in the folder of a checkout, where its paths begin, and leaves the map of which it speaks."""
    for folder in ("docs", "benchmarks"):
        (place / folder).symlink_to(ROOT / folder)
    run_page(ROOT / "README.md")
    assert "Alexanderplatz" in (place / "map.html").read_text(encoding="utf-8")


def run_page(page):
    names = {"__name__": "page", "__file__": str(page)}
    for language, body, line in blocks(page):
        if language == "toml":
            tomllib.loads(body)
        elif language == "sh":
            run_shell(body, f"{page.name}:{line}")
        else:
            run_python(body, names, f"{page.name}:{line}")


def test_code_of_an_example_file_is_the_file():
    """Every block that names an example file holds that file, and no page includes one by a snippet."""
    included = runpy.run_path(str(DOCS / "include_examples.py"))["included"]
    named = [page for page in WRITTEN if 'title="docs/examples/' in page.read_text()]
    assert named
    assert [page.name for page in named if included(page.read_text()) != page.read_text()] == []
    assert [page.name for page in WRITTEN if "--8<" in page.read_text()] == []


def run_python(body, names, where):
    import sys
    import types

    module = sys.modules.setdefault("page", types.ModuleType("page"))
    vars(module).update(names)
    try:
        exec(compile(body, where, "exec"), vars(module))
    finally:
        names.update(vars(module))
        sys.modules.pop("page", None)


def run_shell(body, where):
    for line in filter(None, map(str.strip, body.replace("\\\n", " ").splitlines())):
        if line.startswith(OURS):
            continue
        words = shlex.split(line, comments=True)
        assert words[0] == "redwood", f"{where}: {line!r} is no command of redwood"
        done = CliRunner().invoke(root, words[1:])
        assert done.exit_code == 0, f"{where}: {line}\n{done.output}\n{done.exception!r}"


def test_every_hook_has_a_page_in_the_menu():
    """A new hook needs `docs/hooks/NAME.md` with its name as the title, and an entry in the site's menu."""
    hooks = [name for name in vars(Hooks) if name.startswith("redwood_")]
    assert hooks
    menu = (ROOT / "zensical.toml").read_text()
    for name in hooks:
        page = DOCS / "hooks" / f"{name}.md"
        assert page.is_file(), f"hook {name} has no page {page}"
        assert page.read_text().startswith(f"# {name}\n")
        assert f'"hooks/{name}.md"' in menu


def test_every_public_name_is_in_the_reference():
    """What `import redwood` offers is documented by name."""
    text = "".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    missing = [name for name in redwood.__all__ if f"::: redwood.{name}\n" not in text]
    assert missing == []


def test_every_page_is_in_the_menu():
    """No page is an orphan."""
    menu = (ROOT / "zensical.toml").read_text()
    pages = [str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")]
    assert [page for page in pages if f'"{page}"' not in menu] == []


def test_the_site_builds_without_a_warning_and_its_links_lead_somewhere(tmp_path):
    """The strict build ends well; every local link of the pages names a file that is there, and an anchor in it."""
    main = pytest.importorskip("zensical.main", reason="the extra docs is not installed")
    settings = (ROOT / "zensical.toml").read_text()
    for name in ("docs", "README.md"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / "zensical.toml").write_text(settings.replace("runs/site", "site"))
    here = os.getcwd()
    try:
        done = CliRunner().invoke(main.cli, ["build", "--strict", "--config-file", str(tmp_path / "zensical.toml")])
    finally:
        os.chdir(here)
    assert done.exit_code == 0, done.output
    site = tmp_path / "site"
    pages = {page: page.read_text() for page in site.rglob("*.html") if page.name not in ("404.html", "peers.html")}
    assert len(pages) >= len(PAGES)
    broken = [
        f"{page.relative_to(site)}: {link}"
        for page, text in pages.items()
        for link in links(text)
        if not leads(page, link, pages)
    ]
    assert broken == []


def links(text):
    """Return the local links and images of a page."""
    found = re.findall(r'(?:href|src)="?([^" >]+)', text)
    return [link for link in found if not re.match(r"[a-z]+:|//", link) and link not in (".", "/")]


def leads(page, link, pages):
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return target.with_suffix(".ipynb").is_file()  # a notebook, of which `make docs` makes a page
    return not anchor or target not in pages or re.search(rf'id="?{re.escape(anchor)}"?[ >]', pages[target]) is not None
