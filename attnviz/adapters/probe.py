"""Which attentions a foreign model has, found by watching a short pass.

Queries and keys of the probe differ in number, so that cross-attention shows itself; the order of
the calls names them, which also holds where layers share one module (ALBERT).
"""

from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from attnviz.adapters.part import has_table, own_parts
from attnviz.adapters.reading import Call, Plan
from attnviz.adapters.refusal import unreadable
from attnviz.adapters.seam import Answer, Asked
from attnviz.pretrained import LoadError

SOURCE, TARGET = 5, 3
"""How many tokens the probe reads."""
ROTARY = ("rotary", "rope")


@dataclass
class Probe:
    """The reader that writes down what happens, and changes nothing."""

    events: list[Literal["enter", "leave"] | Asked] = field(default_factory=list)
    d_model: int = 0
    streams: int = 1
    """How many streams a token has; the page knows one."""

    def attention(self, asked: Asked) -> Answer:
        self.events.append(asked)
        return asked.eager()

    def enter(self, _layer: nn.Module, x_BTD: Tensor) -> None:
        self.events.append("enter")
        self.d_model, self.streams = x_BTD.shape[-1], x_BTD.ndim - 2

    def leave(self, _layer: nn.Module, x_BTD: Tensor) -> None:
        self.events.append("leave")

    def head(self, _x_BTD: Tensor) -> None:
        pass

    @property
    def asked(self) -> list[Asked]:
        return [event for event in self.events if isinstance(event, Asked)]

    def plan(self, stack: str, turned: bool) -> Plan:
        """The stack's attentions by name. Raises LoadError where there are none."""
        if not self.asked:
            raise unreadable()
        counts, calls, table = {"self": 0, "cross": 0}, [], None
        for asked in self.asked:
            kind = "cross" if asked.k.shape[2] != asked.q.shape[2] else "self"
            table = asked.module if has_table(asked.module) else table
            parts = own_parts(asked, table if kind == "self" else None)
            path = f"{counts[kind]}.{kind}"
            calls.append(Call(path=path, parts=parts, turned=turned and kind == "self"))
            counts[kind] += 1
        n_layers = self.events.count("leave")
        if counts["cross"] not in (0, counts["self"]) or 0 < n_layers < counts["self"]:
            message = "attnviz knows one attention of a kind in a layer, and no more"
            raise LoadError("attentions", message)
        return Plan(stack=stack, calls=tuple(calls), layered=self._layered(calls))

    def _layered(self, calls: list[Call]) -> bool:
        """Whether each layer has its own attentions, no more and no fewer."""
        kinds = iter(call.path.split(".")[1] for call in calls)
        found = "".join(x[0] if isinstance(x, str) else next(kinds)[0] for x in self.events)
        one = found[: found.find("l") + 1]  # e enter, s self, c cross, l leave
        return (
            self.streams == 1 and one in ("esl", "escl") and found == one * (len(found) // len(one))
        )


def turns(model: nn.Module) -> bool:
    """Whether the model turns queries and keys by their place."""
    return any(mark in type(m).__name__.lower() for m in model.modules() for mark in ROTARY)
