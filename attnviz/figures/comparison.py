"""The payload of the comparison: the same head of several attentions side by side, on one scale,
and under each how it differs from one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from attnviz.figures.colour import DIVERGING, SEQUENTIAL_DARK, SEQUENTIAL_LIGHT
from attnviz.figures.payload import Array, float32, pack, words
from attnviz.figures.scale import coloured

CommonScale = Literal["linear", "sqrt"]


@dataclass(frozen=True, eq=False)
class Panel:
    """One attention: its weights TS with the sum and the entropy of each row (T numbers each), and,
    but for the reference, the difference TS of the weights with the rows' distances T. One that
    could not be computed has a `problem` instead, one sentence."""

    title: str
    weights: Array | None = None
    sums: Array | None = None
    entropy: Array | None = None
    difference: Array | None = None
    divergence: Array | None = None
    problem: str = ""


def comparison(
    panels: Sequence[Panel],
    rows: Sequence[str],
    columns: Sequence[str],
    text: Mapping[str, str],
    scale: CommonScale = "linear",
) -> bytes:
    """The payload of `panels`, whose weights are all T x S under the labels `rows` and `columns`.

    Weights between 0 and 1 are coloured 0..1; where one lies outside, all are coloured around 0.
    With the `scale` "sqrt" colours go by the square root of the magnitude. Raises
    ValueError where sizes do not agree.
    """
    arrays: list[np.ndarray] = []
    size = (len(rows), len(columns))
    described = [_described(panel, size, arrays) for panel in panels]
    weights = [panel.weights for panel in panels if panel.weights is not None]
    differences = [panel.difference for panel in panels if panel.difference is not None]
    header = {
        "panels": described,
        "rows": list(rows),
        "columns": list(columns),
        "text": words("comparison", text),
        "weights": _weight_scale([_finite(x) for x in weights], scale),
        "differences": _around_zero([_finite(x) for x in differences], scale),
        "colours": {"light": SEQUENTIAL_LIGHT, "dark": SEQUENTIAL_DARK, "diverging": DIVERGING},
    }
    return pack(header, arrays)


def _described(panel: Panel, size: tuple[int, int], arrays: list[np.ndarray]) -> dict[str, Any]:
    """The panel's words, and the places of its numbers in `arrays`, to which they are added; a
    place is None where there are none."""

    def sent(values: Array | None, *shape: int) -> int | None:
        if values is None:
            return None
        array = float32(values)
        if array.shape != shape:
            raise ValueError(f"comparison: {array.shape} given, {shape} needed")
        arrays.append(array)
        return len(arrays) - 1

    n_rows, _ = size
    return {
        "title": panel.title,
        "problem": panel.problem,
        "weights": sent(panel.weights, *size),
        "sums": sent(panel.sums, n_rows),
        "entropy": sent(panel.entropy, n_rows),
        "difference": sent(panel.difference, *size),
        "divergence": sent(panel.divergence, n_rows),
    }


def _finite(values: Array) -> np.ndarray:
    """The numbers that a colour can be given."""
    found = float32(values)
    return found[np.isfinite(found)]


def _weight_scale(weights: Sequence[np.ndarray], scale: CommonScale) -> dict[str, Any]:
    """One scale for all the weights."""
    outside = any(x.min(initial=0) < 0 or x.max(initial=0) > 1 + 1e-6 for x in weights)
    if outside:
        return _around_zero(weights, scale)
    paint = coloured(np.zeros((1, 1)), scale)
    ends = {"low": 0.0, "high": 1.0, "ticks": paint.ticks, "labels": paint.tick_labels}
    return {"shades": "linear", "root": scale == "sqrt", **ends}


def _around_zero(values: Sequence[np.ndarray], scale: CommonScale) -> dict[str, Any]:
    """One scale around 0 that reaches to the largest magnitude there is; `low` and `high` are what
    is coloured, numbers or their roots."""
    most = max((float(np.abs(x).max(initial=0)) for x in values), default=0.0)
    paint = coloured(np.zeros((1, 1)), "diverging", most)
    ticks = np.array(paint.ticks)
    ends = paint.high
    if scale == "sqrt":
        ticks, ends = np.sign(ticks) * np.sqrt(np.abs(ticks)), ends**0.5
    return {
        "shades": "diverging",
        "root": scale == "sqrt",
        "low": -ends,
        "high": ends,
        "ticks": ((ticks + ends) / (2 * ends)).tolist(),
        "labels": paint.tick_labels,
    }
