"""One step: what it does, its formula in symbols and with numbers, its tensor, the opened cell."""

import io
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from attnviz.analysis import slice as slices
from attnviz.analysis import way as ways
from attnviz.analysis.derivation import Derivation, derivation
from attnviz.analysis.slice import Slice
from attnviz.app import components, opened, way
from attnviz.app.address import options
from attnviz.app.place import MOST, Places, places
from attnviz.app.program import program
from attnviz.app.scene import Scene
from attnviz.app.text import Text
from attnviz.figures import equation, table
from attnviz.figures.payload import Picture, PictureScale
from attnviz.recorder import Kind

TENSOR = "tensor"
STATE: Mapping[str, str] = {
    **{"h": "head", "g": "head", "t": "row", "c": "row", "s": "col", "v": "token"},
    **dict.fromkeys("dkef", "dim"),
}
"""The choice that an index is kept in."""
SCALES: Mapping[Kind, PictureScale] = {"number": "diverging", "weight": "linear", "id": "none"}


def chosen(scene: Scene, path: str) -> Derivation:
    """The chosen cell of the step; what has not been chosen is the second token, the first head and
    the most probable token."""
    state, trace = st.session_state, scene.trace
    wanted = {letter: state[name] for letter, name in STATE.items() if state[name] is not None}
    at = {"t": 1, "s": 1, "c": 1} | wanted
    if "v" not in at and "logits" in trace:
        row = ways.cell(trace, "logits", at)["t"]
        at["v"] = int(trace["logits"].value[row].nan_to_num().argmax())
    return derivation(trace, path, ways.cell(trace, path, at))


def panel(text: Text, scene: Scene, path: str) -> None:
    """Left the formulas and the tensor, right the cell and its sum."""
    found = chosen(scene, path)
    names = places(scene, path, found.at)
    title, what = way.said(text, found.kept)
    sizes = " × ".join(f"{x.upper()} {n}" for x, n in found.sizes.items())
    st.markdown(f":small[:gray[{way.place(text, path)} · {sizes}]]\n#### {title}\n{what}")
    left, right = st.columns([11, 9], gap="medium")
    with left:
        _formulas(text, found)
        _tensor(text, scene, found, names)
    with right:
        pickers(text, found, names)
        opened.panel(text, found, names)
        _code(text, scene, found)


def _formulas(text: Text, found: Derivation) -> None:
    """In symbols for the whole and for a cell, then with the numbers of the chosen cell."""
    step = found.kept.step
    lines = [step.formula]
    said = {letter: place for letter, place in found.at.items() if letter not in found.alone}
    here = equation.cell(step.name, [str(place) for place in said.values()])
    if found.node is None:
        lines.append(rf"{here} = {equation.number(found.found, 4)[0]}")
    else:
        any_cell = equation.cell(step.name, list(said))
        symbols = equation.in_symbols(found.node, text("otherwise"), found.alone)
        lines.append(f"{any_cell} = {symbols}")
        numbers = equation.in_numbers(found.node, found.at, found.given, found.digits)
        same = "=" if found.follows else r"\mapsto"
        result = equation.number(found.found, 4)[0]
        end = "" if numbers == result else rf" \\ &{same} {result}"
        lines.append(rf"\begin{{aligned}} {here} &= {numbers}{end} \end{{aligned}}")
    with st.container(key="formulas"):
        st.markdown("\n\n".join(f"$$\n{line}\n$$" for line in lines))


def _tensor(text: Text, scene: Scene, found: Derivation, names: Places) -> None:
    result = slices.result(found, names.window)
    if st.session_state["show"] == "table":
        rows, columns = _sides(names, result)
        frame = pd.DataFrame(result.values, index=pd.Index(rows), columns=_different(columns))
        st.dataframe(frame, height=min(420, 60 + 35 * len(rows)), key="table")
    else:
        parts = slices.parts(found, names.window)
        pictures = [_picture(text, names, result, found.kept.step.kind)]
        for part in parts:
            pictures.append(_picture(text, names, part, _kind(scene, found, part.name)))
        components.tensor(pictures, text.group("tensor"), TENSOR, partial(_pick, result))
    _notes(text, names)
    left, right = st.columns([3, 2], vertical_alignment="center")
    left.segmented_control(
        text("show"),
        options("show"),
        format_func=lambda option: text(f"show-{option}"),
        required=True,
        label_visibility="collapsed",
        key="show",
        persist_state="session",
    )
    with right:
        _take_away(text, found, names, result)


