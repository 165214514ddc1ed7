"""The attention blocks of a trace, and where in the trace their steps are.

A block is named "encoder.self", "pool.cross", "decoder.self" or "decoder.cross"; a trace path puts
the layer between the two words. A pool's queries are slots, and a decoder that follows one looks at
them instead of the source.
"""

import torch
from torch import Tensor

from attnviz.trace import Tokens, Trace

BLOCKS = ("encoder.self", "pool.cross", "decoder.self", "decoder.cross")


def path(block: str, layer: int, step: str) -> str:
    """Where a step of a block is: ("decoder.cross", 2, "pattern") is "decoder.2.cross.pattern"."""
    stack, kind = block.split(".")
    return f"{stack}.{layer}.{kind}.{step}"


def blocks(trace: Trace) -> tuple[str, ...]:
    """Names of the attention blocks there are, in the order the model computes them."""
    return tuple(block for block in BLOCKS if path(block, 0, "pattern") in trace.steps)


def n_layers(trace: Trace, block: str) -> int:
    """How many layers of the block the trace holds; 0 where it has no such block."""
    layer = 0
    while path(block, layer, "pattern") in trace.steps:
        layer += 1
    return layer


def stack(trace: Trace, block: str, step: str = "pattern") -> Tensor:
    """One step of every layer, LHTS. Raises ValueError where the trace has no such block."""
    depth = n_layers(trace, block)
    if not depth:
        raise ValueError(f"the trace has no block {block!r}; it has {', '.join(blocks(trace))}")
    return torch.stack([trace[path(block, layer, step)].value for layer in range(depth)])


def allowed(trace: Trace, block: str, layer: int) -> Tensor:
    """Boolean HTS: which key each query of the layer could look at, read from its mask; any key
    where the attention has none."""
    masked = path(block, layer, "masked")
    if masked in trace.steps:
        return trace[masked].value > -torch.inf
    masks = (path(block, layer, step) for step in ("both", "visible", "given", "allowed"))
    known = next((mask for mask in masks if mask in trace.steps), None)
    if known:
        return trace[known].value
    return torch.ones_like(trace[path(block, layer, "pattern")].value, dtype=torch.bool)


def side(trace: Trace, block: str) -> tuple[Tokens, Tokens]:
    """The block's query tokens and key tokens. Raises ValueError where the trace lacks them."""
    stack, kind = block.split(".")
    queries = own(trace, stack)
    keys = queries if kind == "self" else memory(trace, stack)
    if queries is None or keys is None:
        raise ValueError(f"the trace has no tokens for {block!r}")
    return queries, keys


def own(trace: Trace, stack: str) -> Tokens | None:
    """The tokens that a stack ("encoder", "pool", "decoder") works on; of another part of the path
    those of the queries."""
    known = {"encoder": trace.source, "pool": trace.slots, "decoder": trace.target}
    return known.get(stack, trace.target or trace.source)


def memory(trace: Trace, stack: str) -> Tokens | None:
    """The tokens that a stack's cross-attention looks at."""
    return trace.source if stack == "pool" else trace.slots or trace.source
