"""Bars show a row's largest weights in order, and lose none of the rest."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.figures.bars import OTHER, bars

TEXT = {"weight": "weight", "other": "other tokens:"}


def drawn(weights_S, most=12) -> Any:
    figure = bars(weights_S, [f"t{i}" for i in range(len(weights_S))], text=TEXT, most=most)
    return go.Figure(figure.data, figure.layout)  # has Plotly check every property


def test_the_largest_come_first_and_the_rest_in_one_bar():
    figure = drawn([0.1, 0.4, 0.05, 0.3, 0.15], most=2)
    (bar,) = figure.data
    assert bar.x == (0.4, 0.3, pytest.approx(0.3))
    assert list(figure.layout.yaxis.labelalias.values()) == ["t1", "t3", "other tokens: 3"]
    assert list(bar.customdata) == [1, 3, None]
    assert bar.marker.color[-1] == OTHER
    assert OTHER not in bar.marker.color[:-1]


def test_a_single_rest_is_shown_as_itself():
    assert list(drawn([0.2, 0.5, 0.3], most=2).layout.yaxis.labelalias.values()) == [
        *("t1", "t2", "t0")
    ]


def test_numbers_at_the_ends_have_four_digits():
    assert drawn([0.123456, 0.876544]).data[0].text == ("0.8765", "0.1235")


def test_rows_are_compared_on_the_same_axis():
    assert drawn([0.02, 0.03]).layout.xaxis.range == drawn([0.9, 0.1]).layout.xaxis.range


def test_numbers_that_are_no_weights_have_room_on_both_sides():
    low, high = drawn([-2.0, 3.0]).layout.xaxis.range
    assert low < -2
    assert high > 3


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(1, 12))
def test_all_bars_together_are_the_whole_row(weights, most):
    assert sum(drawn(weights, most).data[0].x) == pytest.approx(sum(weights), abs=1e-9)


def test_labels_and_weights_must_agree():
    with pytest.raises(ValueError, match=r"\(3,\) with 2 columns"):
        bars(np.zeros(3), ["a", "b"], text=TEXT)
