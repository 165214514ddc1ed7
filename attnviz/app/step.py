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
from attnviz.app.place import MOST, Places, places
from attnviz.app.program import program
from attnviz.app.scene import Scene
from attnviz.app.text import Text
from attnviz.figures import equation, symbol, table
from attnviz.figures.picture import Pick, Picture, PictureScale
from attnviz.recorder import Kind

SLOTS = ("slot-0", "slot-1", "slot-2")
"""The fragments that hold a step each."""
BOARD = "board"
STATE: Mapping[str, str] = {
    **{"h": "head", "g": "head", "t": "row", "c": "row", "s": "col", "v": "token"},
    **dict.fromkeys("dkef", "dim"),
}
"""The choice that an index is kept in."""
SCALES: Mapping[Kind, PictureScale] = {"number": "diverging", "weight": "linear", "id": "none"}


def wanted() -> dict[str, int]:
    """The place chosen on every axis; the second token where none has been chosen."""
    state = st.session_state
    kept = {letter: state[name] for letter, name in STATE.items() if state[name] is not None}
    return {"t": 1, "s": 1, "c": 1} | kept


def chosen(scene: Scene, path: str) -> Derivation:
    """The chosen cell of the step; what has not been chosen is the second token, the first head and
    the most probable token."""
    trace, at = scene.trace, wanted()
    if "v" not in at and "logits" in trace:
        row = ways.cell(trace, "logits", at)["t"]
        at["v"] = int(trace["logits"].value[row].nan_to_num().argmax())
    return derivation(trace, path, ways.cell(trace, path, at))


def panel(text: Text, scene: Scene, path: str, key: str) -> None:
    """Left the formulas and, under `key`, the tensor; right the cell and its sum."""
    found = chosen(scene, path)
    names = places(scene, path, found.at)
    left, right = st.columns([11, 9], gap="medium")
    with left, st.container(key=f"formulas-{key}"):
        st.markdown("\n\n".join([_head(text, found), *_formulas(text, found)]))
    with left:
        _tensor(text, scene, found, names, key)
    with right:
        opened.panel(text, found, names)
        if st.session_state["code"]:
            _code(text, scene, found)


def _head(text: Text, found: Derivation) -> str:
    """Where the step is and how large it is, its title, and what it does."""
    title, what = way.said(text, found.kept)
    sizes = " × ".join(f"{x.upper()} {n}" for x, n in found.sizes.items())
    return f":small[:gray[{way.place(text, found.kept.path)} · {sizes}]]\n#### {title}\n{what}"


def _formulas(text: Text, found: Derivation) -> list[str]:
    """In symbols for the whole and for a cell, then with the numbers of the chosen cell."""
    step = found.kept.step
    lines = [step.formula]
    said = {letter: place for letter, place in found.at.items() if letter not in found.alone}
    here = symbol.cell(step.name, [str(place) for place in said.values()])
    result = equation.number(found.found, 4)[0]
    if found.node is None:
        lines.append(rf"{here} = {result}")
    else:
        any_cell = symbol.cell(step.name, list(said))
        symbols = equation.in_symbols(found.node, text("otherwise"), found.alone)
        lines.append(f"{any_cell} = {symbols}")
        numbers = equation.in_numbers(found.node, found.at, found.given, found.digits)
        same = "=" if found.follows else r"\mapsto"
        end = "" if numbers == result else rf" \\ &{same} {result}"
        lines.append(rf"\begin{{aligned}} {here} &= {numbers}{end} \end{{aligned}}")
    return [f"$$\n{line}\n$$" for line in lines]


def _tensor(text: Text, scene: Scene, found: Derivation, names: Places, key: str) -> None:
    """The step itself as a picture, with all that it was made of; or as a table to take away."""
    result = slices.result(found, names.window)
    if st.session_state["show"] == "table":
        rows, columns = _sides(names, result)
        frame = pd.DataFrame(result.values, index=pd.Index(rows), columns=_different(columns))
        st.dataframe(frame, height=min(420, 60 + 35 * len(rows)), key=f"table-{key}")
        _take_away(text, found, names, result, key)
    else:
        parts = slices.parts(found, names.window)
        dtype = found.kept.value.numpy().dtype
        dtype = dtype if dtype == np.float64 else np.dtype(np.float32)
        pictures = [_picture(text, names, result, found.kept.step.kind, dtype)]
        pictures += [
            _picture(text, names, part, _kind(scene, found, part.name), dtype) for part in parts
        ]
        components.tensor(
            pictures,
            _picks(text, found, names),
            text.group("tensor"),
            key,
            on_select=partial(_select, result, key),
            on_choose=partial(_choose, found, ways.head_count(scene.trace, found.kept.path), key),
        )
    if "v" in names.window:
        st.caption(text("window-tokens", n=len(names.window["v"])))


