"""Explore, the front page: every head of every layer, the chosen head, the chosen cell."""

import time
from functools import partial

import streamlit as st

from attnviz.analysis.block import blocks
from attnviz.analysis.display import Shown, shown
from attnviz.app import (
    address,
    bare,
    cell,
    components,
    head,
    selection,
    sentence,
    session,
    shelf,
    swap,
    takeaway,
)
from attnviz.app.grid import grid_blocks
from attnviz.app.session import View
from attnviz.app.text import Text

ORDER = 1
NAME = "explore"
PAINT = 0.06
"""Seconds that the browser needs to show a new grid. What follows is sent after them: it would be
drawn in the same commit, and the grid would wait for Plotly."""


@st.fragment
def page(text: Text) -> None:
    """Sentence, translation, all heads at once, the chosen head and its numbers. A fragment: a new
    sentence leaves the sidebar as it stands. The grid is sent first, to stand first."""
    box, above = st.container(), st.container()
    left, right = st.columns([1, 1], gap="medium")
    try:
        with above:
            view = session.current(text)
        displays = _displays(text, view) if view else {}
        if view:
            selection.settle(view, displays)
            with left:
                _grid(text, view, displays)
            time.sleep(PAINT)
    finally:  # without its box a sentence would be lost
        with box:
            if not shelf.bare(st.session_state["model"]):
                sentence.box(text)
    if view:
        with above:
            sentence.notes(text, view)
            swap.banner(text, view)
            sentence.answer(text, view)
        with right:
            _head(text, view, displays)
        with left:
            _cell(text, view, displays)
        sentence.facts_line(text, view)
    else:
        address.publish()


def _displays(text: Text, view: View) -> dict[str, Shown]:
    state, folded = st.session_state, text("special-folded")
    return {
        block: shown(view.trace, block, state["special"], state["words"], folded_label=folded)
        for block in blocks(view.trace)
    }


def _grid(text: Text, view: View, displays: dict[str, Shown]) -> None:
    components.head_grid(
        grid_blocks(text, displays.values()),
        selection.current().as_dict(),
        text.group("grid") | bare.words(text, view),
        key="grid",
        on_select=partial(_choose, "grid", view, displays),
    )


def _choose(key: str, view: View, displays: dict[str, Shown]) -> None:
    """A cell was picked in the element `key`: only what shows it is drawn again, unless a new
    sentence came with it."""
    selection.take(st.session_state[key]["select"])
    selection.settle(view, displays)
    if session.asked() == view.request:
        st.rerun(["head", "cell"])


@st.fragment(key="head")
def _head(text: Text, view: View, displays: dict[str, Shown]) -> None:
    chosen = selection.current()
    display = displays[chosen.block]
    head.panel(text, view, display, chosen, partial(_choose, head.PLOT, view, displays))
    takeaway.panel(text, view, display, chosen)
    address.publish()


@st.fragment(key="cell")
def _cell(text: Text, view: View, displays: dict[str, Shown]) -> None:
    chosen = selection.current()
    cell.panel(text, view, displays[chosen.block], chosen)
