"""Variants: all of them in one table, and a card for each."""

import pandas as pd
import streamlit as st

import attnviz
from attnviz.app import address, card
from attnviz.app.text import Text
from attnviz.attention import catalogue

ORDER = 4
NAME = "variants"


@st.fragment(key="variants-page")
def page(text: Text) -> None:
    """The table left, the card of the chosen variant right."""
    known = attnviz.variants()
    if st.session_state["variant"] not in known:
        st.session_state["variant"] = "softmax"
    left, right = st.columns([2, 3], gap="medium")
    with left:
        _table(text)
    with right:
        card.panel(text, known[st.session_state["variant"]])
    address.publish()


def _table(text: Text) -> None:
    """Search by typing, or choose a line."""
    known = attnviz.variants()
    st.selectbox(
        text("variants-search"),
        tuple(known),
        format_func=lambda name: f"{known[name].title[text.language]} ({name})",
        key="variant",
        persist_state="session",
    )
    frame = pd.DataFrame(
        {
            "group": [text(f"variants-group-{catalogue.group(name)}") for name in known],
            "title": [variant.title[text.language] for variant in known.values()],
            "paper": [variant.paper for variant in known.values()],
        }
    )
    st.caption(text("variants-count", n=len(known)))
    st.dataframe(
        frame,
        hide_index=True,
        height=680,
        column_config={name: text(f"variants-{name}") for name in frame.columns},
        key="variants-table",
        on_select=_take,
        selection_mode="single-row",
    )


def _take() -> None:
    if rows := st.session_state["variants-table"]["selection"]["rows"]:
        st.session_state["variant"] = tuple(attnviz.variants())[rows[0]]
