"""Top-p ("nucleus") attention: the fewest keys whose softmax weights add up to p, the others get
nothing.

Lin et al. 2025, "Twilight", arXiv:2502.02770; the cut is that of nucleus sampling. A key stays if
the weights larger than its own add up to less than p; keys with equal weights stay or go together.
The weights that stay are divided by their sum. At p = 1 every key stays.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.softmax import PATTERN, softmax
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

FULL = Step(
    "full",
    "H T S",
    r"A'_{ts} = e_{ts} / \Sigma_t",
    "exp[h, t, s] / sum[h, t]",
    kind="weight",
    words={
        "en": ("Weights of all keys", "The ordinary softmax, from which the small ones are cut."),
        "zh": ("所有键的权重", "普通的 Softmax，之后去掉其中小的权重。"),
    },
)
LARGER = Step(
    "larger",
    "H T S",
    r"c_{ts} = \sum_{l : A'_{tl} > A'_{ts}} A'_{tl}",
    "sum(l, where(full[h, t, l] > full[h, t, s], full[h, t, l], 0))",
    kind="weight",
    words={
        "en": ("The larger weights together", "A key is cut where they reach p without it."),
        "zh": ("更大权重之和", "若不算它自己已达到 p，该键就被去掉。"),
    },
)
STAYS = Step(
    "stays",
    "H T S",
    r"[c_{ts} < p]",
    "maximum(larger[h, t, s] < mass, mass == 1) * (full[h, t, s] > 0)",
    kind="weight",
    words={
        "en": ("Who stays", "1 for the fewest keys that reach p together, 0 for the others."),
        "zh": ("谁留下", "合起来达到 p 的最少的键为 1，其余为 0。"),
    },
)
PATTERN_TOP_P = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A_{ts} = \frac{[c_{ts} < p] A'_{ts}}{\sum_{s'} [c_{ts'} < p] A'_{ts'}}",
    "stays[h, t, s] * full[h, t, s] / maximum(tiny, sum(l, stays[h, t, l] * full[h, t, l]))",
    kind="weight",
    words={
        "en": ("Weights of those that stay", "Divided by their sum, so that they sum to 1 again."),
        "zh": ("留下的权重", "除以它们的和，使之重新为 1。"),
    },
)


def top_p(mass: float) -> Parts:
    """Parts that leave the fewest keys whose weights add up to `mass` > 0."""

    def normalize(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
        full_BHTS = softmax(masked_BHTS, rec, FULL)
        is_larger = full_BHTS[..., None, :] > full_BHTS[..., :, None]
        larger_BHTS = (is_larger * full_BHTS[..., None, :]).sum(-1)
        larger_BHTS = rec.keep(LARGER, larger_BHTS, full=full_BHTS)
        stays = ((larger_BHTS < mass) | (mass == 1)) & (full_BHTS > 0)
        stays = rec.keep(STAYS, stays, larger=larger_BHTS, full=full_BHTS, mass=mass)
        kept_BHTS, tiny = full_BHTS * stays, torch.finfo(full_BHTS.dtype).tiny
        pattern_BHTS = kept_BHTS / kept_BHTS.sum(-1, keepdim=True).clamp_min(tiny)
        return rec.keep(PATTERN_TOP_P, pattern_BHTS, stays=stays, full=full_BHTS, tiny=tiny)

    return Parts(normalize=normalize)


VARIANT = Variant(
    name="top_p",
    title={"en": "Top-p (nucleus)", "zh": "Top-p（核）注意力"},
    words={
        "en": "Each query keeps the fewest keys that hold a given share of its attention: a sure "
        "query keeps few, an unsure one many.",
        "zh": "每个查询只保留占其注意力一定比例的最少的键：把握大的留得少，把握小的留得多。",
    },
    paper="Lin et al. 2025, arXiv:2502.02770",
    formula=r"A_{ts} \propto [c_{ts} < p] \, e^{S_{ts}}, \quad c_{ts} = \text{the larger weights}",
    parts=top_p,
    oracle=Oracle(package="transformers", call="TopPLogitsWarper, softmax", error=1e-14),
    properties=Properties(sparse=True),
    parameters={
        "mass": Parameter(
            default=0.9,
            low=0.01,
            high=1.0,
            meaning={"en": "share of the weight that is kept", "zh": "保留的权重比例"},
        )
    },
    cost=Cost(extra="H * T * S * log(S)"),
    limits=(Limit(given={"mass": 1.0}, equals="softmax"),),
)
