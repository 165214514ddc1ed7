"""No mask: every query may look at every key, as in an encoder and in cross-attention.

Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3.
"""

from torch import Tensor

from attnviz.attention.variant import Parts, Variant
from attnviz.recorder import Recorder


def bidirectional(scores_BHTS: Tensor, rec: Recorder) -> None:
    """Nothing is forbidden."""


VARIANT = Variant(
    name="bidirectional",
    title={"en": "Bidirectional (no mask)", "zh": "双向（无掩码）"},
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    formula=r"M = S",
    parts=Parts(allow=bidirectional),
)
