"""Who one token attends to: the largest weights of a row as bars, the rest in one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from attnviz.figures.number import digits
from attnviz.figures.scale import colours
from attnviz.figures.surface import FONT, GAP, LABEL_EMS, figure
from attnviz.figures.tick import escaped, longest, shortened

BAR_HEIGHT = 26
OTHER = "#8b949e"
NUMBER_ROOM = 0.18
"""Part of the axis that is kept free for the numbers at the bars' ends."""


def bars(
    weights_S: ArrayLike,
    columns: Sequence[str],
    *,
    dark: bool = False,
    text: Mapping[str, str],
    most: int = 12,
) -> go.Figure:
    """Horizontal bars for the `most` largest of the weights S, largest first, and one for the sum
    of the others. The axis is 0..1 for weights, wider for numbers outside. `customdata` holds the
    column of each bar, None for the others together.

    `text` words: weight, other (a count follows). Raises ValueError where labels and weights
    differ in number.
    """
    given_S = np.asarray(weights_S, dtype=np.float64)
    if given_S.shape != (len(columns),):
        raise ValueError(f"weights {given_S.shape} with {len(columns)} columns")
    values, names, shown = _largest(given_S, columns, most, text["other"])
    row = {
        "type": "bar",
        "x": values,
        "y": list(range(len(values))),
        "customdata": shown,
        "orientation": "h",
        "text": [digits(value) for value in values],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": _paint(len(values), len(values) < len(columns), dark)},
        "hovertemplate": f"%{{y}}<br>{escaped(text['weight'])}: %{{x:.4g}}<extra></extra>",
    }
    layout = {
        "xaxis": _scale(values, text["weight"]),
        "yaxis": _labels(names),
        "height": BAR_HEIGHT * len(values) + 52,
        "margin": {"l": min(longest(names, FONT), LABEL_EMS * FONT) + 14, "r": 8, "t": 8, "b": 44},
        "bargap": 0.25,
    }
    return figure(row, layout, dark)


def _paint(n: int, folded: bool, dark: bool) -> list[str]:
    """One colour for the bars of tokens, grey for the last one where it stands for several."""
    ramp = colours("linear", dark)
    tokens = [ramp[2 * len(ramp) // 3]] * n
    return [*tokens[:-1], OTHER] if folded else tokens


def _scale(values: Sequence[float], title: str) -> dict[str, Any]:
    """The axis of weights, the same for every row and head."""
    low, high = min(0.0, *values, 0.0), max(1.0, *values, 1.0)
    room = NUMBER_ROOM * (high - low)
    return {
        "range": [low - room if low < 0 else 0, high + room],
        "tickvals": [0, 0.25, 0.5, 0.75, 1] if (low, high) == (0, 1) else None,
        "title": {"text": escaped(title), "standoff": 6, "font": {"size": FONT - 1}},
        "gridcolor": "rgba(128,128,128,0.25)",
        "zeroline": False,
    }


def _labels(names: Sequence[str]) -> dict[str, Any]:
    shown = [escaped(shortened(name, LABEL_EMS)) for name in names]
    return {
        "range": [len(names) - 0.5, -0.5],
        "tickmode": "linear",
        "dtick": 1,
        "labelalias": {str(i): label for i, label in enumerate(shown)},
        "ticks": "",
        "ticklabelstandoff": GAP - 1,
        "showgrid": False,
        "zeroline": False,
    }


def _largest(
    given_S: np.ndarray, columns: Sequence[str], most: int, other: str
) -> tuple[list[float], list[str], list[int | None]]:
    """The largest by size, in order, with their labels and columns; the others' sum last, where
    they are two or more."""
    order = np.argsort(-np.abs(given_S), kind="stable")
    most = len(order) if len(order) == most + 1 else most
    top, rest = order[:most], order[most:]
    values = [float(given_S[i]) for i in top]
    shown: list[int | None] = top.tolist()
    names = [columns[int(i)] for i in top]
    if len(rest):
        values.append(float(given_S[rest].sum()))
        names.append(f"{other} {len(rest)}")
        shown.append(None)
    return values, names, shown
