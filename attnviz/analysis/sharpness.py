"""Which head reads most clearly: where to look first."""

import torch

from attnviz.analysis.block import side, stack
from attnviz.trace import Trace


def sharpest_head(trace: Trace, block: str) -> tuple[int, int]:
    """(layer, head) of the largest clarity times coverage: how much weight its rows put on one text
    token each, on average, and how much the text tokens get from one row each.

    Special tokens do not count: a head that rests on </s> is no example of reading, nor is one
    whose rows all rest on the full stop.
    """
    _, keys = side(trace, block)
    text_S = ~torch.tensor(keys.special)
    pattern_LHTS = stack(trace, block) * text_S
    clarity_LH = pattern_LHTS.amax(-1).mean(-1)
    coverage_LH = pattern_LHTS.amax(-2).sum(-1)
    layer, head = divmod(int((clarity_LH * coverage_LH).argmax()), clarity_LH.shape[1])
    return layer, head
