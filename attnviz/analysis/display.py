"""What is shown of the weights: special tokens handled, pieces merged into words.

The weights stay the model's own; what is taken off a row is counted in `removed`. Special tokens
are taken from the keys (columns) only, because each row is a distribution of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from attnviz.analysis.block import side, stack
from attnviz.analysis.label import labels, word_labels, words, written
from attnviz.trace import Tokens, Trace

Special = Literal["show", "hide", "renormalise", "fold"]
Groups = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Side:
    """The rows or the columns: a text for each, and which tokens of the trace it stands for."""

    labels: tuple[str, ...]
    groups: Groups

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Shown:
    """A block ready to be drawn: `weights` LHTS, and `removed` LHT, the weight that special tokens
    had in each row and that is no longer where the model put it."""

    block: str
    weights: Tensor
    removed: Tensor
    rows: Side
    columns: Side


def shown(
    trace: Trace,
    block: str,
    special: Special = "show",
    words: bool = False,
    folded_label: str = "special",
) -> Shown:
    """The block's weights as chosen. `special`: "show" as they are, "hide" the special columns,
    "renormalise" the rest to rows of sum 1 (an empty row stays zero), or "fold" all special columns
    into one last column. `words` sums the pieces of a word among the keys and averages them among
    the queries, so that rows keep their sum. Where every key is special, all stay.
    Raises ValueError for another `special`."""
    if special not in get_args(Special):
        raise ValueError(f"special must be one of {get_args(Special)}, not {special!r}")
    queries, keys = side(trace, block)
    rows = _sides(queries, words)
    rows = Side(written(rows.labels, trace, block), rows.groups)
    columns = _sides(keys, words)
    weights_LHTS = stack(trace, block)
    if words:
        weights_LHTS = _merged(weights_LHTS, rows.groups, columns.groups)
    aside = [keys.special[group[0]] for group in columns.groups]
    removed_LHT = weights_LHTS.new_zeros(weights_LHTS.shape[:-1])
    if special != "show" and not all(aside):
        removed_LHT = weights_LHTS[..., _where(aside, True)].sum(-1)
        weights_LHTS, columns = _without(weights_LHTS, columns, aside)
    if special == "renormalise" and not all(aside):
        weights_LHTS = _renormalised(weights_LHTS)
    if special == "fold" and any(aside) and not all(aside):
        weights_LHTS = torch.cat((weights_LHTS, removed_LHT[..., None]), dim=-1)
        folded = tuple(i for i, is_special in enumerate(keys.special) if is_special)
        columns = Side((*columns.labels, folded_label), (*columns.groups, folded))
    return Shown(block, weights_LHTS, removed_LHT, rows, columns)


def _sides(tokens: Tokens, merge: bool) -> Side:
    if merge:
        return Side(word_labels(tokens), words(tokens))
    return Side(labels(tokens), tuple((i,) for i in range(len(tokens))))


def _merged(weights_LHTS: Tensor, rows: Groups, columns: Groups) -> Tensor:
    weights_LHTS = torch.stack([weights_LHTS[..., list(group)].sum(-1) for group in columns], -1)
    return torch.stack([weights_LHTS[..., list(group), :].mean(-2) for group in rows], -2)


def _where(flags: Sequence[bool], wanted: bool) -> list[int]:
    return [i for i, flag in enumerate(flags) if flag is wanted]


def _without(weights_LHTS: Tensor, columns: Side, aside: Sequence[bool]) -> tuple[Tensor, Side]:
    stay = _where(aside, False)
    kept = Side(tuple(columns.labels[i] for i in stay), tuple(columns.groups[i] for i in stay))
    return weights_LHTS[..., stay], kept


def _renormalised(weights_LHTS: Tensor) -> Tensor:
    sum_LHT1 = weights_LHTS.sum(-1, keepdim=True)
    return torch.where(sum_LHT1 == 0, 0, weights_LHTS / sum_LHT1)
