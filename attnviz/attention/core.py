"""The one data path of attention: x -> q, k, v -> place -> score -> bias -> allow -> normalize ->
mix -> out.

Vaswani et al. 2017, arXiv:1706.03762; grouped key/value heads after Ainslie et al. 2023,
arXiv:2305.13245 (query head h reads group h // (H / G)). What varies between variants are the
parts; the path never asks which variant is calling.
"""

import math
from typing import Protocol

import torch
from torch import Tensor, nn

from attnviz.attention.normalizers.softmax import softmax
from attnviz.attention.scores.scaled_dot import scaled_dot
from attnviz.attention.variant import Parts
from attnviz.trace import SILENT, Recorder, Step

Q = Step("q", "H T K", r"Q = X W_Q + b_Q")
KEY = Step("k", "G S K", r"K = Y W_K + b_K")
VALUE = Step("v", "G S E", r"V = Y W_V + b_V")
SCORES = Step("scores", "H T S", r"S = \mathrm{score}(Q, K) + \text{bias}")
MASKED = Step("masked", "H T S", r"M_{ts} = S_{ts} \text{ if allowed, else } -\infty")
Z = Step("z", "H T E", r"Z = A V")
OUT = Step("out", "T D", r"\sum_h Z_h W_O^h + b_O")

STANDARD = Parts(score=scaled_dot, normalize=softmax)


def attend(
    q_BHTK: Tensor,
    k_BGSK: Tensor,
    v_BGSE: Tensor,
    allowed: Tensor | None = None,
    parts: Parts = STANDARD,
    rec: Recorder = SILENT,
) -> Tensor:
    """Mix the values by attention: z BHTE. `allowed` (broadcast to BHTS) is True where attention
    may go, on top of the parts' own mask; a query with nothing allowed gets zeros."""
    assert parts.score is not None, "a path needs a score"
    assert parts.normalize is not None, "a path needs a normalizer"
    if parts.place:
        q_BHTK, k_BGSK = parts.place(q_BHTK, k_BGSK, rec)
    n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
    scores_BHTS = parts.score(q_BHTK, _shared(k_BGSK, n_sharing), rec)
    if parts.bias:
        scores_BHTS = parts.bias(scores_BHTS, rec)
    scores_BHTS = rec.keep(SCORES, scores_BHTS)
    if parts.allow:
        own = parts.allow(scores_BHTS.shape[-2], scores_BHTS.shape[-1], scores_BHTS)
        allowed = own if allowed is None else own & allowed
    if allowed is not None:
        scores_BHTS = scores_BHTS.where(allowed, -math.inf)
    masked_BHTS = rec.keep(MASKED, scores_BHTS)
    pattern_BHTS = parts.normalize(masked_BHTS, rec)
    return rec.keep(Z, torch.matmul(pattern_BHTS, _shared(v_BGSE, n_sharing)))


def _shared(x_BGSK: Tensor, n_sharing: int) -> Tensor:
    """Each key/value head repeated for the query heads that read it."""
    return x_BGSK if n_sharing == 1 else x_BGSK.repeat_interleave(n_sharing, dim=1)


class Past(Protocol):
    """Keys and values of tokens read before; gives back all of them, old and new."""

    def extend(self, k_BGSK: Tensor, v_BGSE: Tensor) -> tuple[Tensor, Tensor]: ...


class Attention(nn.Module):
    """Multi-head attention with per-head weights W_Q (H D K), W_K and W_V (G D K), W_O (H K D)."""

    def __init__(self, d_model: int, n_heads: int, n_kv_heads: int, d_head: int) -> None:
        super().__init__()
        self.W_Q = _weight(n_heads, d_model, d_head)
        self.W_K = _weight(n_kv_heads, d_model, d_head)
        self.W_V = _weight(n_kv_heads, d_model, d_head)
        self.W_O = _weight(n_heads, d_head, d_model, fan_in=n_heads * d_head)
        self.b_Q = nn.Parameter(torch.zeros(n_heads, d_head))
        self.b_K = nn.Parameter(torch.zeros(n_kv_heads, d_head))
        self.b_V = nn.Parameter(torch.zeros(n_kv_heads, d_head))
        self.b_O = nn.Parameter(torch.zeros(d_model))

    def forward(
        self,
        x_BTD: Tensor,
        y_BSD: Tensor,
        allowed: Tensor | None = None,
        parts: Parts = STANDARD,
        rec: Recorder = SILENT,
        past: Past | None = None,
    ) -> Tensor:
        """Queries from `x`, keys and values from `y` (the same tensor in self-attention)."""
        q_BHTK = rec.keep(Q, _heads(x_BTD, self.W_Q, self.b_Q))
        k_BGSK = rec.keep(KEY, _heads(y_BSD, self.W_K, self.b_K))
        v_BGSK = rec.keep(VALUE, _heads(y_BSD, self.W_V, self.b_V))
        if past is not None:
            k_BGSK, v_BGSK = past.extend(k_BGSK, v_BGSK)
        z_BHTK = attend(q_BHTK, k_BGSK, v_BGSK, allowed, parts, rec)
        out_BTD = torch.einsum("bhtk,hkd->btd", z_BHTK, self.W_O) + self.b_O
        return rec.keep(OUT, out_BTD)


def _heads(x_BTD: Tensor, w_HDK: Tensor, b_HK: Tensor) -> Tensor:
    return torch.einsum("btd,hdk->bhtk", x_BTD, w_HDK) + b_HK[:, None]


def _weight(*shape: int, fan_in: int | None = None) -> nn.Parameter:
    bound = (3 / (fan_in or shape[1])) ** 0.5
    return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))
