"""Signed attention (Cog): softmax of the scores' sizes, and each weight keeps its score's sign.

Lv et al. 2024, arXiv:2411.07176. The sizes |A| of a row sum to 1; weights of negative scores take
the value away instead of adding it. A score of exactly 0 has no sign and gets no weight. A hidden
key stays hidden (its size is not taken of minus infinity).
"""

import math
from dataclasses import replace

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.softmax import PATTERN, softmax
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

SIZE = Step(
    "size",
    "H T S",
    r"|M_{ts}|",
    "where(masked[h, t, s] > -inf, abs(masked[h, t, s]), -inf)",
    words={
        "en": ("Size of the scores", "How strong a score is, whichever its sign."),
        "zh": ("分数的大小", "不论正负，只看分数有多强。"),
    },
)
SHARES = replace(
    PATTERN,
    name="shares",
    formula=r"|A_{ts}| = e_{ts} / \Sigma_t",
    words={
        "en": ("Shares without signs", "The softmax of the sizes; a row sums to 1."),
        "zh": ("不带符号的份额", "对大小取 Softmax，一行之和为 1。"),
    },
)
PATTERN_COG = Step(
    "pattern",
    "H T S",
    r"A_{ts} = \mathrm{sign}(M_{ts}) \, |A_{ts}|",
    "sign(masked[h, t, s]) * shares[h, t, s]",
    words={
        "en": ("Signed weights", "Where the score is negative, the value is taken away."),
        "zh": ("带符号的权重", "分数为负时，对应的值被减去。"),
    },
)


def cog(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
    """Pattern BHTS, with negative weights."""
    open_BHTS = masked_BHTS > -math.inf
    size_BHTS = rec.keep(SIZE, masked_BHTS.abs().where(open_BHTS, -math.inf), masked=masked_BHTS)
    shares_BHTS = softmax(size_BHTS, rec, SHARES)
    pattern_BHTS = (masked_BHTS.sign() * shares_BHTS).where(open_BHTS, 0)
    return rec.keep(PATTERN_COG, pattern_BHTS, masked=masked_BHTS, shares=shares_BHTS)


VARIANT = Variant(
    name="cog",
    title={"en": "Signed attention (Cog)", "zh": "带符号的注意力（Cog）"},
    words={
        "en": "Weights may be negative: a key that strongly does not match is taken away instead "
        "of merely being left out.",
        "zh": "权重可以为负：强烈不匹配的键不是被忽略，而是从结果中减去。",
    },
    paper="Lv et al. 2024, arXiv:2411.07176",
    formula=r"A = \mathrm{sign}(S) \odot \mathrm{softmax}(|S|)",
    parts=Parts(normalize=cog),
    oracle=Oracle(package="x-transformers", call="Attend(cog_signed=True)", error=1e-14),
    properties=Properties(row_sum="at most one", negative=True),
    cost=Cost(extra="2 * H * T * S"),
)
