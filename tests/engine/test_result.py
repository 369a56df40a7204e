"""A result says what became of a run, in text and in notebooks."""

import re

import redwood


def test_a_notebook_shows_a_table_with_escaped_names():
    """Status, objective, bound and gap stand in the table; a name with markup stays text."""
    instance = redwood.instance("knapsack", values=[3, 4], weights=[1, 2], capacity=2, name="<b>two</b>")
    page = redwood.solve(instance, "exact")._repr_html_()
    assert "&lt;b&gt;two&lt;/b&gt;" in page
    assert "<b>two</b>" not in page
    told = re.sub(r' style="[^"]*"', "", page)
    assert "<th>objective</th><td>4</td>" in told
    assert "<th>status</th><td>optimal" in told
