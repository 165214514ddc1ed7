"""Sigmoid attention: every key is judged by itself, without competing for a sum of 1.

Ramapuram et al. 2024, arXiv:2409.04431: sigmoid(S + b) with b = -log n, so that a row of n keys
starts near a sum of 1. Here n is the number of keys that the row may see, and b = -alpha log n;
alpha 0 leaves the bias out. Without a mask that is the paper's b.
"""

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.rows import count
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

SHIFTED = Step(
    "shifted",
    "H T S",
    r"M_{ts} - \alpha \log n_t",
    "masked[h, t, s] - alpha * log(maximum(1, count[h, t]))",
    words={
        "en": ("Shift by the count", "The more keys there are, the less each of them starts with."),
        "zh": ("按键数下移", "键越多，每个键的起点越低。"),
    },
)
PATTERN_SIGMOID = Step(
    "pattern",
    "H T S",
    r"A_{ts} = \sigma(M_{ts} - \alpha \log n_t)",
    "sigmoid(shifted[h, t, s])",
    kind="weight",
    words={
        "en": ("Sigmoid weights", "Each between 0 and 1 by itself; a row may have any sum."),
        "zh": ("Sigmoid 权重", "各自在 0 与 1 之间，一行之和可以是任意值。"),
    },
)


def sigmoid(alpha: float) -> Parts:
    """Parts whose weights are sigmoids of the scores less `alpha` times the log of their number."""

    def normalize(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
        count_BHT1 = count(masked_BHTS, rec)
        shifted_BHTS = masked_BHTS - alpha * count_BHT1.clamp_min(1).log()
        shifted_BHTS = rec.keep(
            SHIFTED, shifted_BHTS, masked=masked_BHTS, count=count_BHT1, alpha=alpha
        )
        return rec.keep(PATTERN_SIGMOID, shifted_BHTS.sigmoid(), shifted=shifted_BHTS)

    return Parts(normalize=normalize)


VARIANT = Variant(
    name="sigmoid",
    title={"en": "Sigmoid attention", "zh": "Sigmoid 注意力"},
    words={
        "en": "Each weight comes from its own score alone: keys do not compete, and a query may "
        "look at many of them fully or at none.",
        "zh": "每个权重只由自己的分数决定：键之间不竞争，查询可以充分看许多键，也可以一个都不看。",
    },
    paper="Ramapuram et al. 2024, arXiv:2409.04431",
    formula=r"A_{ts} = \sigma(S_{ts} - \alpha \log n_t)",
    parts=sigmoid,
    oracle=Oracle(
        package="x-transformers", call="Attend(sigmoid=True), attn_bias=-log n", error=1e-14
    ),
    properties=Properties(row_sum="any"),
    parameters={
        "alpha": Parameter(
            default=1.0,
            low=0.0,
            high=2.0,
            meaning={"en": "how far the count shifts the scores", "zh": "键数使分数下移的程度"},
        )
    },
    cost=Cost(extra="H * T * S"),
)
