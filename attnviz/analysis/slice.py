"""What of a tensor can be drawn: two axes of it, the others where the chosen cell stands."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from attnviz import rule
from attnviz.analysis.derivation import Derivation, letters, numbers
from attnviz.rule import Index, Node, Operand

HEADS = frozenset("hg")
MOST = 70_000
"""Numbers of an operand that are worth sending; of a larger one only the row in use is shown."""

Window = Mapping[str, np.ndarray]
"""For an index with too many values those that are shown, in their order."""


@dataclass(frozen=True, eq=False)
class Slice:
    """`values` R x C of a step or an operand. `axes` are the letters of rows and columns, None for
    one that has one place only; `places` tell which values of the index they are; `row` and
    `column` are the marked places, counted as shown."""

    name: str
    values: np.ndarray
    axes: tuple[str | None, str | None]
    places: tuple[np.ndarray, np.ndarray]
    row: int | None
    column: int | None


def result(found: Derivation, window: Window) -> Slice:
    """The step itself around the chosen cell: rows down, columns across; one column where it has
    one axis only."""
    free = shown_letters(found)
    nodes = tuple(Index(letter) for letter in letters(found.kept))
    name = found.kept.step.name
    return _slice(name, numbers(found.kept), nodes, found, free, window, upright=True)


def shown_letters(found: Derivation) -> tuple[str, ...]:
    """The letters of the result that are drawn: its last two that are no heads."""
    return tuple(letter for letter in letters(found.kept) if letter not in HEADS)[-2:]


def parts(found: Derivation, window: Window) -> list[Slice]:
    """Every operand of the rule that is more than one number, each once."""
    if found.node is None:
        return []
    slices: dict[str, Slice] = {}
    summed = rule.summed(found.node)
    for node in rule.walk(found.node):
        if not isinstance(node, Operand) or node.name in slices or not node.at:
            continue
        array = found.given[node.name]
        free = _free(node, array.shape, found, summed, window)
        if free:
            slices[node.name] = _slice(node.name, array, node.at, found, free, window)
    return list(slices.values())


def _free(
    node: Operand,
    shape: tuple[int, ...],
    found: Derivation,
    summed: Collection[str],
    window: Window,
) -> tuple[str, ...]:
    """The operand's letters that are drawn, those that are summed over first."""
    own = [i.letter for i in node.at if isinstance(i, Index)]
    sizes = {
        i.letter: len(window.get(i.letter, range(size)))
        for i, size in zip(node.at, shape, strict=True)
        if isinstance(i, Index)
    }
    inner = [x for x in own if x in summed]
    outer = [x for x in own if x in shown_letters(found) and x not in summed]
    free = (inner + outer)[:2]
    if len(free) == 2 and sizes[free[0]] * sizes[free[1]] > MOST:
        free = free[:1]
    return tuple(x for x in own if x in free)


def _slice(
    name: str,
    array: np.ndarray,
    nodes: tuple[Node, ...],
    found: Derivation,
    free: tuple[str, ...],
    window: Window,
    upright: bool = False,
) -> Slice:
    order = [n.letter for n in nodes if isinstance(n, Index) and n.letter in free]
    picked, places = [], {}
    for node, size in zip(nodes, array.shape, strict=True):
        if isinstance(node, Index) and node.letter in free:
            places[node.letter] = window.get(node.letter, np.arange(size))
            picked.append(places[node.letter])
        else:
            picked.append(rule.value(node, found.at, found.given).astype(int).reshape(1))
    values = array[np.ix_(*picked)].reshape([len(places[x]) for x in order])
    alone = np.zeros(1, dtype=int)
    if len(order) == 1:
        values = values[:, None] if upright else values[None]
        axes = (order[0], None) if upright else (None, order[0])
    else:
        axes = (order[0], order[1])
    ends = tuple(places[x] if x else alone for x in axes)
    row, column = (_mark(x, places, found.at) for x in axes)
    return Slice(name, values, axes, (ends[0], ends[1]), row, column)


def _mark(letter: str | None, places: Window, at: Mapping[str, int]) -> int | None:
    if letter is None or letter not in at:
        return None
    where = np.flatnonzero(places[letter] == at[letter])
    return int(where[0]) if where.size else None
