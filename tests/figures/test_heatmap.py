"""The heatmap shows the weights it was given, under the labels it was given."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from attnviz.figures.heatmap import heatmap
from attnviz.figures.surface import FAMILY, PAGE_INK

TEXT = {
    "rows": "queries",
    "columns": "keys",
    "row": "query",
    "column": "key",
    "weight": "weight",
    "scale-linear": "attention weight",
    "scale-row": "share of the row's largest",
    "scale-sqrt": "attention weight (square root)",
    "scale-diverging": "score",
    "gap": "blank: masked",
    "clipped": "cells outside the scale:",
}
ROWS = ("<s>→今天", "今天→天气", "天气→。")
COLUMNS = ("<2zh>", "The", "weather", "the", "</s>")
WEIGHTS_TS = torch.tensor(
    [[0.1, 0.2, 0.3, 0.4, 0.0], [0.05, 0.9, 0.01, 0.02, 0.02], [0.2, 0.2, 0.2, 0.2, 0.2]]
)


def drawn(weights_TS: Any = WEIGHTS_TS, rows: Any = ROWS, columns: Any = COLUMNS, **choices) -> Any:
    figure = heatmap(weights_TS, rows, columns, text=TEXT, **choices)
    return go.Figure(figure.data, figure.layout)  # has Plotly check every property


@pytest.mark.parametrize("scale", ["linear", "row", "sqrt", "diverging"])
def test_hovering_shows_the_exact_weight_whatever_the_colours(scale):
    (trace,) = drawn(scale=scale).data
    assert np.array_equal(trace.customdata, WEIGHTS_TS.numpy())
    assert "%{customdata:.4g}" in trace.hovertemplate


def test_equal_tokens_stay_apart_and_markup_is_text():
    figure = drawn(columns=("<s>", "the", "the", "the", "</s>"))
    assert figure.layout.xaxis.labelalias == {
        **{"0": "&lt;s&gt;", "1": "the", "2": "the", "3": "the", "4": "&lt;/s&gt;"}
    }


def test_rows_are_read_from_the_top_and_columns_stand_above():
    layout = drawn().layout
    assert layout.yaxis.autorange == "reversed"
    assert layout.xaxis.side == "top"


def test_cells_with_room_hold_their_weight_in_two_decimals():
    (trace,) = drawn().data
    shown = [[cell.partition(">")[2].partition("<")[0] for cell in row] for row in trace.text]
    assert shown == [[f"{w:.2f}" for w in row] for row in WEIGHTS_TS.tolist()]


@pytest.mark.parametrize("choices", [{"width": 300}, {"height": 90}])
def test_cells_without_room_hold_no_number(choices):
    assert drawn(**choices).data[0].text is None


def test_many_tokens_are_thinned_out_but_none_is_lost_to_the_hover():
    n = 128
    labels = [f"t{i}" for i in range(n)]
    layout = drawn(np.full((n, n), 1 / n), labels, labels).layout
    assert layout.xaxis.dtick > 1
    assert len(layout.xaxis.labelalias) == n
    assert layout.height < 700


def test_a_sentence_of_more_tokens_makes_a_higher_figure():
    heights = [drawn(np.zeros((t, 5)), ["x"] * t, COLUMNS).layout.height for t in (4, 7, 12)]
    assert heights[0] < heights[1] < heights[2]


def test_the_colour_bar_names_its_scale_and_true_weights():
    figure = drawn(scale="sqrt")
    bar = figure.data[0].colorbar
    assert dict(zip(bar.ticktext, bar.tickvals, strict=True))["0.25"] == 0.5
    words = " ".join(note.text.replace("<br>", " ") for note in figure.layout.annotations)
    assert TEXT["scale-sqrt"] in words


def test_the_chosen_cell_is_framed_and_its_labels_are_bold():
    layout = drawn(selected=(1, 3)).layout
    for box in layout.shapes:
        assert (box.x0, box.x1, box.y0, box.y1) == (2.5, 3.5, 0.5, 1.5)
    assert layout.xaxis.labelalias["3"] == "<b>the</b>"
    assert layout.yaxis.labelalias["1"] == "<b>今天→天气</b>"
    assert not drawn().layout.shapes


def test_masked_scores_are_blank_and_said_to_be():
    scores_TS = WEIGHTS_TS.clone()
    scores_TS[0, 4] = -torch.inf
    figure = drawn(scores_TS, scale="diverging")
    assert np.isnan(figure.data[0].z[0, 4])
    assert any(TEXT["gap"] in note.text for note in figure.layout.annotations)


def test_clipped_cells_are_counted_in_words():
    figure = drawn(WEIGHTS_TS * 3)
    assert any("cells outside the scale: 2" in note.text for note in figure.layout.annotations)
    assert not any("outside" in note.text for note in drawn().layout.annotations)


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_shines_through(dark):
    layout = drawn(dark=dark).layout
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert layout.font.color == PAGE_INK[dark]
    assert layout.font.family == FAMILY


def test_labels_and_weights_must_agree():
    with pytest.raises(ValueError, match=r"\(3, 5\) with 3 rows, 4 columns"):
        drawn(columns=COLUMNS[:4])
