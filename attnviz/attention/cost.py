"""What a variant costs, as rules of the sizes: they are shown as formulas and computed as numbers.

One sequence, one layer, forward only, without the projections to q, k and v. A multiply-add is two
operations. The counts are those of the method's own algorithm (a window visits the cells of the
window); attnviz itself computes all T x S cells, to be able to show them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from attnviz.attention.parameter import evaluate


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Rules over T, S, H, G, K, E, D and the variant's parameters.

    `pairs` of query and key are scored for each head, each for 2K + 2E operations and five for the
    normaliser; `extra` are operations beyond that. `tokens` are kept while decoding, with `width`
    numbers for each. `operations` and `numbers` (held at once, beside q, k, v and the output) are
    for methods that score no pairs.
    """

    pairs: str = "T * S"
    extra: str = "0"
    tokens: str = "S"
    width: str = "G * (K + E)"
    operations: str = ""
    numbers: str = ""

    @property
    def flops(self) -> str:
        """Operations of one forward pass."""
        full = self.operations or f"H * ({self.pairs}) * (2 * K + 2 * E + 5)"
        return full if self.extra == "0" else f"{full} + {self.extra}"

    @property
    def memory(self) -> str:
        """Numbers that must be held at once where every weight is written down."""
        return self.numbers or f"H * ({self.pairs})"

    @property
    def cache(self) -> str:
        """Numbers kept between two tokens while decoding, after S tokens."""
        return self.width if self.tokens == "1" else f"({self.tokens}) * ({self.width})"

    @property
    def rules(self) -> dict[str, str]:
        """The three rules by name."""
        return {"operations": self.flops, "memory": self.memory, "cache": self.cache}

    def of(self, sizes: Mapping[str, float], **parameters: float) -> tuple[float, float, float]:
        """Operations, numbers held and numbers cached for these sizes."""
        known = {**sizes, **{_plain(name): number for name, number in parameters.items()}}
        flops, memory, cache = (evaluate(r, known) for r in self.rules.values())
        return flops, memory, cache

    def renamed(self, names: Mapping[str, str]) -> "Cost":
        """The same rules with other names for parameters ("entmax.alpha" for "alpha")."""

        def put(said: str) -> str:
            return re.sub(r"\w+", lambda word: _plain(names.get(word[0], word[0])), said)

        return replace(
            self, **{field.name: put(getattr(self, field.name)) for field in fields(self)}
        )


def _plain(name: str) -> str:
    """A parameter's name as a rule can say it."""
    return name.replace(".", "_")


FULL = Cost()


def together(*costs: Cost) -> Cost:
    """The cost of variants that fill different parts: what one changes stands, extras add up. Where
    one scores fewer pairs, what the others do for each of T x S they do for those."""
    found = FULL
    for cost in costs:
        changed = {
            field.name: value
            for field in fields(Cost)
            if (value := getattr(cost, field.name)) != field.default and field.name != "extra"
        }
        extras = [extra for extra in (found.extra, cost.extra) if extra != "0"]
        found = replace(found, **changed, extra=" + ".join(extras) or "0")
    if found.pairs == FULL.pairs:
        return found
    scored = f"({found.pairs})"
    extra, numbers = (said.replace("T * S", scored) for said in (found.extra, found.numbers))
    return replace(found, extra=extra, numbers=numbers)
