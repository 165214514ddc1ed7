"""Forgetting attention (FoX): every token says how much of what came before it is kept.

Lin et al. 2025, arXiv:2503.02130: the score loses the logarithms of the gates of all
tokens after the key, up to the query's own. The paper makes the gates from the tokens' vectors;
here they are made from the keys, as sigmoid(w k + b), or given as `gates` between 0 and 1. The
first token's gate is never read. Causal: a token that a mask hides forgets nothing.
"""

from dataclasses import replace

from torch import Tensor
from torch.nn import functional

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts, shared
from attnviz.attention.positions.seeing import seeing
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

GATE = Step(
    "forget_gate",
    "H S",
    r"f_s = \sigma(w^\top k_s + b)",
    "sigmoid(sum(k, w[h, k] * k[h // n_sharing, s, k]) + bias)",
    kind="weight",
    words={
        "en": ("The forget gates", "1 keeps all that came before the token, 0 forgets it."),
        "zh": ("遗忘门", "1 保留该词元之前的全部内容，0 则全部忘掉。"),
    },
)
FORGOTTEN = Step(
    "forgotten",
    "H T S",
    r"D_{ts} = \sum_{l=s+1}^{t} \log f_l",
    "sum(l, where((l > s) * allowed[h, t, l], log(forget_gate[h, l]), 0))",
    words={
        "en": ("What is forgotten", "The gates between key and query, multiplied, as a logarithm."),
        "zh": ("遗忘了多少", "键与查询之间所有门的乘积，取对数。"),
    },
)
BIASED = Step(
    "biased",
    "H T S",
    r"S_{ts} + D_{ts}",
    "score[h, t, s] + forgotten[h, t, s]",
    words={
        "en": ("With the forgetting", "The more was forgotten since the key, the lower its score."),
        "zh": ("减去遗忘", "键之后忘得越多，它的分数越低。"),
    },
)


def forgetting(bias: float, w: Tensor, gates: Tensor | None) -> Parts:
    """Parts whose scores fade by the `gates` (H S), or by those made of the keys."""

    def inside(allowed: Tensor) -> Parts:
        def fade(scores_BHTS: Tensor, q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
            if gates is None:
                gates_BHS = _made(q_BHTK, k_BGSK, w, bias, rec)
            else:
                step = replace(GATE, formula="f_s", rule="gates[h, s]")
                gates_BHS = rec.keep(step, gates.expand(len(q_BHTK), -1, -1), gates=gates)
            logs_BHTS = gates_BHS.log()[:, :, None].where(allowed, 0)
            after_BHTS = functional.pad(logs_BHTS[..., 1:], (0, 1))
            forgotten_BHTS = after_BHTS.flip(-1).cumsum(-1).flip(-1)
            forgotten_BHTS = rec.keep(
                FORGOTTEN, forgotten_BHTS, forget_gate=gates_BHS, allowed=allowed
            )
            return rec.keep(
                BIASED, scores_BHTS + forgotten_BHTS, score=scores_BHTS, forgotten=forgotten_BHTS
            )

        return Parts(bias=fade)

    return seeing(inside)


def _made(q_BHTK: Tensor, k_BGSK: Tensor, w: Tensor, bias: float, rec: Recorder) -> Tensor:
    """Every head's gates, made of its keys, BHS."""
    gates_BHS = ((shared(k_BGSK, q_BHTK) * w[..., None, :]).sum(-1) + bias).sigmoid()
    n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
    return rec.keep(GATE, gates_BHS, k=k_BGSK, w=w, bias=bias, n_sharing=n_sharing)


VARIANT = Variant(
    name="forgetting",
    title={"en": "Forgetting attention (FoX)", "zh": "遗忘注意力（FoX）"},
    words={
        "en": "Every token has a gate that says how much of the text before it is kept: what "
        "stands behind closed gates fades.",
        "zh": "每个词元有一个门，决定保留多少前文：被关上的门挡住的内容会逐渐淡出。",
    },
    paper="Lin et al. 2025, arXiv:2503.02130",
    formula=r"S_{ts} + \sum_{l=s+1}^{t} \log f_l, \quad f_l = \sigma(w^\top k_l + b)",
    parts=forgetting,
    oracle=Oracle(package="fla-core", call="naive_forgetting_attn", error=1e-6),
    properties=Properties(placed=True, causal=True, sparse=True),
    parameters={
        "bias": Parameter(
            default=2.0,
            low=-10.0,
            high=40.0,
            meaning={"en": "how far all gates stand open", "zh": "所有门的开启程度"},
        )
    },
    weights={
        "w": Weight(
            axes="H K",
            meaning={"en": "makes the gates of the keys", "zh": "由键生成门"},
        ),
        "gates": Weight(
            axes="H S",
            meaning={"en": "gates, given as they are", "zh": "直接给出的门"},
            needed=False,
        ),
    },
    cost=Cost(
        pairs="T * (S + S - T + 1) / 2",
        extra="H * T * (S + S - T + 1) / 2",
        width="G * (K + E) + H",
    ),
    limits=(Limit(given={"bias": 40.0}, equals="causal"),),
)
