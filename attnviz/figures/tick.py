"""Token labels beside a picture: how much room they take, shortened, thinned out."""

import html
import math
import unicodedata
from collections.abc import Sequence

WIDE, NARROW = 1.0, 0.58
"""Width of a character in font sizes: Chinese, and the mean of the others."""


def length(label: str, size: float) -> float:
    """About how wide the label is, in the unit of the font size."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in label)
    return size * (WIDE * wide + NARROW * (len(label) - wide))


def longest(labels: Sequence[str], size: float) -> float:
    """About how wide the widest label is."""
    return max((length(label, size) for label in labels), default=0.0)


def shortened(label: str, most: float) -> str:
    """The label cut to about `most` font sizes; the cut is marked with an ellipsis."""
    if length(label, 1) <= most:
        return label
    while length(label, 1) > most - WIDE:
        label = label[:-1]
    return label + "…"


def escaped(label: str) -> str:
    """The label for Plotly, which reads HTML: "<s>" stays "<s>" and does not strike out."""
    return html.escape(label, quote=False)


def stride(room: float, size: float) -> int:
    """Every how many labels one can be written, where each has `room` in the unit of `size`."""
    return max(1, math.ceil(1.15 * size / room))


def lines(text: str, most: float) -> list[str]:
    """The text wrapped to lines of at most `most` font sizes: between words, in Chinese anywhere,
    and never in front of a closing mark."""
    found, line = [], ""
    for part in _parts(text):
        if line and length(line + part.rstrip(), 1) > most:
            found.append(line.rstrip())
            line = ""
        line += part
    return [*found, line.rstrip()] if line.strip() else found


def _parts(text: str) -> list[str]:
    """What a line may end after: words with their space, single wide characters."""
    parts: list[str] = []
    for character in text:
        opens = not parts or parts[-1].endswith(" ") or _breaks(parts[-1][-1], character)
        if opens and character != " ":
            parts.append(character)
        elif parts:
            parts[-1] += character
    return parts


def _breaks(before: str, after: str) -> bool:
    wide = any(unicodedata.east_asian_width(c) in "WF" for c in (before, after))
    closing = unicodedata.category(after) in ("Po", "Pe", "Pf")
    opening = unicodedata.category(before) in ("Ps", "Pi")
    return wide and not closing and not opening
