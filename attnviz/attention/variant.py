"""What an attention variant is: the parts of the data path it changes, and what it promises.

Adding one is adding one file: everything that the catalogue, the pages, the command line and the
tests know of it stands in its `Variant`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from torch import Tensor

from attnviz.attention.cost import FULL, Cost, together
from attnviz.attention.parameter import Inputs, Option, Parameter, Value, Weight
from attnviz.attention.parts import Parts, combine
from attnviz.error import InputError

SEED = Parameter(
    default=0,
    low=0,
    high=9999,
    whole=True,
    meaning={"en": "seed of the weights that are drawn", "zh": "随机权重的种子"},
)
"""The parameter that every variant has whose weights are drawn."""


@dataclass(frozen=True, kw_only=True)
class Properties:
    """What must hold for every input; the contract tests and the app read it.

    `row_sum` of the weights; `negative` weights can occur; a `causal` variant never looks at a
    later token by itself; a `sparse` one has weights that are exactly zero though allowed, or a
    mask of its own; `square` needs T = S. A `maskable` one under a causal mask depends on no later
    token; one that is not takes only masks that hide a key from every query. `differentiable` in q,
    k and v wherever no two scores are equal. One that is not `stable` may give no numbers where
    scores are large or nothing is allowed. `same_width`: values must be as wide as keys.
    `mixes_heads`: a head's output depends on other heads' q, k or v. `placed`: a row depends on
    where its query stands among the keys, or on how many queries there are, so that it is another
    one while a decoder writes on; in cross-attention it has no such place. `growing`: a row depends
    on how many tokens there are after it, so that it is another one as a text grows.
    """

    row_sum: Literal["one", "at most one", "any"] = "one"
    negative: bool = False
    causal: bool = False
    sparse: bool = False
    square: bool = False
    maskable: bool = True
    differentiable: bool = True
    stable: bool = True
    same_width: bool = False
    mixes_heads: bool = False
    placed: bool = False
    growing: bool = False


@dataclass(frozen=True, kw_only=True)
class Limit:
    """With the parameters `given`, the variant gives the weights of another one, `equals`, with its
    parameters `of`: exactly up to `error`, the largest difference of a weight, which is not small
    where the case is only approached. Values may be rules of the sizes ("S")."""

    given: Mapping[str, float | str]
    equals: str
    of: Mapping[str, float | str] = field(default_factory=dict)
    error: float = 1e-12


@dataclass(frozen=True, kw_only=True)
class Oracle:
    """Who says that the numbers are right: the public `package` (or, without one, an exact
    definition) and what of it is called. A test named test_NAME_matches_... holds the largest
    difference of the weights or the output to at most `error`."""

    call: str
    error: float
    package: str = ""

    @property
    def title(self) -> str:
        return f"{self.package}: {self.call}" if self.package else self.call


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One named attention. `words` say in a sentence, for each language, what it changes and what
    for. `parts` makes the parts of the parameters and weights, by name."""

    name: str
    title: Mapping[str, str]
    words: Mapping[str, str]
    paper: str
    formula: str
    parts: Parts | Callable[..., Parts]
    oracle: Oracle | None
    properties: Properties = field(default_factory=Properties)
    parameters: Mapping[str, Parameter | Option] = field(default_factory=dict)
    weights: Mapping[str, Weight] = field(default_factory=dict)
    cost: Cost = FULL
    limits: tuple[Limit, ...] = ()

    @property
    def knobs(self) -> Mapping[str, Parameter | Option]:
        """The parameters, with the seed where weights are drawn."""
        drawn = any(weight.needed and weight.drawn for weight in self.weights.values())
        return {**self.parameters, "seed": SEED} if drawn else self.parameters

    def values(self, inputs: Inputs | None = None, /, **given: Value) -> dict[str, Value]:
        """Every parameter's value: the given ones, checked, the others at their defaults. Raises
        InputError for an unknown parameter and for a value out of its range."""
        known = {**self.knobs, **self.weights}
        if unknown := sorted(given.keys() - known.keys()):
            named, said = ", ".join(unknown), ", ".join(known) or "none"
            message = f"{self.name} has no parameter {named}; it has {said}"
            raise InputError("unknown", message, variant=self.name, name=named, known=said)
        found: dict[str, Value] = {}
        for name, knob in self.knobs.items():
            if name in given:
                found[name] = knob.check(self.name, name, given[name], inputs)
            else:
                found[name] = knob.usual(inputs)
        return found

    def build(self, inputs: Inputs | None = None, /, **given: Value) -> Parts:
        """The parts with these parameters and weights. `inputs` may be left out where there are no
        weights and no default depends on sizes. Raises InputError as `values` does, and for a
        weight of the wrong shape."""
        values = self.values(inputs, **given)
        if isinstance(self.parts, Parts):
            return self.parts
        numbers = {n: v for n, v in values.items() if isinstance(v, int | float)}
        made: dict[str, Tensor | None] = {}
        for name, weight in self.weights.items():
            assert inputs is not None, f"{self.name} has weights: their sizes must be known"
            about = (inputs, numbers, int(numbers.get("seed", 0)))
            made[name] = weight.make(self.name, name, given.get(name), *about)
        if "seed" not in self.parameters:
            values.pop("seed", None)
        parts = self.parts(**values, **made)
        return replace(parts, weights={n: w for n, w in made.items() if w is not None})


