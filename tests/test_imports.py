"""The modules of Redwood form no circle of imports, those inside of functions included."""

from collections.abc import Iterable

import grimp
import networkx
import pytest


def circles(arrows: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return each set of modules that import each other, directly or through others."""
    graph = networkx.DiGraph(arrows)
    return [sorted(circle) for circle in networkx.strongly_connected_components(graph) if len(circle) > 1]


@pytest.fixture(scope="module")
def arrows() -> list[tuple[str, str]]:
    """Every import of one module of the package by another, except those that only type checkers see."""
    graph = grimp.build_graph("redwood", exclude_type_checking_imports=True, cache_dir=None)
    return [(module, found) for module in graph.modules for found in graph.find_modules_directly_imported_by(module)]


def test_no_modules_import_each_other(arrows):
    """There is no circle of imports in the whole package."""
    assert circles(arrows) == []


def test_an_import_in_a_function_counts(arrows):
    """The imports that are looked at include one inside of a function, which would close a circle if turned round."""
    lazy = ("redwood.problems.vrp.problem", "redwood.problems.vrp.picture")
    assert lazy in arrows
    assert len(circles([*arrows, lazy[::-1]])) == 1
