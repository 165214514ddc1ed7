"""Average attention: every token so far weighs the same, whatever it says.

Zhang, Xiong, Su 2018, arXiv:1805.00631; kept as a running mean. Their feed-forward
layer and gate after it are left out. What causal softmax becomes where the temperature grows
without end. Causal by itself; the last query stands at the last key. A hidden key is not counted.
"""

from dataclasses import replace

import torch
from torch import Tensor

from attnviz.attention.core import Z
from attnviz.attention.cost import Cost
from attnviz.attention.kernels.hidden import hidden
from attnviz.attention.normalizers.softmax import PATTERN
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

COUNT = Step(
    "count",
    "H T 1",
    r"n_t = t + 1",
    "maximum(0, t + past + 1)",
    words={
        "en": ("Tokens so far", "How many tokens stand at or before the query's place."),
        "zh": ("已有的词元数", "查询所在位置及之前共有多少个词元。"),
    },
)
PATTERN_AVERAGE = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A_{ts} = 1 / n_t \text{ for } s \le t, \text{ else } 0",
    "(s <= t + past) / maximum(1, count[h, t])",
    kind="weight",
    words={
        "en": ("Equal weights", "The same share for every token so far."),
        "zh": ("相等的权重", "到此为止的每个词元都占相同份额。"),
    },
)


def average(
    q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
) -> Tensor:
    """z BHTE, the running mean of the values."""
    (b, h, t, _), s = q_BHTK.shape, k_BGSK.shape[2]
    past, v_BHSE, hidden_BHS = s - t, shared(v_BGSE, q_BHTK), hidden(allowed)
    seen_BHS1 = q_BHTK.new_ones(b, h, s, 1)
    count, pattern = COUNT, PATTERN_AVERAGE
    if hidden_BHS is not None:
        seen_BHS1 = seen_BHS1 * ~hidden_BHS[..., None]
        count = replace(count, rule="sum(s, allowed[h, last, s] * (s <= t + past))")
        pattern = replace(pattern, rule=f"allowed[h, last, s] * {pattern.rule}")
    mean_BHE, count_BH1 = torch.zeros_like(v_BHSE[:, :, 0]), q_BHTK.new_zeros(b, h, 1)
    means, counts = [mean_BHE] * max(0, t - s), [count_BH1] * max(0, t - s)
    for place in range(s):
        seen_BH1 = seen_BHS1[:, :, place]
        count_BH1 = count_BH1 + seen_BH1
        step_BHE = (v_BHSE[:, :, place] - mean_BHE) / count_BH1.clamp_min(1)
        mean_BHE = mean_BHE + seen_BH1 * step_BHE
        if place >= past:
            means.append(mean_BHE)
            counts.append(count_BH1)
    last, count_BHT1 = t - 1, torch.stack(counts, dim=2)
    count_BHT1 = rec.keep(count, count_BHT1, allowed=allowed, past=past, last=last)

    def weights() -> Tensor:
        return (seen_BHS1.mT / count_BHT1.clamp_min(1)).tril(past)

    rec.derive(pattern, weights, count=count_BHT1, allowed=allowed, past=past, last=last)
    n_sharing = h // v_BGSE.shape[1]
    z_BHTE = torch.stack(means, dim=2)
    return rec.keep(Z, z_BHTE, pattern=PATTERN_AVERAGE, v=v_BGSE, n_sharing=n_sharing)


VARIANT = Variant(
    name="average",
    title={"en": "Average attention", "zh": "平均注意力"},
    words={
        "en": "The plainest there is: the mean of all tokens so far, with no comparison at all; "
        "what every other attention has to do better than.",
        "zh": "最简单的一种：对到此为止的所有词元取平均，完全不作比较；其他注意力都应胜过它。",
    },
    paper="Zhang, Xiong, Su 2018, arXiv:1805.00631",
    formula=r"A_{ts} = \frac{1}{t + 1}, \quad s \le t",
    parts=Parts(whole=average),
    oracle=Oracle(package="torch", call="cumsum", error=1e-13),
    properties=Properties(placed=True, causal=True, sparse=True),
    cost=Cost(operations="H * 3 * S * E", numbers="H * E", tokens="1", width="H * (E + 1)"),
)
