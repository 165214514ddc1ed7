"""Weights without a model: what the page says of them."""

import streamlit as st

from attnviz.analysis.block import blocks, stack
from attnviz.app.session import View
from attnviz.app.text import Text, verbatim


def notes(text: Text, view: View) -> None:
    """Where the weights come from and their size; a sentence where rows are no distributions."""
    shapes = []
    for block in blocks(view.trace):
        n_layers, n_heads, n_rows, n_columns = stack(view.trace, block).shape
        name = text(block.replace(".", "-"))
        sizes = {"layers": n_layers, "heads": n_heads, "rows": n_rows, "columns": n_columns}
        shapes.append(text("bare-shape", name=name, **sizes))
    st.caption(text("bare-from", name=verbatim(view.name), shapes="; ".join(shapes)))
    facts = view.trace.facts
    if facts["outside"]:
        st.info(text("bare-outside", n=facts["outside"]))
    if facts["uneven"]:
        st.info(text("bare-uneven", n=facts["uneven"], rows=facts["rows"]))


def words(text: Text, view: View) -> dict[str, str]:
    """What the head grid says otherwise: nobody has told what the rows of bare weights write."""
    return {"hint": text("bare-hint")} if view.trace.facts.get("bare") else {}
