"""Talking heads: heads mix their scores before the normalizer, and their weights after it.

Shazeer et al. 2020, arXiv:2003.02436. S'_h = sum_g P[h, g] S_g, softmax, A'_h = sum_g W[h, g] A_g
(one package adds the mixed scores to the old ones). A hidden score counts as 0 in the mixture, and
what is hidden from a head stays hidden from it, before and after. `mixing` goes from 0, every head
alone, to 1, P and W as they are.
"""

import math

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.softmax import PATTERN, softmax
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

ZEROED = Step(
    "zeroed",
    "H T S",
    r"M^0_{ts} = \begin{cases} S_{ts} & C_{ts} = 1 \\ 0 & C_{ts} = 0 \end{cases}",
    "where(masked[h, t, s] == -inf, 0, masked[h, t, s])",
    words={
        "en": ("Hidden scores as 0", "What is hidden must not count where scores are mixed."),
        "zh": ("被遮住的分数记为 0", "混合分数时，被遮住的部分不计入。"),
    },
)
BLENDED = Step(
    "blended",
    "H T S",
    r"(1 - \mu) M_h + \mu \sum_g P_{hg} M_g",
    "where(masked[h, t, s] == -inf, -inf, "
    "(1 - mixing) * zeroed[h, t, s] + mixing * sum(j, P[h, j] * zeroed[j, t, s]))",
    words={
        "en": ("Scores of all heads mixed", "Each head gets a share of every head's scores."),
        "zh": ("混合各头的分数", "每个头得到所有头分数的一部分。"),
    },
)
PLAIN = Step(
    "plain",
    "H T S",
    r"A_{ts} = e_{ts} / \Sigma_t",
    "exp[h, t, s] / sum[h, t]",
    kind="weight",
    words={
        "en": ("Weights before they are mixed", "The softmax of each head's mixed scores."),
        "zh": ("混合前的权重", "对每个头混合后的分数做 Softmax。"),
    },
)
PATTERN_TALKING = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A'_h = (1 - \mu) A_h + \mu \sum_g W_{hg} A_g",
    "where(masked[h, t, s] == -inf, 0, "
    "(1 - mixing) * plain[h, t, s] + mixing * sum(j, W[h, j] * plain[j, t, s]))",
    words={
        "en": ("Weights of all heads mixed", "They may be negative and need not sum to 1."),
        "zh": ("混合各头的权重", "可以为负，和也不必为 1。"),
    },
)


def zeroed(masked_BHTS: Tensor, rec: Recorder) -> tuple[Tensor, Tensor]:
    """The scores with 0 where they are hidden, and where that is, both BHTS."""
    hidden_BHTS = masked_BHTS == -math.inf
    return rec.keep(
        ZEROED, masked_BHTS.masked_fill(hidden_BHTS, 0), masked=masked_BHTS
    ), hidden_BHTS


def talking_heads(mixing: float, P: Tensor, W: Tensor) -> Parts:
    """Parts that mix scores with P and weights with W (both H x H, or B H H)."""

    def blend(x_BHTS: Tensor, mixture: Tensor) -> Tensor:
        return (1 - mixing) * x_BHTS + mixing * torch.einsum(
            "...hg,...gts->...hts", mixture, x_BHTS
        )

    def normalize(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
        zeroed_BHTS, hidden_BHTS = zeroed(masked_BHTS, rec)
        blended_BHTS = blend(zeroed_BHTS, P).masked_fill(hidden_BHTS, -math.inf)
        about = {"masked": masked_BHTS, "mixing": mixing}
        blended_BHTS = rec.keep(BLENDED, blended_BHTS, None, zeroed=zeroed_BHTS, P=P, **about)
        plain_BHTS = softmax(blended_BHTS, rec, PLAIN)
        pattern_BHTS = blend(plain_BHTS, W).masked_fill(hidden_BHTS, 0)
        return rec.keep(PATTERN_TALKING, pattern_BHTS, None, plain=plain_BHTS, W=W, **about)

    return Parts(normalize=normalize)


VARIANT = Variant(
    name="talking_heads",
    title={"en": "Talking heads", "zh": "Talking-Heads（头间混合）注意力（talking heads）"},
    words={
        "en": "Heads exchange scores before the softmax and weights after it: what one head has "
        "found, another can use.",
        "zh": "各头在 Softmax 之前交换分数、之后交换权重：一个头发现的，另一个头也能用上。",
    },
    paper="Shazeer et al. 2020, arXiv:2003.02436",
    formula=r"S'_h = \sum_g P_{hg} S_g, \quad A'_h = \sum_g W_{hg}\, \mathrm{softmax}(S'_g)",
    parts=talking_heads,
    oracle=Oracle(
        package="transformers",
        call="deberta.DisentangledSelfAttention(talking_head=True)",
        error=1e-7,
    ),
    properties=Properties(row_sum="any", negative=True, mixes_heads=True),
    parameters={
        "mixing": Parameter(
            default=0.5,
            low=0.0,
            high=1.0,
            meaning={"en": "0 keeps the heads apart", "zh": "0 表示各头互不影响"},
        )
    },
    weights={
        "P": Weight(axes="H H", meaning={"en": "how scores are mixed", "zh": "如何混合分数"}),
        "W": Weight(axes="H H", meaning={"en": "how weights are mixed", "zh": "如何混合权重"}),
    },
    cost=Cost(extra="4 * H * H * T * S"),
    limits=(Limit(given={"mixing": 0.0}, equals="mha"),),
)
