"""Where the q, k and v of a comparison come from: one attention of a real model, random numbers, or
the reader's own."""

import json
from dataclasses import dataclass

import streamlit as st
import torch
from torch import Tensor

from attnviz.analysis.block import path, side
from attnviz.analysis.label import labels
from attnviz.app import session
from attnviz.app.session import Request
from attnviz.error import InputError

MOST_TOKENS, MOST_WIDTH = 6, 4
"""The largest vectors that are typed by hand."""


@dataclass(frozen=True)
class Source:
    """What the vectors depend on, as a key for caches. A sentence has a `request` and the attention
    it is taken from; random ones have sizes and a `seed`; typed ones are `numbers`. With `causal`
    no query sees a later key."""

    request: Request | None = None
    block: str = ""
    layer: int = 0
    tokens: int = 0
    keys: int = 0
    width: int = 0
    heads: int = 1
    seed: int = 0
    numbers: str = ""
    causal: bool = False


@dataclass(frozen=True, eq=False)
class Vectors:
    """q (1 H T K), k (1 G S K), v (1 G S E), the names of queries and keys, and the mask."""

    q: Tensor
    k: Tensor
    v: Tensor
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    mask: Tensor | None


@st.cache_resource(max_entries=32, show_spinner=False)
def vectors(source: Source) -> Vectors:
    """The vectors of a source, in float64 where they are no model's. Raises InputError where they
    cannot be made."""
    if source.request:
        q, k, v, rows, columns = _of_sentence(source)
    elif source.numbers:
        q, k, v = typed(source.numbers)
        rows = columns = tuple(f"x{i + 1}" for i in range(q.shape[2]))
    else:
        q, k, v = _random(source)
        rows, columns = (tuple(map(str, range(n))) for n in (source.tokens, source.keys))
    t, s = len(rows), len(columns)
    mask = torch.ones(t, s, dtype=torch.bool).tril(s - t) if source.causal else None
    return Vectors(q, k, v, rows, columns, mask)


def _of_sentence(
    source: Source,
) -> tuple[Tensor, Tensor, Tensor, tuple[str, ...], tuple[str, ...]]:
    assert source.request is not None
    trace = session.trace(source.request)
    q, k, v = (trace[path(source.block, source.layer, name)].value[None] for name in "qkv")
    rows, columns = side(trace, source.block)
    return q, k, v, tuple(labels(rows)), tuple(labels(columns))


def _random(source: Source) -> tuple[Tensor, Tensor, Tensor]:
    """Normal numbers: scores have a variance of about 1 after scaling."""
    make = torch.Generator().manual_seed(source.seed)
    sizes = (source.tokens, source.keys, source.keys)
    made = [
        torch.randn(1, source.heads, n, source.width, dtype=torch.float64, generator=make)
        for n in sizes
    ]
    return made[0], made[1], made[2]


def first(tokens: int, width: int) -> str:
    """Numbers with one digit to begin with, by hand, as text."""
    make = torch.Generator().manual_seed(4)
    made = torch.randn(3, tokens, width, generator=make)
    return json.dumps([[[round(x, 1) for x in row] for row in one] for one in made.tolist()])


def typed(numbers: str) -> tuple[Tensor, Tensor, Tensor]:
    """q, k and v of one head from text: a JSON list of three matrices of one shape. Raises
    InputError where it is none."""
    try:
        found = torch.tensor(json.loads(numbers), dtype=torch.float64)
    except (ValueError, TypeError, OverflowError, RecursionError, RuntimeError):
        found = torch.zeros(0)
    if found.ndim != 3 or len(found) != 3 or not 0 < found[0].numel() <= MOST_TOKENS * MOST_WIDTH:
        raise InputError("typed", "q, k and v are three matrices of numbers of one small shape")
    if not torch.isfinite(found).all():
        raise InputError("finite", "q holds a number that is not finite", name="q, k, v")
    q, k, v = found[:, None, None]
    return q, k, v
