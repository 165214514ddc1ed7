"""FIRE: a small network turns the distance, seen as a share of the way back, into a bias.

Li et al. 2023, arXiv:2310.04418: f(psi(t - s) / psi(max(L, t))) with psi(x) =
log(c x + 1), and f a network with one layer of relu units and an output for each head. Made for
causal models, where the share lies between 0 and 1; for keys after the query the distance is taken
as |t - s|, and the share may be larger. L starts at 512 in the paper; here it is 4, so that a short
sentence shows what it does. The last query stands at the last key.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter, Weight, zeros
from attnviz.attention.parts import Parts
from attnviz.attention.positions.relative import STRENGTH, ahead
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

SHARE = Step(
    "relative_distance",
    "T S",
    r"x_{ts} = \frac{\log(c |t - s| + 1)}{\log(c \max(L, t) + 1)}",
    "log(bend * abs(t + past - s) + 1) / log(bend * maximum(threshold, t + past) + 1)",
    words={
        "en": ("How far back", "The distance as a share of the longest one there can be."),
        "zh": ("相对远近", "距离占最长可能距离的比例。"),
    },
)
CURVE = Step(
    "curve",
    "H T S",
    r"f(x) = W_2 \, \mathrm{relu}(w_1 x + b_1) + b_2",
    "sum(a, w2[a, h] * relu(w1[a] * relative_distance[t, s] + b1[a])) + b2[h]",
    words={
        "en": ("What the network says", "Every head has its own curve over the share."),
        "zh": ("网络的输出", "每个头对该比例有自己的一条曲线。"),
    },
)
BIASED = Step(
    "biased",
    "H T S",
    r"S_{ts} + \lambda f_h(x_{ts})",
    "score[h, t, s] + strength * curve[h, t, s]",
    words={
        "en": ("With the curve added", "The head's curve is added to its scores."),
        "zh": ("加上曲线", "把每个头的曲线加到分数上。"),
    },
)


def spread(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Normal numbers, smaller where the first axis is that of many units to be summed."""
    scale = shape[0] ** -0.5 if len(shape) > 1 else 1.0
    return torch.randn(shape, dtype=torch.float64, generator=generator) * scale


def fire(
    bend: float,
    threshold: float,
    hidden: int,
    strength: float,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
) -> Parts:
    """Parts that add `strength` x the network (`hidden` units) of the distance's share."""

    def bias(scores_BHTS: Tensor, _q: Tensor, _k: Tensor, rec: Recorder) -> Tensor:
        b, _, t, s = scores_BHTS.shape
        place_T = torch.arange(s - t, s).to(scores_BHTS).clamp_min(threshold)
        away_TS = ahead(scores_BHTS).abs().to(scores_BHTS.dtype)
        share_TS = torch.log1p(bend * away_TS) / torch.log1p(bend * place_T)[:, None]
        share_BTS = share_TS.expand(b, -1, -1)
        about = {"past": s - t, "bend": bend, "threshold": threshold}
        share_BTS = rec.keep(SHARE, share_BTS, None, **about)
        units_BTSA = torch.relu(
            share_BTS[..., None] * w1[..., None, None, :] + b1[..., None, None, :]
        )
        curve_BHTS = (units_BTSA @ w2[..., None, :, :]).movedim(-1, 1) + b2[..., None, None]
        curve_BHTS = rec.keep(
            CURVE, curve_BHTS, relative_distance=share_BTS, w1=w1, b1=b1, w2=w2, b2=b2
        )
        return rec.keep(
            BIASED,
            scores_BHTS + strength * curve_BHTS,
            score=scores_BHTS,
            curve=curve_BHTS,
            strength=strength,
        )

    return Parts(bias=bias)


VARIANT = Variant(
    name="fire",
    title={"en": "FIRE", "zh": "FIRE（函数式相对位置）"},
    words={
        "en": "A small network makes the bias from the distance as a share of the text so far, so "
        "that a longer text asks it nothing that it has not seen.",
        "zh": "一个小网络把距离占已读文本的比例变成偏置，因此更长的文本也不会超出它见过的范围。",
    },
    paper="Li et al. 2023, arXiv:2310.04418",
    formula=r"S_{ts} + f_h\!\left(\frac{\psi(t - s)}{\psi(\max(L, t))}\right), \quad"
    r" \psi(x) = \log(c x + 1)",
    parts=fire,
    oracle=Oracle(call="the definition in loops over queries and keys", error=1e-13),
    properties=Properties(placed=True),
    parameters={
        "bend": Parameter(
            default=0.1,
            low=0.001,
            high=100.0,
            log=True,
            meaning={"en": "how much near distances are told apart", "zh": "近距离被放大的程度"},
        ),
        "threshold": Parameter(
            default=4.0,
            low=1.0,
            high=1_000_000.0,
            log=True,
            unit="tokens",
            meaning={"en": "texts up to here count as this long", "zh": "短于此的文本按此长度计"},
        ),
        "hidden": Parameter(
            default=32,
            low=1,
            high=256,
            whole=True,
            unit="features",
            meaning={"en": "units of the network", "zh": "网络的单元数"},
        ),
        "strength": STRENGTH,
    },
    weights={
        "w1": Weight(
            axes="hidden", meaning={"en": "slopes of the units", "zh": "各单元的斜率"}, start=spread
        ),
        "b1": Weight(
            axes="hidden",
            meaning={"en": "where each unit begins", "zh": "各单元的起点"},
            start=spread,
        ),
        "w2": Weight(
            axes="hidden H",
            meaning={"en": "how much each unit counts", "zh": "各单元的分量"},
            start=spread,
        ),
        "b2": Weight(
            axes="H",
            meaning={"en": "added to every key alike", "zh": "对所有键都相同的偏置"},
            start=zeros,
            drawn=False,
        ),
    },
    cost=Cost(extra="T * S * hidden * (2 * H + 3)"),
    limits=(Limit(given={"strength": 0.0}, equals="nope"),),
)
