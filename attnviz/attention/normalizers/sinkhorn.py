"""Sinkhorn: rows and columns are normalised in turn until both sum to 1.

Sander et al. 2021, arXiv:2110.11773 (Sinkformer). It begins with softmax (rows); a round then
normalises the columns and the rows again, so rows sum to 1 exactly and columns nearly. (One package
ends with the columns.) All tokens work together, as many queries as keys, without a causal mask; a
key hidden from every query is left out, and then columns cannot all sum to 1.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

COLUMNS = Step(
    "columns",
    "H S",
    r"v_s = \log \sum_t e^{M_{ts} - u_t}",
    words={
        "en": ("Share of each column", "What every key's column is divided by, as a log."),
        "zh": ("每列的除数", "每个键所在列要除以的数，取对数。"),
    },
)
ROWS = Step(
    "rows",
    "H T 1",
    r"u_t = \log \sum_s e^{M_{ts} - v_s}",
    "log(sum(s, exp(masked[h, t, s] - columns[h, s])))",
    words={
        "en": ("Share of each row", "What every query's row is divided by last, as a log."),
        "zh": ("每行的除数", "最后每个查询所在行要除以的数，取对数。"),
    },
)
PATTERN_SINKHORN = Step(
    "pattern",
    "H T S",
    r"A_{ts} = e^{M_{ts} - u_t - v_s}",
    "exp(masked[h, t, s] - rows[h, t] - columns[h, s])",
    kind="weight",
    words={
        "en": ("Balanced weights", "Every query gives 1 and every key receives about 1."),
        "zh": ("双向均衡的权重", "每个查询付出 1，每个键收到约 1。"),
    },
)


def sinkhorn(rounds: int) -> Parts:
    """Parts that normalise rows, then `rounds` times columns and rows."""

    def normalize(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
        columns_BH1S = torch.zeros_like(masked_BHTS[:, :, :1])
        rows_BHT1 = _log_total(masked_BHTS, -1)
        for _ in range(rounds):
            columns_BH1S = _log_total(masked_BHTS - rows_BHT1, -2)
            rows_BHT1 = _log_total(masked_BHTS - columns_BH1S, -1)
        columns_BHS = rec.keep(COLUMNS, columns_BH1S.squeeze(-2))
        rows_BHT1 = rec.keep(ROWS, rows_BHT1, masked=masked_BHTS, columns=columns_BHS)
        pattern_BHTS = (masked_BHTS - rows_BHT1 - columns_BHS[:, :, None]).exp()
        return rec.keep(
            PATTERN_SINKHORN, pattern_BHTS, masked=masked_BHTS, rows=rows_BHT1, columns=columns_BHS
        )

    return Parts(normalize=normalize)


def _log_total(x_BHTS: Tensor, axis: int) -> Tensor:
    """The log of the sum of exponentials along an axis; 0 where all of them are 0."""
    limit = torch.finfo(x_BHTS.dtype)
    top = x_BHTS.amax(axis, keepdim=True).clamp_min(limit.min)
    total = (x_BHTS - top).exp().sum(axis, keepdim=True)
    return (top + total.clamp_min(limit.tiny).log()).where(total > 0, 0)


VARIANT = Variant(
    name="sinkhorn",
    title={"en": "Sinkhorn (doubly normalised)", "zh": "Sinkhorn（行列双归一化）"},
    words={
        "en": "Not only does every query give out 1, every key also receives about 1: no token is "
        "overlooked and none takes it all.",
        "zh": "不仅每个查询付出的总和为 1，每个键收到的也约为 1：没有词元被忽略，也没有谁独占。",
    },
    paper="Sander et al. 2021, arXiv:2110.11773",
    formula=r"A = \mathrm{diag}(e^{-u}) \, e^S \, \mathrm{diag}(e^{-v}), \quad "
    r"\sum_s A_{ts} = 1, \ \sum_t A_{ts} \to 1",
    parts=sinkhorn,
    oracle=Oracle(package="x-transformers", call="sinkhorn(iters)", error=1e-6),
    properties=Properties(square=True, maskable=False),
    parameters={
        "rounds": Parameter(
            default=10,
            low=0,
            high=100,
            unit="rounds",
            whole=True,
            meaning={"en": "how often columns and rows follow", "zh": "列、行归一化的轮数"},
        )
    },
    cost=Cost(extra="4 * rounds * H * T * S"),
    limits=(Limit(given={"rounds": 0}, equals="softmax"),),
)
