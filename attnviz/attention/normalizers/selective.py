"""Selective attention: a token can ask that those after it look less at a third one.

Leviathan, Kalman, Matias 2024, arXiv:2410.02703. The positive scores of head 0 are added up over
the queries before, and taken off the scores of all heads. The first token is spared, and none acts
on itself. Made for a causal mask; hidden scores ask for nothing. All earlier queries are needed, so
there are as many queries as keys.
"""

import torch
from torch import Tensor
from torch.nn import functional

from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.softmax import softmax
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

SELECTION = Step(
    "selection",
    "T S",
    r"G_{ts} = \mathrm{relu}(M^{(0)}_{ts}) \, [s \ne t] \, [s \ne 0]",
    "relu(masked[first, t, s]) * (0 < s) * (1 - (s == t))",
    words={
        "en": ("What head 0 asks for", "Its positive scores, without the first key and itself."),
        "zh": ("第 0 个头的要求", "它的正分数，不含第一个键和词元自身。"),
    },
)
FADED = Step(
    "faded",
    "T S",
    r"F_{ts} = \sum_{j < t} G_{js}",
    "sum(j, where(j < t, selection[j, s], 0))",
    words={
        "en": ("What has added up", "What all earlier queries together take off each key."),
        "zh": ("累计的削减", "之前所有查询对每个键的削减之和。"),
    },
)
REDUCED = Step(
    "reduced",
    "H T S",
    r"M_{ts} - F_{ts}",
    "masked[h, t, s] - faded[t, s]",
    words={
        "en": ("Reduced scores", "Every head takes the same off; a key never comes back."),
        "zh": ("削减后的分数", "每个头都减去同样的量，被削减的键不会恢复。"),
    },
)


def selective(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
    """Pattern BHTS: the softmax of the scores less what earlier queries took off."""
    place_S = torch.arange(masked_BHTS.shape[-1], device=masked_BHTS.device)
    spared_TS = (place_S == 0) | (place_S[:, None] == place_S)
    selection_BTS = masked_BHTS[:, 0].relu().masked_fill(spared_TS, 0)
    selection_BTS = rec.keep(SELECTION, selection_BTS, masked=masked_BHTS, first=0)
    faded_BTS = functional.pad(selection_BTS[:, :-1].cumsum(1), (0, 0, 1, 0))
    faded_BTS = rec.keep(FADED, faded_BTS, selection=selection_BTS)
    reduced_BHTS = masked_BHTS - faded_BTS[:, None]
    return softmax(rec.keep(REDUCED, reduced_BHTS, masked=masked_BHTS, faded=faded_BTS), rec)


VARIANT = Variant(
    name="selective",
    title={"en": "Selective attention", "zh": "选择性注意力"},
    words={
        "en": "A token can mark an earlier one as no longer needed, and all that follow look less "
        "at it: what is out of date fades.",
        "zh": "词元可以把更早的词元标记为不再需要，之后的词元便少看它：过时的内容逐渐淡出。",
    },
    paper="Leviathan, Kalman, Matias 2024, arXiv:2410.02703",
    formula=r"A = \mathrm{softmax}(S - F), \quad "
    r"F_{ts} = \sum_{j < t} \mathrm{relu}(S^{(0)}_{js}) \, [s \ne j] \, [s \ne 0]",
    parts=Parts(normalize=selective),
    oracle=Oracle(
        package="x-transformers", call="Attend(selective=True, causal=True)", error=1e-13
    ),
    properties=Properties(square=True, mixes_heads=True),
    cost=Cost(extra="(H + 2) * T * S", width="G * (K + E) + 1"),
)
