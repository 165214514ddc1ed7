"""Location-sensitive score: content as in the additive score, and where the weight has been so far.

Chorowski et al. 2015, arXiv:1506.07503, section 2.1; with the weights of the query before and the
sum of all earlier ones side by side as in Tacotron 2, arXiv:1712.05884. Rows are computed in order.
Filters of `width` places slide over both (cross-correlation, as in every deep learning library):
filter place j reads key s + j - width // 2, and zero lies beyond both ends. Both are zero before
the first query. All heads share the weights; nothing is divided by a root of the width.
"""

import torch
from torch import Tensor
from torch.nn import functional

from attnviz.attention.core import masked, weighted
from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.softmax import PATTERN, softmax
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts
from attnviz.attention.scores.additive import EXTRA, HIDDEN, WEIGHTS, mapped, squashed
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import SILENT, Recorder, Step

PREVIOUS = Step(
    "previous",
    "H T S",
    r"A_{t-1, s}",
    "where(t < 1, 0, pattern[h, t - 1, s])",
    kind="weight",
    words={
        "en": ("Weights of the row before", "Where the weight was for the query before."),
        "zh": ("上一行的权重", "前一个查询的权重落在何处。"),
    },
)
SO_FAR = Step(
    "so_far",
    "H T S",
    r"\sum_{i < t} A_{is}",
    "sum(i, pattern[h, i, s] * (i < t))",
    words={
        "en": ("Weights so far", "The weight that the key got from all queries before, added up."),
        "zh": ("累计权重", "该键从之前所有查询得到的权重之和。"),
    },
)
FEATURES = Step(
    "features",
    "H T S R",
    r"f_{ts} = F * \left[A_{t-1}; \sum_{i < t} A_i\right]_s",
    "sum(i, j, (F_last[r, j] * previous[h, t, i] + F_sum[r, j] * so_far[h, t, i]) "
    "* (i == s + j - half))",
    words={
        "en": ("What the filters see", "Each filter looks at the weights around the key."),
        "zh": ("滤波器的输出", "每个滤波器查看该键周围的权重。"),
    },
)
SENSITIVE = Step(
    "scores",
    "H T S",
    r"S_{ts} = v^\top \tanh(W_Q q_t + W_K k_s + U f_{ts} + b)",
    "sum(a, v[a] * tanh(mapped_q[h, t, a] + mapped_k[h, s, a] "
    "+ sum(r, U[a, r] * features[h, t, s, r])))",
    words={
        "en": ("Finished scores", "Query, key and the filters' view are added, squashed, weighed."),
        "zh": ("最终分数", "查询、键与滤波器的输出相加，压缩后加权求和。"),
    },
)


def location_sensitive(
    v_a: Tensor, U: Tensor, F_last: Tensor, F_sum: Tensor, **maps: Tensor
) -> Parts:
    """A path with the filters F_last and F_sum (filters x width), their map U (hidden x filters)
    and the additive score's weights."""

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        q_BHTA, k_BHSA = mapped(q_BHTK, k_BGSK, rec=rec, **maps)
        last_BHS = so_far_BHS = torch.zeros_like(k_BHSA[..., 0])
        rows: list[tuple[Tensor, ...]] = []
        for t in range(q_BHTA.shape[2]):
            seen_BHSR = _slid(last_BHS, F_last) + _slid(so_far_BHS, F_sum)
            keys_BHSA = k_BHSA + seen_BHSR @ U[..., None, :, :].mT
            scores_BH1S = squashed(q_BHTA[:, :, t, None], keys_BHSA, v_a)
            rows.append((last_BHS, so_far_BHS, seen_BHSR, scores_BH1S[:, :, 0]))
            if allowed is not None:
                scores_BH1S = scores_BH1S.where(allowed[:, :, t, None], -torch.inf)
            last_BHS = softmax(scores_BH1S, SILENT)[:, :, 0]
            so_far_BHS = so_far_BHS + last_BHS
        last, so_far, seen, scores = (torch.stack(x, dim=2) for x in zip(*rows, strict=True))
        last = rec.keep(PREVIOUS, last, pattern=PATTERN)
        so_far = rec.keep(SO_FAR, so_far, pattern=PATTERN)
        about = {"previous": last, "so_far": so_far, "F_last": F_last, "F_sum": F_sum}
        seen = rec.keep(FEATURES, seen, None, half=F_last.shape[-1] // 2, **about)
        about = {"mapped_q": q_BHTA, "mapped_k": k_BHSA, "features": seen, "U": U}
        scores = rec.keep(SENSITIVE, scores, None, v=v_a, **about)
        return weighted(softmax(masked(scores, allowed, rec), rec), v_BGSE, rec)

    return Parts(whole=whole)


def _slid(x_BHS: Tensor, filters_RN: Tensor) -> Tensor:
    """What each filter makes of the numbers around each key, BHSR."""
    width = filters_RN.shape[-1]
    padded = functional.pad(x_BHS, (width // 2, width - 1 - width // 2))
    return padded.unfold(-1, width, 1) @ filters_RN[..., None, :, :].mT


VARIANT = Variant(
    name="location_sensitive",
    title={"en": "Location-sensitive", "zh": "位置敏感"},
    words={
        "en": "The score also sees where the weight has been so far, so that the reader moves on "
        "evenly and does not lose its place: made for speech.",
        "zh": "分数还参考权重之前落在何处，使阅读平稳向前、不会迷失位置：为语音而设计。",
    },
    paper="Chorowski et al. 2015, arXiv:1506.07503",
    formula=r"S_{ts} = v^\top \tanh(W_Q q_t + W_K k_s + U f_{ts} + b), \quad "
    r"f_t = F * \left[A_{t-1}; \sum_{i < t} A_i\right]",
    parts=lambda hidden, filters, width, **weights: location_sensitive(**weights),
    oracle=Oracle(call="loops over the papers' equations, row after row", error=1e-14),
    parameters={
        "hidden": HIDDEN,
        "filters": Parameter(
            default=4, low=1, high=512, whole=True, meaning={"en": "filters", "zh": "滤波器个数"}
        ),
        "width": Parameter(
            default=3,
            low=1,
            high=1001,
            unit="tokens",
            whole=True,
            meaning={"en": "places that a filter sees", "zh": "滤波器覆盖的位置数"},
        ),
    },
    weights={
        **WEIGHTS,
        "U": Weight(
            axes="hidden filters", meaning={"en": "map of the features", "zh": "特征的映射"}
        ),
        "F_last": Weight(
            axes="filters width",
            meaning={"en": "filters over the row before", "zh": "作用于上一行权重的滤波器"},
        ),
        "F_sum": Weight(
            axes="filters width",
            meaning={"en": "filters over the sum so far", "zh": "作用于累计权重的滤波器"},
        ),
    },
    cost=Cost(
        extra=f"{EXTRA} + H * T * S * filters * (4 * width + 2 * hidden)",
        numbers="H * T * S * hidden",
    ),
)
