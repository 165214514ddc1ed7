"""The payload of the tensor component: one large matrix, the small ones it was made of, and the
choices above them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from attnviz.figures.colour import DIVERGING, SEQUENTIAL_DARK, SEQUENTIAL_LIGHT
from attnviz.figures.number import exact
from attnviz.figures.payload import Array, float32, pack, same, within, words
from attnviz.figures.scale import coloured

MOST_EXACT = 4096
"""Numbers of a picture that are sent with every digit."""
PictureScale = Literal["linear", "diverging", "none"]


@dataclass(frozen=True, eq=False)
class Picture:
    """One matrix of any numbers, under its labels and the titles of its axes.

    `scale` "linear" colours 0..1, "diverging" -`limit`..`limit` (by default the largest finite
    magnitude), "none" is for names such as token ids, which have no order. A cell (`row` and
    `column`), a whole row or a whole column is marked. Raises ValueError where sizes do not agree.
    """

    title: str
    values: Array
    rows: Sequence[str]
    columns: Sequence[str]
    row_title: str = ""
    column_title: str = ""
    scale: PictureScale = "diverging"
    limit: float | None = None
    row: int | None = None
    column: int | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 2:
            raise ValueError(f"{self.title}: a picture has 2 axes, not {self.values.ndim}")
        if self.scale not in get_args(PictureScale):
            raise ValueError(f"scale must be one of {get_args(PictureScale)}, not {self.scale!r}")
        same(f"{self.title}: rows", len(self.rows), self.values.shape[0])
        same(f"{self.title}: columns", len(self.columns), self.values.shape[1])
        within(f"{self.title}: row", self.row, len(self.rows))
        within(f"{self.title}: column", self.column, len(self.columns))


@dataclass(frozen=True)
class Pick:
    """A choice of one place on an axis: `places` are its numbers with their `labels`; without
    labels any number below `size` may be chosen. `chosen` is one of them."""

    id: str
    title: str
    chosen: int
    size: int
    places: Sequence[int] = ()
    labels: Sequence[str] = ()


def tensor(
    pictures: Sequence[Picture], text: Mapping[str, str], picks: Sequence[Pick] = ()
) -> bytes:
    """The payload of a matrix and of those that it was made of, the first and the others, and of
    what may be chosen above them. Raises ValueError without a picture.
    """
    if not pictures:
        raise ValueError("the tensor needs at least one picture")
    exact = [float32(picture.values) for picture in pictures]
    described = [
        {
            "title": picture.title,
            "rows": list(picture.rows),
            "columns": list(picture.columns),
            "rowTitle": picture.row_title,
            "columnTitle": picture.column_title,
            "shades": picture.scale,
            "scale": _ends(values, picture),
            "row": picture.row,
            "column": picture.column,
            "exact": _exact(picture.values),
        }
        for picture, values in zip(pictures, exact, strict=True)
    ]
    colours = {"light": SEQUENTIAL_LIGHT, "dark": SEQUENTIAL_DARK, "diverging": DIVERGING}
    said = words("tensor", text)
    choices = [asdict(pick) for pick in picks]
    header = {"pictures": described, "picks": choices, "text": said, "colours": colours}
    return pack(header, exact)


def _ends(values: np.ndarray, picture: Picture) -> dict[str, Any] | None:
    """The ends of the picture's scale, and the ticks of its colour bar, 0..1 along it."""
    if picture.scale == "none":
        return None
    paint = coloured(values, picture.scale, picture.limit)
    ticks = [(tick - paint.low) / (paint.high - paint.low) for tick in paint.ticks]
    return {"low": paint.low, "high": paint.high, "ticks": ticks, "labels": paint.tick_labels}


def _exact(values: Array) -> list[str] | None:
    """Every digit of numbers that float32 would round; None for others, and for very many."""
    wide = np.asarray(values)
    if wide.dtype != np.float64 or wide.size > MOST_EXACT:
        return None
    return [exact(value, wide.dtype) for value in wide.ravel().tolist()]
