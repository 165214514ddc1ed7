"""Location score: the query alone says which places it wants to look at; the keys are not read.

Luong, Pham, Manning 2015, arXiv:1508.04025, "location" (equation 8). Row s of the table W is the
score of place s, counted from the first token; a text shorter than the table uses its first rows.
All heads share W; nothing is divided by a root of the width.
"""

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Weight
from attnviz.attention.parts import Parts, Score
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import Recorder, Step

LOCATION = Step(
    "location",
    "H T S",
    r"S_{ts} = w_s^\top q_t",
    "sum(k, W[s, k] * q[h, t, k])",
    words={
        "en": (
            "Score of each place",
            "The dot product of the query with the row of the table that belongs to the place: "
            "which token stands there makes no difference.",
        ),
        "zh": ("各位置的分数", "查询与表中该位置那一行的点积：那里是什么词元并不影响分数。"),
    },
)


def location(W: Tensor) -> Score:
    """The score with the table W (most tokens x K)."""

    def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
        scores_BHTS = q_BHTK @ W[..., None, : k_BGSK.shape[2], :].mT
        return rec.keep(LOCATION, scores_BHTS, q=q_BHTK, W=W)

    return score


VARIANT = Variant(
    name="location",
    title={"en": "Location", "zh": "基于位置（location）"},
    words={
        "en": "The query alone decides which places get the weight, whatever stands there: enough "
        "where the order of the output says it all.",
        "zh": "只由查询决定把权重给哪些位置，与那里是什么无关：输出顺序固定时这已足够。",
    },
    paper="Luong, Pham, Manning 2015, arXiv:1508.04025",
    formula=r"S_{t \cdot} = W q_t",
    parts=lambda W: Parts(score=location(W)),
    oracle=Oracle(package="torch", call="nn.functional.linear", error=1e-14),
    weights={
        "W": Weight(axes="C K", meaning={"en": "a row for each place", "zh": "每个位置对应一行"})
    },
    cost=Cost(width="G * E"),
)