def _different(labels: Sequence[str]) -> list[str]:
    """Column labels made different, as a data frame wants them: a second "the" is "the (7)"."""
    return [x if labels.index(x) == i else f"{x} ({i})" for i, x in enumerate(labels)]


def _sides(names: Places, part: Slice) -> tuple[list[str], list[str]]:
    rows, columns = (names.labels(x, p) for x, p in zip(part.axes, part.places, strict=True))
    return rows, columns


def _axis(text: Text, letter: str) -> str:
    """The name of an index; a rule may have one that no axis of a step has."""
    return text(f"axis-{letter}") if f"axis-{letter}" in text else letter


def _kind(scene: Scene, found: Derivation, operand: str) -> Kind:
    """The kind of the step that an operand is; learned weights are any numbers."""
    given = str(found.kept.inputs[operand])
    return scene.trace[given].step.kind if given in scene.trace else "number"


def _picture(text: Text, names: Places, part: Slice, kind: Kind, dtype: np.dtype) -> Picture:
    rows, columns = _sides(names, part)
    if kind == "id":
        pieces = [names.label("v", int(value)) for value in part.values[:, 0]]
        rows = [x if p in x else f"{x} · {p}" for x, p in zip(rows, pieces, strict=True)]
    row_title, column_title = (_axis(text, x) if x else "" for x in part.axes)
    return Picture(
        title=part.name,
        values=np.asarray(part.values, dtype=dtype),
        rows=rows,
        columns=columns,
        row_title=row_title,
        column_title=column_title,
        scale=SCALES[kind],
        row=part.row,
        column=part.column,
    )


def _picks(text: Text, found: Derivation, names: Places) -> list[Pick]:
    """A choice for every index that has more than one value."""
    picks = []
    for letter, size in found.sizes.items():
        if letter in found.alone:
            continue
        places = list(names.listed(letter)) or (list(range(size)) if size <= MOST else [])
        labels = names.labels(letter, places)
        picks.append(Pick(letter, _axis(text, letter), found.at[letter], size, places, labels))
    return picks


def _select(result: Slice, key: str) -> None:
    """A cell of the picture was picked."""
    picked = st.session_state[key]["select"]
    for letter, shown, name in zip(result.axes, result.places, ("row", "column"), strict=True):
        if letter is not None:
            st.session_state[STATE[letter]] = int(shown[picked[name]])
    st.rerun([*SLOTS, BOARD])


def _choose(found: Derivation, n_heads: int, key: str) -> None:
    """Another place on one of the axes was chosen; of a group of heads the first."""
    picked = st.session_state[key]["choose"]
    letter, place = picked["id"], picked["place"]
    heads = n_heads // found.sizes[letter] if letter == "g" else 1
    st.session_state[STATE[letter]] = place * heads
    st.rerun([*SLOTS, BOARD])


def _code(text: Text, scene: Scene, found: Derivation) -> None:
    code = program(scene.lines, scene.trace, found)
    if code:
        st.code(code, language="python")
        st.caption(text("code-help"))


def _take_away(text: Text, found: Derivation, names: Places, result: Slice, key: str) -> None:
    rows, columns = _sides(names, result)
    file = found.kept.path
    matrix = np.asarray(result.values, dtype=found.kept.value.numpy().dtype)
    files = {
        "csv": partial(table.csv_text, matrix, rows, columns),
        "npy": partial(_npy, found),
    }
    for column, (ending, data) in zip(st.columns(2), files.items(), strict=True):
        column.download_button(
            text(f"step-{ending}"),
            data,
            f"{file}.{ending}",
            on_click="ignore",
            key=f"{ending}-{key}",
            width="stretch",
        )


def _npy(found: Derivation) -> bytes:
    out = io.BytesIO()
    np.save(out, found.kept.value.numpy(), allow_pickle=False)
    return out.getvalue()
