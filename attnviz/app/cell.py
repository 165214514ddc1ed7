"""The chosen cell: from q and k to the weight, in symbols and with the real numbers."""

import streamlit as st

from attnviz.analysis.block import path
from attnviz.analysis.cell import cell
from attnviz.analysis.derivation import derivation
from attnviz.analysis.display import Shown
from attnviz.app import way
from attnviz.app.selection import Selection
from attnviz.app.session import View
from attnviz.app.text import Text, verbatim
from attnviz.figures import equation, symbol
from attnviz.figures.formula import cell_formulas
from attnviz.figures.number import digits


def panel(text: Text, view: View, display: Shown, chosen: Selection) -> None:
    """The arithmetic of one weight; for merged or folded tokens the cells it is made of."""
    row, column = display.rows.labels[chosen.row], display.columns.labels[chosen.col]
    weight = float(display.weights[chosen.layer, chosen.head, chosen.row, chosen.col])
    title = text("cell-title", row=verbatim(row), column=verbatim(column), weight=digits(weight))
    st.markdown(f"##### {title}")
    queries, keys = display.rows.groups[chosen.row], display.columns.groups[chosen.col]
    if len(queries) * len(keys) > 1:
        st.caption(text("cell-merged", queries=len(queries), keys=len(keys)))
    if st.session_state["special"] == "renormalise":
        st.caption(text("cell-renormalised", weight=digits(weight)))
    try:
        numbers = cell(view.trace, chosen.block, chosen.layer, chosen.head, queries[0], keys[0])
    except KeyError:  # the steps of another attention than scaled dot product and softmax
        if view.bare:
            st.caption(text("bare-cell"))
            return
        _chain(text, view, chosen, queries[0], keys[0])
        return
    stages = cell_formulas(**numbers.numbers, text=text.group("formula"))
    rows = r" \\[0.6em] ".join(f"{symbols} & {values}" for symbols, values in stages)
    st.latex(rf"\small\begin{{array}}{{ll}} {rows} \end{{array}}")


def _chain(text: Text, view: View, chosen: Selection, row: int, column: int) -> None:
    """Every step that has a number for this head, query and key, by its own rule."""
    at = {"h": chosen.head, "t": row, "s": column}
    start = path(chosen.block, chosen.layer, "")
    for name, kept in view.trace.items():
        letters = [x.lower() for x in kept.step.axes.split() if x != "1"]
        if not name.startswith(start) or not {"h", "t"} <= set(letters) <= set(at):
            continue
        found = derivation(view.trace, name, {x: at[x] for x in letters})
        here = symbol.cell(kept.step.name, [str(at[x]) for x in letters])
        numbers = equation.number(found.found, 4)[0]
        if found.node is not None:
            written = equation.in_numbers(found.node, found.at, found.given, found.digits)
            numbers = written if written == numbers else rf"{written} = {numbers}"
        title, _ = way.said(text, kept)
        st.markdown(f":small[:gray[{title}]]")
        st.latex(rf"\small\begin{{aligned}} {here} &= {numbers} \end{{aligned}}")
