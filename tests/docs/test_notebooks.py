"""The notebooks of the documentation run from a clean kernel, and what they show is stored with them."""

from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
LARGEST = 250_000
"""Bytes of a notebook with its outputs."""


def read(path):
    return pytest.importorskip("nbformat", reason="the extra notebooks is not installed").read(path, as_version=4)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    """Every cell runs in a kernel of its own, without an error and without a warning on the screen."""
    nbclient = pytest.importorskip("nbclient", reason="the extra notebooks is not installed")
    notebook = read(path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    streams = [output for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "stream"]
    assert [stream.text for stream in streams if stream.name == "stderr"] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_with_its_outputs(path):
    """A reader without a kernel sees results; nothing of it is an error, and it stays small."""
    code = [cell for cell in read(path).cells if cell.cell_type == "code"]
    outputs = [output for cell in code for output in cell.outputs]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "execute it anew: make notebooks-stored"
    assert outputs
    assert all(output.output_type != "error" for output in outputs)
    assert path.stat().st_size < LARGEST


def test_every_notebook_is_on_the_page():
    """There are three or more notebooks, and the site leads to each."""
    page = (DOCS / "notebooks.md").read_text()
    assert len(NOTEBOOKS) >= 3
    assert [path.name for path in NOTEBOOKS if f"(notebooks/{path.name})" not in page] == []
