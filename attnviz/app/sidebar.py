"""The sidebar: language, model, direction, examples, special tokens, words."""

import streamlit as st

from attnviz.app import address, example, opening, session, shelf, swap
from attnviz.app.text import LANGUAGES, Text


def controls(text: Text) -> None:
    """Draw the controls; what they choose lies in the session under the names of `address`."""
    st.markdown(f"### attnviz\n{text('tagline')}")
    st.selectbox("Language · 语言", tuple(LANGUAGES), format_func=LANGUAGES.__getitem__, key="lang")
    opening.controls(text)
    bare = shelf.bare(st.session_state["model"])
    if not bare:
        _sentence(text)
    _options(text, "special")
    if not bare:
        swap.controls(text)
    st.toggle(text("words"), key="words", help=text("words-help"), on_change=address.forget_cell)


def _sentence(text: Text) -> None:
    """What only a model that runs has: an example to read, a language to write."""
    st.selectbox(
        text("example"),
        example.of(st.session_state["model"]),
        index=None,
        placeholder=text("example-choose"),
        key="example",
        on_change=_take_example,
    )
    if session.languages(st.session_state["model"]):
        _options(text, "to")


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
