"""No mask: every query may look at every key, as in an encoder and in cross-attention.

Vaswani et al. 2017, arXiv:1706.03762, section 3.2.3.
"""

from torch import Tensor

from attnviz.attention.parts import Parts
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import Recorder


def bidirectional(scores_BHTS: Tensor, rec: Recorder) -> None:
    """Nothing is forbidden."""


VARIANT = Variant(
    name="bidirectional",
    title={"en": "Bidirectional (no mask)", "zh": "双向（无掩码）"},
    words={
        "en": "Every query may look at every key, as in an encoder and from a decoder into it.",
        "zh": "每个查询都可以看所有的键，如编码器内部以及从解码器看向编码器。",
    },
    paper="Vaswani et al. 2017, arXiv:1706.03762",
    formula=r"M = S",
    parts=Parts(allow=bidirectional),
    oracle=Oracle(package="torch", call="nn.MultiheadAttention", error=1e-13),
)
