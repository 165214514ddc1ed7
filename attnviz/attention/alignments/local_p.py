"""Local attention, predictive alignment: each query predicts the place p around which it looks.

Luong, Pham, Manning 2015, arXiv:1508.04025, section 3.2, "local-p" (equations 9 and 10). Places
count from 0. p = n sigmoid(v^T tanh(W q)) lies between 0 and n, where n is the place after the last
key that the query may see: the length of the source, and under a causal mask the query's own place
plus one, so that p tells nothing of what is still to come. Softmax goes over the keys with |s - p|
<= D and is then multiplied by a Gaussian of width D / 2, not divided by the new sum: rows sum to
less than 1. Scores are scaled dot products. Where the edge of the window passes a token, weights
jump.
"""

import math
from dataclasses import replace

import torch
from torch import Tensor

from attnviz.attention.alignments.local_m import REACH
from attnviz.attention.core import BOTH, MASKED, weighted
from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.softmax import PATTERN, softmax
from attnviz.attention.parameter import Weight
from attnviz.attention.parts import Parts
from attnviz.attention.scores.scaled_dot import scaled_dot
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

LENGTH = Step(
    "length",
    "H T 1",
    r"n_t = \max \{ s + 1 : C_{ts} = 1 \}",
    "max(s, (s + 1) * allowed[h, t, s])",
    words={
        "en": ("Length", "The place after the last key that the query may see."),
        "zh": ("长度", "查询可见的最后一个键之后的位置。"),
    },
)
CENTRE = Step(
    "centre",
    "H T 1",
    r"p_t = n_t\, \sigma(v_p^\top \tanh(W_p q_t))",
    "length[h, t] * sigmoid(sum(j, v_p[j] * tanh(sum(k, W_p[j, k] * q[h, t, k]))))",
    words={
        "en": (
            "The predicted place",
            "Where the query expects what it needs; it need not be whole.",
        ),
        "zh": ("预测的位置", "查询预计所需内容所在的位置，不一定是整数。"),
    },
)
NEAR = Step(
    "near",
    "H T S",
    r"[\,|s - p_t| \le D\,]",
    "abs(s - centre[h, t]) <= reach",
    kind="weight",
    words={
        "en": ("Window around it", "1 for keys at most D places from the predicted one, else 0."),
        "zh": ("其周围的窗口", "离预测位置不超过 D 的键为 1，其余为 0。"),
    },
)
INSIDE = replace(
    PATTERN,
    name="inside",
    formula=r"a_{ts} = e_{ts} / \Sigma_t",
    words={
        "en": ("Softmax in the window", "Each row sums to 1 over the keys in the window."),
        "zh": ("窗口内的 Softmax", "每一行在窗口内的键上之和为 1。"),
    },
)
BELL = Step(
    "bell",
    "H T S",
    r"g_{ts} = \exp\left(-\frac{(s - p_t)^2}{2 (D / 2)^2}\right)",
    "exp(-2 * ((s - centre[h, t]) / reach) ** 2)",
    kind="weight",
    words={
        "en": ("Gaussian around it", "1 at the predicted place, falling off to both sides."),
        "zh": ("以它为中心的高斯", "在预测位置为 1，向两侧衰减。"),
    },
)
PATTERN_LOCAL = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A_{ts} = a_{ts}\, g_{ts}",
    "inside[h, t, s] * bell[h, t, s]",
    kind="weight",
    words={
        "en": ("Weights", "Softmax inside the window times the Gaussian; rows sum to less than 1."),
        "zh": ("权重", "窗口内的 Softmax 乘以高斯；每行之和小于 1。"),
    },
)


