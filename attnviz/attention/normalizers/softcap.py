"""Soft cap: scores are squeezed smoothly between -c and c before the mask and softmax.

Gemma Team 2024, arXiv:2408.00118 (Gemma 2, c = 50). The cap comes before the mask: after it, a
hidden key would score -c and get some weight. A bias of another variant cannot join, since both
fill the same part.
"""

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Variant
from attnviz.recorder import Recorder, Step

CAPPED = Step(
    "capped",
    "H T S",
    r"c \tanh(S_{ts} / c)",
    "cap * tanh(score[h, t, s] / cap)",
    words={
        "en": ("Cap the scores", "Small scores stay, large ones end below the cap."),
        "zh": ("限制分数", "小的分数几乎不变，大的分数不会超过上限。"),
    },
)


def softcap(cap: float) -> Parts:
    """Parts that keep every score between -`cap` and `cap`."""

    def bias(scores_BHTS: Tensor, _q: Tensor, _k: Tensor, rec: Recorder) -> Tensor:
        capped_BHTS = cap * (scores_BHTS / cap).tanh()
        return rec.keep(CAPPED, capped_BHTS, score=scores_BHTS, cap=cap)

    return Parts(bias=bias)


VARIANT = Variant(
    name="softcap",
    title={"en": "Soft cap", "zh": "分数软上限"},
    words={
        "en": "Large scores are bent so that none passes the cap: no key can take all the weight, "
        "and training stays calm.",
        "zh": "把过大的分数平滑地压到上限之内：没有哪个键能独占权重，训练也更稳定。",
    },
    paper="Gemma Team 2024, arXiv:2408.00118",
    formula=r"A = \mathrm{softmax}(c \tanh(S / c))",
    parts=softcap,
    oracle=Oracle(package="x-transformers", call="Attend(softclamp_logits=True)", error=1e-13),
    parameters={
        "cap": Parameter(
            default=50.0,
            low=0.1,
            high=1000.0,
            log=True,
            meaning={"en": "what no score passes", "zh": "分数的上限"},
        )
    },
    cost=Cost(extra="3 * H * T * S"),
    limits=(Limit(given={"cap": 1000.0}, equals="softmax", error=1e-4),),
)
