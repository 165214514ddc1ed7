"""From logits to the token that is written: temperature, softmax, top-k and top-p cut, the choice.

Temperature after Hinton et al. 2015, arXiv:1503.02531; top-k after Fan et al. 2018,
arXiv:1805.04833; top-p (nucleus) after Holtzman et al. 2020, arXiv:1904.09751. No later step of a
recorded pass reads these, so they are computed when somebody looks.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from attnviz.recorder import Recorder, Step

TEMPERED = Step("tempered", "T V", r"\ell / \tau", "logits[t, v] / temperature")
MAX = Step("max", "T 1", r"m_t = \max_v \ell_{tv} / \tau", "max(v, tempered[t, v])")
EXP = Step(
    "exp", "T V", r"e_{tv} = \exp(\ell_{tv} / \tau - m_t)", "exp(tempered[t, v] - max[t])", "weight"
)
SUM = Step("sum", "T 1", r"\Sigma_t = \sum_v e_{tv}", "sum(v, exp[t, v])")
PROBS = Step("probs", "T V", r"p_{tv} = e_{tv} / \Sigma_t", "exp[t, v] / sum[t]", "weight")
RANK = Step(
    "rank",
    "T V",
    r"r_{tv} = 1 + \left|\{u : p_{tu} > p_{tv}\}\right|",
    "1 + sum(u, probs[t, u] > probs[t, v])",
)
BEFORE = Step(
    "before",
    "T V",
    r"c_{tv} = \sum_{u : p_{tu} > p_{tv}} p_{tu}",
    "sum(u, where(probs[t, u] > probs[t, v], probs[t, u], 0))",
    "weight",
)
CUT = Step(
    "cut",
    "T V",
    r"p_{tv} \text{ if } r_{tv} \le k \text{ and } c_{tv} < p_{\mathrm{top}}, \text{ else } 0",
    "where((rank[t, v] <= top_k) * (before[t, v] < top_p), probs[t, v], 0)",
    "weight",
)
LEFT = Step("left", "T 1", r"\Pi_t = \sum_v \mathrm{cut}_{tv}", "sum(v, cut[t, v])")
FINAL = Step(
    "final", "T V", r"\hat{p}_{tv} = \mathrm{cut}_{tv} / \Pi_t", "cut[t, v] / left[t]", "weight"
)
CHOSEN = Step("chosen", "T", r"\hat{x}_t = \arg\max_v \hat{p}_{tv}", "argmax(v, final[t, v])", "id")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """How a token is chosen: `temperature` > 0; of the `top_k` most probable (None: of all); of
    those whose more probable rivals have less than `top_p` (0 < p <= 1) together.

    Raises ValueError where a number is out of its range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"temperature must be a number above 0, not {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k must be at least 1, not {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, not {self.top_p}")


GREEDY = Decision()


def decide(logits_BTV: Tensor, decision: Decision, rec: Recorder) -> None:
    """Record the way from the logits to the token; of two alike the first one is chosen."""
    temperature = decision.temperature
    top_k, top_p = _limits(decision, logits_BTV.shape[-1])

    def tempered() -> Tensor:
        return logits_BTV / temperature

    def exp() -> Tensor:
        return (tempered() - tempered().amax(-1, keepdim=True)).exp_()

    def probs() -> Tensor:
        return tempered().softmax(-1)

    def cut() -> Tensor:
        return _cut(probs(), top_k, top_p)

    rec.derive(TEMPERED, tempered, logits=logits_BTV, temperature=temperature)
    rec.derive(MAX, lambda: tempered().amax(-1, keepdim=True), tempered=TEMPERED)
    rec.derive(EXP, exp, tempered=TEMPERED, max=MAX)
    rec.derive(SUM, lambda: exp().sum(-1, keepdim=True), exp=EXP)
    rec.derive(PROBS, probs, exp=EXP, sum=SUM)
    rec.derive(RANK, lambda: _order(probs())[0], probs=PROBS)
    rec.derive(BEFORE, lambda: _order(probs())[1], probs=PROBS)
    rec.derive(CUT, cut, probs=PROBS, rank=RANK, before=BEFORE, top_k=top_k, top_p=top_p)
    rec.derive(LEFT, lambda: cut().sum(-1, keepdim=True), cut=CUT)
    rec.derive(FINAL, lambda: cut() / cut().sum(-1, keepdim=True), cut=CUT, left=LEFT)
    rec.derive(CHOSEN, lambda: cut().argmax(-1), final=FINAL)


def _limits(decision: Decision, n_tokens: int) -> tuple[int, float]:
    """Top-k and top-p as numbers that every token is held against; the probabilities before one
    may sum to 1 by rounding, which a top-p of 1 must not cut off."""
    return decision.top_k or n_tokens, decision.top_p if decision.top_p < 1 else math.inf


def _cut(probs_BTV: Tensor, top_k: int, top_p: float) -> Tensor:
    """The probabilities of the tokens that may be chosen, 0 for the others."""
    rank_BTV, before_BTV = _order(probs_BTV)
    return probs_BTV.where((rank_BTV <= top_k) & (before_BTV < top_p), 0)


def drawn(decision: Decision, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    """A choice by chance: logits BV -> ids B, each token as often as the decision makes it
    probable."""

    def choose(logits_BV: Tensor) -> Tensor:
        probs_BV = (logits_BV / decision.temperature).softmax(-1)
        cut_BV = _cut(probs_BV, *_limits(decision, logits_BV.shape[-1]))
        return torch.multinomial(cut_BV, 1, generator=generator)[:, 0]

    return choose


def _order(probs_BTV: Tensor) -> tuple[Tensor, Tensor]:
    """Each token's rank, 1 for the most probable, and the probability of all before it; tokens that
    are alike have the same."""
    rising_BTV = probs_BTV.sort(-1).values
    above_BTV = torch.searchsorted(rising_BTV, probs_BTV.contiguous(), right=True)
    n_tokens = probs_BTV.shape[-1]
    from_here_BTV = rising_BTV.flip(-1).cumsum(-1).flip(-1)
    from_here_BTV = torch.nn.functional.pad(from_here_BTV, (0, 1))
    return n_tokens - above_BTV + 1, from_here_BTV.gather(-1, above_BTV)
