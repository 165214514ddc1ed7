"""Compare: two to six attentions on the same q, k and v, what sets them apart, and what each costs;
or one that a single slider turns into another."""

import streamlit as st

from attnviz.app import address, cost, limit, lineup, matrices, source
from attnviz.app.address import options
from attnviz.app.source import Given
from attnviz.app.spec import Chosen
from attnviz.app.text import Text
from attnviz.error import InputError

ORDER = 3
NAME = "compare"


@st.fragment(key="compare-page")
def page(text: Text) -> None:
    """What is compared, on which vectors, then one of the three views of it."""
    left, right = st.columns([2, 5], vertical_alignment="center")
    left.segmented_control(
        text("laboratory"),
        options("laboratory"),
        format_func=lambda option: text(f"laboratory-{option}"),
        key="laboratory",
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    view = st.session_state["laboratory"]
    if view != "limits":
        with right:
            lineup.sets(text)
    try:
        given = source.choose(text)
    except InputError as error:
        st.error(text.mistake(error))
        given = None
    if given and view == "limits":
        limit.panel(text, given)
    elif given:
        _play(text, given, lineup.names(text), view)
    if given and given.source.request:
        st.caption(text("honest"))
    address.publish()


@st.fragment(key="play")
def _play(text: Text, given: Given, chosen: list[Chosen], view: str) -> None:
    """The sliders and what they change: a slider that is moved leaves all above it alone."""
    chosen = lineup.tuned(text, given, chosen)
    (cost if view == "cost" else matrices).panel(text, given, chosen)
    address.publish()
