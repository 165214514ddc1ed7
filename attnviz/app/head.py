"""The chosen head: heatmap, lines, bars or table, and what can be read from it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from attnviz.analysis.block import allowed, path, side
from attnviz.analysis.display import Shown
from attnviz.analysis.label import labels
from attnviz.analysis.reading import reading
from attnviz.app import components
from attnviz.app.address import options
from attnviz.app.selection import Selection
from attnviz.app.session import View
from attnviz.app.text import Text, verbatim
from attnviz.figures.bars import bars
from attnviz.figures.heatmap import heatmap

TALLEST = 470
"""Pixels of the heatmap at most, so that the whole answer stands above the fold."""

WIDTH = 510
"""Pixels that half a page gives the heatmap: decides which numbers and labels fit."""

PLOT = "plot"
"""The session's key of a cell picked in the picture."""

Pick = Callable[[], None]

_PLAIN = {"displayModeBar": False}


def is_dark() -> bool:
    """Whether the reader's theme is dark."""
    return st.context.theme.type == "dark"


def title(text: Text, chosen: Selection) -> str:
    """The chosen head's name, on the page and in the caption of its picture."""
    block = text(chosen.block.replace(".", "-"))
    return text("head-title", block=block, layer=chosen.layer, head=chosen.head)


def panel(text: Text, view: View, display: Shown, chosen: Selection, on_select: Pick) -> None:
    """Title, view choice, the picture, the reading help. `on_select` is called when a cell of the
    picture is picked, which then lies in the session under PLOT and "select"."""
    st.markdown(f"##### {title(text, chosen)}")
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        _views(text)
    right.selectbox(
        text("scale"),
        options("scale"),
        format_func=lambda option: text(f"scale-{option}"),
        key="scale",
        persist_state="session",
        label_visibility="collapsed",
        disabled=st.session_state["view"] != "heatmap",
    )
    _DRAW[st.session_state["view"]](text, display, chosen, on_select)
    _removed(text, display, chosen)
    _reading(text, view, chosen)


def _views(text: Text) -> None:
    st.segmented_control(
        text("view"),
        options("view"),
        format_func=lambda option: text(f"view-{option}"),
        key="view",
        persist_state="session",
        required=True,
        label_visibility="collapsed",
    )


def _heatmap(text: Text, display: Shown, chosen: Selection, on_select: Pick) -> None:
    figure = heatmap(
        display.weights[chosen.layer, chosen.head],
        display.rows.labels,
        display.columns.labels,
        scale=st.session_state["scale"],
        dark=is_dark(),
        text=text.group("heatmap"),
        selected=(chosen.row, chosen.col),
        width=WIDTH,
        height=min(TALLEST, 150 + 34 * len(display.rows)),
    )
    st.plotly_chart(figure, key="heatmap", config=_PLAIN, theme=None)
    _linked("heatmap", display, chosen, on_select)


def _linked(
    chart: str, display: Shown, chosen: Selection, on_select: Pick, bars: Sequence | None = None
) -> None:
    groups = (display.rows.groups, display.columns.groups)
    components.plot(chart, chosen.as_dict(), *groups, key=PLOT, on_select=on_select, bars=bars)


def _lines(text: Text, display: Shown, chosen: Selection, _: Pick) -> None:
    components.lines(
        display.weights[chosen.layer, chosen.head],
        display.rows.labels,
        display.columns.labels,
        text.group("lines"),
        key="lines",
        row=chosen.row,
        block=display.block,
        row_groups=display.rows.groups,
        column_groups=display.columns.groups,
    )


def _bars(text: Text, display: Shown, chosen: Selection, on_select: Pick) -> None:
    row = display.rows.labels[chosen.row]
    st.caption(text("row-looks", row=verbatim(row)))
    figure = bars(
        display.weights[chosen.layer, chosen.head, chosen.row],
        display.columns.labels,
        dark=is_dark(),
        text=text.group("bars"),
    )
    st.plotly_chart(figure, key="bars", config=_PLAIN, theme=None)
    shown = list(figure.data[0]["customdata"])  # type: ignore[index]
    _linked("bars", display, chosen, on_select, shown)


def _table(text: Text, display: Shown, chosen: Selection, _: Pick) -> None:
    weights = display.weights[chosen.layer, chosen.head]
    columns = [f"{i} {label}" for i, label in enumerate(display.columns.labels)]
    frame = pd.DataFrame(weights.numpy(), columns=columns)
    frame.insert(0, text("table-row"), [f"{i} {s}" for i, s in enumerate(display.rows.labels)])
    number = st.column_config.NumberColumn(format="%.4f")
    st.dataframe(
        frame,
        hide_index=True,
        column_config={column: number for column in columns},
        height=min(38 + 35 * len(frame), 420),
    )


_DRAW = {"heatmap": _heatmap, "lines": _lines, "bars": _bars, "table": _table}


def _removed(text: Text, display: Shown, chosen: Selection) -> None:
    special = st.session_state["special"]
    if special == "show":
        return
    share = float(display.removed[chosen.layer, chosen.head].mean())
    st.caption(text(f"removed-{special}", share=f"{100 * share:.1f}"))


def _rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    """Shares as per cent, ratios with two decimals, the rest as it is."""
    shares = {k: f"{100 * v:.0f}" for k, v in values.items() if k == "share"}
    ratios = {k: f"{v:.2f}" for k, v in values.items() if k == "value"}
    tokens = {k: verbatim(v) for k, v in values.items() if k == "token"}
    return {**values, **shares, **ratios, **tokens}


def _reading(text: Text, view: View, chosen: Selection) -> None:
    """What this head does, said only where the numbers say it; about all tokens, none hidden.
    Nothing is said of rows that are no distributions."""
    if view.trace.facts.get("outside") or view.trace.facts.get("uneven"):
        return
    may = allowed(view.trace, chosen.block, chosen.layer)[chosen.head]
    pattern = view.trace[path(chosen.block, chosen.layer, "pattern")].value[chosen.head]
    _, keys = side(view.trace, chosen.block)
    is_self = chosen.block.endswith("self")
    found = reading(pattern, may, labels(keys), keys.special, is_self)
    for finding in found:
        said = text(f"reading-{finding.code}", **_rounded(finding.values))
        st.markdown(f":material/lightbulb: {said}")
    st.caption(text("caveat"))
