"""Scalable softmax: scores grow with the log of the number of keys, so that weights do not fade.

Nakanishi 2025, arXiv:2501.19399. The scores are multiplied by s log n (a shift by it would change
nothing). n is the number of keys that the row may see. A row of one key, whose log is 0, stays as
it is: all weight on that key.
"""

import math

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.rows import count, of_head
from attnviz.attention.normalizers.softmax import softmax
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Variant
from attnviz.recorder import Recorder, Step

FACTOR = Step(
    "factor",
    "H T 1",
    r"\beta_t = s_h \log n_t",
    "where(count[h, t] > 1, scale * log(count[h, t]), 1)",
    words={
        "en": ("The factor of each row", "It grows with the log of the number of keys."),
        "zh": ("每行的倍数", "随键数的对数增长。"),
    },
)
STRETCHED = Step(
    "stretched",
    "H T S",
    r"\beta_t M_{ts}",
    "where(masked[h, t, s] > -inf, factor[h, t] * masked[h, t, s], -inf)",
    words={
        "en": ("Stretch the scores", "The more keys there are, the further apart scores lie."),
        "zh": ("拉开分数", "键越多，分数之间的差距越大。"),
    },
)


def ssmax(scale: float | Tensor) -> Parts:
    """Parts that multiply the scores by `scale` (one number, or one for each head: H, or B H) and
    the log of the number of keys."""

    def normalize(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
        count_BHT1 = count(masked_BHTS, rec)
        factor_BHT1 = of_head(scale, masked_BHTS) * count_BHT1.clamp_min(1).log()
        factor_BHT1 = factor_BHT1.where(count_BHT1 > 1, 1)
        factor_BHT1 = rec.keep(FACTOR, factor_BHT1, count=count_BHT1, scale=scale)
        open_BHTS = masked_BHTS > -math.inf
        stretched_BHTS = masked_BHTS.where(open_BHTS, 0) * factor_BHT1
        stretched_BHTS = stretched_BHTS.where(open_BHTS, -math.inf)
        stretched_BHTS = rec.keep(STRETCHED, stretched_BHTS, masked=masked_BHTS, factor=factor_BHT1)
        return softmax(stretched_BHTS, rec)

    return Parts(normalize=normalize)


VARIANT = Variant(
    name="ssmax",
    title={"en": "Scalable softmax (SSMax)", "zh": "可扩展 Softmax（SSMax）"},
    words={
        "en": "Scores are stretched by the log of the number of keys: in a long text the largest "
        "weight does not fade away.",
        "zh": "分数按键数的对数放大：文本再长，最大的权重也不会被稀释。",
    },
    paper="Nakanishi 2025, arXiv:2501.19399",
    formula=r"A_t = \mathrm{softmax}(s_h \log(n_t) \, S_t)",
    parts=ssmax,
    oracle=Oracle(
        package="torch", call="F.scaled_dot_product_attention of s log(n) q", error=1e-13
    ),
    parameters={
        "scale": Parameter(
            default=0.43,
            low=0.01,
            high=10.0,
            log=True,
            axes="H",
            meaning={"en": "s, a factor on the log of the count", "zh": "键数对数的倍数 s"},
        )
    },
    cost=Cost(extra="H * T * S"),
    limits=(Limit(given={"scale": "1 / log(S)"}, equals="softmax"),),
)
