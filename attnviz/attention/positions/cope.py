"""CoPE: places are counted by content: a head may count only the tokens that it cares about.

Golovneva et al. 2024, arXiv:2405.18719. Every key's score opens a gate; the place
of a key is the sum of the gates from it up to the query, its own among them, at most positions - 1.
Places in between whole numbers get their part of the vectors on both sides. The gates read the
scaled scores and the query meets the table as it is, as in the authors' code; one table serves all
heads. Causal: gates after the query are 0, and so are those of tokens that a mask hides.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts
from attnviz.attention.positions.relative import STRENGTH
from attnviz.attention.positions.seeing import seeing
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

GATE = Step(
    "count_gate",
    "H T S",
    r"g_{ts} = \sigma(S_{ts})",
    "sigmoid(score[h, t, s]) * allowed[h, t, s]",
    kind="weight",
    words={
        "en": ("What is counted", "A high score counts as nearly one token, a low one as none."),
        "zh": ("计数的门", "分数高的词元几乎算一个，分数低的不算。"),
    },
)
COUNT = Step(
    "count",
    "H T S",
    r"p_{ts} = \min\left(\sum_{j=s}^{t} g_{tj}, n - 1\right)",
    "minimum(sum(j, where(j < s, 0, count_gate[h, t, j])), positions - 1)",
    words={
        "en": ("Count back", "How many tokens that matter stand from the key up to the query."),
        "zh": ("往回数", "从键到查询之间有多少个重要的词元。"),
    },
)
MARKS = Step(
    "marks",
    "H T C",
    r"m_{tp} = q_t^\top e_p",
    "sum(k, q[h, t, k] * place_vectors[c, k])",
    words={
        "en": ("What each place would add", "The query meets the vector of every whole place."),
        "zh": ("各位置的得分", "查询与每个整数位置的向量作点积。"),
    },
)
BIASED = Step(
    "biased",
    "H T S",
    r"S_{ts} + \lambda \, q_t^\top e[p_{ts}]",
    "score[h, t, s] + strength * ("
    "(1 - count[h, t, s] % 1) * marks[h, t, floor(count[h, t, s])]"
    " + count[h, t, s] % 1 * marks[h, t, minimum(floor(count[h, t, s]) + 1, positions - 1)])",
    words={
        "en": ("With the places added", "Between two whole places, a part of each is added."),
        "zh": ("加上位置部分", "位于两个整数位置之间时，两边各取一部分。"),
    },
)


def cope(positions: int, strength: float, place_vectors: Tensor) -> Parts:
    """Parts that count up to `positions` places, each with its vector (positions K)."""

    def inside(allowed: Tensor) -> Parts:
        def bias(scores_BHTS: Tensor, q_BHTK: Tensor, _k: Tensor, rec: Recorder) -> Tensor:
            gate_BHTS = scores_BHTS.sigmoid() * allowed
            gate_BHTS = rec.keep(GATE, gate_BHTS, score=scores_BHTS, allowed=allowed)
            count_BHTS = gate_BHTS.flip(-1).cumsum(-1).flip(-1).clamp_max(positions - 1)
            about = {"count_gate": gate_BHTS, "positions": positions}
            count_BHTS = rec.keep(COUNT, count_BHTS, None, **about)
            marks_BHTC = q_BHTK @ place_vectors[..., None, :, :].mT
            marks_BHTC = rec.keep(MARKS, marks_BHTC, q=q_BHTK, place_vectors=place_vectors)
            return rec.keep(
                BIASED,
                scores_BHTS + strength * between(marks_BHTC, count_BHTS),
                score=scores_BHTS,
                count=count_BHTS,
                marks=marks_BHTC,
                positions=positions,
                strength=strength,
            )

        return Parts(bias=bias)

    return seeing(inside)


def between(marks_BHTC: Tensor, count_BHTS: Tensor) -> Tensor:
    """The marks at places that need not be whole, BHTS: in between, a part of both sides."""
    below_BHTS = count_BHTS.detach().floor()
    above_BHTS = (below_BHTS + 1).clamp_max(marks_BHTC.shape[-1] - 1)
    part_BHTS = count_BHTS - below_BHTS
    low_BHTS, high_BHTS = (marks_BHTC.gather(-1, x.long()) for x in (below_BHTS, above_BHTS))
    return torch.lerp(low_BHTS, high_BHTS, part_BHTS)


VARIANT = Variant(
    name="cope",
    title={"en": "Contextual positions (CoPE)", "zh": "上下文位置编码（CoPE）"},
    words={
        "en": "Places are counted by content: a head can look at the third noun back, not only at "
        "the third token back.",
        "zh": "按内容来数位置：一个头可以去看往前第三个名词，而不只是往前第三个词元。",
    },
    paper="Golovneva et al. 2024, arXiv:2405.18719",
    formula=r"S_{ts} + q_t^\top e[p_{ts}], \quad p_{ts} = \sum_{j=s}^{t} \sigma(S_{tj})",
    parts=cope,
    oracle=Oracle(package="x-transformers", call="CoPE in Attend(causal=True)", error=1e-6),
    properties=Properties(placed=True, causal=True, sparse=True),
    parameters={
        "positions": Parameter(
            default=16,
            low=2,
            high=1024,
            unit="tokens",
            whole=True,
            meaning={"en": "places that are told apart", "zh": "能区分的位置数"},
        ),
        "strength": STRENGTH,
    },
    weights={
        "place_vectors": Weight(
            axes="positions K",
            meaning={"en": "a vector for each whole place", "zh": "每个整数位置一个向量"},
        )
    },
    cost=Cost(pairs="T * (S + S - T + 1) / 2", extra="2 * H * T * K * positions"),
    limits=(Limit(given={"strength": 0.0}, equals="causal"),),
)
