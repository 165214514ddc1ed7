"""Stepwise monotonic attention: from one query to the next, the reader stays or takes one step
forward, and skips nothing.

He, Deng, He 2019, arXiv:1906.00672, in expectation, without the noise of training. Before the first
query the reader is at the first key; at key s it stays with the probability p = sigmoid(score +
offset), else goes on to the next key (so that the first query can stand at the second key already).
At the last key it stays whatever p is, so that rows sum to 1. Only keys that the query may see
count: a hidden one has p = 0 and is stepped over, the first key is the first that any query may
see, and the last the last that this one may see. A query that may look at nothing moves nobody.
"""

import torch
from torch import Tensor

from attnviz.attention.alignments.monotonic import BEFORE, OFFSET, start
from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.softmax import PATTERN
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

STAY = Step(
    "stay",
    "H T S",
    r"p_{ts} = \sigma(M_{ts} + r)",
    "sigmoid(masked[h, t, s] + offset)",
    kind="weight",
    words={
        "en": ("Probability to stay", "The chance to stay at a key and not to go on."),
        "zh": ("停留的概率", "留在某个键而不前进的概率。"),
    },
)
NEXT = Step(
    "next",
    "H T S",
    r"\mathrm{next}_t(s) = \min \{ s' > s : C_{ts'} = 1 \}",
    "minimum(max(i, where(masked[h, t, i] > -inf, i, -1)), "
    "-max(i, where((s < i) * (masked[h, t, i] > -inf), -i, -inf)))",
    words={
        "en": (
            "The next key",
            "The place of the next key that the query may see; after the last one, its own.",
        ),
        "zh": ("下一个键", "查询可见的下一个键的位置；最后一个键之后仍是它自己。"),
    },
)
PATTERN_STEPWISE = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A_{ts} = A_{t-1, s}\, p_{ts} + A_{t-1, s-1}\, (1 - p_{t, s-1})",
    "before[h, t, s] * stay[h, t, s] "
    "+ sum(i, before[h, t, i] * (1 - stay[h, t, i]) * (next[h, t, i] == s))",
    kind="weight",
    words={
        "en": ("Weights", "The reader was there and stayed, or was one key before and went on."),
        "zh": ("权重", "原本就在该键并停留，或在前一个键而前进一步。"),
    },
)


def stepwise(offset: float) -> Parts:
    """Parts with `offset` added to every score."""

    def normalize(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
        stay_BHTS = (masked_BHTS + offset).sigmoid()
        stay_BHTS = rec.keep(STAY, stay_BHTS, masked=masked_BHTS, offset=offset)
        seen_BHTS = masked_BHTS > -torch.inf
        next_BHTS = rec.keep(NEXT, _next(seen_BHTS).to(masked_BHTS.dtype), masked=masked_BHTS)
        may_BHT1 = seen_BHTS.any(-1, keepdim=True)
        places_S = torch.arange(masked_BHTS.shape[3], device=masked_BHTS.device)
        stands_BHS = start(masked_BHTS)
        before, pattern = [], []
        for t in range(masked_BHTS.shape[2]):
            stay_BHS = stay_BHTS[:, :, t]
            before.append(stands_BHS)
            arrives_BHSN = next_BHTS[:, :, t, :, None] == places_S
            goes_BHS = ((stands_BHS * (1 - stay_BHS))[..., None] * arrives_BHSN).sum(-2)
            pattern.append(stands_BHS * stay_BHS + goes_BHS)
            stands_BHS = pattern[t].where(may_BHT1[:, :, t], stands_BHS)
        before_BHTS = rec.keep(BEFORE, torch.stack(before, dim=2))
        pattern_BHTS = torch.stack(pattern, dim=2)
        about = {"before": before_BHTS, "stay": stay_BHTS, "next": next_BHTS}
        return rec.keep(PATTERN_STEPWISE, pattern_BHTS, None, **about)

    return Parts(normalize=normalize)


def _next(seen_BHTS: Tensor) -> Tensor:
    """The place of the next key that is seen, BHTS; the last one's own from there on, -1 where none
    is."""
    s = seen_BHTS.shape[-1]
    places_S = torch.arange(s, device=seen_BHTS.device)
    last_BHT1 = places_S.where(seen_BHTS, -1).amax(-1, keepdim=True)
    from_here_BHTS = places_S.where(seen_BHTS, s).flip(-1).cummin(-1).values.flip(-1)
    after_BHTS = torch.cat((from_here_BHTS[..., 1:], torch.full_like(last_BHT1, s)), dim=-1)
    return torch.minimum(after_BHTS, last_BHT1)


VARIANT = Variant(
    name="stepwise",
    title={"en": "Stepwise monotonic", "zh": "逐步单调注意力"},
    words={
        "en": "From one query to the next the reader stays at its key or goes on by exactly one: "
        "nothing is skipped, which is what speech read from a text needs.",
        "zh": "从一个查询到下一个，要么停在原键，要么恰好前进一格，从不跳过：适合由文本合成语音。",
    },
    paper="He, Deng, He 2019, arXiv:1906.00672",
    formula=r"A_{ts} = A_{t-1, s}\, p_{ts} + A_{t-1, s-1}\, (1 - p_{t, s-1}), \quad "
    r"p = \sigma(S + r)",
    parts=stepwise,
    oracle=Oracle(call="enumeration of every way to stay or go on", error=1e-14),
    properties=Properties(sparse=True),
    parameters={"offset": OFFSET},
    cost=Cost(extra="5 * H * T * S"),
)
