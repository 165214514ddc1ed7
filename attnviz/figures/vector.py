"""A head's matrix as a file to keep: PNG, SVG and PDF for slides, papers and print.

Drawn with matplotlib's objects, never pyplot: nothing is left behind and threads do not meet.
"""

import io
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, get_args

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from attnviz.figures.scale import INK, Coloured, Scale, coloured, colours, inks
from attnviz.figures.tick import lines, longest, shortened, stride

Format = Literal["png", "svg", "pdf"]

CJK = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Hiragino Sans GB",
    "Heiti SC",
    "SimHei",
    "Noto Sans CJK JP",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)
LATIN = "DejaVu Sans"
POINTS = 9.0
INCH = 72.0
CELL, SMALLEST_CELL, MOST = 0.38, 0.06, 14.0
"""Inches: a cell, the smallest one, and the side that a matrix is made to keep within."""
LABEL_EMS = 16
VECTOR_CELLS = 10_000
"""Beyond this many the cells are one image inside the SVG or PDF."""

_LOCK = threading.Lock()  # around the three settings that matplotlib reads from global state
_SETTINGS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "attnviz", "pdf.fonttype": 42}
_UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}


def picture(
    weights_TS: ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    caption: str = "",
    format: Format = "png",
    *,
    scale: Scale = "linear",
    text: Mapping[str, str],
    limit: float | None = None,
    dpi: int = 200,
) -> bytes:
    """The matrix TS with labels, colour bar and caption as a file; the same input gives the same
    bytes. `text` words: rows, columns, scale-linear (and so on), gap, clipped. `dpi` is the PNG's.

    A character that no installed font has is drawn as a box. Raises ValueError for another format
    or labels that differ in number from the weights.
    """
    given_TS = np.asarray(weights_TS, dtype=np.float64)
    if given_TS.shape != (len(rows), len(columns)):
        raise ValueError(f"weights {given_TS.shape} with {len(rows)} rows, {len(columns)} columns")
    if format not in get_args(Format):
        raise ValueError(f"format must be one of {get_args(Format)}, not {format!r}")
    figure = _figure(given_TS, rows, columns, caption, scale, text, limit)
    out = io.BytesIO()
    with _LOCK, mpl.rc_context(_SETTINGS):
        figure.savefig(
            out,
            format=format,
            dpi=dpi,
            bbox_inches="tight",
            pad_inches=0.12,
            metadata=_UNDATED[format],
        )
    return out.getvalue()


@cache
def cjk_font() -> str | None:
    """The installed font family that Chinese labels are drawn in; None where there is none."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    found = (name for name in CJK if name in installed and ord("的") in _characters(name))
    return next(found, None)


def _families() -> list[str]:
    chinese = cjk_font()
    return [LATIN, chinese] if chinese else [LATIN]


@cache
def _characters(family: str) -> frozenset[int]:
    """Code points that the font has a glyph for."""
    font = font_manager.get_font(font_manager.findfont(family))
    return frozenset(font.get_charmap())


def _drawable(text: str) -> str:
    """The text with a box for what no font can draw, so that matplotlib has nothing to warn of."""
    known = frozenset().union(*(_characters(family) for family in _families()))
    return "".join(c if ord(c) in known or c == "\n" else "□" for c in text)


def _figure(
    given_TS: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    caption: str,
    scale: Scale,
    text: Mapping[str, str],
    limit: float | None,
) -> Figure:
    paint = coloured(given_TS, scale, limit)
    cell = min(CELL, max(SMALLEST_CELL, MOST / max(*given_TS.shape, 1)))
    wide, tall = cell * max(1, len(columns)), cell * max(1, len(rows))
    figure = Figure(figsize=(wide, tall), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    ramp = colours(scale, dark=False)
    mesh = axes.pcolormesh(
        np.ma.masked_invalid(paint.z),
        cmap=LinearSegmentedColormap.from_list("weights", ramp),
        vmin=paint.low,
        vmax=paint.high,
        edgecolors="face",
        linewidth=0.2,
        rasterized=given_TS.size > VECTOR_CELLS,
    )
    _labels(axes, rows, columns, cell, text)
    if cell >= CELL:
        _numbers(axes, given_TS, inks(paint, ramp))
    bar = figure.add_axes(
        (1 + 0.15 / wide, max(0, 1 - 2.4 / tall), 0.12 / wide, min(1, 2.4 / tall))
    )
    figure.colorbar(mesh, cax=bar).outline.set_visible(False)
    bar.set_yticks(paint.ticks, paint.tick_labels, fontsize=POINTS - 1)
    bar.set_ylabel(_drawable(text[f"scale-{scale}"]), **_font(POINTS))
    bar.tick_params(length=2)
    _caption(figure, "\n".join([caption, *_notes(paint, text)]), rows, (wide, tall))
    return figure


def _font(points: float) -> dict:
    return {"fontsize": points, "fontfamily": _families(), "parse_math": False, "color": INK}


def _labels(
    axes: Axes, rows: Sequence[str], columns: Sequence[str], cell: float, text: Mapping[str, str]
) -> None:
    points = min(POINTS, max(5.0, cell * INCH / 1.2))
    step = stride(cell * INCH, points)
    across, down = ([_drawable(shortened(x, LABEL_EMS)) for x in side] for side in (columns, rows))
    level = longest(across, points) + 4 <= cell * INCH
    axes.set_xticks(np.arange(len(columns))[::step] + 0.5, across[::step], **_font(points))
    axes.set_yticks(np.arange(len(rows))[::step] + 0.5, down[::step], **_font(points))
    axes.tick_params(length=0, pad=3, top=True, labeltop=True, bottom=False, labelbottom=False)
    if not level:
        slant = 45 if cell * INCH > 2 * points else 90
        lean = {"rotation": slant, "ha": "left", "va": "center", "rotation_mode": "anchor"}
        axes.set_xticklabels(across[::step], **_font(points), **lean)
    axes.xaxis.set_label_position("top")
    axes.set_xlabel(_drawable(text["columns"]), labelpad=6, **_font(POINTS))
    axes.set_ylabel(_drawable(text["rows"]), labelpad=6, **_font(POINTS))
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)


def _numbers(axes: Axes, given_TS: np.ndarray, inks_TS: list[list[str]]) -> None:
    """Two decimals in every cell, in the ink that stands out on its colour."""
    look = {"ha": "center", "va": "center", "fontsize": POINTS - 2, "family": LATIN}
    for (row, column), value in np.ndenumerate(given_TS):
        if np.isfinite(value):
            ink = inks_TS[row][column]
            axes.text(column + 0.5, row + 0.5, f"{value:.2f}", color=ink, **look)


def _notes(paint: Coloured, text: Mapping[str, str]) -> list[str]:
    """What the colours cannot say: blank cells, and values past the ends of the scale."""
    blank = [text["gap"]] if np.isnan(paint.z).any() else []
    return blank + ([f"{text['clipped']} {paint.clipped}"] if paint.clipped else [])


def _caption(figure: Figure, words: str, rows: Sequence[str], size: tuple[float, float]) -> None:
    """Under the matrix, as wide as the matrix with its row labels and colour bar."""
    wide, tall = size
    left = min(longest(rows, POINTS), LABEL_EMS * POINTS) / INCH + 0.3
    room = max(3.2, wide + left + 0.8) * INCH / POINTS
    wrapped = "\n".join(line for part in words.splitlines() for line in lines(part, room))
    figure.text(
        -left / wide,
        -0.15 / tall,
        _drawable(wrapped),
        ha="left",
        va="top",
        linespacing=1.35,
        **_font(POINTS),
    )
