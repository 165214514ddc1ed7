"""The one seam through which all attention of a foreign model passes.

`transformers` lets a model choose its attention function by name. Ours asks the reader of the pass
that is going on (a context variable: every thread has its own) and is the model file's own eager
attention where nobody reads.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

NAME = "attnviz"
Answer = tuple[Tensor, Tensor | None]
"""(mixed values BTHE, pattern BHTS), as an attention function of transformers gives them."""


@dataclass(frozen=True, eq=False)
class Asked:
    """One call of an attention: q BHTK, k BGSK, v BGSE as they enter the score, the additive mask
    (broadcast to BHTS), the scale of the scores, and whatever else the module said."""

    module: nn.Module
    q: Tensor
    k: Tensor
    v: Tensor
    mask: Tensor | None
    scale: float
    extras: Mapping[str, Any]
    eager: Callable[[], Answer]
    """The model file's own computation."""


class Reader(Protocol):
    """What listens to a pass. Each may put another tensor in the place of the one it reads; None
    leaves it."""

    def attention(self, asked: Asked, /) -> Answer: ...
    def enter(self, layer: nn.Module, x_BTD: Tensor, /) -> Tensor | None: ...
    def leave(self, layer: nn.Module, x_BTD: Tensor, /) -> Tensor | None: ...
    def head(self, x_BTD: Tensor, /) -> Tensor | None: ...


_READER: ContextVar[Reader | None] = ContextVar("reader", default=None)


@contextmanager
def read_by(reader: Reader) -> Iterator[None]:
    """Every attention of this thread is `reader`'s until the end of the block."""
    token = _READER.set(reader)
    try:
        yield
    finally:
        _READER.reset(token)


def answered(asked: Asked) -> Answer:
    """What the reader makes of it, or the eager attention where nobody reads."""
    reader = _READER.get()
    return asked.eager() if reader is None else reader.attention(asked)


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **extras: Any,
) -> Answer:
    """An attention function for transformers' interface."""
    eager = sys.modules[type(module).__module__].eager_attention_forward

    def own() -> Answer:
        about = extras if scaling is None else {**extras, "scaling": scaling}
        return eager(module, query, key, value, attention_mask, **about)

    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return answered(Asked(module, query, key, value, attention_mask, scale, extras, own))


def register() -> None:
    """Make the seam known to transformers, with eager's masks; doing it twice changes nothing."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, eager_mask)


def layers(model: nn.Module) -> list[nn.Module]:
    """The members of the outermost module lists: the layers of the stacks."""
    lists = [name for name, module in model.named_modules() if isinstance(module, nn.ModuleList)]
    outer = [n for n in lists if not any(n.startswith(f"{other}.") for other in lists)]
    return [layer for name in outer for layer in model.get_submodule(name).children()]


def listen(model: nn.Module, head: nn.Module | None) -> None:
    """Let the layers and the head ask the reader too. The hooks hold nothing."""
    for layer in layers(model):
        layer.register_forward_pre_hook(_entered, with_kwargs=True)
        layer.register_forward_hook(_left)
    if head is not None:
        head.register_forward_pre_hook(_headed)


def _entered(layer: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict] | None:
    reader = _READER.get()
    x_BTD = args[0] if args else kwargs.get("hidden_states")
    if reader is None or not isinstance(x_BTD, Tensor):
        return None
    new = reader.enter(layer, x_BTD)
    if new is None:
        return None
    return ((new, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": new})


def _left(layer: nn.Module, _args: tuple, output: Any) -> Any:
    reader = _READER.get()
    several = isinstance(output, tuple)
    x_BTD = output[0] if several else output
    if reader is None or not isinstance(x_BTD, Tensor):
        return None
    new = reader.leave(layer, x_BTD)
    return (new, *output[1:]) if several and new is not None else new


def _headed(_head: nn.Module, args: tuple) -> tuple | None:
    reader = _READER.get()
    new = reader.head(args[0]) if reader and args else None
    return None if new is None else (new, *args[1:])
