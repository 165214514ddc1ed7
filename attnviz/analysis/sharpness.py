"""Which head decides most clearly: where to look first."""

import torch

from attnviz.analysis.block import side, stack
from attnviz.trace import Trace


def sharpest_head(trace: Trace, block: str) -> tuple[int, int]:
    """(layer, head) whose rows put the most weight on one text token each, on average.

    Special tokens do not count as a decision: a head that rests on </s> is no example of reading.
    """
    _, keys = side(trace, block)
    text_S = ~torch.tensor(keys.special)
    pattern_LHTS = stack(trace, block)
    clear_LH = (pattern_LHTS * text_S).amax(-1).mean(-1)
    layer, head = divmod(int(clear_LH.argmax()), clear_LH.shape[1])
    return layer, head
