"""The sidebar: language, model, direction, examples, special tokens, words."""

import streamlit as st

from attnviz.app import address, example, swap
from attnviz.app.text import LANGUAGES, Text


def controls(text: Text) -> None:
    """Draw the controls; what they choose lies in the session under the names of `address`."""
    st.markdown(f"### attnviz\n{text('tagline')}")
    st.selectbox("Language · 语言", tuple(LANGUAGES), format_func=LANGUAGES.__getitem__, key="lang")
    models = address.options("model") or (st.session_state["model"],)
    st.selectbox(text("model"), models, key="model", on_change=address.forget_cell)
    st.selectbox(
        text("example"),
        example.SENTENCES,
        index=None,
        placeholder=text("example-choose"),
        key="example",
        on_change=_take_example,
    )
    _options(text, "to")
    _options(text, "special")
    swap.controls(text)
    st.toggle(text("words"), key="words", help=text("words-help"), on_change=address.forget_cell)


def _options(text: Text, name: str) -> None:
    st.selectbox(
        text(name),
        address.options(name),
        format_func=lambda option: text(f"{name}-{option}"),
        key=name,
        help=text(f"{name}-help"),
        on_change=address.forget_cell,
    )


def _take_example() -> None:
    """Put the chosen example into the sentence box, with nothing forced and nothing selected."""
    if chosen := st.session_state["example"]:
        st.session_state.update(text=chosen, target="", to="auto", row=None, col=None)
