"""Temperature: scores divided by tau before softmax; small tau sharpens, large tau flattens.

Hinton, Vinyals, Dean 2015, arXiv:1503.02531, equation 1. tau -> 0 gives all weight to the largest
score, tau -> infinity the same weight to every key that may be looked at.
"""

from torch import Tensor

from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Variant
from attnviz.recorder import Recorder, Step

TEMPERED = Step("tempered", "H T S", r"S / \tau", "score[h, t, s] / temperature")


def temperature(tau: float) -> Parts:
    """Parts that divide the scores by `tau` > 0."""

    def divided(scores_BHTS: Tensor, _q: Tensor, _k: Tensor, rec: Recorder) -> Tensor:
        tempered_BHTS = scores_BHTS / tau
        return rec.keep(TEMPERED, tempered_BHTS, score=scores_BHTS, temperature=tau)

    return Parts(bias=divided)


VARIANT = Variant(
    name="temperature",
    title={"en": "Softmax with temperature", "zh": "带温度的 Softmax"},
    words={
        "en": "All scores are divided by one number: below 1 the weights sharpen towards the "
        "largest score, above 1 they flatten towards equal weights.",
        "zh": "所有分数都除以同一个数：小于 1 时权重更集中于最大的分数，大于 1 时趋于平均。",
    },
    paper="Hinton, Vinyals, Dean 2015, arXiv:1503.02531",
    formula=r"A = \mathrm{softmax}(S / \tau)",
    parts=temperature,
    parameters={
        "tau": Parameter(
            default=1.0,
            low=0.01,
            high=100.0,
            log=True,
            meaning={"en": "temperature", "zh": "温度"},
        )
    },
    oracle=Oracle(
        package="torch", call="F.scaled_dot_product_attention(scale=1 / (tau sqrt d))", error=1e-13
    ),
    limits=(
        Limit(given={"tau": 0.01}, equals="hard", error=0.5),
        Limit(given={"tau": 1.0}, equals="softmax"),
    ),
)
