"""T5's relative bias: every head adds a learned number for how far away the key stands; far
distances share a number.

Raffel et al. 2020, arXiv:1910.10683, section 2.1; the buckets are those of the authors' code. The
first half of them are for one distance each, the others grow in equal ratios up to `max_distance`
(one that lies within the first half counts as just beyond it). "bidirectional" keeps half of all
buckets for keys after the query; "causal" puts those keys into bucket 0, and forbids nothing by
itself. T5 does not divide by sqrt(d_head): the score is the plain dot product. The last query
stands at the last key.
"""

import math

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Option, Parameter, Weight
from attnviz.attention.parts import Parts
from attnviz.attention.positions.relative import STRENGTH, ahead
from attnviz.attention.scores.dot import dot
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

REACH = Step(
    "reach",
    "T S",
    r"\Delta_{ts} = |t - s| \text{ or } \max(t - s, 0)",
    "where(both_sides, abs(t + past - s), maximum(t + past - s, 0))",
    words={
        "en": ("The distance", "To both sides, or only back, where keys after the query count 0."),
        "zh": ("距离", "向两侧计算；若只向后看，之后的键记为 0。"),
    },
)
BUCKET = Step(
    "bucket",
    "T S",
    r"\beta_{ts} = \mathrm{bucket}(s - t)",
    "both_sides * (s > t + past) * per_side + where(reach[t, s] < near, reach[t, s],"
    " minimum(near + floor(log(reach[t, s] / near) / log(far / near) * (per_side - near)),"
    " per_side - 1))",
    words={
        "en": ("Bucket of the distance", "Near distances have a bucket each; far ones share."),
        "zh": ("距离所属的桶", "近的距离各占一个桶，远的距离共用一个桶。"),
    },
)
BIASED = Step(
    "biased",
    "H T S",
    r"S_{ts} + \lambda b_{\beta_{ts}}",
    "score[h, t, s] + strength * bucket_table[bucket[t, s], h]",
    words={
        "en": ("With the bucket's number", "Each head adds its own number for the bucket."),
        "zh": ("加上桶的数值", "每个头加上自己为该桶学到的数值。"),
    },
)


def t5_bias(
    buckets: int, max_distance: int, direction: str, strength: float, bucket_table: Tensor
) -> Parts:
    """Parts that add the `bucket_table`'s number (`buckets` H) to the plain dot product."""
    both_sides = direction == "bidirectional"
    per_side = buckets // 2 if both_sides else buckets
    near = per_side // 2
    far = max(max_distance, near + 1)

    def bias(scores_BHTS: Tensor, _q: Tensor, _k: Tensor, rec: Recorder) -> Tensor:
        ahead_TS = ahead(scores_BHTS)
        b, _, t, s = scores_BHTS.shape
        reach_TS = ahead_TS.abs() if both_sides else (-ahead_TS).clamp_min(0)
        about = {"past": s - t, "both_sides": both_sides}
        reach_BTS = rec.keep(REACH, reach_TS.expand(b, -1, -1), None, **about)
        bucket_TS = bucketed(reach_TS, near, far, per_side)
        bucket_TS = bucket_TS + (ahead_TS > 0) * (per_side if both_sides else 0)
        about |= {"near": near, "far": far, "per_side": per_side}
        bucket_BTS = rec.keep(BUCKET, bucket_TS.expand(b, -1, -1), None, reach=reach_BTS, **about)
        added_BHTS = bucket_table.mT[..., bucket_BTS[0]]
        return rec.keep(
            BIASED,
            scores_BHTS + strength * added_BHTS,
            score=scores_BHTS,
            bucket_table=bucket_table,
            bucket=bucket_BTS,
            strength=strength,
        )

    return Parts(score=dot, bias=bias)


def bucketed(reach_TS: Tensor, near: int, far: int, per_side: int) -> Tensor:
    """The bucket of each distance, TS: its own below `near`, the last one from `far` on."""
    ratio_TS = (reach_TS.clamp_min(near).cpu().double() / near).log() / math.log(far / near)
    shared_TS = near + (ratio_TS * (per_side - near)).floor().long().to(reach_TS.device)
    return reach_TS.where(reach_TS < near, shared_TS.clamp_max(per_side - 1))


VARIANT = Variant(
    name="t5_bias",
    title={"en": "Relative bias (T5)", "zh": "相对位置偏置（T5）"},
    words={
        "en": "Every head adds a learned number for how far away the key stands; near distances "
        "have their own, far ones share.",
        "zh": "每个头根据键的距离加上一个学到的数值：近的距离各有一个，远的距离共用。",
    },
    paper="Raffel et al. 2020, arXiv:1910.10683",
    formula=r"S_{ts} = q_t^\top k_s + b_{\mathrm{bucket}(s - t)}",
    parts=t5_bias,
    oracle=Oracle(package="transformers", call="T5Attention", error=1e-13),
    properties=Properties(placed=True),
    parameters={
        "buckets": Parameter(
            default=32,
            low=4,
            high=1024,
            unit="buckets",
            whole=True,
            meaning={"en": "numbers that each head has", "zh": "每个头的数值个数"},
        ),
        "max_distance": Parameter(
            default=128,
            low=1,
            high=1_000_000,
            unit="tokens",
            whole=True,
            log=True,
            meaning={
                "en": "from here on, all share the last bucket",
                "zh": "超过此距离共用最后一桶",
            },
        ),
        "direction": Option(
            options=("bidirectional", "causal"),
            meaning={"en": "which side has buckets", "zh": "哪一侧有桶"},
        ),
        "strength": STRENGTH,
    },
    weights={
        "bucket_table": Weight(
            axes="buckets H",
            meaning={"en": "a number for each bucket and head", "zh": "每个桶和头一个数值"},
        )
    },
    cost=Cost(extra="H * T * S"),
    limits=(Limit(given={"strength": 0.0}, equals="dot"),),
)
