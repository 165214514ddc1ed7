"""Local attention, monotonic alignment: query t sees the keys at most D places from place t.

Luong, Pham, Manning 2015, arXiv:1508.04025, section 3.2, "local-m". It aligns a target with a
source that has about the same order: places count from the first token on both sides, so that query
t looks around key t (with more keys than queries, too: the last query does not stand at the last
key). The window reaches D places to each side and has 2D + 1 keys. A query more than D places after
the last key sees nothing.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.masks.causal import ALLOWED
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

AROUND = Step(
    ALLOWED.name,
    ALLOWED.axes,
    r"C_{ts} = [\,|s - t| \le D\,]",
    "abs(s - t) <= reach",
    kind="weight",
    words={
        "en": ("Window around the same place", "1 for keys at most D places from place t, else 0."),
        "zh": ("同位置附近的窗口", "离位置 t 不超过 D 的键为 1，其余为 0。"),
    },
)
REACH = Parameter(
    default=2,
    low=0,
    high=1_000_000,
    unit="tokens",
    whole=True,
    meaning={"en": "places that are seen to each side", "zh": "每一侧可见的位置数"},
)


def local_m(reach: int) -> Parts:
    """Parts that allow keys at most `reach` places from the query's own."""

    def allow(scores_BHTS: Tensor, rec: Recorder) -> Tensor:
        t, s = scores_BHTS.shape[-2:]
        ones_TS = torch.ones(t, s, dtype=torch.bool, device=scores_BHTS.device)
        allowed_TS = ones_TS.tril(reach).triu(-reach)
        return rec.keep(AROUND, allowed_TS.expand_as(scores_BHTS), reach=reach)

    return Parts(allow=allow)


VARIANT = Variant(
    name="local_m",
    title={"en": "Local, around the same place (local-m)", "zh": "局部单调对齐（local-m）"},
    words={
        "en": "Output word t looks only at source words near place t: enough for two languages of "
        "about the same order, and far less work for a long text.",
        "zh": "第 t 个输出词只看源句中位置 t 附近的词：语序相近时足够，长文本时计算量小得多。",
    },
    paper="Luong, Pham, Manning 2015, arXiv:1508.04025",
    formula=r"C_{ts} = [\,|s - t| \le D\,]",
    parts=local_m,
    oracle=Oracle(
        package="transformers",
        call="masking_utils.sliding_window_bidirectional_mask_function",
        error=1e-14,
    ),
    properties=Properties(sparse=True),
    parameters={"reach": REACH},
    cost=Cost(pairs="T * minimum(2 * reach + 1, S)"),
    limits=(Limit(given={"reach": "S"}, equals="bidirectional"),),
)
