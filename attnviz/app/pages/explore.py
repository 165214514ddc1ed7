"""Explore, the front page: every head of every layer, the chosen head, the chosen cell."""

import streamlit as st

from attnviz.analysis.block import blocks
from attnviz.analysis.display import Shown, shown
from attnviz.app import address, cell, components, head, selection, sentence, session, takeaway
from attnviz.app.grid import grid_blocks
from attnviz.app.session import View
from attnviz.app.text import Text

ORDER = 1
NAME = "explore"


@st.fragment
def page(text: Text) -> None:
    """Sentence, translation, all heads at once, the chosen head and its numbers. A fragment: a new
    sentence leaves the sidebar as it stands."""
    sentence.box(text)
    view = session.current(text)
    if view is None:
        return
    sentence.notes(text, view)
    sentence.answer(text, view)
    displays = {block: _display(text, view, block) for block in blocks(view.trace)}
    selection.settle(view, displays)
    _heads(text, view, displays, selection.current())
    sentence.facts_line(text, view)


def _display(text: Text, view: View, block: str) -> Shown:
    state = st.session_state
    folded = text("special-folded")
    return shown(view.trace, block, state["special"], state["words"], folded_label=folded)


@st.fragment
def _heads(text: Text, view: View, displays: dict[str, Shown], first: selection.Selection) -> None:
    """The grid, the chosen head and cell. `first` is the selection when the sentence was run: with
    the same bytes sent again the browser redraws nothing when a head is chosen."""
    left, right = st.columns([1, 1], gap="medium")
    with left:
        grid = grid_blocks(text, displays.values())
        picked = components.head_grid(grid, first.as_dict(), text.group("grid"), key="grid")
    if picked:
        selection.take(picked)
        selection.settle(view, displays)
    chosen = selection.current()
    display = displays[chosen.block]
    with right:
        head.panel(text, view, display, chosen)
        takeaway.panel(text, view, display, chosen)
    with left:
        cell.panel(text, view, display, chosen)
    address.publish()
