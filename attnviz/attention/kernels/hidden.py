"""How a path that sums over the keys leaves out what the mask hides from every query: a hidden
token has no weight and no influence."""

from dataclasses import replace

import torch
from torch import Tensor

from attnviz.attention.kernels.mask import visible
from attnviz.attention.parts import shared
from attnviz.error import InputError
from attnviz.recorder import Recorder, Step

ZEROED = Step(
    "hidden",
    "H S K",
    r"k_s = 0 \text{ where hidden}",
    "k[h // n_sharing, s, k] * allowed[h, last, s]",
    words={
        "en": ("Keys left out", "A key is 0 where the mask hides it from every query."),
        "zh": ("去掉的键", "被掩码对所有查询隐藏的键变为 0。"),
    },
)
LOWERED = Step(
    "hidden",
    "H S K",
    r"k_s = -\infty \text{ where hidden}",
    "where(allowed[h, last, s], k[h // n_sharing, s, k], -inf)",
    words={
        "en": ("Keys left out", "A key is −∞ where the mask hides it, so its exponential is 0."),
        "zh": ("去掉的键", "被掩码隐藏的键变为 −∞，其指数即为 0。"),
    },
)
HELD = Step(
    "seen",
    "H S",
    r"0 \text{ where hidden}",
    "amount[h, s] * allowed[h, last, s]",
    words={
        "en": ("Hidden tokens do nothing", "0 where the mask hides a token: the state stays."),
        "zh": ("隐藏的词元不起作用", "被掩码隐藏的词元取 0：状态保持不变。"),
    },
)


def hidden(allowed: Tensor | None) -> Tensor | None:
    """The keys BHS that are hidden from every query; None where there are none. Raises InputError
    for a mask that a sum over the keys cannot follow."""
    _, keys_BHS = visible(allowed)
    return None if keys_BHS is None or keys_BHS.all() else ~keys_BHS


def at_once(name: str, allowed: Tensor | None) -> None:
    """Raise InputError where a mask is causal: the variant `name` works on all tokens at once."""
    if visible(allowed)[0]:
        message = (
            f"{name} works on all tokens at once: its mask may hide a key from every query,"
            " not from some"
        )
        raise InputError("maskable", message, variant=name)


def zeroed(k_BGSK: Tensor, q_BHTK: Tensor, allowed: Tensor | None, rec: Recorder) -> Tensor:
    """The keys, those that are hidden as zeros; as many heads as queries where there are any."""
    hidden_BHS = hidden(allowed)
    if hidden_BHS is None:
        return k_BGSK
    n_sharing, last = q_BHTK.shape[1] // k_BGSK.shape[1], q_BHTK.shape[2] - 1
    zeroed_BHSK = shared(k_BGSK, q_BHTK) * ~hidden_BHS[..., None]
    return rec.keep(ZEROED, zeroed_BHSK, k=k_BGSK, allowed=allowed, n_sharing=n_sharing, last=last)


def lowered(k_BGSK: Tensor, q_BHTK: Tensor, allowed: Tensor | None, rec: Recorder) -> Tensor:
    """The keys, those that are hidden as -inf; as many heads as queries where there are any."""
    hidden_BHS = hidden(allowed)
    if hidden_BHS is None:
        return k_BGSK
    n_sharing, last = q_BHTK.shape[1] // k_BGSK.shape[1], q_BHTK.shape[2] - 1
    lowered_BHSK = shared(k_BGSK, q_BHTK).masked_fill(hidden_BHS[..., None], -torch.inf)
    return rec.keep(
        LOWERED, lowered_BHSK, k=k_BGSK, allowed=allowed, n_sharing=n_sharing, last=last
    )


def held(name: str, amount_BHS: Tensor, allowed: Tensor | None, rec: Recorder) -> Tensor:
    """The amounts called `name`, 0 for tokens that are hidden."""
    hidden_BHS = hidden(allowed)
    if hidden_BHS is None or allowed is None:
        return amount_BHS
    step, last = replace(HELD, name=f"{name}_seen"), allowed.shape[2] - 1
    held_BHS = amount_BHS * ~hidden_BHS
    return rec.keep(step, held_BHS, amount=amount_BHS, allowed=allowed, last=last)
