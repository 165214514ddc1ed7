"""DeBERTa: content meets content, content meets distance, and distance meets content.

He et al. 2020, arXiv:2006.03654, equation 4, divided by sqrt(3 d_head) for its three parts. The
distance t - s is counted from -span to span - 1; both of its parts read the same row
delta = clip(t - s + span), as the authors' code and transformers do (the paper writes delta(s, t)
in the last part). A head's two tables are the rows of the paper's shared table as they come out of
its projections. The published span is 512; here it is 4, so that a short sentence shows it.
"""

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts, shared
from attnviz.attention.positions.relative import STRENGTH, Table, ahead, picked
from attnviz.attention.scores.dot import dot
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

ROW = Step(
    "distance_row",
    "T S",
    r"\delta_{ts} = \mathrm{clip}(t - s + c, 0, 2c - 1)",
    "maximum(0, minimum(t + past - s + span, 2 * span - 1))",
    words={
        "en": ("Row for the distance", "Which row of both tables belongs to this query and key."),
        "zh": ("距离对应的行", "这一对查询和键使用两个表中的哪一行。"),
    },
)
TO_PLACE = Step(
    "content_to_place",
    "H T S",
    r"q_t^\top k^r_{\delta_{ts}}",
    "sum(k, q[h, t, k] * place_keys[h, distance_row[t, s], k])",
    words={
        "en": ("Content to place", "The query meets the key of the distance."),
        "zh": ("内容对位置", "查询与距离的键作点积。"),
    },
)
TO_CONTENT = Step(
    "place_to_content",
    "H T S",
    r"k_s^\top q^r_{\delta_{ts}}",
    "sum(k, k[h // n_sharing, s, k] * place_queries[h, distance_row[t, s], k])",
    words={
        "en": ("Place to content", "The query of the distance meets the key."),
        "zh": ("位置对内容", "距离的查询与键作点积。"),
    },
)
THREE = Step(
    "placed",
    "H T S",
    r"\frac{R_{ts} + \lambda (q_t^\top k^r_\delta + k_s^\top q^r_\delta)}"
    r"{\sqrt{3 d_{\mathrm{head}}}}",
    "(raw[h, t, s] + strength * (content_to_place[h, t, s] + place_to_content[h, t, s]))"
    " / sqrt(3 * d_head)",
    words={
        "en": ("All three parts", "The parts are added, then divided by √(3 d_head)."),
        "zh": ("三部分相加", "三个部分相加，再除以 √(3 d_head)。"),
    },
)


def deberta(span: int, strength: float, place_keys: Tensor, place_queries: Tensor) -> Parts:
    """Parts whose scores have the tables of distances (H, 2 `span` rows, K) in them."""

    def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
        raw_BHTS = dot(q_BHTK, k_BGSK, rec)
        (b, n_heads, t, d_head), (_, n_groups, s, _) = q_BHTK.shape, k_BGSK.shape
        row_BTS = (span - ahead(raw_BHTS)).clamp(0, 2 * span - 1).expand(b, -1, -1)
        row_BTS = rec.keep(ROW, row_BTS, past=s - t, span=span)
        place_BHTS = picked(q_BHTK @ place_keys.mT, row_BTS)
        place_BHTS = rec.keep(
            TO_PLACE, place_BHTS, q=q_BHTK, place_keys=place_keys, distance_row=row_BTS
        )
        content_BHTS = picked(shared(k_BGSK, q_BHTK) @ place_queries.mT, row_BTS.mT).mT
        content_BHTS = rec.keep(
            TO_CONTENT,
            content_BHTS,
            k=k_BGSK,
            place_queries=place_queries,
            distance_row=row_BTS,
            n_sharing=n_heads // n_groups,
        )
        return rec.keep(
            THREE,
            (raw_BHTS + strength * (place_BHTS + content_BHTS)) * (3 * d_head) ** -0.5,
            raw=raw_BHTS,
            content_to_place=place_BHTS,
            place_to_content=content_BHTS,
            strength=strength,
            d_head=d_head,
        )

    return Parts(score=score)


VARIANT = Variant(
    name="deberta",
    title={"en": "Disentangled (DeBERTa)", "zh": "解耦注意力（DeBERTa）"},
    words={
        "en": "Content and place stay apart: the score adds what the words say to each other and "
        "what each word says to the distance.",
        "zh": "内容与位置分开：分数由词与词之间的匹配和每个词与距离的匹配相加而成。",
    },
    paper="He et al. 2020, arXiv:2006.03654",
    formula=r"S_{ts} = \frac{q_t^\top k_s + q_t^\top k^r_{\delta(t,s)}"
    r" + k_s^\top q^r_{\delta(t,s)}}{\sqrt{3 d_{\mathrm{head}}}}",
    parts=deberta,
    oracle=Oracle(package="transformers", call="deberta DisentangledSelfAttention", error=1e-7),
    properties=Properties(placed=True),
    parameters={
        "span": Parameter(
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
        "place_keys": Table(
            axes="H rows K",
            rows="2 * span",
            meaning={"en": "keys of the distances", "zh": "各距离的键"},
        ),
        "place_queries": Table(
            axes="H rows K",
            rows="2 * span",
            meaning={"en": "queries of the distances", "zh": "各距离的查询"},
        ),
    },
    cost=Cost(extra="4 * H * T * S * K"),
    limits=(Limit(given={"strength": 0.0}, equals="temperature", of={"tau": "sqrt(3)"}),),
)
