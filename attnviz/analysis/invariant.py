"""What must hold of an attention, checked on the numbers of this very input."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from attnviz.attention.core import attend
from attnviz.attention.parts import Parts
from attnviz.trace import Trace

MOST_ROWS = 16
KERNEL = {torch.float64: 1e-12, torch.float32: 1e-5}
"""How far the output may be from PyTorch's own kernel."""


@dataclass(frozen=True)
class Check:
    """One invariant: its `code` to be worded, the largest violation found, and what is allowed."""

    code: str
    value: float
    limit: float

    @property
    def holds(self) -> bool:
        return self.value <= self.limit


def checks(trace: Trace, attention: str, parts: Parts, causal: bool) -> list[Check]:
    """ "rows" (largest |row sum - 1|), where the attention is `causal` "masked" (largest weight on
    the future) and "leak" (largest change of an output when only later keys and values change), and
    "kernel" (largest difference of the output to torch's scaled_dot_product_attention). `parts` are
    those that computed the trace."""

    def value(step: str) -> Tensor:
        return trace[f"{attention}.{step}"].value

    q, k, v, pattern, z = map(value, ("q", "k", "v", "pattern", "z"))
    rounding = 1e-5 if q.dtype == torch.float32 else 1e-12
    found = [Check("rows", _largest(pattern.sum(-1) - 1), rounding)]
    if causal:
        future = torch.ones(pattern.shape[-2:], dtype=torch.bool).triu(1)
        found.append(Check("masked", _largest(pattern[:, future]), 0.0))
        found.append(Check("leak", _leak(q, k, v, parts), 0.0))
    kernel = functional.scaled_dot_product_attention(
        q[None], k[None], v[None], is_causal=causal, enable_gqa=k.shape[0] != q.shape[0]
    )
    found.append(Check("kernel", _largest(z - kernel[0]), KERNEL.get(q.dtype, 1e-2)))
    return found


def _leak(q: Tensor, k: Tensor, v: Tensor, parts: Parts) -> float:
    """How much a row changes when the keys and values after it are others: set to zero. About
    MOST_ROWS rows are tried."""
    n_tokens = q.shape[1]
    rows_B = torch.arange(0, n_tokens - 1, max(1, n_tokens // MOST_ROWS))
    if not len(rows_B):
        return 0.0
    known_B1S1 = (torch.arange(n_tokens) <= rows_B[:, None])[:, None, :, None]
    q, k, v = (x.expand(len(rows_B), *x.shape) for x in (q, k, v))
    whole_BHTE = attend(q, k, v, parts=parts)
    cut_BHTE = attend(q, k * known_B1S1, v * known_B1S1, parts=parts)
    picked = torch.arange(len(rows_B))
    return _largest((whole_BHTE - cut_BHTE)[picked, :, rows_B])


def _largest(values: Tensor) -> float:
    """The largest magnitude; infinite where a number is not a number."""
    if not values.numel():
        return 0.0
    return float(torch.nan_to_num(values.abs(), nan=float("inf")).max())
