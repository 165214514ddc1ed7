"""The pictures drawn in the browser, as Streamlit elements: head grid, lines, chips, the one that
makes a Plotly chart take part; a matrix with those it was made of, and the walk through the model.

Each is declared once, when this module is imported; data go as bytes, what was picked comes back.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from streamlit.components.v2 import component

from attnviz.figures import asset, payload, picture
from attnviz.figures import comparison as figure
from attnviz.figures.comparison import CommonScale, Panel
from attnviz.figures.payload import Array, GridBlock, Groups
from attnviz.figures.picture import Pick, Picture


def _declare(name: str) -> Callable[..., Any]:
    return component(f"attnviz_{name}", js=asset.script(name), css=asset.style(name))


_head_grid = _declare("head_grid")
_lines = _declare("lines")
_chips = _declare("chips")
_plot = _declare("plot")
_tensor = _declare("tensor")
_comparison = _declare("comparison")
_walk = _declare("walk")


def head_grid(
    blocks: Sequence[GridBlock],
    selection: Mapping[str, Any] | None,
    text: Mapping[str, str],
    key: str,
    on_select: Callable[[], None],
) -> None:
    """All heads of all layers of one of `blocks`; the reader switches blocks in the browser.

    `selection` {block, layer, head, row, col} is marked. `on_select` is called when a cell is
    picked, which then lies in the session under `key` and "select", in the same form. While the
    data stay the same bytes, nothing is sent or drawn again.
    """
    data = payload.grid(blocks, selection, text)
    _head_grid(data=data, key=key, on_select_change=on_select)


def lines(
    weights_TS: Array,
    rows: Sequence[str],
    columns: Sequence[str],
    text: Mapping[str, str],
    key: str,
    *,
    row: int | None = None,
    block: str = "",
    row_groups: Groups = (),
    column_groups: Groups = (),
) -> None:
    """One head as lines from source tokens (keys, left) to target tokens (queries, right).

    `row` is emphasised until a token is pointed at; `block` ("decoder.cross") and the groups link
    it with the grid and the chips.
    """
    data = payload.lines(
        weights_TS,
        rows,
        columns,
        text,
        row=row,
        block=block,
        row_groups=row_groups,
        column_groups=column_groups,
    )
    _lines(data=data, key=key)


def chips(
    source: Sequence[Mapping[str, Any]],
    target: Sequence[Mapping[str, Any]],
    text: Mapping[str, str],
    key: str,
    linked: bool = True,
    on_hide: Callable[[], None] | None = None,
) -> None:
    """The tokens of both sides, each {text, title, special}; a token may also have its
    `probability`, its `alternatives` [[text, probability], ...] and its `forced_rank`, or a `tint`
    from -1 to 1 with a `note`. Chips that are not `linked` light up by themselves. With `on_hide` a
    double click on a source token calls it; the token's number then lies in the session under `key`
    and "hide"."""
    said = payload.words("chips", text)
    data = {"source": list(source), "target": list(target), "text": said, "linked": linked}
    _chips(
        data=data | {"hideable": on_hide is not None},
        key=key,
        on_hide_change=on_hide or (lambda: None),
    )


def plot(
    chart: str,
    selection: Mapping[str, Any],
    row_groups: Groups,
    column_groups: Groups,
    key: str,
    on_select: Callable[[], None],
    bars: Sequence[int | None] | None = None,
) -> None:
    """Make the Plotly chart with the key `chart` take part: a click on a cell of its head is told
    as the head grid tells it, hovering lights up the other pictures and they light up the chart.

    Of `selection` the block, the layer and the head are meant, and the row where the chart shows
    `bars`: the column that each one stands for, None where it stands for several.
    """
    groups = {"rowGroups": row_groups, "columnGroups": column_groups}
    data = {"chart": chart, **selection, **groups, "bars": bars}
    _plot(data=data, key=key, on_select_change=on_select)


def tensor(
    pictures: Sequence[Picture],
    picks: Sequence[Pick],
    text: Mapping[str, str],
    key: str,
    on_select: Callable[[], None],
    on_choose: Callable[[], None],
) -> None:
    """The first of `pictures` large, the others, which it was made of, small, under the `picks`.

    `on_select` is called when a cell of the first is picked, by a click or with Shift and an arrow
    key; the cell {row, column} then lies in the session under `key` and "select". `on_choose` is
    called when one of the `picks` is changed: {id, place} lies under `key` and "choose".
    """
    data = picture.tensor(pictures, text, picks)
    _tensor(data=data, key=key, on_select_change=on_select, on_choose_change=on_choose)


def comparison(
    panels: Sequence[Panel],
    rows: Sequence[str],
    columns: Sequence[str],
    text: Mapping[str, str],
    key: str,
    scale: CommonScale = "linear",
) -> None:
    """The same head of several attentions side by side on one scale, T `rows` of queries and S
    `columns` of keys; under each how it differs from the reference."""
    _comparison(data=figure.comparison(panels, rows, columns, text, scale), key=key)


def walk(
    groups: Sequence[Mapping[str, Any]],
    current: int,
    total: int,
    text: Mapping[str, str],
    key: str,
    on_go: Callable[[], None],
) -> None:
    """All steps through the model as a strip, with buttons and keys for the next and the previous.

    `groups` are [{title, rows: [{title, stages: [{title, first, n}]}]}], each stage `n` steps from
    `first`, together 0..`total`. `on_go` is called when the reader goes to another step than
    `current`; its number then lies in the session under `key` and "go".
    """
    _walk(data=payload.walk(groups, current, total, text), key=key, on_go_change=on_go)
