"""Which colour a weight gets: the scales, fixed in advance so that pictures can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attnviz.figures.colour import DIVERGING, SEQUENTIAL_DARK, SEQUENTIAL_LIGHT
from attnviz.figures.number import digits

Scale = Literal["linear", "row", "sqrt", "diverging"]
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
_SMALL = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
_ROUNDING = 1e-6
INK, WHITE = "#1f2328", "#ffffff"
_BALANCE = 0.21
"""Luminance at which INK and white stand out alike."""


@dataclass(frozen=True, eq=False)
class Coloured:
    """What is coloured: `z` TS from `low` to `high`, nan where there is nothing to colour; where
    the colour bar has its `ticks` and what they say; how many cells were `clipped`."""

    z: NDArray[np.float64]
    low: float
    high: float
    ticks: tuple[float, ...]
    tick_labels: tuple[str, ...]
    clipped: int


def coloured(weights_TS: ArrayLike, scale: Scale, limit: float | None = None) -> Coloured:
    """Weights 0..1 as they are ("linear"), over their row's maximum ("row"), by their square root
    ("sqrt"); any numbers from -`limit` to `limit` ("diverging", by default the largest there is).

    Raises ValueError for another scale.
    """
    if scale not in get_args(Scale):
        raise ValueError(f"scale must be one of {get_args(Scale)}, not {scale!r}")
    x_TS = np.array(weights_TS, dtype=np.float64)
    x_TS[~np.isfinite(x_TS)] = np.nan
    if scale == "diverging":
        limit = limit or _largest(np.abs(x_TS)) or 1.0
        ticks = (-limit, -limit / 2, 0.0, limit / 2, limit)
        labels = tuple(digits(tick) for tick in ticks)
        return Coloured(x_TS, -limit, limit, ticks, labels, _outside(x_TS, -limit, limit))
    clipped = _outside(x_TS, 0, 1)
    if scale == "row":
        most_T1 = np.array([[_largest(row)] for row in x_TS])
        x_TS = np.divide(x_TS, most_T1, out=x_TS.copy(), where=most_T1 > 0)
        clipped = _outside(x_TS, 0, 1)
    ticks = labels = _QUARTERS
    if scale == "sqrt":
        x_TS, labels = np.sqrt(np.maximum(x_TS, 0)), _SMALL
        ticks = tuple(tick**0.5 for tick in _SMALL)
    return Coloured(x_TS, 0.0, 1.0, ticks, tuple(f"{label:g}" for label in labels), clipped)


def colours(scale: Scale, dark: bool) -> list[str]:
    """Hex colours from the lowest value to the highest."""
    if scale == "diverging":
        return list(DIVERGING)
    return list(SEQUENTIAL_DARK if dark else SEQUENTIAL_LIGHT)


def inks(paint: Coloured, ramp: Sequence[str]) -> list[list[str]]:
    """For each cell the colour of text that stands out more: INK or white (WCAG 2 contrast)."""
    channels_N3 = np.array([[int(hex_[i : i + 2], 16) for i in (1, 3, 5)] for hex_ in ramp]) / 255
    part_TS = np.nan_to_num((paint.z - paint.low) / (paint.high - paint.low)).clip(0, 1)
    stops_N = np.linspace(0, 1, len(ramp))
    light_TS = sum(
        share * _linear(np.interp(part_TS, stops_N, channels_N3[:, i]))
        for i, share in enumerate((0.2126, 0.7152, 0.0722))
    )
    return np.where(light_TS > _BALANCE, INK, WHITE).tolist()


def _linear(channel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of an sRGB channel, both 0..1."""
    return np.where(channel <= 0.04045, channel / 12.92, ((channel + 0.055) / 1.055) ** 2.4)


def _largest(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else 0.0


def _outside(values: NDArray[np.float64], low: float, high: float) -> int:
    return int(((values < low - _ROUNDING) | (values > high + _ROUNDING)).sum())
