"""Every recorded step follows from the steps recorded before it, and from nothing else: once more
in plain NumPy, and cell by cell by the rule that the step declares."""

import inspect
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

import attnviz
from attnviz import pretrained, rule
from attnviz.attention.parts import Parts, combine
from attnviz.model.decision import Decision
from attnviz.recorder import Kept, Recorder
from attnviz.trace import Trace

EXACT: dict[str, Any] = {"atol": 1e-10, "rtol": 1e-10}
DECISION = Decision(temperature=0.7, top_k=9, top_p=0.8)
WORDS = (
    ("the", "old", "man", "and", "his", "dog", "like", "to", "read", "good", "books", "at", "home"),
    ("我们", "他", "今天", "昨天", "天气", "很好", "喜欢", "喝", "茶", "在", "家里", "看", "书"),
)


def heads(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.stack([x @ w_DK + b_K for w_DK, b_K in zip(w, b, strict=True)])


def repeated(x: np.ndarray, n_sharing: np.ndarray) -> np.ndarray:
    return np.repeat(x, int(n_sharing), axis=0)


def waves(P: np.ndarray, d_model: np.ndarray) -> np.ndarray:
    found = np.zeros(P.shape)
    for c, d in np.ndindex(P.shape):
        angle = c / 10000 ** (2 * (d // 2) / d_model)
        found[c, d] = math.cos(angle) if d % 2 else math.sin(angle)
    return found


def gelu(pre: np.ndarray) -> np.ndarray:
    return np.vectorize(lambda x: 0.5 * x * math.erfc(-x / math.sqrt(2)))(pre)


def joined(z: np.ndarray, W_O: np.ndarray, b_O: np.ndarray) -> np.ndarray:
    return np.concatenate(list(z), axis=-1) @ np.concatenate(list(W_O)) + b_O


def cut(probs: np.ndarray, rank: Any, before: Any, top_k: Any, top_p: Any) -> np.ndarray:
    found = np.zeros(probs.shape)
    for row, p in enumerate(probs):
        mass = 0.0
        for place, v in enumerate(np.argsort(-p, kind="stable")):
            if place >= top_k or mass >= top_p:
                break
            found[row, v], mass = p[v], mass + p[v]
    return found


REFERENCE: dict[str, list[Callable[..., Any]]] = {
    "token": [lambda W_E, ids, d_model: np.stack([W_E[i] * math.sqrt(d_model) for i in ids])],
    "waves": [waves],
    "learned": [lambda P, d_model: P],
    "sum": [lambda token, position: token + position, lambda exp: exp.sum(-1)],
    "mean": [lambda x: x.sum(-1) / x.shape[-1]],
    "mean_square": [lambda x: (x * x).sum(-1) / x.shape[-1]],
    "variance": [lambda x, mean: ((x - mean[:, None]) ** 2).sum(-1) / x.shape[-1]],
    "normalised": [
        lambda x, mean, variance, epsilon: (
            (x - mean[:, None]) / (variance[:, None] + epsilon) ** 0.5
        ),
        lambda x, mean_square, epsilon: x / (mean_square[:, None] + epsilon) ** 0.5,
    ],
    "gain": [lambda normalised, g: normalised * g],
    "norm": [lambda gain, b: gain + b, lambda normalised, g: normalised * g],
    "q": [lambda x, W_Q, b_Q: heads(x, W_Q, b_Q)],
    "k": [lambda y, W_K, b_K: heads(y, W_K, b_K)],
    "v": [lambda y, W_V, b_V: heads(y, W_V, b_V)],
    "raw": [lambda q, k, n_sharing: q @ repeated(k, n_sharing).swapaxes(1, 2)],
    "scaled": [lambda raw, d_head: raw / math.sqrt(d_head)],
    "tempered": [
        lambda score, temperature: score / temperature,
        lambda logits, temperature: logits / temperature,
    ],
    "scores": [lambda score: score],
    "both": [lambda own, given: np.logical_and(own, given)],
    "masked": [
        lambda scores: scores,
        lambda scores, allowed: np.where(allowed, scores, -math.inf),
    ],
    "max": [lambda masked: masked.max(-1), lambda tempered: tempered.max(-1)],
    "exp": [
        lambda masked, max: np.exp(masked - max[..., None]),
        lambda masked: np.exp(masked),
        lambda tempered, max: np.exp(tempered - max[..., None]),
    ],
    "unmasked": [lambda exp, sum: exp / sum[..., None]],
    "pattern": [
        lambda exp, sum: exp / sum[..., None],
        lambda unmasked, allowed: unmasked * allowed,
    ],
    "z": [lambda pattern, v, n_sharing: pattern @ repeated(v, n_sharing)],
    "out": [joined, lambda post, W_out, b_out: post @ W_out.T + b_out],
    "added": [lambda x, out: x + out],
    "resid_pre": [lambda x: x],
    "resid_mid": [lambda x, out: x + out, lambda norm: norm],
    "resid_cross": [lambda x, out: x + out, lambda norm: norm],
    "resid_post": [lambda x, out: x + out, lambda norm: norm],
    "pre": [lambda x, W_in, b_in: x @ W_in.T + b_in],
    "post": [lambda pre: np.maximum(pre, 0)],
    "logits": [lambda x, W_E: x @ W_E.T],
    "probs": [lambda exp, sum: exp / sum[:, None]],
    "rank": [lambda probs: np.array([[(row > p).sum() + 1 for p in row] for row in probs])],
    "before": [lambda probs: np.array([[row[row > p].sum() for p in row] for row in probs])],
    "cut": [cut],
    "left": [lambda cut: cut.sum(-1)],
    "final": [lambda cut, left: cut / left[:, None]],
    "chosen": [lambda final: final.argmax(-1)],
}
ALONE = {"ids", "given", "allowed", "position"}
"""Given from outside, or (the last two) tested for themselves."""


def numbers(kept: Kept) -> np.ndarray:
    """The recorded numbers without the axes that have one place only."""
    letters = kept.axes.split()
    return kept.value.numpy().squeeze(tuple(i for i, x in enumerate(letters) if x == "1"))


def operands(trace: Trace, kept: Kept) -> dict[str, np.ndarray]:
    """What a step was made of, by the names in its rule."""

    def found(given: str | float) -> np.ndarray:
        if not isinstance(given, str):
            return np.asarray(given)
        return numbers(trace[given]) if given in trace else trace.weights[given].detach().numpy()

    return {name: found(given) for name, given in kept.inputs.items()}


def reference(name: str, given: dict[str, np.ndarray]) -> np.ndarray:
    """The step once more, by the formula that takes exactly what the step was made of."""
    fitting = [f for f in REFERENCE[name] if set(inspect.signature(f).parameters) == set(given)]
    assert len(fitting) == 1, f"{name} is made of {', '.join(given)}"
    return fitting[0](**given)


def check_every_step(trace: Trace) -> None:
    for path, kept in trace.items():
        if kept.step.name in ALONE:
            continue
        expected = reference(kept.step.name, operands(trace, kept))
        np.testing.assert_allclose(numbers(kept), expected, **EXACT, err_msg=path)


@pytest.fixture(scope="module")
def exact() -> Iterator[pretrained.Bundle]:
    """The built-in model in float64."""
    if not (pretrained.BUILT_IN / "en-zh" / pretrained.WEIGHTS).is_file():
        pytest.skip("pretrained/en-zh/model.safetensors is absent")
    torch.set_default_dtype(torch.float64)
    try:
        yield pretrained.load("en-zh", "cpu")
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("seed", range(20))
def test_every_step_of_a_random_sentence_is_what_its_formula_makes_of_earlier_steps(
    exact: pretrained.Bundle, seed: int
) -> None:
    draw = random.Random(seed)
    chinese = seed % 2
    text = ("" if chinese else " ").join(draw.choices(WORDS[chinese], k=draw.randint(2, 6)))
    assert exact.model.dtype == torch.float64
    trace = attnviz.run(exact, text, decision=DECISION)
    check_every_step(trace)
    for path, kept in trace.items():
        if kept.step.name == "position":
            side = trace.source if path.startswith("encoder") else trace.target
            table = trace[path.replace("position", "waves")].value
            assert torch.equal(kept.value, table[: len(side or ())])
        if kept.step.name == "allowed":
            assert torch.equal(kept.value, torch.ones_like(kept.value).tril())


CHANGES = {
    "without scaling": ("dot",),
    "without a mask": ("bidirectional",),
    "naive softmax": ("naive_softmax",),
    "mask after softmax": ("late_mask",),
    "temperature": ("temperature",),
    "all that fit together": ("dot", "bidirectional", "naive_softmax", "temperature"),
}


def parts(names: tuple[str, ...]) -> Parts:
    found = Parts()
    for name in names:
        values = {"tau": 0.3} if name == "temperature" else {}
        found = combine(found, attnviz.variants()[name].build(**values))
    return found


@pytest.mark.parametrize("names", CHANGES.values(), ids=CHANGES.keys())
def test_steps_that_a_change_brings_along_follow_from_earlier_ones_too(
    exact: pretrained.Bundle, names: tuple[str, ...]
) -> None:
    trace = attnviz.run(exact, "我喜欢喝茶。", changes={"decoder.1.self": parts(names)})
    check_every_step(trace)


POOLED: dict[str, Any] = {
    "n_slots": 1,
    "labels": ("bad", "good", "so-so", "unclear", "vague"),
    "d_mlp": 0,
    "position": "none",
    "n_layers": 2,
}
"""A classifier over one slot."""


def random_trace(make_model: Callable[..., Any], **choices: Any) -> Trace:
    """Every step of a random float64 model of sizes that are all different."""
    model = make_model(**choices)
    rec = Recorder(weights=dict(model.named_parameters()) | dict(model.named_buffers()))
    make = torch.Generator().manual_seed(3)
    source, target = (torch.randint(31, (1, n), generator=make) for n in (7, 5))
    sides = {
        "encoder-decoder": {"source_BS": source, "target_BT": target},
        "decoder-only": {"target_BT": target},
        "encoder-only": {"source_BS": source},
    }
    with torch.no_grad():
        model(**sides[choices.get("kind", "encoder-decoder")], rec=rec, decision=DECISION)
    return Trace.of(rec)


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"kind": "decoder-only", "norm": "rms"},
        {"kind": "encoder-only", "position": "learned", "activation": "gelu"},
        {"norm_place": "post", "norm": "rms"},
        {"n_heads": 6, "n_kv_heads": 2},
        *({"kind": "encoder-only", "body": body} | POOLED for body in ("lstm", "gru", "cnn")),
        {"kind": "encoder-only", "position": "rope"} | POOLED,
        {"body": "lstm", "d_mlp": 0, "position": "none", "n_heads": 1, "n_kv_heads": 1},
        {"body": "gru", "norm_place": "post", "n_layers": 1},
        {"kind": "decoder-only", "body": "lstm", "n_layers": 1},
        {"kind": "decoder-only", "position": "rope", "norm": "rms", "activation": "gelu"},
        {"n_slots": 4, "position": "learned", "n_heads": 6, "n_kv_heads": 3, "d_model": 24},
        {"n_slots": 2, "body": "gru", "position": "none", "n_layers": 1},
    ],
    ids=str,
)
def test_the_rule_of_every_step_gives_every_cell(
    make_model: Callable[..., Any], choices: dict[str, Any]
) -> None:
    trace = random_trace(make_model, **choices)
    for path, kept in trace.items():
        if not kept.step.rule:
            assert kept.step.name in ("ids", "given"), path
            continue
        node = rule.parse(kept.step.rule)
        given = operands(trace, kept)
        assert set(rule.operands(node)) <= set(given), path
        found = numbers(kept)
        letters = [letter.lower() for letter in kept.step.axes.split() if letter != "1"]
        for cell in random.Random(path).sample(list(np.ndindex(found.shape)), k=min(9, found.size)):
            value = rule.value(node, dict(zip(letters, cell, strict=True)), given)
            np.testing.assert_allclose(value, found[cell], **EXACT, err_msg=f"{path}{cell}")
