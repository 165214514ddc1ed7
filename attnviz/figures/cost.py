"""Charts of what attentions cost, and of how one turns into another."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's colours, which colour-blind readers can tell apart."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    titles: tuple[str, str],
    *,
    log: bool = True,
    marks: bool = False,
    at: float | None = None,
    named: bool = False,
    height: int = 300,
) -> go.Figure:
    """A line for each name, (x, y), under the titles of both axes, in a colour and dash of its own.

    With `marks` there is a point for every number; `at` is an x that is marked; where they are
    `named`, a legend stands above.
    """
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "name": name,
            "x": list(x),
            "y": list(y),
            "mode": "lines+markers" if marks else "lines",
            "line": {"color": LINES[i % 6], "dash": DASHES[i % 6], "width": 2},
            "hovertemplate": "%{x:,} · %{y:.4s}",
        }
        for i, (name, (x, y)) in enumerate(lines.items())
    ]
    layout = _layout(titles, log) | {"height": height, "showlegend": named}
    if at is not None:
        ends = {"x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1}
        dotted = {"color": "gray", "dash": "dot", "width": 1}
        layout["shapes"] = [{"type": "line", **ends, "line": dotted}]
    return go.Figure({"data": data, "layout": layout}, skip_invalid=True, _validate=False)


def _layout(titles: tuple[str, str], log: bool) -> dict[str, Any]:
    """The axes, the legend above, and no colour of its own behind."""
    axis = {
        "type": "log" if log else "linear",
        "automargin": True,
        "gridcolor": "rgba(128,128,128,0.2)",
        "zeroline": False,
    }
    return {
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": axis | {"title": {"text": titles[0]}} | ({"dtick": 1} if log else {}),
        "yaxis": axis | {"title": {"text": titles[1]}, "exponentformat": "power"},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "hovermode": "x",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
    }
