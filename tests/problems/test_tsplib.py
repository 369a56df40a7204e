"""Promises of the TSPLIB reader: it reads every layout, refuses what it does not understand, and says where and why."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redwood.errors import FormatError, RedwoodError
from redwood.problems.routing.tsplib import TRAVEL_ENTRIES, TRAVEL_SECTIONS, TSPLIBFile, scan
from redwood.problems.tsp.instance import TSPInstance
from redwood.problems.tsp.problem import TSP

SMALL = """NAME : small
TYPE : TSP
COMMENT : three towns: a, b, c
DIMENSION : 3
EDGE_WEIGHT_TYPE : EUC_2D
NODE_COORD_SECTION
1 0 0
2 3 4
3 3.0e0 0.0
EOF
"""
# the distances 1-2: 12, 1-3: 13, 1-4: 14, 2-3: 23, 2-4: 24, 3-4: 34, in every layout
LAYOUTS = {
    "FULL_MATRIX": "0 12 13 14 12 0 23 24\n13 23 0 34\n14 24 34 9999",
    "UPPER_ROW": "12 13 14\n23 24\n34",
    "LOWER_ROW": "12\n13 23\n14 24 34",
    "UPPER_DIAG_ROW": "0 12 13 14\n0 23 24\n0 34\n0",
    "LOWER_DIAG_ROW": "0\n12 0\n13 23 0\n14 24 34 0",
    "UPPER_COL": "12 13 23 14 24 34",
    "LOWER_COL": "12 13 14 23 24 34",
    "UPPER_DIAG_COL": "0 12 0 13 23 0 14 24 34 0",
    "LOWER_DIAG_COL": "0 12 13 14 0 23 24 0 34 0",
}


def _parse(text: str) -> TSPInstance:
    return TSP().parse(text, "small.tsp")


def _scan(text: str, *, types: tuple[str, ...] = ("TSP",), sections: tuple[str, ...] = ()) -> TSPLIBFile:
    return scan(text, "small.tsp", types=types, entries=TRAVEL_ENTRIES, sections=(*TRAVEL_SECTIONS, *sections))


def _explicit(layout: str, numbers: str, size: int = 4) -> str:
    head = f"TYPE: TSP\nDIMENSION: {size}\nEDGE_WEIGHT_TYPE: EXPLICIT\nEDGE_WEIGHT_FORMAT: {layout}\n"
    return f"{head}EDGE_WEIGHT_SECTION\n{numbers}\nEOF\n"


def test_a_plain_file_reads() -> None:
    """Entries, coordinates with decimals and exponents, and distances are as the file says."""
    instance = _parse(SMALL)
    assert instance.travel.full().tolist() == [[0, 5, 3], [5, 0, 4], [3, 4, 0]]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(" : ", ": "),
        lambda text: text.replace(" : ", " "),
        lambda text: text.replace(" : ", " :\t "),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("EOF\n", ""),
        lambda text: text.replace("EOF\n", " EOF \n\n\n"),
        lambda text: "\ufeff\n" + text,
        lambda text: text.replace("\n", "  \n\n"),
        lambda text: text.replace("NODE_COORD_SECTION", "NODE_COORD_SECTION :"),
        lambda text: text.lower(),
        lambda text: text.replace("TYPE : TSP", "TYPE : TSP (made by hand)"),
        lambda text: text.replace("1 0 0\n2 3 4\n", " 2\t3 4\n 1 0 0\n"),
        lambda text: text.replace("2 3 4", "2.0 +3.000 .4E1"),
    ],
)
def test_harmless_differences_of_real_files_are_read(change: Callable[[str], str]) -> None:
    """Spacing, line ends, case, a missing EOF, node order and ways of writing numbers change nothing."""
    assert change(SMALL) != SMALL
    assert _parse(change(SMALL)).fingerprint() == _parse(SMALL).fingerprint()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_matrix(layout: str) -> None:
    """All nine layouts of an explicit matrix read alike, however they are broken into lines."""
    expected = [[0, 12, 13, 14], [12, 0, 23, 24], [13, 23, 0, 34], [14, 24, 34, 0]]
    for numbers in (LAYOUTS[layout], " \n ".join(LAYOUTS[layout].split()), " ".join(LAYOUTS[layout].split())):
        assert _parse(_explicit(layout, numbers)).travel.full().tolist() == expected


def test_an_asymmetric_matrix_is_read_where_the_problem_allows_it() -> None:
    """FULL_MATRIX keeps both directions; the TSP refuses them and names the problem that does not."""
    text = _explicit("FULL_MATRIX", "9 1 2 9", 2)
    assert _scan(text).travel(symmetric=False).full().tolist() == [[0, 1], [2, 0]]
    with pytest.raises(FormatError, match=r"differs from 2.0 back.*atsp"):
        _parse(text)


def test_coordinates_for_display_stay_with_an_explicit_matrix() -> None:
    """DISPLAY_DATA_SECTION gives the picture, and no distances."""
    text = _explicit("UPPER_ROW", "7", 2).replace("EOF", "DISPLAY_DATA_SECTION\n1 0 0\n2 1 1\nEOF")
    travel = _parse(text.replace("TYPE: TSP", "TYPE: TSP\nDISPLAY_DATA_TYPE: TWOD_DISPLAY")).travel
    assert travel.full().tolist() == [[0, 7], [7, 0]]
    assert travel.coords is not None
    assert travel.coords.tolist() == [[0, 0], [1, 1]]


def test_demands_depots_and_tours_are_read_from_node_1() -> None:
    """Tables come in node order; lists end at -1 and count nodes from 0."""
    text = SMALL.replace("EOF", "DEMAND_SECTION\n3 30\n1 0\n2 20\nDEPOT_SECTION\n 1\n -1\nTOUR_SECTION\n3 1\n2\n-1\nEOF")
    file = _scan(text, sections=("DEMAND_SECTION", "DEPOT_SECTION", "TOUR_SECTION"))
    assert file.table("DEMAND_SECTION", ("demand",)).tolist() == [[0], [20], [30]]
    assert file.nodes("DEPOT_SECTION", 3).tolist() == [0]
    assert file.nodes("TOUR_SECTION", 3).tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("DIMENSION : 3\n", "", "entry DIMENSION is missing"),
        ("TYPE : TSP\n", "", "entry TYPE is missing"),
        ("EDGE_WEIGHT_TYPE : EUC_2D\n", "", "entry EDGE_WEIGHT_TYPE is missing"),
        ("NODE_COORD_SECTION\n1 0 0\n2 3 4\n3 3.0e0 0.0\n", "", "section NODE_COORD_SECTION is missing"),
        ("TYPE : TSP", "TYPE : SOP", "line 2: TYPE is 'SOP', and TSP is expected"),
        ("DIMENSION : 3", "DIMENSION : three", "line 4: DIMENSION 'three' is not a whole number of at least 1"),
        ("DIMENSION : 3", "DIMENSION : 0", "line 4: DIMENSION '0' is not a whole number of at least 1"),
        ("DIMENSION : 3", "DIMENSION : 4", "line 9: NODE_COORD_SECTION ends after 3 of 4 nodes"),
        ("DIMENSION : 3", "DIMENSION : 2", "line 9: NODE_COORD_SECTION names node '3', which is not one of 1 to 2"),
        ("DIMENSION : 3", "DIMENSION : 1000000000000", "ends after 3 of 1000000000000 nodes; is the file truncated"),
        ("DIMENSION : 3", "DIMENSION : " + "9" * 5000, r"DIMENSION '99.*\.\.\.' is not a whole number"),
        ("EUC_2D", "EUC_3D", "line 5: EDGE_WEIGHT_TYPE 'EUC_3D' is not supported; supported are EUC_2D"),
        ("EUC_2D", "EXPLICIT", "entry EDGE_WEIGHT_FORMAT is missing"),
        ("2 3 4", "2 3 nan", "line 8: NODE_COORD_SECTION: y of node 2 is 'nan', which is not a finite number"),
        ("2 3 4", "nan 3 4", "line 8: NODE_COORD_SECTION names node 'nan'"),
        ("2 3 4", "2 inf 4", "x of node 2 is 'inf'"),
        ("2 3 4", "2 3,5 4", "x of node 2 is '3,5'"),
        ("2 3 4", "2 3_5 4", "x of node 2 is '3_5'"),
        ("2 3 4", "2 3", "line 8: NODE_COORD_SECTION has 2 values here; expected 3: node, x, y"),
        ("2 3 4", "2 3 4 5", "line 8: NODE_COORD_SECTION has 4 values here"),
        ("2 3 4", "1 3 4", "line 8: NODE_COORD_SECTION gives node 1 twice"),
        ("2 3 4", "2.5 3 4", "line 8: NODE_COORD_SECTION names node '2.5'"),
        ("2 3 4", "2 3 1e300", "exceed 1e15"),
        ("3 3.0e0 0.0\nEOF\n", "", "line 8: NODE_COORD_SECTION ends after 2 of 3 nodes; is the file truncated"),
        ("3 3.0e0 0.0\nEOF\n", "3 3.0", "line 9: NODE_COORD_SECTION has 2 values here"),
        ("COMMENT", "COMENT", "line 3: entry 'COMENT' is not supported here. Did you mean 'COMMENT'"),
        ("NODE_COORD_SECTION", "NODE_CORD_SECTION", "section 'NODE_CORD_SECTION' .* Did you mean 'NODE_COORD_SECTION'"),
        (
            "NODE_COORD_SECTION",
            "FIXED_EDGES_SECTION\n1 2 3\n-1\nNODE_COORD_SECTION",
            "line 6: FIXED_EDGES_SECTION lists 3 nodes, which are no pairs",
        ),
        (
            "NODE_COORD_SECTION",
            "TIME_WINDOW_SECTION\n1 2 3\nNODE_COORD_SECTION",
            "line 6: TIME_WINDOW_SECTION asks for time windows",
        ),
        ("NODE_COORD_SECTION", "NODE_COORD_SECTION 1 2", "line 6: section NODE_COORD_SECTION has values on the line"),
        ("COMMENT", "NODE_COORD_TYPE : THREED_COORDS\nCOMMENT", "NODE_COORD_TYPE 'THREED_COORDS' is not supported"),
        ("EDGE_WEIGHT_TYPE", "DIMENSION : 3\nEDGE_WEIGHT_TYPE", "line 5: entry DIMENSION comes twice"),
        ("EOF", "NODE_COORD_SECTION\n1 2 3\nEOF", "line 10: section NODE_COORD_SECTION comes twice"),
        ("EOF", "EDGE_WEIGHT_SECTION\n1 2 3\nEOF", "EDGE_WEIGHT_SECTION does not go with EDGE_WEIGHT_TYPE EUC_2D"),
        ("EOF", "EOF\n1 2 3", "line 11: '1' stands after EOF"),
        ("EOF", "EOF\nNAME : x", "line 11: 'NAME' stands after EOF"),
        ("DIMENSION : 3", "DIMENSION : 3\n\n17 4", "line 6: '17' stands after DIMENSION, outside of any section"),
        ("NAME", "12\nNAME", "line 1: a specification entry is expected, not '12'"),
        (SMALL, "", "no specification entries"),
    ],
)
def test_broken_files_are_refused_with_line_and_reason(old: str, new: str, words: str) -> None:
    """Each broken rule has its own message, which names the file, the line and the value."""
    assert old in SMALL
    with pytest.raises(FormatError, match=words) as caught:
        _parse(SMALL.replace(old, new))
    assert str(caught.value).startswith("small.tsp")


@pytest.mark.parametrize(
    ("layout", "numbers", "words"),
    [
        ("UPPER_ROW", "12 13 14 23 24", "line 6: EDGE_WEIGHT_SECTION ends after 5 of 6 numbers"),
        ("UPPER_ROW", "12 13 14\n23 24 34\n1", "line 8: EDGE_WEIGHT_SECTION has more than the 6 numbers"),
        ("UPPER_ROW", "12 13 14\n23 NaN 34", "line 7: EDGE_WEIGHT_SECTION: entry is 'NaN'"),
        ("UPPER_ROW", "12 13 14\n-23 24 34", "distance -23.0 from node 1 to node 2 is negative"),
        ("DIAGONAL", "1 2 3", "line 4: EDGE_WEIGHT_FORMAT 'DIAGONAL' is not supported; supported are FULL_MATRIX"),
        ("FUNCTION", "1 2 3", "EDGE_WEIGHT_FORMAT 'FUNCTION' is not supported"),
    ],
)
def test_broken_matrices_are_refused_with_line_and_reason(layout: str, numbers: str, words: str) -> None:
    """Wrong counts, NaN, negative distances and unknown layouts are named."""
    with pytest.raises(FormatError, match=words):
        _parse(_explicit(layout, numbers))


def test_a_huge_dimension_is_refused_without_memory_for_it() -> None:
    """A matrix said to have 10^12 rows is refused by its count of numbers."""
    with pytest.raises(FormatError, match="ends after 3 of 1000000000000000000000000 numbers"):
        _parse(_explicit("FULL_MATRIX", "1 2 3", 10**12))


def test_lists_go_on_no_further_than_their_end() -> None:
    """What follows -1 is an error, and so is a node that does not exist."""
    tour = "TYPE: TOUR\nTOUR_SECTION\n"
    for text, words in ((f"{tour}1 2 -1 3", "line 3: TOUR_SECTION goes on with '3'"), (f"{tour}1 9", "node '9'")):
        with pytest.raises(FormatError, match=words):
            _scan(text, types=("TOUR",), sections=("TOUR_SECTION",)).nodes("TOUR_SECTION", 3)


WORDS = ["", "\n", " ", "-1", "0", "1e9", "1e999", "nan", "-", ":", "EOF", "NAME", "_SECTION", "\u0663", "\x00", "9" * 30]
PIECES = st.sampled_from([*WORDS, "DIMENSION : 7"]) | st.text(max_size=4)
SOURCES = [SMALL, *(_explicit(layout, numbers) for layout, numbers in LAYOUTS.items())]


@settings(max_examples=400, deadline=5000)
@given(
    source=st.sampled_from(SOURCES),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), PIECES), min_size=1, max_size=6),
)
def test_mangled_files_are_read_or_refused(source: str, edits: list[tuple[float, int, str]]) -> None:
    """Whatever is cut out of a file or put in, it reads to a valid instance or raises an error of Redwood."""
    for where, length, piece in edits:
        at = int(where * len(source))
        source = source[:at] + piece + source[at + length :]
    try:
        instance = _parse(source)
    except RedwoodError:
        return
    TSP().validate(instance)


@settings(max_examples=50, deadline=None)
@given(size=st.integers(1, 40), seed=st.integers(0, 1000))
def test_fast_and_careful_readers_agree(size: int, seed: int) -> None:
    """The bulk conversion gives the same table as the line by line scan that explains errors."""
    rng = np.random.default_rng(seed)
    nodes, places = rng.permutation(size) + 1, rng.random((size, 2)).tolist()
    rows = "".join(f"{node} {x!r} {y!r}\n" for node, (x, y) in zip(nodes, places, strict=True))
    file = _scan(f"TYPE: TSP\nDIMENSION: {size}\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n{rows}")
    careful = file._slow_table("NODE_COORD_SECTION", size, ("x", "y"))
    np.testing.assert_array_equal(file.table("NODE_COORD_SECTION", ("x", "y")), careful)
