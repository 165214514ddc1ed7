"""Attention as textbooks begin it: one query, a few tokens, numbers small enough for a pencil.

Encode every token x_i to e_i, compare it with the query q', weigh by softmax, aggregate the x_i by
their weights, classify what comes out (Bahdanau, Cho, Bengio 2015, arXiv:1409.0473, in the reduced
form of lecture notes). The weighing is the data path of every other attention here.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from attnviz.attention.core import STANDARD, attend
from attnviz.attention.normalizers.softmax import softmax
from attnviz.attention.parts import Parts, Score, over
from attnviz.attention.scores.additive import additive
from attnviz.attention.scores.dot import dot
from attnviz.attention.scores.general import general
from attnviz.attention.scores.scaled_dot import scaled_dot
from attnviz.recorder import Recorder, Step
from attnviz.trace import Tokens, Trace

Scoring = Literal["dot", "scaled_dot", "additive", "bilinear"]
Activation = Literal["tanh", "relu", "none"]
Vector = tuple[float, ...]
Matrix = tuple[Vector, ...]

TOKENS, WIDTHS = (2, 4), (2, 4)
"""Fewest and most tokens, smallest and largest width."""

X = Step("x", "S D", r"x_1, \dots, x_n")
QUERY = Step("q", "T D", r"q")
VALUE = Step("v", "G S E", r"v_i = x_i", "x[s, e]")
LOGITS = Step("logits", "T V", r"\ell = W_C\, o + b_C", "sum(e, z[0, t, e] * W_C[v, e]) + b_C[v]")
MAX = Step("max", "T 1", r"m = \max_v \ell_v", "max(v, logits[t, v])")
EXP = Step("exp", "T V", r"e_v = \exp(\ell_v - m)", "exp(logits[t, v] - max[t])", "weight")
SUM = Step("sum", "T 1", r"\Sigma = \sum_v e_v", "sum(v, exp[t, v])")
PROBS = Step("probs", "T V", r"p_v = e_v / \Sigma", "exp[t, v] / sum[t]", "weight")


def _linear(name: str, formula: str, letter: str, axes: str, bias: bool) -> Step:
    """W x (+ b) for every token, or for the query."""
    plus = " + b[k]" if bias else ""
    words = f"{formula} + b" if bias else formula
    return Step("linear", axes, words, f"sum(d, {name}[{letter}, d] * W[k, d]){plus}")


def _activated(name: str, formula: str, axes: str, letter: str, activation: Activation) -> Step:
    inner = f"linear[{letter}, k]"
    rule = inner if activation == "none" else f"{activation}({inner})"
    said = {"tanh": r"\tanh", "relu": r"\max(0, \cdot)", "none": ""}[activation]
    return Step(name, axes, rf"{formula} = {said}(\mathrm{{linear}})", rule)


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """All numbers of one lesson: `x` n x d, `q` d; `W_E` d x d and `b_E` d make the encodings,
    `W_Q` and `b_Q` the query, `W_C` 2 x d and `b_C` 2 the classes; `M` d x d belongs to the
    bilinear score, `v` d to the additive one. Without `bias` the b are left out.

    Raises ValueError where sizes do not agree or a number is not finite.
    """

    x: Matrix = ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
    q: Vector = (1.0, 0.5)
    W_E: Matrix = ((1.0, 0.5), (-0.5, 1.0))
    b_E: Vector = (0.1, -0.1)
    W_Q: Matrix = ((2.0, 0.0), (0.0, 1.0))
    b_Q: Vector = (0.0, 0.2)
    W_C: Matrix = ((1.0, -1.0), (-1.0, 1.0))
    b_C: Vector = (0.0, 0.0)
    M: Matrix = ((1.0, 0.0), (0.0, 1.0))
    v: Vector = (1.0, 1.0)
    scoring: Scoring = "dot"
    activation: Activation = "tanh"
    bias: bool = True

    def __post_init__(self) -> None:
        n, d = len(self.x), len(self.q)
        if not TOKENS[0] <= n <= TOKENS[1] or not WIDTHS[0] <= d <= WIDTHS[1]:
            raise ValueError(f"a lesson has 2 to 4 tokens of width 2 to 4, not {n} of width {d}")
        for name, shape in shapes(n, d).items():
            found = torch.tensor(getattr(self, name), dtype=torch.float64)
            if tuple(found.shape) != shape:
                raise ValueError(f"{name} has the shape {tuple(found.shape)}, it needs {shape}")
            if not found.isfinite().all():
                raise ValueError(f"{name} holds a number that is not finite")
        if not isinstance(self.bias, bool):
            raise ValueError("bias must be true or false")
        if self.scoring not in get_args(Scoring) or self.activation not in get_args(Activation):
            raise ValueError("there is no such scoring or activation")

    def resized(self, n: int, d: int) -> "Lesson":
        """The lesson with `n` tokens of width `d`: numbers that fit stay, new ones are 0, on the
        diagonal of a matrix 1."""
        return replace(self, **{k: _fitted(getattr(self, k), s) for k, s in shapes(n, d).items()})

    def to_text(self) -> str:
        """The numbers that differ from the default lesson, as JSON; "" where none does."""
        default = Lesson()
        changed = {k: v for k, v in asdict(self).items() if v != getattr(default, k)}
        return json.dumps(changed, separators=(",", ":")) if changed else ""

    @classmethod
    def from_text(cls, text: str) -> "Lesson":
        """What `to_text` wrote. Raises ValueError for anything else."""
        if not text:
            return cls()
        known = {field.name for field in fields(cls)}
        try:
            stored = {k: _tuples(v) for k, v in json.loads(text).items() if k in known}
            return cls(**stored)
        except (TypeError, AttributeError, RuntimeError, OverflowError, RecursionError) as error:
            raise ValueError(f"not a lesson: {error}") from error

    def run(self) -> Trace:
        """Every step, in float64."""
        weights = {
            name: torch.tensor(getattr(self, name), dtype=torch.float64)
            for name in shapes(len(self.x), len(self.q))
        }
        rec = Recorder(weights=weights)
        with torch.no_grad():
            self._compute(weights, rec)
        source = _tokens([f"x{i + 1}" for i in range(len(self.x))])
        facts = {"dtype": "float64", "device": "cpu"}
        return Trace.of(rec, source=source, target=_tokens(["q"]), facts=facts)

    def _compute(self, weights: Mapping[str, Tensor], rec: Recorder) -> None:
        encode, query, classify = rec.at("encode"), rec.at("query"), rec.at("classify")
        x_1SD = encode.keep(X, weights["x"][None])
        made = _linear("x", "W x_i", "s", "S K", self.bias)
        linear_1SK = self._linear(x_1SD, "x", "E", made, weights, encode)
        step = _activated("e", "e_i", "G S K", "s", self.activation)
        e_11SK = encode.keep(step, self._activate(linear_1SK)[:, None], linear=linear_1SK)
        q_11D = query.keep(QUERY, weights["q"][None, None])
        made = _linear("q", "W q", "t", "T K", self.bias)
        linear_11K = self._linear(q_11D, "q", "Q", made, weights, query)
        step = _activated("prime", "q'", "H T K", "t", self.activation)
        prime_111K = query.keep(step, self._activate(linear_11K)[:, None], linear=linear_11K)
        inner = rec.at("attend")
        v_11SE = inner.keep(VALUE, x_1SD[:, None], x=x_1SD)
        parts = over(STANDARD, Parts(score=self._score(weights), normalize=softmax))
        z_111E = attend(prime_111K, e_11SK, v_11SE, parts=parts, rec=inner)
        logits_11V = z_111E[:, 0] @ weights["W_C"].T + (weights["b_C"] if self.bias else 0)
        self._classify(z_111E, logits_11V, weights, classify)

    def _linear(
        self,
        given: Tensor,
        name: str,
        which: str,
        step: Step,
        weights: Mapping[str, Tensor],
        rec: Recorder,
    ) -> Tensor:
        w_KD, b_K = weights[f"W_{which}"], weights[f"b_{which}"] if self.bias else None
        value = torch.nn.functional.linear(given, w_KD, b_K)
        return rec.keep(step, value, None, W=w_KD, b=b_K, **{name: given})

    def _activate(self, value: Tensor) -> Tensor:
        functions: dict[str, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "relu": torch.relu}
        return functions.get(self.activation, torch.clone)(value)

    def _score(self, weights: Mapping[str, Tensor]) -> Score:
        scores: dict[str, Score] = {
            "dot": dot,
            "scaled_dot": scaled_dot,
            "additive": additive(weights["v"]),
            "bilinear": general(weights["M"]),
        }
        return scores[self.scoring]

    def _classify(
        self, z_111E: Tensor, logits_11V: Tensor, weights: Mapping[str, Tensor], rec: Recorder
    ) -> None:
        step, b_V = LOGITS, weights["b_C"]
        if not self.bias:
            step = replace(
                step, formula=r"\ell = W_C\, o", rule=step.rule.removesuffix(" + b_C[v]")
            )
            b_V = None
        logits_11V = rec.keep(step, logits_11V, z=z_111E, W_C=weights["W_C"], b_C=b_V)
        max_111 = rec.keep(MAX, logits_11V.amax(-1, keepdim=True), logits=logits_11V)
        exp_11V = rec.keep(EXP, (logits_11V - max_111).exp(), logits=logits_11V, max=max_111)
        sum_111 = rec.keep(SUM, exp_11V.sum(-1, keepdim=True), exp=exp_11V)
        rec.keep(PROBS, exp_11V / sum_111, exp=exp_11V, sum=sum_111)


def shapes(n: int, d: int) -> dict[str, tuple[int, ...]]:
    """The shape of every array of a lesson with `n` tokens of width `d`."""
    square = dict.fromkeys(("W_E", "W_Q", "M"), (d, d))
    vectors = dict.fromkeys(("q", "b_E", "b_Q", "v"), (d,))
    return {"x": (n, d), **vectors, **square, "W_C": (2, d), "b_C": (2,)}


def _fitted(old: Vector | Matrix, shape: tuple[int, ...]) -> Vector | Matrix:
    given = torch.tensor(old, dtype=torch.float64)
    make = torch.eye if len(shape) == 2 else torch.zeros
    new = make(*shape, dtype=torch.float64)
    same = tuple(slice(min(a, b)) for a, b in zip(given.shape, shape, strict=True))
    new[same] = given[same]
    return _tuples(new.tolist())


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _tokens(names: list[str]) -> Tokens:
    n = len(names)
    pieces = tuple(f" {name}" for name in names)
    return Tokens(" ".join(names), pieces, tuple(range(n)), (None,) * n, (False,) * n)
