"""Attention weights from anywhere -> Trace: the head grid for one's own model, in a notebook.

Weights alone have no steps before them; the trace says so in facts["bare"].
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from attnviz.error import InputError
from attnviz.given import SIDES, stacks
from attnviz.piece import Pieces
from attnviz.piece import tokens as side_tokens
from attnviz.recorder import Kept, Step
from attnviz.trace import Tokens, Trace

PATTERN = Step("pattern", "H T S", "A", kind="weight")
ALLOWED = Step("allowed", "H T S", r"C_{ts} \in \{0, 1\}", kind="weight")

SUM_ERROR = 1e-2
"""A row whose sum is farther from 1 is counted: bfloat16 has eight bits."""


def explain(
    found: Any,
    tokens: Pieces | None = None,
    target: Pieces | None = None,
    *,
    slots: Pieces | None = None,
    block: str | None = None,
    index: int | None = None,
) -> Trace:
    """A Trace of attention weights that another library computed.

    `found` is an array L H T S (H T S and T S too), a list with one for each layer (H T S or
    B H T S, as `output_attentions=True` gives them), arrays by name ("encoder.self",
    "decoder.3.cross"), an output of `transformers`, or the (output, weights) of
    torch.nn.MultiheadAttention; torch, NumPy or nested lists. `index` chooses from a batch.

    Where no name says which attention it is, or `block` ("encoder.self", "decoder.self",
    "decoder.cross", "pool.cross"), the form does: more queries than keys or fewer is
    cross-attention, nothing above the diagonal is a decoder, the rest an encoder. `tokens` are a
    list of texts, those of the keys in cross-attention, `target` those of its queries, and `slots`
    what a pool looks with; without them tokens are numbers.

    `facts` count what is no distribution: "outside" numbers below 0 or above 1, "uneven" rows whose
    sum is not 1, of "rows". Raises InputError, in one sentence with both numbers.
    """
    both = tokens is not None and target is not None
    blocks = _named(stacks(found, index), block, both)
    sides = _sides(blocks, {"source": tokens, "target": target, "slots": slots})
    source, queries, pool = (sides[side] for side in ("source", "target", "slots"))
    text = source.text if source else ""
    facts = {"bare": True, "text": text, "cut": {}} | _counts(blocks)
    return Trace(_steps(blocks), source, queries, facts=facts, slots=pool)


def _named(found: Mapping[str, Tensor], block: str | None, crossing: bool) -> dict[str, Tensor]:
    """The weights by attention, in the order in which a model computes them."""
    if block is not None and block not in SIDES:
        known = ", ".join(SIDES)
        message = f"there is no attention {block!r}; known are {known}"
        raise InputError("weights-name", message, name=block, known=known)
    if block is not None and len(found) > 1:
        message = f"block names one attention, but the weights are of {len(found)}"
        raise InputError("weights-block", message, block=block, found=len(found))
    named = dict(found)
    if block is not None:
        named = {block: next(iter(found.values()))}
    elif "" in named:
        unnamed = named.pop("")
        place = _place(unnamed, crossing, named)
        if place in named:
            message = f"two arrays are given for the same attention, the second is {place!r}"
            raise InputError("weights-twice", message, name=place)
        named[place] = unnamed
    return {place: named[place] for place in SIDES if place in named}


def _place(weights_LHTS: Tensor, crossing: bool, others: Mapping[str, Tensor]) -> str:
    """Which attention it is, by its form and by what stands beside it."""
    n_rows, n_columns = weights_LHTS.shape[2:]
    if n_rows != n_columns or (crossing and not others):
        return "decoder.cross"
    return "decoder.self" if others or _causal(weights_LHTS) else "encoder.self"


def _causal(weights_LHTS: Tensor) -> bool:
    """Whether every weight above the diagonal is 0, and there are some."""
    return weights_LHTS.shape[-1] > 1 and not bool(weights_LHTS.triu(1).any())


def _sides(
    blocks: Mapping[str, Tensor], given: Mapping[str, Pieces | None]
) -> dict[str, Tokens | None]:
    """The tokens of every side; None for a side that no attention has. One list alone is that of a
    decoder where there is nothing else."""
    sizes = _sizes(blocks)
    if set(sizes) == {"target"} and given["target"] is None:
        given = {"source": None, "target": given["source"], "slots": given["slots"]}
    for side, pieces in given.items():
        if pieces is not None and side not in sizes:
            message = f"the weights have no {side} tokens, but a list of them was given"
            raise InputError("weights-side", message, side=side)
    return {
        side: side_tokens(pieces, sizes[side], side) if side in sizes else None
        for side, pieces in given.items()
    }


def _sizes(blocks: Mapping[str, Tensor]) -> dict[str, int]:
    """How many tokens each side has, as every attention agrees."""
    sizes: dict[str, tuple[int, str]] = {}
    pooled = {"decoder.cross": ("target", "slots")} if "pool.cross" in blocks else {}
    sides = {**SIDES, **pooled}
    for block, weights_LHTS in blocks.items():
        n_rows, n_columns = weights_LHTS.shape[2:]
        if block.endswith("self") and n_rows != n_columns:
            message = f"{block} has {n_rows} queries and {n_columns} keys: they must be the same"
            about = {"block": block, "rows": n_rows, "columns": n_columns}
            raise InputError("weights-square", message, **about)
        for side, size in zip(sides[block], weights_LHTS.shape[2:], strict=True):
            known, first = sizes.setdefault(side, (size, block))
            if known != size:
                message = f"{block} has {size} {side} tokens, but {first} has {known}"
                about = {"block": block, "size": size, "side": side, "first": first, "known": known}
                raise InputError("weights-sizes", message, **about)
    return {side: size for side, (size, _) in sizes.items()}


def _steps(blocks: Mapping[str, Tensor]) -> dict[str, Kept]:
    """The weights of every layer by path; before those of a decoder that looks at nothing to come,
    what it may look at."""
    steps: dict[str, Kept] = {}
    for block, weights_LHTS in blocks.items():
        stack, kind = block.split(".")
        allowed_TS = torch.ones(weights_LHTS.shape[2:], dtype=torch.bool).tril()
        causal = block == "decoder.self" and _causal(weights_LHTS)
        for layer, weights_HTS in enumerate(weights_LHTS):
            at = f"{stack}.{layer}.{kind}"
            if causal:
                path = f"{at}.allowed"
                steps[path] = Kept(path, ALLOWED, allowed_TS.expand_as(weights_HTS))
            steps[f"{at}.pattern"] = Kept(f"{at}.pattern", PATTERN, weights_HTS)
    return steps


def _counts(blocks: Mapping[str, Tensor]) -> dict[str, Any]:
    """What is no distribution, counted."""
    outside = uneven = rows = 0
    for x_LHTS in blocks.values():
        off_LHT = (x_LHTS.sum(-1, dtype=torch.float64) - 1).abs() > SUM_ERROR
        outside += int(((x_LHTS < 0) | (x_LHTS > 1 + SUM_ERROR)).sum())
        uneven, rows = uneven + int(off_LHT.sum()), rows + off_LHT.numel()
    return {"outside": outside, "uneven": uneven, "rows": rows}
