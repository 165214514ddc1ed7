"""The first lesson: the numbers of a textbook attention, to be edited by hand."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from attnviz.app.scene import Scene
from attnviz.app.text import Text, verbatim
from attnviz.textbook import TOKENS, WIDTHS, Activation, Lesson, Matrix, Scoring, Vector, shapes

NUMBERS = "numbers"
"""The choice that keeps the lesson's numbers."""
BASE = "lesson-base"
ALWAYS = ("x", "q", "W_E", "W_Q", "W_C")
BIASES = ("b_E", "b_Q", "b_C")
OF_SCORE = {"bilinear": "M", "additive": "v"}


def _known(text: Text) -> Lesson:
    """The lesson as it stands; the default one, and a sentence, where the link's cannot be read."""
    try:
        return Lesson.from_text(st.session_state[NUMBERS])
    except ValueError as error:
        st.error(text("error-lesson", reason=verbatim(str(error)[:200])))
        return Lesson()


def scene(text: Text, lesson: Lesson) -> Scene:
    """The walk through a lesson."""
    lines = ("from attnviz.textbook import Lesson", f"trace = {lesson!r}.run()")
    return Scene(lesson.run(), lines, lambda i: text("lesson-class", n=i + 1))


def editor(text: Text) -> Lesson:
    """Sizes, switches and every number, to be edited; the lesson as it stands.

    An editor keeps its changes to what it was first given, in BASE; one that was not drawn before
    begins with the number as it stands."""
    known = _known(text)
    lesson = _sizes(text, known)
    base = st.session_state.setdefault(BASE, {})
    names = [*ALWAYS, *(BIASES if lesson.bias else ())]
    names += [name for scoring, name in OF_SCORE.items() if scoring == lesson.scoring]
    columns = st.columns(5)
    arrays = {}
    for i, name in enumerate(names):
        key = _key(lesson, name)
        if key not in st.session_state or key not in base:
            base[key] = getattr(lesson, name)
        with columns[i % 5]:
            arrays[name] = _edited(text, lesson, name, base[key])
    lesson = replace(lesson, **arrays)
    st.session_state[NUMBERS] = lesson.to_text()
    st.caption(text("lesson-hint"))
    return lesson


def _key(lesson: Lesson, name: str) -> str:
    return f"lesson-{name}-{len(lesson.x)}-{len(lesson.q)}"


def _sizes(text: Text, lesson: Lesson) -> Lesson:
    first, second, third, fourth, fifth = st.columns([1, 1, 2, 2, 1], vertical_alignment="bottom")
    n = first.number_input(text("lesson-tokens"), *TOKENS, value=len(lesson.x), key="lesson-n")
    d = second.number_input(text("lesson-width"), *WIDTHS, value=len(lesson.q), key="lesson-d")
    scoring = _option(text, third, "scoring", get_args(Scoring), lesson.scoring)
    activation = _option(text, fourth, "activation", get_args(Activation), lesson.activation)
    bias = fifth.toggle(text("lesson-bias"), value=lesson.bias, key="lesson-bias")
    if (n, d) != (len(lesson.x), len(lesson.q)):
        lesson = lesson.resized(n, d)
    return replace(lesson, scoring=scoring, activation=activation, bias=bias)


def _option(
    text: Text, column: DeltaGenerator, name: str, options: tuple[str, ...], chosen: str
) -> Any:
    return column.selectbox(
        text(f"lesson-{name}"),
        options,
        index=options.index(chosen),
        format_func=lambda option: text(f"lesson-{option}"),
        key=f"lesson-{name}",
    )


def _edited(text: Text, lesson: Lesson, name: str, start: Vector | Matrix) -> Vector | Matrix:
    """The array `name` as the reader has it in its editor; an empty cell counts as 0."""
    shape = shapes(len(lesson.x), len(lesson.q))[name]
    given = np.array(start, dtype=np.float64).reshape(-1, shape[-1])
    rows = [f"x{i + 1}" for i in range(len(given))] if name == "x" else None
    frame = pd.DataFrame(given, index=rows, columns=[str(i) for i in range(shape[-1])])
    st.caption(f"{name} · {text(f'lesson-{name}')}")
    found = st.data_editor(
        frame,
        key=_key(lesson, name),
        hide_index=rows is None,
        num_rows="fixed",
        height="content",
    )
    values = np.nan_to_num(found.to_numpy(dtype=np.float64)).clip(-1e6, 1e6)
    rows_ = tuple(tuple(map(float, row)) for row in values)
    return rows_ if len(shape) == 2 else rows_[0]
