"""What the recurrent methods share: a state that every token renews and the query at its place
reads, and the products of forgetting between two places."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from attnviz.recorder import Recorder, Step

Renew = Callable[[Tensor, int], Tensor]
"""(state BHKE, place of the token) -> the state after that token."""
STATE = Step(
    "state",
    "H K E",
    r"S_{\mathrm{last}}",
    words={
        "en": ("The state at the end", "All that is kept of the text after its last token."),
        "zh": ("最终状态", "读完最后一个词元后，对全文的全部记忆。"),
    },
)


def recurrent(
    q_BHTK: Tensor, k_BHSK: Tensor, v_BHSE: Tensor, renew: Renew, rec: Recorder
) -> Tensor:
    """z BHTE: the state K x E, zero at first, is renewed by each token in turn and then read by the
    query at its place. The last query stands at the last key."""
    t, s = q_BHTK.shape[2], k_BHSK.shape[2]
    state_BHKE = k_BHSK.new_zeros(*k_BHSK.shape[:2], k_BHSK.shape[3], v_BHSE.shape[3])
    read = [state_BHKE[:, :, 0]] * max(0, t - s)
    for place in range(s):
        state_BHKE = renew(state_BHKE, place)
        if place >= s - t:
            read.append(torch.einsum("bhk,bhke->bhe", q_BHTK[:, :, place - s + t], state_BHKE))
    rec.keep(STATE, state_BHKE)
    return torch.stack(read, dim=2)


def products(forget_BHS: Tensor, t: int) -> Tensor:
    """What is left at each of the last `t` places of what each token wrote, BHTS: the product of
    `forget` over the tokens after it; 0 for a later token."""
    s = forget_BHS.shape[-1]
    later_SS = torch.ones(s, s, dtype=torch.bool, device=forget_BHS.device).triu(1)
    left_BHSS = forget_BHS[..., None, :].where(later_SS, 1).cumprod(-1).mT.tril()
    return functional.pad(left_BHSS, (0, 0, t - s, 0))
