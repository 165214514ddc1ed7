"""Monotonic chunkwise attention (MoChA): the reader stops as in monotonic attention and then
spreads its weight by softmax over the last few keys, up to the one where it stopped.

Chiu, Raffel 2018, arXiv:1712.05382. The chunk has `window` keys, the one where the reader stopped
among them: window = 1 is monotonic attention. Chunks are cut off at the first key. The paper gives
softmax scores of its own (`energies`); where none are given, the scores that say where to stop
serve for both. A hidden key gets nothing of a chunk, and the reader never stops there.
"""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from attnviz.attention.alignments.monotonic import OFFSET, PATTERN_MONOTONIC, monotonic
from attnviz.attention.core import MASKED
from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.softmax import PATTERN
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

STOPPED = replace(
    PATTERN_MONOTONIC,
    name="stopped",
    formula=r"\alpha_{ts} = p_{ts}\, r_{ts}",
    words={
        "en": (
            "Where it stops",
            "The weights of monotonic attention, one for each end of a chunk.",
        ),
        "zh": ("停在何处", "单调注意力的权重，每个对应一个块的末尾。"),
    },
)
TOP = Step(
    "top",
    "H T S",
    r"m_{ts} = \max_{s - w < l \le s} u_{tl}",
    "max(l, where((l <= s) * (s < l + window), u[h, t, l], -inf))",
    words={
        "en": ("Largest in the chunk", "The largest score of the chunk that ends at the key."),
        "zh": ("块内最大值", "以该键结尾的块中最大的分数。"),
    },
)
CHUNK = Step(
    "chunk",
    "H T S",
    r"c_{ts} = \sum_{l = s - w + 1}^{s} e^{u_{tl} - m_{ts}}",
    "sum(l, where((l <= s) * (s < l + window) * (u[h, t, l] > -inf), "
    "exp(u[h, t, l] - top[h, t, s]), 0))",
    words={
        "en": ("Sum of the chunk", "The exponentials of the chunk that ends at the key, added up."),
        "zh": ("块内之和", "以该键结尾的块中各指数之和。"),
    },
)
PATTERN_MOCHA = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A_{ts} = \sum_{c = s}^{s + w - 1} \alpha_{tc} \frac{e^{u_{ts} - m_{tc}}}{c_{tc}}",
    "sum(c, where((s <= c) * (c < s + window) * (u[h, t, s] > -inf), "
    "stopped[h, t, c] * exp(u[h, t, s] - top[h, t, c]) / chunk[h, t, c], 0))",
    kind="weight",
    words={
        "en": ("Weights", "What a key gets from each chunk that it stands in, added up."),
        "zh": ("权重", "该键从它所在的每个块中得到的份额之和。"),
    },
)


def mocha(window: int, offset: float, energies: Tensor | None) -> Parts:
    """Parts with chunks of `window` keys, shared out by the `energies` (H T S) or by the scores."""

    def normalize(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
        stopped_BHTS = monotonic(masked_BHTS, offset, rec, STOPPED)
        u_BHTS = masked_BHTS if energies is None else _given(energies, masked_BHTS, rec)
        n = min(window, u_BHTS.shape[-1])
        chunks_BHTSN = functional.pad(u_BHTS, (n - 1, 0), value=-torch.inf).unfold(-1, n, 1)
        top_BHTS = rec.keep(TOP, chunks_BHTSN.amax(-1), u=u_BHTS, window=window)
        safe_BHTS = top_BHTS.clamp_min(torch.finfo(u_BHTS.dtype).min)
        exp_BHTSN = (chunks_BHTSN - safe_BHTS[..., None]).exp()
        about = {"u": u_BHTS, "top": top_BHTS, "window": window}
        chunk_BHTS = rec.keep(CHUNK, exp_BHTSN.sum(-1), None, **about)  # 0, or at least 1
        shares_BHTSN = exp_BHTSN * (stopped_BHTS / chunk_BHTS.clamp_min(1))[..., None]
        pattern_BHTS = shares_BHTSN[..., n - 1]
        for back in range(1, n):  # what a key gets of the chunk that ends `back` keys after it
            share_BHTS = functional.pad(shares_BHTSN[..., n - 1 - back], (0, back))[..., back:]
            pattern_BHTS = pattern_BHTS + share_BHTS
        about |= {"stopped": stopped_BHTS, "chunk": chunk_BHTS}
        return rec.keep(PATTERN_MOCHA, pattern_BHTS, None, **about)

    return Parts(normalize=normalize)


def _given(energies: Tensor, masked_BHTS: Tensor, rec: Recorder) -> Tensor:
    """The energies where attention is allowed, BHTS, else -inf."""
    step = replace(
        MASKED,
        name="energy",
        formula="u",
        rule="where(masked[h, t, s] > -inf, energies[h, t, s], -inf)",
        words={
            "en": (
                "Scores inside the chunk",
                "They are given, and not those that say where to stop.",
            ),
            "zh": ("块内分数", "另行给出，与决定停在何处的分数不同。"),
        },
    )
    u_BHTS = energies.expand_as(masked_BHTS).where(masked_BHTS > -torch.inf, -torch.inf)
    return rec.keep(step, u_BHTS, masked=masked_BHTS, energies=energies)


VARIANT = Variant(
    name="mocha",
    title={"en": "Monotonic chunkwise (MoChA)", "zh": "单调分块注意力（MoChA）"},
    words={
        "en": "The reader moves only forward, as in monotonic attention, but looks back over the "
        "last few keys from where it stops: small changes of order are no trouble any more.",
        "zh": "同单调注意力一样只向前读，但会从停下处回看最近几个键：小范围的语序变化不再是问题。",
    },
    paper="Chiu, Raffel 2018, arXiv:1712.05382",
    formula=r"A_{ts} = \sum_{c = s}^{s + w - 1} \alpha_{tc} "
    r"\frac{e^{u_{ts}}}{\sum_{l = c - w + 1}^{c} e^{u_{tl}}}",
    parts=mocha,
    oracle=Oracle(
        call="loops over the paper's equations, monotonic weights by enumeration", error=1e-13
    ),
    properties=Properties(row_sum="at most one"),
    parameters={
        "window": Parameter(
            default=3,
            low=1,
            high=1_000_000,
            unit="tokens",
            whole=True,
            meaning={"en": "keys of a chunk", "zh": "每块的键数"},
        ),
        "offset": OFFSET,
    },
    weights={
        "energies": Weight(
            axes="H T S",
            meaning={"en": "scores inside a chunk", "zh": "块内的分数"},
            needed=False,
            drawn=False,
        )
    },
    cost=Cost(extra="H * T * S * (4 + 5 * minimum(window, S))"),
    limits=(Limit(given={"window": 1}, equals="monotonic"),),
)
