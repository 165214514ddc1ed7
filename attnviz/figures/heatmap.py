"""One head as a matrix: rows attend, columns are attended to, every cell has its weight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from attnviz.figures.scale import Coloured, Scale, coloured, colours, inks
from attnviz.figures.surface import (
    FONT,
    GAP,
    LABEL_EMS,
    PAGE_INK,
    PAPER,
    SMALL_FONT,
    figure,
)
from attnviz.figures.tick import escaped, lines, longest, shortened, stride

CELL_HEIGHT, LEAST_HEIGHT, MOST_HEIGHT = 34, 120, 560
NUMBER_WIDTH, NUMBER_HEIGHT = 27, 16
TITLE_ROOM, NOTE_ROOM = 26, 26
BAR, BAR_GAP = 12, 14


@dataclass(frozen=True)
class _Room:
    """Pixels: the margins, and the width and height of one cell."""

    left: float
    right: float
    top: float
    bottom: float
    across: float
    down: float


def heatmap(
    weights_TS: ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    scale: Scale = "linear",
    dark: bool = False,
    text: Mapping[str, str],
    selected: tuple[int, int] | None = None,
    width: int = 560,
    height: int | None = None,
    limit: float | None = None,
) -> go.Figure:
    """The weights TS under the labels of their columns and beside those of their rows.

    `text` words: rows, columns, row, column, weight, scale-linear, scale-row, scale-sqrt,
    scale-diverging, gap, clipped (a count follows). `width` (pixels, about what the page gives)
    decides what fits: numbers in the cells, every label or some. `height` is that of the whole
    figure; by default it grows with T. `limit` is the end of the "diverging" scale. Raises
    ValueError where labels and weights differ in number.
    """
    given_TS = np.asarray(weights_TS)
    if given_TS.shape != (len(rows), len(columns)):
        raise ValueError(f"weights {given_TS.shape} with {len(rows)} rows, {len(columns)} columns")
    paint = coloured(given_TS, scale, limit)
    said = _note(paint, text)
    room = _room(rows, columns, paint, width, height, bool(said))
    row, column = selected or (None, None)
    tall = room.down * max(1, len(rows))
    layout = {
        "xaxis": _axis(columns, room.across, column, text["columns"]) | _above(columns, room),
        "yaxis": _axis(rows, room.down, row, text["rows"]) | {"autorange": "reversed"},
        "height": height or round(tall + room.top + room.bottom),
        "margin": {"l": room.left, "r": room.right, "t": room.top, "b": room.bottom},
        "shapes": _outline(selected, dark),
        "annotations": [_bar_title(paint, text[f"scale-{scale}"], tall), *said],
    }
    return figure(_cells(given_TS, paint, colours(scale, dark), room, text), layout, dark)


def _cells(
    given_TS: np.ndarray,
    paint: Coloured,
    ramp: list[str],
    room: _Room,
    text: Mapping[str, str],
) -> dict[str, Any]:
    words = {key: escaped(text[key]) for key in ("row", "column", "weight")}
    fits = room.across >= NUMBER_WIDTH and room.down >= NUMBER_HEIGHT
    bar = {
        "tickvals": paint.ticks,
        "ticktext": paint.tick_labels,
        "tickfont": {"size": SMALL_FONT + 1},
        "thickness": BAR,
        "xpad": BAR_GAP,
        "x": 1,
        "ypad": 0,
        "outlinewidth": 0,
    }
    cells = {
        "type": "heatmap",
        "z": paint.z.astype(np.float32),
        "zmin": paint.low,
        "zmax": paint.high,
        "customdata": given_TS.astype(np.float32),
        "colorscale": [[i / (len(ramp) - 1), colour] for i, colour in enumerate(ramp)],
        "colorbar": bar,
        "hovertemplate": f"{words['row']}: %{{y}}<br>{words['column']}: %{{x}}"
        f"<br>{words['weight']}: %{{customdata:.4g}}<extra></extra>",
        "hoverongaps": False,
        "xgap": 1 if room.across >= 12 else 0,
        "ygap": 1 if room.down >= 12 else 0,
    }
    return cells | (_numbers(given_TS, inks(paint, ramp), room) if fits else {})


def _numbers(given_TS: np.ndarray, inks_TS: list[list[str]], room: _Room) -> dict[str, Any]:
    """Two decimals in every cell, in the ink that stands out on its colour."""
    text = [
        [
            f'<span style="color:{ink}">{value:z.2f}</span>' if np.isfinite(value) else ""
            for value, ink in zip(values, row, strict=True)
        ]
        for values, row in zip(given_TS.tolist(), inks_TS, strict=True)
    ]
    size = min(FONT, max(SMALL_FONT, int(room.across / 3.4)))
    return {"text": text, "texttemplate": "%{text}", "textfont": {"size": size}}


def _axis(labels: Sequence[str], room: float, chosen: int | None, title: str) -> dict[str, Any]:
    """Token labels on whole numbers, so that equal tokens stay apart; all of them in the hover."""
    size = _size(room)
    shown = [escaped(shortened(label, LABEL_EMS)) for label in labels]
    if chosen is not None:
        shown[chosen] = f"<b>{shown[chosen]}</b>"
    return {
        "title": {"text": escaped(title), "standoff": 8, "font": {"size": FONT - 1}},
        "tickmode": "linear",
        "tick0": 0,
        "dtick": stride(room, size),
        "labelalias": {str(i): label for i, label in enumerate(shown)},
        "tickformat": "d",
        "hoverformat": "d",
        "tickfont": {"size": size},
        "ticks": "",
        "ticklabelstandoff": GAP - 1,
        "showgrid": False,
        "zeroline": False,
    }


def _size(room: float) -> int:
    """The font of labels that have `room` pixels each."""
    return FONT if room >= FONT + 3 else SMALL_FONT


def _angle(labels: Sequence[str], room: float) -> int:
    """Columns are written level where they fit, else slanted, else upright."""
    if _extent(labels, _size(room)) + GAP <= room:
        return 0
    return -45 if room >= 20 else -90


def _above(labels: Sequence[str], room: _Room) -> dict[str, Any]:
    return {"side": "top", "tickangle": _angle(labels, room.across)}


def _extent(labels: Sequence[str], size: int) -> float:
    return longest([shortened(label, LABEL_EMS) for label in labels], size)


def _room(
    rows: Sequence[str],
    columns: Sequence[str],
    paint: Coloured,
    width: float,
    height: float | None,
    noted: bool,
) -> _Room:
    left = _extent(rows, FONT) + TITLE_ROOM + GAP
    right = _bar_room(paint) + FONT + GAP
    across = max(1.0, (width - left - right) / max(1, len(columns)))
    lean = {0: 0.0, -45: 0.71, -90: 1.0}[_angle(columns, across)]
    top = TITLE_ROOM + FONT + GAP + lean * _extent(columns, _size(across))
    bottom = NOTE_ROOM if noted else GAP
    tall = min(max(LEAST_HEIGHT, len(rows) * CELL_HEIGHT), MOST_HEIGHT)
    if height:
        tall = max(1.0, height - top - bottom)
    return _Room(left, right, top, bottom, across, tall / max(1, len(rows)))


def _bar_room(paint: Coloured) -> float:
    return BAR_GAP + BAR + GAP + longest(paint.tick_labels, SMALL_FONT + 1) + GAP


def _bar_title(paint: Coloured, title: str, tall: float) -> dict[str, Any]:
    """The scale's name along the colour bar; Plotly's own title runs into the tick labels."""
    wrapped = "<br>".join(escaped(line) for line in lines(title, max(6, tall / FONT)))
    place = {"xref": "paper", "yref": "paper", "x": 1, "y": 0.5, "xanchor": "left"}
    look = {"textangle": -90, "showarrow": False, "font": {"size": FONT - 1}}
    return {"text": wrapped, "xshift": _bar_room(paint), **place, **look}


def _outline(selected: tuple[int, int] | None, dark: bool) -> list[dict[str, Any]]:
    """Two frames, light in dark, so that the chosen cell stands out on every colour."""
    if selected is None:
        return []
    row, column = selected
    box = {"x0": column - 0.5, "x1": column + 0.5, "y0": row - 0.5, "y1": row + 0.5}
    return [
        {"type": "rect", **box, "line": {"color": colour, "width": width}}
        for colour, width in ((PAPER[dark], 5), (PAGE_INK[dark], 2))
    ]


def _note(paint: Coloured, text: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the colours cannot say: blank cells, and values past the ends of the scale."""
    said = [text["gap"]] if np.isnan(paint.z).any() else []
    if paint.clipped:
        said.append(f"{text['clipped']} {paint.clipped}")
    if not said:
        return []
    place = {"xref": "paper", "yref": "paper", "x": 0, "y": 0, "xanchor": "left", "yanchor": "top"}
    words = escaped(" ".join(said))
    return [{"text": words, "showarrow": False, "font": {"size": SMALL_FONT + 1}, **place}]
