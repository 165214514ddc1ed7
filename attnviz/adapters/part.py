"""What the attention of a foreign model is made of, as the parts of our own data path.

Scale, soft cap, sinks, T5's and Bloom's positions and the mask are read from what the module says
when it is called; a module that says anything else is noticed, because its pattern then differs.
"""

from typing import Any

import torch
from torch import Tensor, nn

from attnviz.adapters.seam import Asked
from attnviz.attention.masks.causal import causal
from attnviz.attention.masks.sliding_window import sliding_window
from attnviz.attention.normalizers.sink_logit import sink_logit
from attnviz.attention.normalizers.softcap import softcap
from attnviz.attention.normalizers.softmax import softmax
from attnviz.attention.parts import Allow, Bias, Parts, Score
from attnviz.attention.positions.t5_bias import t5_bias
from attnviz.attention.scores.dot import RAW, dot
from attnviz.attention.scores.scaled_dot import scaled_dot
from attnviz.recorder import SILENT, Recorder, Step

SCALED = Step(
    "scaled",
    "H T S",
    r"c R",
    "raw[h, t, s] * scale",
    words={
        "en": (
            "Multiply by the scale",
            "This model scales its dot products by a number of its own.",
        ),
        "zh": ("乘以缩放系数", "这个模型用自己的系数缩放点积。"),
    },
)
BIASED = Step(
    "biased",
    "H T S",
    r"S_{ts} + m_h s",
    "score[h, t, s] + slopes[h] * s",
    words={
        "en": (
            "With the position of the key",
            "Each head adds its slope times the key's place. Within a row this is a penalty for"
            " distance: what is the same for all keys of a row does not count.",
        ),
        "zh": (
            "加上键的位置",
            "每个头加上自己的斜率乘以键的位置。在一行之内这就是距离惩罚：对一行所有键都相同的数不起作用。",
        ),
    },
)


def own_parts(asked: Asked, table: Any) -> Parts:
    """The parts of the attention that asked. `table` is the module that holds the stack's T5
    positions, where there is one."""
    sinks, slopes = asked.extras.get("s_aux"), asked.extras.get("slopes")
    score, bias = _score(asked.scale, asked.q.shape[-1]), None
    if cap := asked.extras.get("softcap"):
        bias = softcap(float(cap)).bias
    if slopes is not None:
        bias = keys_biased(slopes)
    position = asked.extras.get("position_bias")
    table = asked.extras.get("table", table)
    if table is not None and position is not None and position.any():
        bias = _t5(table).bias
    normalize = softmax if sinks is None else sink_logit(sinks).normalize
    allow = _allow(asked)
    return Parts(score=score, bias=bias, normalize=normalize, allow=allow)


def _score(scale: float, d_head: int) -> Score:
    if scale == d_head**-0.5:
        return scaled_dot
    return dot if scale == 1 else scaled_by(scale)


def scaled_by(scale: float) -> Score:
    """The dot product times `scale`."""

    def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
        raw_BHTS = dot(q_BHTK, k_BGSK, rec)
        return rec.keep(SCALED, raw_BHTS.mul_(scale), raw=RAW, scale=scale)

    return score


def keys_biased(slopes_H: Tensor) -> Bias:
    """ALiBi as Bloom computes it (Press, Smith, Lewis 2022, arXiv:2108.12409): slope x place of
    the key."""

    def bias(scores_BHTS: Tensor, _q: Tensor, _k: Tensor, rec: Recorder) -> Tensor:
        key_S = torch.arange(scores_BHTS.shape[-1], device=scores_BHTS.device)
        biased_BHTS = scores_BHTS + slopes_H[:, None, None] * key_S
        return rec.keep(BIASED, biased_BHTS, score=scores_BHTS, slopes=slopes_H)

    return bias


def has_table(module: nn.Module) -> bool:
    """Whether the module holds a table of T5 positions."""
    return isinstance(getattr(module, "relative_attention_bias", None), nn.Embedding)


def _t5(table: Any) -> Parts:
    """T5's positions, by the numbers that the module goes by."""
    return t5_bias(
        buckets=table.relative_attention_num_buckets,
        max_distance=table.relative_attention_max_distance,
        direction="causal" if table.is_decoder else "bidirectional",
        strength=1.0,
        bucket_table=table.relative_attention_bias.weight,
    )


def _allow(asked: Asked) -> Allow | None:
    """The mask as a rule of the places, where the mask of this call is that of the rule."""
    given = given_mask(asked)
    window = asked.extras.get("sliding_window") or getattr(asked.module, "sliding_window", None)
    rule = sliding_window(int(window)).allow if isinstance(window, int) else causal
    return rule if rule and given is not None and follows(rule, given) else None


def given_mask(asked: Asked) -> Tensor | None:
    """Boolean BHTS, True where the model lets attention go; None is everywhere."""
    if asked.mask is None:
        return None
    shape = (*asked.q.shape[:3], asked.k.shape[2])
    mask = asked.mask[..., : shape[-1]]
    allowed = mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min / 2
    return None if bool(allowed.all()) else allowed.expand(shape)


def follows(rule: Allow, given_BHTS: Tensor) -> bool:
    """Whether the rule allows just what is given."""
    allowed = rule(given_BHTS, SILENT)
    return allowed is not None and torch.equal(allowed, given_BHTS)