def joined(*variants: Variant) -> Variant:
    """Variants that fill different parts as one, called "rope+sliding_window+entmax". A parameter
    that two of them have is written with the variant's name, "entmax.alpha"."""
    if len(variants) == 1:
        return variants[0]
    names = _names(variants)

    def cost(variant: Variant) -> Cost:
        return variant.cost.renamed({own: n for n, (of, own) in names.items() if of is variant})

    return _Joined(
        name="+".join(v.name for v in variants),
        title={x: " + ".join(v.title[x] for v in variants) for x in variants[0].title},
        words={x: " ".join(v.words[x] for v in variants) for x in variants[0].words},
        paper="; ".join(dict.fromkeys(v.paper for v in variants)),
        formula=r",\quad ".join(v.formula for v in variants),
        parts=partial(_built, variants, names),
        oracle=None,
        properties=_both(*(v.properties for v in variants)),
        parameters={n: v.knobs[own] for n, (v, own) in names.items() if own in v.knobs},
        weights={n: v.weights[own] for n, (v, own) in names.items() if own in v.weights},
        cost=together(*map(cost, variants)),
    )


Names = Mapping[str, tuple[Variant, str]]
"""What a parameter or weight of joined variants is called: whose it is, and its name there."""


def _names(variants: Sequence[Variant]) -> Names:
    """Every parameter and weight; what two variants call alike has the variant's name before it."""
    found: dict[str, tuple[Variant, str]] = {}
    for variant in variants:
        for own in (*variant.knobs, *variant.weights):
            twice = sum(own in {**other.knobs, **other.weights} for other in variants) > 1
            found[f"{variant.name}.{own}" if twice else own] = (variant, own)
    return found


def _built(
    variants: Sequence[Variant], names: Names, inputs: Inputs | None, /, **given: Value
) -> Parts:
    """The parts of all, each built with what is given under its names."""
    parts: list[Parts] = []
    weights: dict[str, Tensor] = {}
    for variant in variants:
        mine = {name: own for name, (of, own) in names.items() if of is variant}
        made = variant.build(inputs, **{own: given[n] for n, own in mine.items() if n in given})
        weights |= {n: made.weights[own] for n, own in mine.items() if own in made.weights}
        parts.append(made)
    return replace(combine(*parts), weights=weights)


class _Joined(Variant):
    """Its parts are built by the variants it is made of."""

    @property
    def knobs(self) -> Mapping[str, Parameter | Option]:
        return self.parameters  # the seeds are among them

    def build(self, inputs: Inputs | None = None, /, **given: Value) -> Parts:
        self.values(inputs, **given)
        assert not isinstance(self.parts, Parts)
        return self.parts(inputs, **given)


def _both(*properties: Properties) -> Properties:
    sums = [p.row_sum for p in properties]
    row_sum = next((s for s in ("any", "at most one") if s in sums), "one")
    some = {
        n: any(getattr(p, n) for p in properties)
        for n in (
            "negative",
            "causal",
            "sparse",
            "square",
            "same_width",
            "mixes_heads",
            "placed",
            "growing",
        )
    }
    every = {
        n: all(getattr(p, n) for p in properties) for n in ("maskable", "differentiable", "stable")
    }
    return Properties(row_sum=row_sum, **some, **every)  # type: ignore[arg-type]
