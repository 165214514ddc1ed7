"""Hard attention: all weight on the one key with the largest score.

Xu et al. 2015, arXiv:1502.03044, who draw the key at random; taking the largest score is what one
does once it is trained. Of equal scores the first wins. No gradient reaches the scores.
"""

import math

import torch
from torch import Tensor

from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

BEST = Step(
    "best",
    "H T 1",
    r"s^*_t = \arg\max_s M_{ts}",
    "argmax(s, masked[h, t, s])",
    words={
        "en": ("The best key", "The place of each query's largest score, counted from 0."),
        "zh": ("最佳的键", "每个查询最大分数所在的位置，从 0 数起。"),
    },
)
PATTERN_HARD = Step(
    "pattern",
    "H T S",
    r"A_{ts} = [s = s^*_t]",
    "(s == best[h, t]) * (masked[h, t, s] > -inf)",
    kind="weight",
    words={
        "en": ("One key", "1 for the best key, 0 for all the others."),
        "zh": ("只选一个键", "最佳的键为 1，其余全为 0。"),
    },
)


def hard(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
    """Pattern BHTS with one 1 in each row; a row with nothing allowed is all zero."""
    best_BHT1 = rec.keep(BEST, masked_BHTS.argmax(-1, keepdim=True), masked=masked_BHTS)
    is_best_BHTS = torch.arange(masked_BHTS.shape[-1], device=masked_BHTS.device) == best_BHT1
    pattern_BHTS = (is_best_BHTS & (masked_BHTS > -math.inf)).to(masked_BHTS.dtype)
    return rec.keep(PATTERN_HARD, pattern_BHTS, best=best_BHT1, masked=masked_BHTS)


VARIANT = Variant(
    name="hard",
    title={"en": "Hard attention", "zh": "硬注意力"},
    words={
        "en": "A query takes the value of its best key and nothing else: easy to read, but the "
        "choice jumps and cannot be learnt by gradients.",
        "zh": "查询只取最佳键的值：一目了然，但选择是跳变的，无法靠梯度学习。",
    },
    paper="Xu et al. 2015, arXiv:1502.03044",
    formula=r"A_{ts} = [s = \arg\max_{s'} S_{ts'}]",
    parts=Parts(normalize=hard),
    oracle=Oracle(package="x-transformers", call="Attend(hard=True)", error=1e-14),
    properties=Properties(sparse=True, differentiable=False),
    limits=(Limit(given={}, equals="topk", of={"kept": 1}),),
)
