"""Shaw's relative positions: a query also meets a learned vector of how far away a key stands.

Shaw, Uszkoreit, Vaswani 2018, arXiv:1803.02155, equation 4. Distances beyond `clip` count as
`clip`; row 0 of the table is for keys `clip` or more places before the query, the last row for keys
as far after it. One table serves all heads. The paper's second table, added to the values, is left
out, as in transformers. The paper's clip is 16; here it is 4, so that a short sentence shows it.
"""

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.positions.relative import STRENGTH, Table, ahead, picked, placed
from attnviz.attention.scores.dot import dot
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

ROW = Step(
    "distance_row",
    "T S",
    r"o_{ts} = \mathrm{clip}(s - t, -c, c) + c",
    "maximum(-clip, minimum(clip, s - t - past)) + clip",
    words={
        "en": ("Row for the distance", "Which row of the table belongs to this query and key."),
        "zh": ("距离对应的行", "这一对查询和键使用表中的哪一行。"),
    },
)
PLACE = Step(
    "place_score",
    "H T S",
    r"P_{ts} = q_t^\top a_{o_{ts}}",
    "sum(k, q[h, t, k] * distance_table[distance_row[t, s], k])",
    words={
        "en": ("Compare with the distance", "The query meets the vector of the distance."),
        "zh": ("与距离比较", "查询与表示距离的向量作点积。"),
    },
)


def shaw(clip: int, strength: float, distance_table: Tensor) -> Parts:
    """Parts whose scores have the `distance_table` of distances (2 `clip` + 1 rows, K) in them."""

    def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
        raw_BHTS = dot(q_BHTK, k_BGSK, rec)
        (b, _, t, d), s = q_BHTK.shape, k_BGSK.shape[2]
        row_BTS = (ahead(raw_BHTS).clamp(-clip, clip) + clip).expand(b, -1, -1)
        row_BTS = rec.keep(ROW, row_BTS, past=s - t, clip=clip)
        place_BHTS = picked(q_BHTK @ distance_table[..., None, :, :].mT, row_BTS)
        place_BHTS = rec.keep(
            PLACE, place_BHTS, q=q_BHTK, distance_table=distance_table, distance_row=row_BTS
        )
        return placed(raw_BHTS, place_BHTS, strength, d, rec)

    return Parts(score=score)


VARIANT = Variant(
    name="shaw",
    title={"en": "Relative keys (Shaw)", "zh": "相对位置键（Shaw）"},
    words={
        "en": "The query is compared with the key and with a learned vector of the distance "
        "between them; far distances share one vector.",
        "zh": "查询除了与键比较，还与表示两者距离的学习向量比较；较远的距离共用一个向量。",
    },
    paper="Shaw, Uszkoreit, Vaswani 2018, arXiv:1803.02155",
    formula=r"S_{ts} = \frac{q_t^\top (k_s + a_{\mathrm{clip}(s - t)})}{\sqrt{d_{\mathrm{head}}}}",
    parts=shaw,
    oracle=Oracle(
        package="transformers", call="Wav2Vec2BertSelfAttention('relative_key')", error=1e-13
    ),
    properties=Properties(placed=True),
    parameters={
        "clip": Parameter(
            default=4,
            low=1,
            high=100_000,
            unit="tokens",
            whole=True,
            meaning={"en": "the farthest distance told apart", "zh": "能区分的最远距离"},
        ),
        "strength": STRENGTH,
    },
    weights={
        "distance_table": Table(
            axes="rows K",
            rows="2 * clip + 1",
            meaning={"en": "a vector for each distance", "zh": "每种距离一个向量"},
        )
    },
    cost=Cost(extra="2 * H * T * S * K"),
    limits=(Limit(given={"strength": 0.0}, equals="scaled_dot"),),
)
