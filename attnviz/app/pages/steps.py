"""Steps: the whole computation in its true order, every number of it, for the sentence typed; and
the first lesson, the same walk through a textbook attention."""

from functools import partial

import streamlit as st

from attnviz.app import (
    address,
    lesson,
    scene,
    sentence,
    session,
    shelf,
    slot,
    swap,
    switchboard,
    way,
)
from attnviz.app.address import options
from attnviz.app.session import View
from attnviz.app.text import Text

ORDER = 2
NAME = "steps"
PRESENTING = """<style>
.stSidebar, .stAppHeader, .st-key-given { display: none; }
.stMainBlockContainer { padding-top: 1rem !important; max-width: none; }
.stApp { zoom: 1.25; }
</style>"""


@st.fragment(key="walk-page")
def page(text: Text) -> None:
    """What is walked through, and under it the walk. Going on fills a slot anew and nothing else:
    what was computed is kept."""
    given = st.container(key="given")
    base = None
    if st.session_state["lesson"] == "textbook":
        with given:
            shown = lesson.scene(text, lesson.editor(text))
    else:
        base = _sentence(text, given)
        if base is None or base.bare:
            if base:
                _manner(text)
            address.publish()
            return
        view = switchboard.switched(base)
        shown = scene.of_sentence(view)
        swap.banner(text, base)
        sentence.answer(text, base)
        switchboard.banner(text, view)
    way.walk(text, shown.trace, way.current(shown.trace), partial(slot.go, shown.trace))
    _manner(text)
    slot.draw(text, shown)
    _board(text, base)
    if base:
        sentence.facts_line(text, base)


def _sentence(text: Text, given) -> View | None:
    """The sentence's box, and the view of what it asks."""
    with given:
        box = st.container()
    try:
        with given:
            view = session.current(text)
    finally:  # without its box a sentence would be lost
        with box:
            if not shelf.bare(st.session_state["model"]):
                sentence.box(text)
    if view:
        with given:
            sentence.notes(text, view)
            if view.bare:
                st.info(text("bare-steps"))
    return view


@st.fragment(key="board")
def _board(text: Text, base: View | None) -> None:
    """The switches and checks of an attention, the choice of a token; a lesson has its own."""
    if base:
        view = switchboard.switched(base)
        switchboard.panel(text, base, view, way.current(view.trace))


def _manner(text: Text) -> None:
    """What is walked through and how it is shown."""
    first, second, third, fourth = st.columns([5, 4, 4, 4], vertical_alignment="center")
    for column, name in ((first, "lesson"), (second, "show")):
        column.segmented_control(
            text(name),
            options(name),
            format_func=lambda option, name=name: text(f"{name}-{option}"),
            key=name,
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
    third.toggle(text("code"), key="code", persist_state="session")
    fourth.toggle(text("present"), key="present", persist_state="session")
    if st.session_state["present"]:
        st.html(PRESENTING)
