"""The two branches of native sparse attention that read single keys: those of the chosen blocks,
and the last ones up to the query.

Yuan et al. 2025, arXiv:2502.11089, sections 3.3.2 and 3.3.3; see `nsa`.
"""

import math

import torch
from torch import Tensor

from attnviz.attention.normalizers.softmax import softmax
from attnviz.recorder import SILENT, Recorder, Step

SELECTED = Step(
    "selected_weights",
    "H T S",
    r"A^{\mathrm{slc}} = \mathrm{softmax}(S \text{ where chosen})",
    "chosen[h, t, s // block] * allowed[h, t, s] * exp(scaled[h, t, s]) / "
    "maximum(sum(j, chosen[h, t, j // block] * allowed[h, t, j] * exp(scaled[h, t, j])), tiny)",
    kind="weight",
    words={
        "en": ("Weights in the chosen blocks", "Softmax over past keys of the blocks chosen."),
        "zh": ("选中块内的权重", "对选中块中之前的键做 Softmax。"),
    },
)
WINDOW = Step(
    "window_weights",
    "H T S",
    r"A^{\mathrm{win}} = \mathrm{softmax}(S \text{ where } t - s < W)",
    "(t + past - s < window) * allowed[h, t, s] * exp(scaled[h, t, s]) / "
    "maximum(sum(j, (t + past - j < window) * allowed[h, t, j] * exp(scaled[h, t, j])), tiny)",
    kind="weight",
    words={
        "en": ("Weights in the window", "Softmax over the last keys up to the query."),
        "zh": ("窗口内的权重", "对查询处最近的若干键做 Softmax。"),
    },
)


def selected_weights(
    scaled_BHTS: Tensor, allowed_BHTS: Tensor, chosen_BHTR: Tensor, block: int, rec: Recorder
) -> Tensor:
    """Weights BHTS over the past keys of the chosen blocks."""
    block_S = torch.arange(scaled_BHTS.shape[3], device=scaled_BHTS.device) // block
    inside_BHTS = chosen_BHTR[..., block_S] & allowed_BHTS
    weights_BHTS = softmax(scaled_BHTS.where(inside_BHTS, -math.inf), SILENT)
    return rec.keep(
        SELECTED,
        weights_BHTS,
        chosen=chosen_BHTR,
        allowed=allowed_BHTS,
        scaled=scaled_BHTS,
        block=block,
        tiny=torch.finfo(scaled_BHTS.dtype).tiny,
    )


def window_weights(scaled_BHTS: Tensor, allowed_BHTS: Tensor, window: int, rec: Recorder) -> Tensor:
    """Weights BHTS over the last `window` keys."""
    past = scaled_BHTS.shape[3] - scaled_BHTS.shape[2]
    inside_BHTS = allowed_BHTS.triu(past - window + 1)
    return rec.keep(
        WINDOW,
        softmax(scaled_BHTS.where(inside_BHTS, -math.inf), SILENT),
        allowed=allowed_BHTS,
        scaled=scaled_BHTS,
        past=past,
        window=window,
        tiny=torch.finfo(scaled_BHTS.dtype).tiny,
    )
