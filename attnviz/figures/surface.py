"""What Plotly figures share: how one is put together, and how it lies on the page."""

from typing import Any

import plotly.graph_objects as go

FONT, SMALL_FONT = 13, 10
GAP = 6
LABEL_EMS = 11
FAMILY = "Source Sans, sans-serif"
"""The page's own: "inherit" ends at Plotly's style sheet."""
PAGE_INK = {False: "#1f2328", True: "#e6e8eb"}
PAPER = {False: "#ffffff", True: "#0e1117"}
CLEAR = "rgba(0,0,0,0)"


def figure(trace: dict[str, Any], layout: dict[str, Any], dark: bool) -> go.Figure:
    """One `trace` on a page: our font and ink, nothing behind, none of Plotly's own template.

    Plotly checks every property in Python, 15 ms a figure, and would on every sentence; the tests
    have it checked."""
    page = {
        "font": {"family": FAMILY, "size": FONT, "color": PAGE_INK[dark]},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "template": {},
    }
    return go.Figure({"data": [trace], "layout": layout | page}, _validate=False)  # type: ignore
