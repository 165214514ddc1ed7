"""Tables of numbers that add up, as HTML: what stands in the page is what a pencil would write."""

import html
import math
from collections.abc import Sequence

from attnviz.figures.number import digits

FIRST = 8
"""Rows that stand open; the others unfold."""


def fixed(value: float, places: int) -> str:
    """A number with `places` decimals and a true minus sign."""
    text = f"{value:.{places}f}" if math.isfinite(value) else digits(value)
    return text.replace("-", "−")


def name(operand: str, indices: Sequence[str]) -> str:
    """HTML of a cell's name: W with Q above and h,d,k below."""
    letter, *rest = operand.split("_")
    above = f"<sup>{html.escape(' '.join(rest))}</sup>" if rest else ""
    below = f"<sub>{html.escape(','.join(indices))}</sub>" if indices else ""
    return f"<var>{html.escape(letter)}</var>{above}{below}"


def sum_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    foot: Sequence[tuple[str, str]],
    more: str,
    marked: int | None = None,
) -> str:
    """A table whose last column is what is added. `head` are HTML, `rows` plain text, the first
    FIRST of them open and the rest under the word `more`; `foot` has a label (HTML) and a number
    for each closing line. Row `marked` stands out."""
    columns = "".join(f"<th>{cell}</th>" for cell in head)
    lines = [_row(row, i == marked) for i, row in enumerate(rows)]
    wide = len(head) - 1
    end = "".join(
        f"<tr><td colspan='{wide}'>{label}</td><td>{html.escape(value)}</td></tr>"
        for label, value in foot
    )
    start = f"<thead><tr>{columns}</tr></thead>"
    table = f"<table>{start}<tbody>{''.join(lines[:FIRST])}</tbody><tfoot>{end}</tfoot></table>"
    if len(lines) <= FIRST:
        return f"<div class='sum'>{table}</div>"
    hidden = f"<table>{start}<tbody>{''.join(lines[FIRST:])}</tbody></table>"
    unfold = f"<details><summary>{html.escape(more)}</summary>{hidden}</details>"
    return f"<div class='sum'>{table}{unfold}</div>"


def _row(cells: Sequence[str], marked: bool) -> str:
    inside = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
    return f"<tr class='marked'>{inside}</tr>" if marked else f"<tr>{inside}</tr>"
