"""Multi-token attention: a score also counts the scores of neighbouring queries and keys.

Golovneva et al. 2025, arXiv:2504.00927, the convolution over keys and queries before softmax (the
paper's mixing of heads and its norm are left out; its kernel is 6 x 11, here smaller to suit a
sentence). S'[t, s] = sum_ij theta[i, j] S[t - i, s - j + c], c = keys // 2: row i of the kernel
looks i queries back, never ahead; columns are centred on the key (torch's conv2d takes the kernel
turned round). Hidden scores, and those of queries that are not given, count as 0, and what is
hidden from a query stays hidden: under a causal mask an earlier query sees no key after its own
place, so that nothing of the future comes in. `strength` goes from 0, softmax, to 1, the kernel.
"""

import math

from torch import Tensor
from torch.nn import functional

from attnviz.attention.cost import Cost
from attnviz.attention.heads.talking_heads import zeroed
from attnviz.attention.normalizers.softmax import softmax
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Variant
from attnviz.recorder import Recorder, Step

CONVOLVED = Step(
    "convolved",
    "H T S",
    r"S'_{ts} = (1 - \mu) S_{ts} + \mu \sum_{ij} \theta_{ij}\, S_{t-i,\, s-j+c}",
    "where(masked[h, t, s] == -inf, -inf, (1 - strength) * zeroed[h, t, s] + strength * "
    "sum(i, j, kernel[h, i, j] "
    "* zeroed[h, maximum(t - i, 0), minimum(maximum(s - j + center, 0), last)] "
    "* (i <= t) * (j <= s + center) * (s - j + center <= last)))",
    words={
        "en": ("Scores with their neighbours", "Queries just before and keys around count too."),
        "zh": ("融入邻近的分数", "前几个查询和周围的键也计入。"),
    },
)


def convolved(zeroed_BHTS: Tensor, kernel: Tensor) -> Tensor:
    """sum_ij kernel[i, j] x[t - i, s - j + c], 0 beyond the edges."""
    n_queries, n_keys = kernel.shape[-2:]
    (t, s), center = zeroed_BHTS.shape[2:], n_keys // 2
    wide = functional.pad(zeroed_BHTS, (n_keys - 1 - center, center, n_queries - 1, 0))
    return sum(
        (
            kernel[..., i, j, None, None]
            * wide[..., n_queries - 1 - i :, n_keys - 1 - j :][..., :t, :s]
            for i in range(n_queries)
            for j in range(n_keys)
        ),
        start=zeroed_BHTS.new_zeros(()),
    )


def multi_token(queries: int, keys: int, strength: float, kernel: Tensor) -> Parts:
    """Parts whose scores are convolved with the `kernel` (H queries keys, or B H queries keys)."""

    def normalize(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
        zeroed_BHTS, hidden_BHTS = zeroed(masked_BHTS, rec)
        mixed_BHTS = (1 - strength) * zeroed_BHTS + strength * convolved(zeroed_BHTS, kernel)
        convolved_BHTS = rec.keep(
            CONVOLVED,
            mixed_BHTS.masked_fill(hidden_BHTS, -math.inf),
            masked=masked_BHTS,
            zeroed=zeroed_BHTS,
            kernel=kernel,
            strength=strength,
            center=keys // 2,
            last=masked_BHTS.shape[3] - 1,
        )
        return softmax(convolved_BHTS, rec)

    return Parts(normalize=normalize)


VARIANT = Variant(
    name="multi_token",
    title={"en": "Multi-token attention", "zh": "多词元注意力"},
    words={
        "en": "A weight depends on several queries and keys, not on one pair: a query can look for "
        "a place where two things stand close together.",
        "zh": "一个权重取决于多个查询和键，而不是一对：查询可以寻找两样东西靠在一起的地方。",
    },
    paper="Golovneva et al. 2025, arXiv:2504.00927",
    formula=r"A = \mathrm{softmax}(\theta_h * S)",
    parts=multi_token,
    oracle=Oracle(package="torch", call="F.conv2d(groups=H) before softmax", error=1e-13),
    parameters={
        "queries": Parameter(
            default=3,
            low=1,
            high=32,
            unit="tokens",
            whole=True,
            meaning={"en": "queries that count, its own included", "zh": "计入的查询数，含自身"},
        ),
        "keys": Parameter(
            default=5,
            low=1,
            high=33,
            unit="tokens",
            whole=True,
            meaning={"en": "keys that count, around its own", "zh": "计入的键数，以自身为中心"},
        ),
        "strength": Parameter(
            default=0.5,
            low=0.0,
            high=1.0,
            meaning={
                "en": "0 is softmax, 1 the kernel alone",
                "zh": "0 为 Softmax，1 为只用卷积核",
            },
        ),
    },
    weights={
        "kernel": Weight(
            axes="H queries keys",
            meaning={"en": "how much each neighbour counts", "zh": "每个邻居的影响"},
        )
    },
    cost=Cost(extra="2 * H * T * S * queries * keys"),
    limits=(Limit(given={"strength": 0.0}, equals="softmax"),),
)
