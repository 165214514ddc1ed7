"""The mask put on after softmax: a common mistake. Rows no longer sum to 1, and the future still
counts in every denominator.

What is right is Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3: the mask goes before softmax.
"""

from dataclasses import replace

from torch import Tensor

from attnviz.attention.masks.bidirectional import bidirectional
from attnviz.attention.masks.causal import causal
from attnviz.attention.normalizers.softmax import PATTERN, softmax
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

LATE = Step(
    "pattern",
    "H T S",
    r"A_{ts} = \begin{cases} A'_{ts} & s \le t \\ 0 & s > t \end{cases}",
    "where(allowed[h, t, s], unmasked[h, t, s], 0)",
    "weight",
)
UNMASKED = replace(PATTERN, name="unmasked", formula=r"A'_{ts} = e_{ts} / \Sigma_t")


def late_mask(scores_BHTS: Tensor, rec: Recorder) -> Tensor:
    """Pattern BHTS: the softmax of all scores, the future then set to zero."""
    unmasked_BHTS = softmax(scores_BHTS, rec, UNMASKED)
    allowed_BHTS = causal(scores_BHTS, rec)
    pattern_BHTS = unmasked_BHTS.where(allowed_BHTS, 0)
    return rec.keep(LATE, pattern_BHTS, unmasked=unmasked_BHTS, allowed=allowed_BHTS)


VARIANT = Variant(
    name="late_mask",
    title={"en": "Mask after softmax (a mistake)", "zh": "在 Softmax 之后加掩码（错误做法）"},
    words={
        "en": "A common mistake: the future is set to zero only after softmax, so that it still "
        "counts in every denominator and the rows no longer sum to 1.",
        "zh": "常见的错误：在 Softmax 之后才把未来置零，分母里仍含未来，各行的和不再是 1。",
    },
    paper="Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3, done in the wrong order",
    formula=r"A_{ts} = \mathrm{softmax}(S)_{ts} \text{ if } s \le t, \text{ else } 0",
    parts=Parts(allow=bidirectional, normalize=late_mask),
    oracle=Oracle(call="softmax over all keys by loops, the future set to zero", error=1e-13),
    properties=Properties(placed=True, row_sum="at most one", maskable=False),
)