def local_p(reach: int, W_p: Tensor, v_p: Tensor) -> Parts:
    """A path whose window reaches `reach` places from the predicted one; W (K x K) and v (K)
    predict it."""

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        scores_BHTS = scaled_dot(q_BHTK, k_BGSK, rec)
        places_S = torch.arange(k_BGSK.shape[2], device=q_BHTK.device, dtype=q_BHTK.dtype)
        length_BHT1 = _length(scores_BHTS, allowed, rec)
        hidden_BHTK = torch.tanh(q_BHTK @ W_p[..., None, :, :].mT)
        share_BHT1 = (hidden_BHTK * v_p[..., None, None, :]).sum(-1, keepdim=True).sigmoid()
        centre_BHT1 = length_BHT1 * share_BHT1
        about = {"q": q_BHTK, "length": length_BHT1}
        centre_BHT1 = rec.keep(CENTRE, centre_BHT1, None, W_p=W_p, v_p=v_p, **about)
        near_BHTS = (places_S - centre_BHT1).abs() <= reach
        near_BHTS = rec.keep(NEAR, near_BHTS, centre=centre_BHT1, reach=reach)
        seen_BHTS = near_BHTS
        if allowed is not None:
            seen_BHTS = rec.keep(BOTH, near_BHTS & allowed, own=near_BHTS, given=allowed)
        masked_BHTS = scores_BHTS.where(seen_BHTS, -math.inf)
        masked_BHTS = rec.keep(MASKED, masked_BHTS, scores=scores_BHTS, allowed=seen_BHTS)
        inside_BHTS = softmax(masked_BHTS, rec, INSIDE)
        bell_BHTS = torch.exp(-2 * ((places_S - centre_BHT1) / reach).square())
        bell_BHTS = rec.keep(BELL, bell_BHTS, centre=centre_BHT1, reach=reach)
        pattern_BHTS = inside_BHTS * bell_BHTS
        pattern_BHTS = rec.keep(PATTERN_LOCAL, pattern_BHTS, inside=inside_BHTS, bell=bell_BHTS)
        return weighted(pattern_BHTS, v_BGSE, rec)

    return Parts(whole=whole)


def _length(scores_BHTS: Tensor, allowed: Tensor | None, rec: Recorder) -> Tensor:
    """The place after the last key that each query may see, BHT1."""
    s = scores_BHTS.shape[-1]
    if allowed is None:
        length_BHT1 = torch.full_like(scores_BHTS[..., :1], s)
        return rec.keep(replace(LENGTH, formula="n = S", rule="n_keys"), length_BHT1, n_keys=s)
    after_S = torch.arange(1, s + 1, device=scores_BHTS.device, dtype=scores_BHTS.dtype)
    length_BHT1 = (after_S * allowed).amax(-1, keepdim=True)
    return rec.keep(LENGTH, length_BHT1, allowed=allowed)


VARIANT = Variant(
    name="local_p",
    title={"en": "Local, around a predicted place (local-p)", "zh": "局部预测对齐（local-p）"},
    words={
        "en": "Each query first predicts a place in the source and then looks only around it, less "
        "and less the farther away.",
        "zh": "每个查询先预测源句中的一个位置，再只看它的附近，越远权重越小。",
    },
    paper="Luong, Pham, Manning 2015, arXiv:1508.04025",
    formula=r"A_{ts} = \mathrm{softmax}_{|s - p_t| \le D}(S)_{ts}\, "
    r"e^{-2 (s - p_t)^2 / D^2}, \quad p_t = n\, \sigma(v_p^\top \tanh(W_p q_t))",
    parts=local_p,
    oracle=Oracle(call="loops over the paper's equations", error=1e-13),
    properties=Properties(row_sum="at most one", sparse=True),
    parameters={"reach": replace(REACH, low=1)},
    weights={
        "W_p": Weight(axes="K K", meaning={"en": "map of the query", "zh": "查询的映射"}),
        "v_p": Weight(
            axes="K", meaning={"en": "reads the place from the map", "zh": "由映射读出位置"}
        ),
    },
    cost=Cost(
        pairs="T * minimum(2 * reach + 1, S)",
        extra="2 * H * T * K * (K + 1) + 5 * H * T * minimum(2 * reach + 1, S)",
    ),
    limits=(Limit(given={"reach": 1_000_000}, equals="softmax", error=1e-9),),
)
