"""The matrices of a comparison side by side, and the table that sums them up."""

import time
from typing import Any

import pandas as pd
import streamlit as st
import torch

from attnviz.analysis.comparison import Change
from attnviz.app import components
from attnviz.app.laboratory import Result, changed, result
from attnviz.app.source import Given
from attnviz.app.spec import Chosen
from attnviz.app.text import Text
from attnviz.app.vectors import vectors
from attnviz.figures.comparison import CommonScale, Panel

PAINT = 0.04
"""Seconds that the browser needs to show the matrices; the table is sent after them."""


def panel(text: Text, given: Given, chosen: list[Chosen]) -> None:
    """The matrices on one scale, the differences to the reference, and the table."""
    state = st.session_state
    reference = state["reference"]
    results = [result(given.source, one, given.head) for one in chosen]
    scale = st.session_state.get("common") or "linear"
    _pictures(text, given, results, reference, scale)
    time.sleep(PAINT)
    _choices(text, chosen)
    _table(text, given, results, reference)


def _choices(text: Text, chosen: list[Chosen]) -> None:
    left, right, _ = st.columns([2, 2, 3], vertical_alignment="bottom")
    state, n = st.session_state, len(chosen)
    state["reference"] = left.selectbox(
        text("reference"),
        range(n),
        index=state["reference"],
        format_func=lambda i: f"{i + 1} · {title(text, chosen[i])}" if i < n else str(i + 1),
        help=text("reference-help"),
        key=f"reference-{n}-{state.get('epoch', 0)}",
        on_change=_refer,
        args=(f"reference-{n}-{state.get('epoch', 0)}",),
    )
    right.segmented_control(
        text("scale"),
        ("linear", "sqrt"),
        format_func=lambda option: text(f"common-{option}"),
        key="common",
        default="linear",
        required=True,
    )


def _refer(key: str) -> None:
    """The reader chose another one to compare with: known before the pictures are drawn."""
    st.session_state["reference"] = st.session_state[key]


def title(text: Text, chosen: Chosen) -> str:
    """The name with the parameters that differ from their defaults."""
    given = ", ".join(
        f"{n} {v:g}" if isinstance(v, float) else f"{n} {v}" for n, v in chosen.values
    )
    name = chosen.variant.title[text.language]
    return f"{name} · {given}" if given else name


def _pictures(
    text: Text, given: Given, results: list[Result], reference: int, scale: CommonScale
) -> None:
    panels = []
    for i, one in enumerate(results):
        apart = changed(given.source, one.chosen, results[reference].chosen, given.head)
        heading = f"{i + 1} · {title(text, one.chosen)}"
        panels.append(drawn(text, heading, one, None if i == reference else apart))
    at = vectors(given.source)
    components.comparison(
        panels, at.rows, at.columns, text.group("comparison"), "comparison", scale
    )


def drawn(text: Text, heading: str, found: Result, apart: Change | None) -> Panel:
    """A result as a picture with its difference, or the sentence that says why there is none."""
    if found.problem:
        return Panel(heading, problem=text(f"error-{found.problem.code}", **found.problem.facts))
    assert found.measures is not None
    about = (found.pattern_TS, found.measures.sums_T, found.measures.entropy_T)
    if apart is None:
        return Panel(heading, *about)
    return Panel(heading, *about, apart.difference_TS, apart.divergence_T)


def _table(text: Text, given: Given, results: list[Result], reference: int) -> None:
    """A line for each variant; a click on a column's head sorts it."""
    lines = []
    for i, one in enumerate(results):
        found = one.measures
        if found is None:
            continue
        apart = changed(given.source, one.chosen, results[reference].chosen, given.head)
        lines.append(
            {
                "name": f"{i + 1} · {title(text, one.chosen)}",
                "sums": _mean(found.sums_T),
                "entropy": _mean(found.entropy_T),
                "distance": _mean(found.distance_T),
                "density": found.density,
                "rank": found.rank,
                "least": found.least,
                "most": found.most,
                "divergence": _mean(apart.divergence_T) if apart else None,
                "largest": apart.largest if apart else None,
                "cosine": apart.cosine if apart else None,
                "norm": apart.norm if apart else None,
            }
        )
    if not lines:
        return
    frame = pd.DataFrame(lines)
    st.dataframe(frame, column_config=_columns(text, frame), hide_index=True, key="measures")


def _columns(text: Text, frame: pd.DataFrame) -> dict[str, Any]:
    """What each measure is called and means, and how it is written."""
    config = st.column_config

    def number(name: str, written: str) -> Any:
        said = text(f"measure-{name}"), text(f"measure-{name}-help")
        return config.NumberColumn(said[0], help=said[1], format=written)

    shown: dict[str, Any] = {name: number(name, "%.4g") for name in frame.columns[1:]}
    shown["density"] = number("density", "percent")
    return {"name": config.TextColumn(text("variant"), pinned=True, width="medium"), **shown}


def _mean(values_T: torch.Tensor) -> float:
    """The mean over the rows that have a value."""
    return float(values_T.nanmean())
