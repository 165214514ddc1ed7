"""Reading help for one head: what its picture shows, found in the numbers and said only if true.

Rows that could look at one key alone (the first row of a causal head) had no choice and count for
nothing. The thresholds below are the whole definition.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from attnviz.analysis.entropy import relative_entropy_HT

SINK = 0.5
"""Share of all weight that one column gets."""
SPECIAL = 0.6
"""Share of all weight that the special tokens get together."""
OFFSET = 0.6
"""Share of the rows which have a key at that offset whose largest weight is there."""
REACH = 3
"""Offsets from -REACH to REACH are looked for."""
UNIFORM = 0.95
"""Mean relative entropy of the rows."""
SHARP = 0.9
"""Mean of the rows' largest weights."""
MONOTONE = 0.9
"""Share of steps from row to row in which the largest weight does not move back."""
MONOTONE_COLUMNS = 3
"""Columns that a walk along the source passes at least."""
MONOTONE_ROWS = 5
"""Fewer rows rise by chance too often to speak of a walk."""
ROWS = 3
"""Fewer rows with a choice than this say nothing about a head."""
MOST = 3
"""Findings given at most."""


@dataclass(frozen=True)
class Finding:
    """One true statement about a head: a `code` to be worded, and the numbers that go in it."""

    code: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class _Head:
    """The rows with a choice: `pattern` TS and `allowed` TS, `row` T their numbers in the head."""

    pattern: Tensor
    allowed: Tensor
    row: Tensor
    columns: Sequence[str]
    special: Tensor
    is_self: bool


def reading(
    pattern_TS: Tensor,
    allowed_TS: Tensor,
    columns: Sequence[str],
    special_S: Sequence[bool] | Tensor,
    is_self: bool,
) -> list[Finding]:
    """What is true of one head, most informative first, at most MOST findings; [] for none.

    Codes and values: "uniform" (value), "sink" (column, token, share), "special" (share),
    "diagonal" (share), "offset" (offset, share; -1 is one token back), "monotone" (share),
    "sharp" (value). Rows are distributions over S keys; `allowed` is boolean.
    """
    choice_T = allowed_TS.sum(-1) > 1
    if int(choice_T.sum()) < ROWS:
        return []
    head = _Head(
        pattern_TS[choice_T],
        allowed_TS[choice_T],
        choice_T.nonzero()[:, 0],
        columns,
        torch.as_tensor(special_S, dtype=torch.bool),
        is_self,
    )
    if flat := _uniform(head):
        return [flat]  # the largest weight of a flat row is chance
    return [finding for measure in _MEASURES if (finding := measure(head))][:MOST]


def _found(code: str, **values: Any) -> Finding:
    return Finding(code, MappingProxyType(values))


def _uniform(head: _Head) -> Finding | None:
    value = float(relative_entropy_HT(head.pattern, head.allowed).mean())
    return _found("uniform", value=value) if value >= UNIFORM else None


def _sink(head: _Head) -> Finding | None:
    share_S = head.pattern.sum(0) / head.pattern.sum()
    column = int(share_S.argmax())
    share = float(share_S[column])
    if not share >= SINK:
        return None
    return _found("sink", column=column, token=head.columns[column], share=share)


def _special(head: _Head) -> Finding | None:
    """Left out where one special token alone is a sink: that says the same and more."""
    share = float(head.pattern[:, head.special].sum() / head.pattern.sum())
    sink = _sink(head)
    if not share >= SPECIAL or (sink and bool(head.special[sink.values["column"]])):
        return None
    return _found("special", share=share)


def _offset(head: _Head) -> Finding | None:
    """The offset that most rows keep to; the nearer of two alike."""
    if not head.is_self:
        return None
    shares = {offset: _share_at(head, offset) for offset in range(-REACH, REACH + 1)}
    offset = max(shares, key=lambda offset: (shares[offset], -abs(offset)))
    if shares[offset] < OFFSET:
        return None
    if offset == 0:
        return _found("diagonal", share=shares[0])
    return _found("offset", offset=offset, share=shares[offset])


def _share_at(head: _Head, offset: int) -> float:
    """Share of rows with their maximum at `offset`, among those that have an allowed key there."""
    n_columns = head.pattern.shape[1]
    key_T = head.row + offset
    inside_T = (key_T >= 0) & (key_T < n_columns)
    able_T = inside_T & head.allowed.gather(1, key_T.clamp(0, n_columns - 1)[:, None])[:, 0]
    if int(able_T.sum()) < ROWS:
        return 0.0
    return float((head.pattern.argmax(-1) == key_T)[able_T].double().mean())


def _monotone(head: _Head) -> Finding | None:
    """Cross-attention only; a head that rests on a sink does not walk."""
    column_T = head.pattern.argmax(-1)
    few = len(column_T) < MONOTONE_ROWS or len(column_T.unique()) < MONOTONE_COLUMNS
    if head.is_self or few or _sink(head):
        return None
    share = float((column_T.diff() >= 0).double().mean())
    return _found("monotone", share=share) if share >= MONOTONE else None


def _sharp(head: _Head) -> Finding | None:
    value = float(head.pattern.amax(-1).mean())
    return _found("sharp", value=value) if value >= SHARP else None


_MEASURES: tuple[Callable[[_Head], Finding | None], ...] = (
    _sink,
    _special,
    _offset,
    _monotone,
    _sharp,
)
