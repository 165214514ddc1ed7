"""The chosen block, layer, head and cell: from the grid or the link, made to fit the trace."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from attnviz.analysis.block import side
from attnviz.analysis.display import Shown
from attnviz.analysis.sharpness import sharpest_head
from attnviz.app.session import View


@dataclass(frozen=True)
class Selection:
    """`row` and `col` count what is shown, merged words and folded tokens as one."""

    block: str
    layer: int
    head: int
    row: int
    col: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


NAMES = ("block", "layer", "head", "row", "col")


def take(picked: Mapping[str, Any]) -> None:
    """Keep what was picked in the grid."""
    for name in NAMES:
        st.session_state[name] = picked[name]


def current() -> Selection:
    """The selection; call `settle` first."""
    return Selection(**{name: st.session_state[name] for name in NAMES})


def settle(view: View, displays: Mapping[str, Shown]) -> None:
    """Fill in what was not chosen and bring what does not exist back into range: the head that
    reads most clearly, and in it the largest weight of a middle row that looks at text."""
    state = st.session_state
    if state["block"] not in displays:
        state["block"] = list(displays)[-1]
    display = displays[state["block"]]
    n_layers, n_heads, n_rows, n_columns = display.weights.shape
    layer, head = sharpest_head(view.trace, state["block"])
    state["layer"] = min(layer if state["layer"] is None else state["layer"], n_layers - 1)
    state["head"] = min(head if state["head"] is None else state["head"], n_heads - 1)
    if state["row"] is None:
        state["row"] = _row(view, display, state["layer"], state["head"])
    state["row"] = min(state["row"], n_rows - 1)
    if state["col"] is None:
        state["col"] = int(display.weights[state["layer"], state["head"], state["row"]].argmax())
    state["col"] = min(state["col"], n_columns - 1)


def _row(view: View, display: Shown, layer: int, head: int) -> int:
    """The row nearest to the middle that puts its largest weight on a token of the text; the middle
    one where none does."""
    special = side(view.trace, display.block)[1].special
    rest = [all(special[i] for i in group) for group in display.columns.groups]
    best = display.weights[layer, head].argmax(-1).tolist()
    middle = len(best) // 2
    reads = [row for row, column in enumerate(best) if not rest[column]]
    return min(reads, key=lambda row: abs(row - middle), default=middle)
