"""What several normalizers know of a row: how many keys it may see, its scores in order, and the
number of its own head.

Hidden keys are not counted. A row then does not depend on how far the text goes on after it, and
a sentence that is filled up with padding keeps its weights.
"""

import math

from torch import Tensor

from attnviz.recorder import Recorder, Step

COUNT = Step(
    "count",
    "H T 1",
    r"n_t = |\{s : M_{ts} > -\infty\}|",
    "sum(s, masked[h, t, s] > -inf)",
    words={
        "en": ("Count the keys", "How many keys each query may look at; hidden ones do not count."),
        "zh": ("统计键数", "每个查询可以看到多少个键；被遮住的不算。"),
    },
)

SORTED = Step(
    "sorted",
    "H T R",
    r"M_{t(1)} \ge M_{t(2)} \ge \dots",
    words={
        "en": ("Sort the scores", "Each query's scores, the largest first."),
        "zh": ("分数排序", "每个查询的分数，从大到小。"),
    },
)


def count(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
    """How many keys each row may see, BHT1, in the scores' own numbers."""
    count_BHT1 = (masked_BHTS > -math.inf).sum(-1, keepdim=True).to(masked_BHTS.dtype)
    return rec.keep(COUNT, count_BHT1, masked=masked_BHTS)


def of_head(number: float | Tensor, masked_BHTS: Tensor) -> Tensor:
    """One number for all, or one for each head (H, or B H), as it stands in every row, BHT1."""
    each = number if isinstance(number, Tensor) else masked_BHTS.new_tensor(number)
    return each[..., None, None].expand(*masked_BHTS.shape[:3], 1)


def ranked(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
    """The scores of each row from the largest to the smallest, BHTR."""
    return rec.keep(SORTED, masked_BHTS.sort(-1, descending=True).values)
