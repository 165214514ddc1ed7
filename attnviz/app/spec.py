"""Variants with their parameters as text, for the URL: "softmax;entmax(alpha=1.25);rope+causal"."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from attnviz.attention.catalogue import find
from attnviz.attention.parameter import Option
from attnviz.attention.variant import Variant
from attnviz.error import InputError

_ONE = re.compile(r"([\w+ ]+?)(?:\((.*)\))?")


@dataclass(frozen=True)
class Chosen:
    """A variant, or several joined by +, and the parameters that differ from their defaults."""

    name: str
    values: tuple[tuple[str, float | str], ...] = ()

    @property
    def variant(self) -> Variant:
        return find(self.name)

    def put(self, name: str, value: float | str) -> "Chosen":
        """The same with another value of a parameter."""
        kept = tuple((n, v) for n, v in self.values if n != name)
        return replace(self, values=tuple(sorted((*kept, (name, value)))))

    def to_text(self) -> str:
        given = ",".join(f"{n}={v}".removesuffix(".0") for n, v in self.values)
        return f"{self.name}({given})" if given else self.name


def to_text(many: Iterable[Chosen]) -> str:
    return ";".join(chosen.to_text() for chosen in many)


def parse(text: str) -> list[Chosen]:
    """What `to_text` wrote. Raises InputError for a variant or a parameter that there is not, and
    for a value out of its range."""
    return [_parsed(one.strip()) for one in text.split(";") if one.strip()]


def _parsed(text: str) -> Chosen:
    found = _ONE.fullmatch(text)
    if found is None:
        raise InputError("spec", f"{text!r} is no variant with its parameters", text=text)
    name = re.sub(r"\s*[+ ]\s*", "+", found[1].strip())  # a + of a link comes as a space
    variant = find(name)
    pairs = [pair.partition("=") for pair in (found[2] or "").split(",") if pair.strip()]
    values = {name.strip(): _value(variant, name.strip(), said.strip()) for name, _, said in pairs}
    variant.values(None, **values)
    return Chosen(name, tuple(sorted(values.items())))


def _value(variant: Variant, name: str, said: str) -> float | str:
    knob = variant.knobs.get(name)
    if isinstance(knob, Option):
        return said
    try:
        return float(said)
    except ValueError:
        return said
