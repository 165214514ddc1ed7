"""Curves of cost: every number is drawn, and no two lines look alike."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.figures.cost import DASHES, LINES, curves

TITLES = ("tokens", "操作")
LENGTHS = (16, 64, 1024, 1048576)
Drawn = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def drawn(lines: Drawn, **options: Any) -> Any:
    figure = curves(lines, TITLES, **options)
    return go.Figure(figure.data, figure.layout)  # has Plotly check every property


def six() -> Drawn:
    return {f"{i} · v": (LENGTHS, [n * (i + 1.5) for n in LENGTHS]) for i in range(6)}


OPTIONS: list[dict[str, Any]] = [
    {},
    {"log": False},
    {"marks": True},
    {"at": 1.5},
    {"at": 0.0, "log": False},
    {"named": True, "height": 420},
    {"log": False, "marks": True, "at": 2.5, "named": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_plotly_takes_every_property(options: dict[str, Any]) -> None:
    figure = drawn(six(), **options)
    assert len(figure.data) == 6
    assert figure.layout.height == options.get("height", 300)
    kind = "linear" if options.get("log") is False else "log"
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == (kind, kind)
    assert figure.layout.showlegend == options.get("named", False)


@given(
    st.dictionaries(
        st.text(max_size=9),
        st.lists(st.tuples(st.floats(1, 1e7), st.floats(0, 1e15)), max_size=6),
        max_size=8,
    )
)
def test_every_number_of_every_line_is_drawn_in_order(
    points: dict[str, list[tuple[float, float]]],
) -> None:
    lines = {name: ([x for x, _ in xy], [y for _, y in xy]) for name, xy in points.items()}
    figure = drawn(lines)
    assert [line.name for line in figure.data] == list(lines)
    for line, (x, y) in zip(figure.data, lines.values(), strict=True):
        assert (list(line.x or ()), list(line.y or ())) == (x, y)


def test_six_lines_differ_in_colour_and_in_dashes() -> None:
    figure = drawn(six())
    assert [line.line.color for line in figure.data] == list(LINES)
    assert [line.line.dash for line in figure.data] == list(DASHES)
    assert len(set(LINES)) == len(set(DASHES)) == 6


def test_the_axes_have_their_titles() -> None:
    layout = drawn(six()).layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == TITLES


def test_points_are_shown_where_they_are_asked_for() -> None:
    assert {line.mode for line in drawn(six()).data} == {"lines"}
    assert {line.mode for line in drawn(six(), marks=True).data} == {"lines+markers"}


@pytest.mark.parametrize("at", [0.0, 1.25, 1024])
def test_a_mark_goes_from_the_bottom_to_the_top_at_its_place(at: float) -> None:
    (shape,) = drawn(six(), at=at).layout.shapes
    assert (shape.x0, shape.x1, shape.y0, shape.y1, shape.yref) == (at, at, 0, 1, "paper")
    assert not drawn(six()).layout.shapes


def test_a_chart_of_nothing_is_a_chart() -> None:
    assert drawn({}).data == ()
    assert list(drawn({"a": ((), ())}).data[0].x or ()) == []
