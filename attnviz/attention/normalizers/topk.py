"""Top-k: softmax over the k largest scores of each row, the others get nothing.

Zhao et al. 2019, arXiv:1912.11637. Scores equal to the k-th largest are all kept, so that ties may
leave more than k. A row that may see fewer than k keys keeps all of them.
"""

import math

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.rows import ranked
from attnviz.attention.normalizers.softmax import softmax
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

THRESHOLD = Step(
    "threshold",
    "H T 1",
    r"\theta_t = \text{the } k\text{-th largest } M_{ts}",
    "sorted[h, t, kept - 1]",
    words={
        "en": ("The k-th largest score", "Scores below it are left out."),
        "zh": ("第 k 大的分数", "低于它的分数都被舍去。"),
    },
)
TRIMMED = Step(
    "trimmed",
    "H T S",
    r"M_{ts} \text{ if } M_{ts} \ge \theta_t, \text{ else } -\infty",
    "where(masked[h, t, s] < threshold[h, t], -inf, masked[h, t, s])",
    words={
        "en": ("Keep the largest", "Scores below the k-th largest are hidden like masked ones."),
        "zh": ("只留最大的", "低于第 k 大的分数像被掩码一样隐藏。"),
    },
)


def topk(kept: int) -> Parts:
    """Parts that leave the `kept` largest scores of each row."""

    def normalize(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
        n = min(kept, masked_BHTS.shape[-1])
        sorted_BHTR = ranked(masked_BHTS, rec)
        threshold_BHT1 = sorted_BHTR[..., n - 1 : n]
        threshold_BHT1 = rec.keep(THRESHOLD, threshold_BHT1, sorted=sorted_BHTR, kept=n)
        trimmed_BHTS = masked_BHTS.where(masked_BHTS >= threshold_BHT1, -math.inf)
        trimmed_BHTS = rec.keep(TRIMMED, trimmed_BHTS, masked=masked_BHTS, threshold=threshold_BHT1)
        return softmax(trimmed_BHTS, rec)

    return Parts(normalize=normalize)


VARIANT = Variant(
    name="topk",
    title={"en": "Top-k softmax", "zh": "Top-k Softmax"},
    words={
        "en": "Only the few largest scores of a query stay in the softmax: what matters little "
        "gets no weight at all.",
        "zh": "每个查询只有最大的几个分数进入 Softmax：不重要的键完全没有权重。",
    },
    paper="Zhao et al. 2019, arXiv:1912.11637",
    formula=r"A_{ts} = \frac{[S_{ts} \ge \theta_t] \, e^{S_{ts}}}"
    r"{\sum_{s'} [S_{ts'} \ge \theta_t] \, e^{S_{ts'}}}",
    parts=topk,
    oracle=Oracle(package="x-transformers", call="Attend(sparse_topk=k)", error=1e-14),
    properties=Properties(sparse=True),
    parameters={
        "kept": Parameter(
            default=3,
            low=1,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "how many keys are kept", "zh": "保留的键数"},
        )
    },
    cost=Cost(extra="H * T * S * log(kept)"),
    limits=(
        Limit(given={"kept": "S"}, equals="softmax"),
        Limit(given={"kept": 1}, equals="hard"),
    ),
)
