"""Inverted attention: queries compete for each key, and each query then shares out what it won.

Locatello et al. 2020, arXiv:2006.15055 (slot attention). Softmax runs over the queries, so that the
columns sum to 1; then each row is divided by its sum, or by eps = 1e-8 where that is larger (the
paper adds eps; a row that has won next to nothing sums to less than 1). All queries work together,
so that no mask can keep the future out; a key that is hidden from every query is left out.
"""

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.softmax import PATTERN, softmax
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import SILENT, Recorder, Step

EPS = 1e-8
CLAIMS = Step(
    "claims",
    "H T S",
    r"B_{ts} = \frac{e^{M_{ts}}}{\sum_{t'} e^{M_{t's}}}",
    "where(masked[h, t, s] == -inf, 0, exp(masked[h, t, s]) / sum(j, exp(masked[h, j, s])))",
    kind="weight",
    words={
        "en": ("Queries compete", "Each key is divided among the queries: columns sum to 1."),
        "zh": ("查询相互竞争", "每个键由各查询瓜分：每列的和为 1。"),
    },
)
WON = Step(
    "won",
    "H T 1",
    r"n_t = \sum_s B_{ts}",
    "sum(s, claims[h, t, s])",
    words={
        "en": ("What each query won", "The sum of its shares of all keys."),
        "zh": ("每个查询赢得的总量", "它在所有键中所占份额之和。"),
    },
)
PATTERN_INVERTED = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A_{ts} = B_{ts} / \max(n_t, \epsilon)",
    "claims[h, t, s] / maximum(won[h, t], eps)",
    kind="weight",
    words={
        "en": ("Shares of what was won", "Each row is divided by its sum."),
        "zh": ("赢得部分的比例", "每一行除以该行的和。"),
    },
)


def inverted(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
    """Pattern BHTS: softmax over the queries, then rows divided by their sums."""
    claims_BHTS = rec.keep(CLAIMS, softmax(masked_BHTS.mT, SILENT).mT, masked=masked_BHTS)
    won_BHT1 = rec.keep(WON, claims_BHTS.sum(-1, keepdim=True), claims=claims_BHTS)
    pattern_BHTS = claims_BHTS / won_BHT1.clamp_min(EPS)
    return rec.keep(PATTERN_INVERTED, pattern_BHTS, claims=claims_BHTS, won=won_BHT1, eps=EPS)


VARIANT = Variant(
    name="inverted",
    title={"en": "Inverted (slot) attention", "zh": "反转注意力（槽注意力）"},
    words={
        "en": "Queries compete for the keys instead of keys for the queries: each key goes mostly "
        "to one query, which sorts tokens into groups.",
        "zh": "不是键争夺查询，而是查询争夺键：每个键主要归一个查询，从而把词元分成组。",
    },
    paper="Locatello et al. 2020, arXiv:2006.15055",
    formula=r"B = \mathrm{softmax}_t(S), \quad A_{ts} = \frac{B_{ts}}{\sum_{s'} B_{ts'}}",
    parts=Parts(normalize=inverted),
    oracle=Oracle(package="x-transformers", call="Attend(inverted_attention=True)", error=1e-6),
    properties=Properties(placed=True, row_sum="at most one", maskable=False),
    cost=Cost(extra="2 * H * T * S"),
)
