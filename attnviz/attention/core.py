"""The one data path of attention: x -> q, k, v -> share -> place -> score -> bias -> allow ->
normalize -> mix -> out.

Vaswani et al. 2017, arXiv:1706.03762; grouped key/value heads after Ainslie et al. 2023,
arXiv:2305.13245 (query head h reads group h // (H / G)). What varies between variants are the
parts; the path never asks which variant is calling.
"""

import math
from typing import Protocol

import torch
from torch import Tensor, nn

from attnviz.attention.normalizers.softmax import softmax
from attnviz.attention.parts import Parts, shared
from attnviz.attention.scores.scaled_dot import scaled_dot
from attnviz.recorder import SILENT, Recorder, Step

Q = Step("q", "H T K", r"Q = X W_Q + b_Q", "sum(d, x[t, d] * W_Q[h, d, k]) + b_Q[h, k]")
KEY = Step("k", "G S K", r"K = Y W_K + b_K", "sum(d, y[s, d] * W_K[g, d, k]) + b_K[g, k]")
VALUE = Step("v", "G S E", r"V = Y W_V + b_V", "sum(d, y[s, d] * W_V[g, d, e]) + b_V[g, e]")
SCORES = Step("scores", "H T S", r"S = \mathrm{score}(Q, K) + \mathrm{bias}", "score[h, t, s]")
GIVEN = Step("given", "H T S", r"C_{ts} \in \{0, 1\}", kind="weight")
BOTH = Step("both", "H T S", r"C \wedge C'", "own[h, t, s] * given[h, t, s]", kind="weight")
MASKED = Step(
    "masked",
    "H T S",
    r"M_{ts} = \begin{cases} S_{ts} & C_{ts} = 1 \\ -\infty & C_{ts} = 0 \end{cases}",
    "where(allowed[h, t, s], scores[h, t, s], -inf)",
)
OPEN = Step("masked", "H T S", r"M = S", "scores[h, t, s]")
Z = Step("z", "H T E", r"Z = A V", "sum(s, pattern[h, t, s] * v[h // n_sharing, s, e])")
OUT = Step(
    "out",
    "T D",
    r"\mathrm{out} = \sum_h Z_h W_O^h + b_O",
    "sum(h, k, z[h, t, k] * W_O[h, k, d]) + b_O[d]",
)

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
    if parts.share:
        q_BHTK, k_BGSK, v_BGSE = parts.share(q_BHTK, k_BGSK, v_BGSE, rec)
    if parts.place:
        q_BHTK, k_BGSK = parts.place(q_BHTK, k_BGSK, rec)
    if parts.whole:
        allowed = _allowed(_cells(q_BHTK, k_BGSK), allowed, parts, rec)
        return parts.whole(q_BHTK, k_BGSK, v_BGSE, allowed, rec)
    assert parts.score is not None, "a path needs a score"
    assert parts.normalize is not None, "a path needs a normalizer"
    scores_BHTS = parts.score(q_BHTK, k_BGSK, rec)
    if parts.bias:
        scores_BHTS = parts.bias(scores_BHTS, q_BHTK, k_BGSK, rec)
    scores_BHTS = rec.keep(SCORES, scores_BHTS, score=scores_BHTS)
    masked_BHTS = masked(scores_BHTS, _allowed(scores_BHTS, allowed, parts, rec), rec)
    pattern_BHTS = parts.normalize(masked_BHTS, rec)
    if parts.mix:
        return parts.mix(pattern_BHTS, v_BGSE, q_BHTK, rec)
    return weighted(pattern_BHTS, v_BGSE, rec)


def weighted(pattern_BHTS: Tensor, v_BGSE: Tensor, rec: Recorder, step: Step = Z) -> Tensor:
    """The values in the proportions of the pattern, BHTE, recorded as `step`."""
    z_BHTE = torch.matmul(pattern_BHTS, shared(v_BGSE, pattern_BHTS))
    n_sharing = pattern_BHTS.shape[1] // v_BGSE.shape[1]
    return rec.keep(step, z_BHTE, pattern=pattern_BHTS, v=v_BGSE, n_sharing=n_sharing)


def _cells(q_BHTK: Tensor, k_BGSK: Tensor) -> Tensor:
    """A tensor of the scores' shape that takes no memory."""
    return q_BHTK.new_empty(()).expand(*q_BHTK.shape[:3], k_BGSK.shape[2])


def _allowed(
    scores_BHTS: Tensor, given: Tensor | None, parts: Parts, rec: Recorder
) -> Tensor | None:
    """Where the `given` mask and the parts' own both allow attention; None is everywhere."""
    allowed = parts.allow(scores_BHTS, rec) if parts.allow else None
    if given is None:
        return allowed
    given = rec.keep(GIVEN, given.expand_as(scores_BHTS))
    if allowed is None:
        return given
    return rec.keep(BOTH, allowed & given, own=allowed, given=given)


def masked(scores_BHTS: Tensor, allowed: Tensor | None, rec: Recorder) -> Tensor:
    """The scores with -inf where attention is not allowed."""
    if allowed is None:
        return rec.keep(OPEN, scores_BHTS, scores=scores_BHTS)
    masked_BHTS = scores_BHTS.where(allowed, -math.inf)
    return rec.keep(MASKED, masked_BHTS, scores=scores_BHTS, allowed=allowed)


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
        q_BHTK = _heads(x_BTD, self.W_Q, self.b_Q)
        k_BGSK = _heads(y_BSD, self.W_K, self.b_K)
        v_BGSK = _heads(y_BSD, self.W_V, self.b_V)
        q_BHTK = rec.keep(Q, q_BHTK, x=x_BTD, W_Q=self.W_Q, b_Q=self.b_Q)
        k_BGSK = rec.keep(KEY, k_BGSK, y=y_BSD, W_K=self.W_K, b_K=self.b_K)
        v_BGSK = rec.keep(VALUE, v_BGSK, y=y_BSD, W_V=self.W_V, b_V=self.b_V)
        if past is not None:
            k_BGSK, v_BGSK = past.extend(k_BGSK, v_BGSK)
        z_BHTK = attend(q_BHTK, k_BGSK, v_BGSK, allowed, parts, rec)
        out_BTD = torch.einsum("bhtk,hkd->btd", z_BHTK, self.W_O) + self.b_O
        return rec.keep(OUT, out_BTD, z=z_BHTK, W_O=self.W_O, b_O=self.b_O)


def _heads(x_BTD: Tensor, w_HDK: Tensor, b_HK: Tensor) -> Tensor:
    return torch.einsum("btd,hdk->bhtk", x_BTD, w_HDK) + b_HK[:, None]


def _weight(*shape: int, fan_in: int | None = None) -> nn.Parameter:
    bound = (3 / (fan_in or shape[1])) ** 0.5
    return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))