def _different(labels: Sequence[str]) -> list[str]:
    """Column labels made different, as a data frame wants them: a second "the" is "the (7)"."""
    return [x if labels.index(x) == i else f"{x} ({i})" for i, x in enumerate(labels)]


def _notes(text: Text, names: Places) -> None:
    if "v" in names.window:
        st.caption(text("window-tokens", n=len(names.window["v"])))


def _sides(names: Places, part: Slice) -> tuple[list[str], list[str]]:
    rows, columns = (names.labels(x, p) for x, p in zip(part.axes, part.places, strict=True))
    return rows, columns


def _kind(scene: Scene, found: Derivation, operand: str) -> Kind:
    """The kind of the step that an operand is; learned weights are any numbers."""
    given = str(found.kept.inputs[operand])
    return scene.trace[given].step.kind if given in scene.trace else "number"


def _picture(text: Text, names: Places, part: Slice, kind: Kind) -> Picture:
    rows, columns = _sides(names, part)
    row_title, column_title = (text(f"axis-{x}") if x else "" for x in part.axes)
    return Picture(
        title=part.name,
        values=np.asarray(part.values, dtype=np.float32),
        rows=rows,
        columns=columns,
        row_title=row_title,
        column_title=column_title,
        scale=SCALES[kind],
        row=part.row,
        column=part.column,
    )


def _pick(result: Slice) -> None:
    """A cell of the picture was picked."""
    picked = st.session_state[TENSOR]["select"]
    for letter, shown, name in zip(result.axes, result.places, ("row", "column"), strict=True):
        if letter is not None:
            st.session_state[STATE[letter]] = int(shown[picked[name]])


def pickers(text: Text, found: Derivation, names: Places) -> None:
    """A choice for every index of the step."""
    choices = {letter: _values(found, names, letter) for letter in found.at}
    open_ = [letter for letter, values in choices.items() if len(values) > 1]
    for column, letter in zip(st.columns(len(open_)) if open_ else (), open_, strict=True):
        values, place = choices[letter], found.at[letter]
        st.session_state[STATE[letter]] = place
        label, key = text(f"axis-{letter}"), STATE[letter]
        if len(values) > MOST:
            column.number_input(label, 0, len(values) - 1, key=key, persist_state="session")
        else:
            named = partial(_named, names, letter)
            column.selectbox(label, values, format_func=named, key=key, persist_state="session")


def _named(names: Places, letter: str, place: int) -> str:
    label = names.label(letter, place)
    return label if label == str(place) else f"{place} · {label}"


def _values(found: Derivation, names: Places, letter: str) -> Sequence[int]:
    if letter in names.window:
        return names.window[letter].tolist()
    return range(found.sizes[letter])


def _code(text: Text, scene: Scene, found: Derivation) -> None:
    code = program(scene.lines, scene.trace, found)
    if code:
        with st.expander(text("code"), icon=":material/code:"):
            st.code(code, language="python")
            st.caption(text("code-help"))


def _take_away(text: Text, found: Derivation, names: Places, result: Slice) -> None:
    rows, columns = _sides(names, result)
    file = found.kept.path
    with st.popover(text("take-away"), icon=":material/download:"):
        matrix = np.asarray(result.values, dtype=found.kept.value.numpy().dtype)
        csv = partial(table.csv_text, matrix, rows, columns)
        st.download_button(text("step-csv"), csv, f"{file}.csv", on_click="ignore", key="step-csv")
        st.download_button(
            text("step-npy"), partial(_npy, found), f"{file}.npy", on_click="ignore", key="step-npy"
        )


def _npy(found: Derivation) -> bytes:
    out = io.BytesIO()
    np.save(out, found.kept.value.numpy(), allow_pickle=False)
    return out.getvalue()
