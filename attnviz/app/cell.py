"""The chosen cell: from q and k to the weight, in symbols and with the real numbers."""

import streamlit as st

from attnviz.analysis.cell import cell
from attnviz.analysis.display import Shown
from attnviz.app.selection import Selection
from attnviz.app.session import View
from attnviz.app.text import Text, verbatim
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
    numbers = cell(view.trace, chosen.block, chosen.layer, chosen.head, queries[0], keys[0])
    stages = cell_formulas(**numbers.numbers, text=text.group("formula"))
    rows = r" \\[0.6em] ".join(f"{symbols} & {values}" for symbols, values in stages)
    st.latex(rf"\small\begin{{array}}{{ll}} {rows} \end{{array}}")
