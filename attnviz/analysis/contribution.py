"""What each token adds to a label's logit, on the way through the pool's attention.

The pool's output is a sum over the tokens, and the norm that follows divides it by one number: with
that number as the model had it, the logit is a sum too, exactly. What a token adds is compared with
what it adds to the mean of all labels, since only differences between logits count.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from attnviz.trace import Trace

AT = "pool.0.cross"


@dataclass(frozen=True)
class Contribution:
    """`tokens` S and `rest` (the query itself, biases) add up to `logit`, which is the label's
    logit less the mean of all logits."""

    tokens: Tensor
    rest: float
    logit: float


def contribution(trace: Trace, label: int) -> Contribution | None:
    """What each source token adds to the logit of `label`; None where a variant pools whose output
    is not its weights times the values. Raises KeyError where the model is no classifier."""
    weights = trace.weights
    W_O_HKD = weights["pool.attention.W_O"].double()
    W_C_VD = weights["classify.weight"].double()
    pattern_HS = trace[f"{AT}.pattern"].value[:, 0].double()
    v_GSK = trace[f"{AT}.v"].value.double()
    v_HSK = v_GSK.repeat_interleave(len(pattern_HS) // len(v_GSK), 0)
    z_HK = trace[f"{AT}.z"].value[:, 0].double()
    if not torch.allclose(torch.einsum("hs,hsk->hk", pattern_HS, v_HSK), z_HK, atol=1e-4):
        return None
    added_SD = torch.einsum("hs,hsk,hkd->sd", pattern_HS, v_HSK, W_O_HKD)
    direction_D = (W_C_VD[label] - W_C_VD.mean(0)) * weights["pool.norm.gain"].double()
    tokens_S = _through_norm(added_SD, trace) @ direction_D
    logits_V = trace["logits"].value[0].double()
    logit = float(logits_V[label] - logits_V.mean())
    return Contribution(tokens_S, logit - float(tokens_S.sum()), logit)


def _through_norm(x_SD: Tensor, trace: Trace) -> Tensor:
    """The share of each row in the normalised sum."""
    if "pool.variance" in trace:
        size = trace["pool.variance"].value[0, 0].double()
        x_SD = x_SD - x_SD.mean(-1, keepdim=True)
    else:
        size = trace["pool.mean_square"].value[0, 0].double()
    return x_SD / (size + float(trace["pool.normalised"].inputs["epsilon"])).sqrt()
