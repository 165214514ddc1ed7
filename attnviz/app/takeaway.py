"""Share and take away: the link, the numbers, the picture."""

import io
from functools import partial

import streamlit as st
from torch import Tensor

from attnviz.analysis.display import Shown
from attnviz.app.copy_link import copy_link
from attnviz.app.head import title
from attnviz.app.selection import Selection
from attnviz.app.session import View
from attnviz.app.text import Text
from attnviz.figures import table, vector


def panel(text: Text, view: View, display: Shown, chosen: Selection) -> None:
    """A link to what is shown, and a menu of files; a file is made when it is asked for."""
    left, right = st.columns([1, 1])
    with left:
        copy_link(text("link-copy"), text("link-copied"), key="link")
    with right, st.popover(text("take-away"), icon=":material/download:"):
        _numbers(text, view, display, chosen)
        _pictures(text, view, display, chosen)


def _name(view: View, chosen: Selection, ending: str) -> str:
    block = chosen.block.replace(".", "-")
    model = view.name.replace("/", "-")
    return f"{model}-{block}-L{chosen.layer}H{chosen.head}.{ending}"


def _numbers(text: Text, view: View, display: Shown, chosen: Selection) -> None:
    weights = display.weights[chosen.layer, chosen.head]
    rows, columns = display.rows.labels, display.columns.labels
    files = {
        "csv": partial(table.csv_text, weights, rows, columns),
        "tex": partial(table.latex_text, weights, rows, columns),
        "py": partial(_script, weights),
        "npz": partial(_npz, view),
    }
    for ending, data in files.items():
        _button(text, ending, data, _name(view, chosen, ending))


def _pictures(text: Text, view: View, display: Shown, chosen: Selection) -> None:
    head = f"{view.name} · {title(text, chosen)}"
    said = (str(view.trace.facts["text"]), view.trace.output)
    caption = f"{head}\n{' → '.join(part for part in said if part)}"
    for ending in ("png", "svg", "pdf"):
        data = partial(
            vector.picture,
            display.weights[chosen.layer, chosen.head],
            display.rows.labels,
            display.columns.labels,
            caption,
            format=ending,
            scale=st.session_state["scale"],
            text=text.group("heatmap"),
        )
        _button(text, ending, data, _name(view, chosen, ending))
    if vector.cjk_font() is None:
        st.caption(text("no-cjk-font"))


def _button(text: Text, ending: str, data, name: str) -> None:
    st.download_button(
        text(f"save-{ending}"), data, name, on_click="ignore", key=f"save-{ending}", width="stretch"
    )


def _script(weights: Tensor) -> str:
    return f"import torch\n\nweights = {table.torch_text(weights)}\n"


def _npz(view: View) -> bytes:
    file = io.BytesIO()
    view.trace.save(file)
    return file.getvalue()
