"""Monotonic attention: the reader only moves forward and stops at a key by chance.

Raffel et al. 2017, arXiv:1704.00784, in expectation, without the noise of training. For each query
the reader goes on from the key at which it stopped for the query before (at first from the first
key), stops at key s with the probability p = sigmoid(score + offset), else takes the next one; the
weight is the probability to stop there. It is computed as it is told, by sums and products of
probabilities, without the division that loses its digits where p is near 1. One that passes the
last key is gone for all later queries, so that row sums only fall. A hidden key has p = 0: it is
passed by. A query that may look at nothing moves nobody.
"""

import torch
from torch import Tensor
from torch.nn import functional

from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.softmax import PATTERN
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

STOP = Step(
    "stop",
    "H T S",
    r"p_{ts} = \sigma(M_{ts} + r)",
    "sigmoid(masked[h, t, s] + offset)",
    kind="weight",
    words={
        "en": ("Probability to stop", "The chance to stop at a key, once the reader is there."),
        "zh": ("停下的概率", "读到某个键时在那里停下的概率。"),
    },
)
BEFORE = Step(
    "before",
    "H T S",
    r"A_{t-1, s}",
    kind="weight",
    words={
        "en": (
            "Where it stood",
            "The weights of the row before; for the first, all on the first key.",
        ),
        "zh": ("之前所在", "上一行的权重；第一行之前全部在第一个键上。"),
    },
)
REACHED = Step(
    "reached",
    "H T S",
    r"r_{ts} = A_{t-1, s} + (1 - p_{t, s-1})\, r_{t, s-1}",
    "before[h, t, s] + where(s < 1, 0, (1 - stop[h, t, s - 1]) * reached[h, t, s - 1])",
    kind="weight",
    words={
        "en": (
            "Probability to get there",
            "The reader stood there before, or came to the key before it and did not stop.",
        ),
        "zh": ("到达的概率", "之前就在那里，或到了前一个键而没有停下。"),
    },
)
PATTERN_MONOTONIC = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A_{ts} = p_{ts}\, r_{ts}",
    "stop[h, t, s] * reached[h, t, s]",
    kind="weight",
    words={
        "en": ("Weights", "The probability to get to the key and to stop there."),
        "zh": ("权重", "到达该键并在那里停下的概率。"),
    },
)
OFFSET = Parameter(
    default=0.0,
    low=-30.0,
    high=30.0,
    meaning={"en": "added to every score", "zh": "加在每个分数上的数"},
)


def monotonic(
    masked_BHTS: Tensor, offset: float, rec: Recorder, last: Step = PATTERN_MONOTONIC
) -> Tensor:
    """Pattern BHTS, recorded as `last`."""
    stop_BHTS = (masked_BHTS + offset).sigmoid()
    stop_BHTS = rec.keep(STOP, stop_BHTS, masked=masked_BHTS, offset=offset)
    may_BHT1 = (masked_BHTS > -torch.inf).any(-1, keepdim=True)
    stands_BHS = start(masked_BHTS)
    before, reached = [], []
    for t in range(masked_BHTS.shape[2]):
        before.append(stands_BHS)
        reached.append(_reached(stands_BHS, stop_BHTS[:, :, t]))
        stands_BHS = (stop_BHTS[:, :, t] * reached[t]).where(may_BHT1[:, :, t], stands_BHS)
    before_BHTS = rec.keep(BEFORE, torch.stack(before, dim=2))
    reached_BHTS = torch.stack(reached, dim=2)
    reached_BHTS = rec.keep(
        REACHED, reached_BHTS, before=before_BHTS, stop=stop_BHTS, reached=REACHED
    )
    return rec.keep(last, stop_BHTS * reached_BHTS, stop=stop_BHTS, reached=reached_BHTS)


def start(masked_BHTS: Tensor) -> Tensor:
    """Where the reader is before the first query, BHS: at the first key that any query may see."""
    first_BH = (masked_BHTS > -torch.inf).any(2).int().argmax(-1)
    return functional.one_hot(first_BH, masked_BHTS.shape[3]).to(masked_BHTS.dtype)


def _reached(before_BHS: Tensor, stop_BHS: Tensor) -> Tensor:
    """The probability of coming by each key, BHS, from where the reader stood: from there on he
    must not have stopped at any key between."""
    n = before_BHS.shape[-1]
    from_S1, at_S = torch.arange(n, device=before_BHS.device)[:, None], torch.arange(n)
    between_SS = from_S1 < at_S.to(before_BHS.device)
    passed_BHS = functional.pad(1 - stop_BHS[..., :-1], (1, 0), value=1.0)
    ways_BHSS = torch.where(between_SS, passed_BHS[..., None, :], 1.0).cumprod(-1)
    reaching_BHSS = ways_BHSS * (between_SS | (from_S1 == at_S.to(before_BHS.device)))
    return (before_BHS[..., None] * reaching_BHSS).sum(-2)


VARIANT = Variant(
    name="monotonic",
    title={"en": "Monotonic", "zh": "单调注意力"},
    words={
        "en": "The reader moves through the keys from left to right and never back, stopping once "
        "for each query: it can translate or transcribe while the text is still coming in.",
        "zh": "从左到右读键、绝不回头，为每个查询停一次：可以边听边译。",
    },
    paper="Raffel et al. 2017, arXiv:1704.00784",
    formula=r"A_{ts} = p_{ts} \sum_{s' \le s} A_{t-1, s'} \prod_{l = s'}^{s-1} (1 - p_{tl}), \quad "
    r"p = \sigma(S + r)",
    parts=lambda offset: Parts(normalize=lambda masked, rec: monotonic(masked, offset, rec)),
    oracle=Oracle(call="enumeration of every way that the reader can go", error=1e-14),
    properties=Properties(row_sum="at most one"),
    parameters={"offset": OFFSET},
    cost=Cost(extra="4 * H * T * S"),
)
