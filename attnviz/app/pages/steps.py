"""Steps: the whole computation in its true order, every number of it, for the sentence typed; and
the first lesson, the same walk through a textbook attention."""

from functools import partial

import streamlit as st

from attnviz.app import address, lesson, scene, sentence, session, step, switchboard, way
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


@st.fragment
def page(text: Text) -> None:
    """What is walked through, and under it the walk."""
    given = st.container(key="given")
    if st.session_state["lesson"] == "textbook":
        with given:
            numbers = lesson.editor(text)
        _walk(text, None, lesson.scene(text, numbers))
        return
    with given:
        box = st.container()
    try:
        with given:
            view = session.current(text)
    finally:  # without its box a sentence would be lost
        with box:
            sentence.box(text)
    if view:
        with given:
            sentence.notes(text, view)
        _walk(text, view, None)
    else:
        address.publish()


@st.fragment(key="step")
def _walk(text: Text, base: View | None, shown: scene.Scene | None) -> None:
    """One step of the walk. Going on reruns this alone: what was computed is kept."""
    view = switchboard.switched(base) if base else None
    shown = scene.of_sentence(view) if view else shown
    assert shown is not None, "there is nothing to walk through"
    path = way.current(shown.trace)
    way.walk(text, shown.trace, path, partial(way.go, shown.trace))
    _kinds(text)
    step.panel(text, shown, path)
    if base and view:
        switchboard.panel(text, base, view, path)
    address.publish()


def _kinds(text: Text) -> None:
    """The lesson or the sentence, and the presenter's mode, in which keys alone lead on."""
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.segmented_control(
        text("lesson"),
        options("lesson"),
        format_func=lambda option: text(f"lesson-{option}"),
        key="lesson",
        required=True,
        label_visibility="collapsed",
        persist_state="session",
        on_change=partial(st.session_state.update, step=""),
    )
    right.toggle(text("present"), key="present", persist_state="session")
    if st.session_state["present"]:
        st.html(PRESENTING)
