"""Temperature: scores divided by tau before softmax; small tau sharpens, large tau flattens.

Hinton, Vinyals, Dean 2015, arXiv:1503.02531, equation 1. tau -> 0 gives all weight to the largest
score, tau -> infinity the same weight to every key that may be looked at.
"""

from torch import Tensor

from attnviz.attention.variant import Parameter, Parts, Variant
from attnviz.recorder import Recorder, Step

TEMPERED = Step("tempered", "H T S", r"S / \tau", "score[h, t, s] / temperature")


def temperature(tau: float) -> Parts:
    """Parts that divide the scores by `tau` > 0."""

    def divided(scores_BHTS: Tensor, rec: Recorder) -> Tensor:
        tempered_BHTS = scores_BHTS / tau
        return rec.keep(TEMPERED, tempered_BHTS, score=scores_BHTS, temperature=tau)

    return Parts(bias=divided)


VARIANT = Variant(
    name="temperature",
    title={"en": "Softmax with temperature", "zh": "带温度的 Softmax"},
    paper="Hinton, Vinyals, Dean 2015, arXiv:1503.02531",
    formula=r"A = \mathrm{softmax}(S / \tau)",
    parts=temperature,
    parameters={
        "tau": Parameter(
            default=1.0, low=0.01, high=100.0, meaning={"en": "temperature", "zh": "温度"}
        )
    },
)
