"""Squared ReLU: positive scores over the number of keys, squared, as in the gated attention unit.

Hua et al. 2022, arXiv:2202.10447. Scores are not divided by the root of the width; a bias is added
before the division, a mask comes in as zero weight. The paper divides by the length of the text,
here by the number of keys that the row may see: the same without a mask.
"""

from torch import Tensor

from attnviz.attention.normalizers.rows import count
from attnviz.attention.parts import Parts
from attnviz.attention.scores.dot import dot
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

PATTERN_RELU2 = Step(
    "pattern",
    "H T S",
    r"A_{ts} = \left(\frac{\mathrm{relu}(M_{ts})}{n_t}\right)^2",
    "(relu(masked[h, t, s]) / maximum(1, count[h, t])) ** 2",
    words={
        "en": ("Squared ReLU weights", "Twice the score is four times the weight; below 0, none."),
        "zh": ("平方 ReLU 权重", "分数翻倍，权重变为四倍；负分数没有权重。"),
    },
)


def relu2(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
    """Pattern BHTS; rows may have any sum."""
    count_BHT1 = count(masked_BHTS, rec)
    pattern_BHTS = (masked_BHTS.relu() / count_BHT1.clamp_min(1)).square()
    return rec.keep(PATTERN_RELU2, pattern_BHTS, masked=masked_BHTS, count=count_BHT1)


VARIANT = Variant(
    name="relu2",
    title={"en": "Squared ReLU (GAU)", "zh": "平方 ReLU（GAU）"},
    words={
        "en": "Positive scores are squared instead of taken to the exponential: cheap, sparse, and "
        "large scores still stand out.",
        "zh": "用平方代替指数，只保留正分数：计算便宜，结果稀疏，大分数依然突出。",
    },
    paper="Hua et al. 2022, arXiv:2202.10447",
    formula=r"A_{ts} = \left(\frac{\mathrm{relu}(q_t^\top k_s)}{n_t}\right)^2",
    parts=Parts(score=dot, normalize=relu2),
    oracle=Oracle(package="FLASH-pytorch", call="GAU", error=1e-13),
    properties=Properties(row_sum="any", sparse=True),
)
