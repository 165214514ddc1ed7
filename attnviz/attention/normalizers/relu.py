"""ReLU attention: scores below 0 count nothing, the others are divided by the number of keys.

Wortsman et al. 2023, arXiv:2309.08586: relu(S) / L^alpha with the length L of the sequence, which
all see in full there. Here it is the number n of keys that the row may see: the same without a
mask. Rows have any sum; one whose scores are all below 0 is zero.
"""

from torch import Tensor

from attnviz.attention.normalizers.rows import count
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

PATTERN_RELU = Step(
    "pattern",
    "H T S",
    r"A_{ts} = \mathrm{relu}(M_{ts}) / n_t^\alpha",
    "relu(masked[h, t, s]) / maximum(1, count[h, t]) ** alpha",
    words={
        "en": ("ReLU weights", "Positive scores over the number of keys; the others give 0."),
        "zh": ("ReLU 权重", "正的分数除以键数，其余为 0。"),
    },
)


def relu(alpha: float) -> Parts:
    """Parts whose weights are the positive scores over the number of keys to the power `alpha`."""

    def normalize(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
        count_BHT1 = count(masked_BHTS, rec)
        pattern_BHTS = masked_BHTS.relu() / count_BHT1.clamp_min(1) ** alpha
        return rec.keep(
            PATTERN_RELU, pattern_BHTS, masked=masked_BHTS, count=count_BHT1, alpha=alpha
        )

    return Parts(normalize=normalize)


VARIANT = Variant(
    name="relu",
    title={"en": "ReLU attention", "zh": "ReLU 注意力"},
    words={
        "en": "No exponential and no sum over the row: a positive score is a weight, divided by "
        "the number of keys, and a negative one counts nothing.",
        "zh": "不取指数，也不按行求和：正分数除以键数就是权重，负分数不起作用。",
    },
    paper="Wortsman et al. 2023, arXiv:2309.08586",
    formula=r"A_{ts} = \mathrm{relu}(S_{ts}) / n_t^\alpha",
    parts=relu,
    oracle=Oracle(
        package="attn_gym",
        call="activation score_mod in torch's flex_attention, undo_softmax",
        error=1e-13,
    ),
    properties=Properties(row_sum="any", sparse=True),
    parameters={
        "alpha": Parameter(
            default=1.0,
            low=0.0,
            high=2.0,
            meaning={"en": "power of the number of keys", "zh": "键数的幂次"},
        )
    },
)
