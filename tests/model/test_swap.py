"""Another attention in a trained model: where it is put it computes as it does alone, and what was
there before, beside and above it stays to the last bit."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import attnviz
from attnviz import rule
from attnviz.analysis import derivation
from attnviz.attention.parameter import Inputs
from attnviz.attention.parts import Parts
from attnviz.error import InputError
from attnviz.model.generate import generate
from attnviz.model.swap import Swap, inputs, swapped
from attnviz.model.transformer import Transformer
from attnviz.pretrained import Bundle
from attnviz.trace import Trace

TEXT, TARGET = "I like green tea", "我喜欢绿茶"
START, END, LIMIT = 2, 3, 11
BEGIN = torch.tensor([[START]])
ALL = (
    *("encoder.0.self", "encoder.1.self"),
    *("decoder.0.self", "decoder.0.cross", "decoder.1.self", "decoder.1.cross"),
)
SELF = tuple(attention for attention in ALL if attention.endswith("self"))
H = 3
KNOWN = attnviz.variants()
EXACT: dict[str, Any] = {"atol": 1e-12, "rtol": 1e-12}


def in_double(make_bundle: Callable[..., Bundle], **changes: Any) -> Bundle:
    torch.set_default_dtype(torch.float64)
    try:
        return make_bundle(**({"n_ctx": 40} | changes))
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="module")
def wide(make_bundle: Callable[..., Bundle]) -> Bundle:
    """Two layers of three heads, in float64."""
    return in_double(make_bundle)


@pytest.fixture(scope="module")
def plain(wide: Bundle) -> Trace:
    return attnviz.run(wide, TEXT, TARGET, to="zh")


def run(bundle: Bundle, variant: str | None = None, where: str = "*", **more: Any) -> Trace:
    return attnviz.run(bundle, TEXT, TARGET, to="zh", variant=variant, where=where, **more)


def before(trace: Trace, attention: str) -> list[str]:
    """The paths of all steps up to the q, k and v of an attention."""
    paths = list(trace)
    return paths[: paths.index(f"{attention}.v") + 1]


def alone(trace: Trace, attention: str, variant: str, mask: Tensor | None = None) -> Trace:
    """The variant on the q, k and v that this attention has in the trace."""
    q, k, v = (trace[f"{attention}.{name}"].value[None] for name in "qkv")
    return attnviz.attend(variant, q, k, v, mask)


def past(trace: Trace) -> Tensor:
    t = len(trace["decoder.0.self.q"].value[0])
    return torch.ones(t, t, dtype=torch.bool).tril()


# where


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("*", ALL),
        ("*.*.*.*", ALL),
        ("encoder", ALL[:2]),
        ("decoder", ALL[2:]),
        ("*.1", ("encoder.1.self", "decoder.1.self", "decoder.1.cross")),
        ("decoder.0", ("decoder.0.self", "decoder.0.cross")),
        ("*.*.self", ("encoder.0.self", "encoder.1.self", "decoder.0.self", "decoder.1.self")),
        ("*.*.cross", ("decoder.0.cross", "decoder.1.cross")),
        ("decoder.1.cross", ("decoder.1.cross",)),
        ("*.*.cross.2", ("decoder.0.cross", "decoder.1.cross")),
        ("*.*.*.0", ALL),
    ],
)
def test_every_attention_that_is_meant_is_changed_and_no_other(
    wide: Bundle, plain: Trace, where: str, expected: tuple[str, ...]
) -> None:
    trace = run(wide, "entmax", where)
    assert tuple(trace.facts["changed"]) == expected
    assert trace.facts["variant"] == "entmax"
    for attention in ALL:
        there = {p for p in trace if p.startswith(f"{attention}.")}
        own = {p for p in plain if p.startswith(f"{attention}.")}
        assert (there != own) == (attention in expected), attention


@pytest.mark.parametrize(
    "where",
    [
        *("", "nowhere", "decoder.7", "encoder.0.cross", "decoder.0.self.9", "decoder.0.self.-1"),
        *("decoder.0.self.one", "decoder.0.self.0.1", "decoder..self", "DECODER", "0"),
    ],
)
def test_a_place_that_is_not_there_is_said_with_those_that_are(wide: Bundle, where: str) -> None:
    with pytest.raises(InputError) as caught:
        run(wide, "entmax", where)
    said = f"the model has no attention {where!r}; it has {', '.join(ALL)}, each {H} heads"
    assert str(caught.value) == said
    assert caught.value.code == "where"
    assert caught.value.facts["where"] == where


def test_a_variant_is_told_the_sizes_of_the_model_and_its_room_for_tokens(wide: Bundle) -> None:
    found = inputs(wide.model)
    expected = {"B": 1, "H": H, "G": H, "K": 4, "E": 4, "D": 12, "T": 40, "S": 40, "C": 40}
    assert found.sizes == expected
    assert found.dtype == torch.float64


@pytest.mark.parametrize(
    ("variant", "more", "code"),
    [
        ("sofmax", {}, "variant"),
        ("entmax", {"parameters": {"alpha": 5.0}}, "range"),
        ("entmax", {"parameters": {"beta": 1.0}}, "unknown"),
        ("softmax+entmax", {}, "clash"),
        ("general", {"parameters": {"M": torch.ones(3, 3)}}, "weight"),
    ],
)
def test_a_mistake_in_the_variant_is_one_sentence(
    wide: Bundle, variant: str, more: dict[str, Any], code: str
) -> None:
    with pytest.raises(InputError) as caught:
        run(wide, variant, **more)
    assert caught.value.code == code
    assert "\n" not in str(caught.value)


# what stays


@pytest.mark.parametrize("variant", ["softmax", "scaled_dot", "mha", "nope"])
def test_the_models_own_attention_as_a_variant_changes_no_bit(
    wide: Bundle, plain: Trace, variant: str
) -> None:
    trace = run(wide, variant)
    assert list(trace) == list(plain)
    for path, kept in plain.items():
        assert torch.equal(trace[path].value, kept.value), path
        assert trace[path].step == kept.step


@pytest.mark.parametrize("variant", ["softmax", "scaled_dot"])
def test_the_models_own_attention_as_a_variant_changes_no_token(
    en_zh: Bundle, variant: str
) -> None:
    for text in ("I would like a cup of tea.", "今天天气很好。"):
        expected, found = attnviz.run(en_zh, text), attnviz.run(en_zh, text, variant=variant)
        assert found.target == expected.target
        assert torch.equal(found["logits"].value, expected["logits"].value)


@pytest.mark.parametrize(
    "variant", ["entmax", "sliding_window", "linear", "talking_heads", "cosine"]
)
def test_every_step_before_the_first_change_stays_to_the_last_bit(
    wide: Bundle, plain: Trace, variant: str
) -> None:
    cross = () if KNOWN[variant].properties.placed else (*ALL, "*.*.cross", "decoder.*.cross.0")
    for where in {*SELF, *cross, "decoder.1.self.2", "decoder.0"}:
        trace = run(wide, variant, where)
        first = trace.facts["changed"][0]
        for path in before(plain, first):
            assert torch.equal(trace[path].value, plain[path].value), path
        assert not torch.equal(trace[f"{first}.z"].value, plain[f"{first}.z"].value)
        assert not torch.equal(trace["logits"].value, plain["logits"].value)


def test_a_run_with_a_variant_leaves_the_model_as_it_was(wide: Bundle, plain: Trace) -> None:
    run(wide, "differential")
    run(wide, "linear", "*.*.self.1")
    again = run(wide)
    assert all(torch.equal(again[path].value, plain[path].value) for path in plain)
    assert again.facts["variant"] is None
    assert again.facts["changed"] == []


def test_recording_a_changed_model_changes_no_bit(wide: Bundle) -> None:
    for where in ("*", "*.*.self.2"):
        changes = swapped(wide.model, Swap(variant="sliding_window", where=where))
        trace = run(wide, "sliding_window", where)
        assert trace.source
        assert trace.target
        ids = torch.tensor([trace.source.ids]), torch.tensor([trace.target.ids])
        assert torch.equal(wide.model(*ids, changes=changes)[0], trace["logits"].value)


# what comes


@pytest.mark.parametrize(
    "variant",
    ["entmax", "sigmoid", "alibi", "rope", "cosine", "linear", "gqa", "shaw", "rope+topk"],
)
def test_where_it_is_put_a_variant_computes_as_it_does_alone(wide: Bundle, variant: str) -> None:
    trace = run(wide, variant)
    placed = variant in ("alibi", "rope", "shaw", "rope+topk")
    assert trace.facts["changed"] == list(SELF if placed else ALL)
    for attention in trace.facts["changed"]:
        mask = past(trace) if attention in ("decoder.0.self", "decoder.1.self") else None
        expected = alone(trace, attention, variant, mask)
        for step in ("pattern", "z"):
            found = trace[f"{attention}.{step}"].value
            torch.testing.assert_close(found, expected[step].value, **EXACT)


def test_parameters_reach_the_attention(wide: Bundle) -> None:
    trace = run(wide, "rope+sliding_window", "*.*.self", parameters={"window": 2, "base": 7.0})
    q, k, v = (trace[f"encoder.0.self.{name}"].value[None] for name in "qkv")
    expected = attnviz.attend("rope+sliding_window", q, k, v, window=2, base=7.0)
    found = trace["encoder.0.self.pattern"].value
    torch.testing.assert_close(found, expected["pattern"].value, **EXACT)
    assert ((found > 0).sum(-1) <= 2).all()


@pytest.mark.parametrize(
    ("variant", "attentions"),
    [
        *((name, SELF) for name in ("sliding_window", "rope")),
        *((name, ALL) for name in ("entmax", "linear", "mqa", "talking_heads", "gated", "cosine")),
    ],
)
def test_in_one_head_alone_the_other_heads_stay_to_the_last_bit(
    wide: Bundle, plain: Trace, variant: str, attentions: tuple[str, ...]
) -> None:
    for attention in {"encoder.0.self", "decoder.0.self", "decoder.1.cross"} & {*attentions}:
        full = run(wide, variant, attention)
        for head in range(H):
            one = run(wide, variant, f"{attention}.{head}")
            for step in ("pattern", "z"):
                path = f"{attention}.{step}"
                for h in range(H):
                    expected = full if h == head else plain
                    assert torch.equal(one[path].value[h], expected[path].value[h]), (step, h)
                assert torch.equal(one[f"{path}_before"].value, plain[path].value)
                assert torch.equal(one[f"{path}_after"].value, full[path].value)
            assert not torch.equal(one["logits"].value, plain["logits"].value)


def test_one_head_of_every_layer_is_changed_in_every_layer(wide: Bundle) -> None:
    trace = run(wide, "sigmoid", "*.*.*.1")
    for attention in ALL:
        sums = trace[f"{attention}.pattern"].value.sum(-1)
        for h in range(H):
            assert torch.allclose(sums[h], torch.ones(1).double(), atol=1e-9) == (h != 1)


# masks


def test_the_models_own_causal_mask_stays_beside_the_variants(wide: Bundle) -> None:
    trace = run(wide, "sliding_bidirectional", parameters={"radius": 1})
    for attention in SELF:
        pattern = trace[f"{attention}.pattern"].value
        causal = attention.startswith("decoder")
        t, s = pattern.shape[1:]
        for row in range(t):
            place = row + s - t
            for key in range(s):
                seen = abs(place - key) <= 1 and (key <= place or not causal)
                assert bool((pattern[:, row, key] > 0).all()) == seen
                assert seen or not pattern[:, row, key].any()
        assert (f"{attention}.visible" in trace) == causal
        if causal:
            both = trace[f"{attention}.allowed"].value & trace[f"{attention}.own"].value
            assert torch.equal(trace[f"{attention}.visible"].value, both)
            assert trace[f"{attention}.own"].value[0].tolist() == past(trace).tolist()


@pytest.mark.parametrize("variant", ["bidirectional", "causal", "entmax", "linear"])
def test_no_variant_lets_the_decoder_see_the_future(wide: Bundle, variant: str) -> None:
    trace = run(wide, variant)
    for layer in (0, 1):
        pattern = trace[f"decoder.{layer}.self.pattern"].value
        assert (pattern[:, ~past(trace)] == 0).all()
        assert f"decoder.{layer}.self.visible" not in trace


def test_the_models_own_mask_as_a_variant_changes_nothing(wide: Bundle, plain: Trace) -> None:
    trace = run(wide, "causal", "decoder.*.self")
    assert list(trace) == list(plain)
    assert torch.equal(trace["logits"].value, plain["logits"].value)


def leave(trace: Trace, plain: Trace, attentions: Iterable[str]) -> None:
    """Nothing was put into these: they keep the model's own steps."""
    assert trace.facts["changed"] == [a for a in ALL if a not in attentions]
    for attention in attentions:
        there = [p for p in trace if p.startswith(f"{attention}.")]
        assert there == [p for p in plain if p.startswith(f"{attention}.")]


DECODERS_OWN = [a for a in SELF if a.startswith("decoder")]
CROSS = [a for a in ALL if a not in SELF]


@pytest.mark.parametrize("variant", ["linformer", "efficient"])
def test_a_variant_that_takes_no_causal_mask_leaves_the_decoders_own_attention(
    wide: Bundle, plain: Trace, variant: str
) -> None:
    leave(run(wide, variant), plain, DECODERS_OWN)


@pytest.mark.parametrize(
    "variant",
    [
        *("selective", "sliding_window", "rope", "alibi", "shaw", "causal", "average", "fire"),
        *("gumbel_softmax", "aft", "retention", "mla", "rope+entmax", "entmax+sliding_window"),
    ],
)
def test_a_variant_that_counts_where_a_query_stands_leaves_cross_attention(
    wide: Bundle, plain: Trace, variant: str
) -> None:
    trace = run(wide, variant)
    leave(trace, plain, CROSS)
    one = run(wide, variant, "*.*.*.1")
    leave(one, plain, CROSS)


@pytest.mark.parametrize("variant", ["late_mask", "inverted", "sinkhorn", "nystrom", "reformer"])
def test_a_variant_that_takes_no_mask_and_counts_places_is_for_the_encoder(
    wide: Bundle, plain: Trace, variant: str
) -> None:
    leave(run(wide, variant), plain, [a for a in ALL if a.startswith("decoder")])


@pytest.mark.parametrize(
    ("variant", "where"),
    [
        ("linformer", "decoder.*.self"),
        ("sinkhorn", "decoder"),
        ("sinkhorn", "decoder.0.self.1"),
        ("selective", "*.*.cross"),
        *((name, "decoder.0.cross") for name in ("rope", "sliding_window", "alibi", "causal")),
        ("average", "*.*.cross"),
        ("rope+entmax", "decoder.1.cross.2"),
        ("inverted", "decoder"),
        ("late_mask", "decoder.1.self"),
        ("rope+efficient", "decoder.*.self"),
    ],
)
def test_a_variant_that_fits_nowhere_is_refused_with_one_sentence(
    wide: Bundle, variant: str, where: str
) -> None:
    with pytest.raises(InputError) as caught:
        run(wide, variant, where)
    assert caught.value.code == "unfit"
    assert caught.value.facts == {"name": variant}
    said = (
        f"{variant} cannot take the place of {where}: it works on all tokens at once, or counts"
        " where a query stands among the keys, "
    )
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


# what a step was made of

DRAWING = {"general": ["M"], "gated": ["W_G", "b"], "fire": ["w1", "b1", "w2", "b2"]}


@pytest.mark.parametrize("where", ["*", "*.*.*.2"])
@pytest.mark.parametrize("variant", DRAWING)
def test_the_weights_of_a_variant_are_named_once_for_all_attentions(
    wide: Bundle, variant: str, where: str
) -> None:
    trace = run(wide, variant, where)
    expected = KNOWN[variant].build(inputs(wide.model)).weights
    for name in DRAWING[variant]:
        assert torch.equal(trace.weights[f"variant.{name}"], expected[name])
    assert trace.weights.keys() - set(wide.weights) == {f"variant.{n}" for n in DRAWING[variant]}


def test_different_weights_of_one_name_are_each_found_by_the_steps_that_they_made(
    wide: Bundle,
) -> None:
    made = [
        torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(n))
        for n in range(2)
    ]
    at = ("encoder.0.self", "encoder.1.self", "decoder.1.cross")
    general = KNOWN["general"]
    parts = [general.build(inputs(wide.model), M=M) for M in made]
    trace = run(wide, changes={at[0]: parts[0], at[1]: parts[1], at[2]: parts[0]})
    assert trace.weights.keys() - set(wide.weights) == {"variant.M", f"{at[1]}.M"}
    assert torch.equal(trace.weights["variant.M"], made[0])
    assert torch.equal(trace.weights[f"{at[1]}.M"], made[1])
    for attention, M in zip(at, (made[0], made[1], made[0]), strict=True):
        q, k = (trace[f"{attention}.{name}"].value for name in "qk")
        kept = trace[f"{attention}.bilinear"]
        torch.testing.assert_close(kept.value, torch.einsum("hsi,ij,htj->hts", k, M, q), **EXACT)
        check_rules(trace, attention)


def check_rules(trace: Trace, attention: str) -> None:
    """Every step of the attention follows from its rule."""
    for path in (p for p in trace if p.startswith(f"{attention}.")):
        kept = trace[path]
        if not kept.step.rule:
            continue
        node, given = rule.parse(kept.step.rule), derivation.operands(trace, kept)
        assert set(rule.operands(node)) <= given.keys(), path
        value = derivation.numbers(kept)
        grid = np.indices(value.shape, sparse=True)
        at = dict(zip(derivation.letters(kept), grid, strict=True))
        expected = np.broadcast_to(rule.value(node, at, given), value.shape)
        np.testing.assert_allclose(value, expected, atol=1e-9, rtol=1e-9, err_msg=path)


def test_a_given_weight_is_the_one_that_is_computed_with(wide: Bundle) -> None:
    M = torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    trace = run(wide, "general", "decoder.0.cross", parameters={"M": M})
    q, k = (trace[f"decoder.0.cross.{name}"].value for name in "qk")
    found = trace["decoder.0.cross.bilinear"].value
    for h, t, s in ((0, 0, 0), (1, 2, 3), (2, 1, 4)):
        expected = sum(
            float(k[h, s, i]) * float(M[i, j]) * float(q[h, t, j])
            for i in range(4)
            for j in range(4)
        )
        assert float(found[h, t, s]) == pytest.approx(expected, abs=1e-12)


@pytest.fixture(scope="module")
def grouped(make_bundle: Callable[..., Bundle]) -> Bundle:
    """One layer of six heads that share two keys each."""
    return in_double(make_bundle, d_model=24, n_heads=6, n_kv_heads=2, n_layers=1)


PARTS = ("gqa", "rope", "alibi", "causal", "entmax", "gated", "talking_heads", "linear", "general")
"""A variant for each part that one can fill, and one with weights."""


@pytest.mark.parametrize(
    ("variant", "where"), [*((n, "*") for n in KNOWN), *((n, "*.*.*.1") for n in PARTS)]
)
def test_every_step_of_every_variant_in_the_model_follows_from_its_rule(
    grouped: Bundle, variant: str, where: str
) -> None:
    trace = attnviz.run(grouped, "green tea", "绿茶", to="zh", variant=variant, where=where)
    assert trace.facts["changed"]
    for attention in trace.facts["changed"]:
        check_rules(trace, attention)


def test_one_variant_of_each_part_is_put_into_one_head() -> None:
    sizes = {"B": 1, "C": 5, "T": 5, "S": 5, "H": 4, "G": 4, "K": 6, "E": 6, "D": 24}
    known = {name: KNOWN[name].build(Inputs(sizes)).filled for name in KNOWN}
    assert set().union(*(known[name] for name in PARTS)) == set().union(*known.values())


def test_changes_of_single_parts_come_on_top_of_a_variant(wide: Bundle) -> None:
    parts = KNOWN["temperature"].build(tau=0.25)
    trace = run(wide, "entmax", "*.*.self", changes={"encoder.1.self": parts})
    both = run(wide, "entmax+temperature", "encoder.1.self", parameters={"tau": 0.25})
    names = {p for p in both if p.startswith("encoder.1.self.")}
    assert {p for p in trace if p.startswith("encoder.1.self.")} == names
    assert "encoder.1.self.tempered" in names
    assert "encoder.0.self.tempered" not in trace
    with pytest.raises(KeyError, match=r"no step 'decoder\.9\.self\.pattern'"):
        run(wide, "entmax", changes={"decoder.9.self": Parts()})


@pytest.mark.parametrize("kind", ["decoder-only", "encoder-only"])
def test_a_model_of_one_stack_takes_a_variant_too(
    make_bundle: Callable[..., Bundle], kind: str
) -> None:
    bundle = in_double(make_bundle, kind=kind)
    stack = kind.removesuffix("-only")
    trace = attnviz.run(bundle, TEXT, variant="sigmoid")
    assert trace.facts["changed"] == [f"{stack}.0.self", f"{stack}.1.self"]
    n = len(trace[f"{stack}.1.self.q"].value[0])
    mask = torch.ones(n, n, dtype=torch.bool).tril() if stack == "decoder" else None
    expected = alone(trace, f"{stack}.1.self", "sigmoid", mask)["z"].value
    torch.testing.assert_close(trace[f"{stack}.1.self.z"].value, expected, **EXACT)
    with pytest.raises(InputError, match="the model has no attention"):
        attnviz.run(bundle, TEXT, variant="sigmoid", where="*.*.cross")


# decoding with it


LONGEST = 14
GROWING: dict[str, dict[str, Any]] = {
    "rope_ntk": {"trained": LONGEST},
    "bigbird": {"block": LONGEST},
}
"""Variants that by their definition compute otherwise in a longer text (turn slower than in the
trained length; count from the last block), with parameters at which no text here is longer."""


@pytest.fixture(scope="module")
def writing(make_bundle: Callable[..., Bundle]) -> Iterator[Bundle]:
    """A model in float64 that writes up to LONGEST tokens. Its unembedding is not its embedding, so
    that no token calls for itself."""
    bundle = in_double(make_bundle, n_ctx=LONGEST, d_model=24, n_heads=6, n_kv_heads=3)
    model: Any = bundle.model
    make = torch.Generator().manual_seed(0)
    W_U = torch.randn(model.embed.W_E.shape, dtype=torch.float64, generator=make)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model.embed, "unembed", lambda x: x @ W_U.T)
        yield bundle


@pytest.mark.parametrize("variant", KNOWN)
def test_wherever_a_variant_is_put_each_row_is_what_its_token_was_chosen_by(
    writing: Bundle, variant: str
) -> None:
    """Each row of the recorded pass is the last row of a pass over the tokens written until then;
    the token is its argmax."""
    given = GROWING.get(variant, {})
    trace = attnviz.run(writing, "green tea", variant=variant, parameters=given)
    assert trace.source
    assert trace.target
    best = trace["logits"].value.argmax(-1).tolist()
    assert list(trace.target.ids[1:]) == best[: len(trace.target) - 1]
    assert trace.facts["finished"] == (best[-1] == writing.tokenizer.end)
    changes = swapped(writing.model, Swap(variant=variant, parameters=given))
    source, target = torch.tensor([trace.source.ids]), torch.tensor([trace.target.ids])
    for n in (1, 2, 3, len(trace.target) // 2, len(trace.target) - 1):
        with torch.no_grad():
            last = writing.model(source, target[:, :n], changes=changes)[0, -1]
        torch.testing.assert_close(trace["logits"].value[n - 1], last, atol=1e-9, rtol=1e-9)


def decoded(bundle: Bundle, variant: str, where: str) -> Iterator[Trace]:
    for text in ("I would like tea.", "今天天气好。"):
        yield attnviz.run(bundle, text, variant=variant, where=where)


@pytest.mark.parametrize(
    ("variant", "where"),
    [("entmax", "*"), ("linear", "*.*.self"), ("rope", "*"), ("talking_heads", "*.*.cross.5")],
)
def test_the_decoded_tokens_are_the_argmax_of_the_recorded_logits(
    en_zh: Bundle, variant: str, where: str
) -> None:
    for trace in decoded(en_zh, variant, where):
        assert trace.target
        best = trace["logits"].value.argmax(-1).tolist()
        assert list(trace.target.ids[1:]) == best[: len(trace.target) - 1]
        assert trace.facts["finished"] == (best[-1] == en_zh.tokenizer.end)


@pytest.mark.parametrize("variant", ["entmax", "linear", "rope", "causal+alibi", "talking_heads"])
@pytest.mark.parametrize("where", ["*.*.self", "decoder.1.self.2", "encoder"])
def test_forcing_what_was_decoded_gives_the_same_numbers(
    writing: Bundle, variant: str, where: str
) -> None:
    for trace in decoded(writing, variant, where):
        again = attnviz.run(writing, trace.facts["text"], trace, variant=variant, where=where)
        assert again.target == trace.target
        assert again.facts["finished"] == trace.facts["finished"]
        assert all(torch.equal(again[path].value, trace[path].value) for path in trace)


def test_a_variant_can_change_what_is_written(en_zh: Bundle) -> None:
    text = "I would like a cup of tea."
    plain, other = attnviz.run(en_zh, text), attnviz.run(en_zh, text, variant="sigmoid")
    assert plain.output != other.output
    forced = attnviz.run(en_zh, text, plain, variant="sigmoid")
    assert forced.output == plain.output
    assert not torch.equal(forced["logits"].value, plain["logits"].value)


def sources(n: int) -> list[Tensor]:
    make = torch.Generator().manual_seed(4)
    return [torch.randint(4, 31, (1, 2 + i % 6), generator=make) for i in range(n)]


@pytest.fixture(params=(14, 26))
def model(
    make_model: Callable[..., Transformer],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Transformer:
    """Random models whose unembedding is another matrix than their embedding, so that no token
    calls for itself, and that end some sentences early."""
    model = make_model(seed=request.param)
    W_U = torch.randn(31, 12).double() * torch.where(torch.arange(31) == END, 1.5, 1)[:, None]
    monkeypatch.setattr(model, "unembed", lambda x, *_: x @ W_U.T)
    return model


SWAPS = [
    Swap(variant="entmax"),
    Swap(variant="linear", where="*.*.self"),
    Swap(variant="rope+topk", where="decoder", parameters={"kept": 2}),
    Swap(variant="sigmoid", where="decoder.1.cross.2"),
    Swap(variant="efficient", where="encoder"),
]


@pytest.mark.parametrize("swap", SWAPS, ids=lambda swap: f"{swap.variant} {swap.where}")
def test_decoding_with_a_variant_is_the_whole_model_anew_for_every_token(
    model: Transformer, swap: Swap
) -> None:
    changes = swapped(model, swap)
    rows = sources(4)
    expected = []
    for source in rows:
        found = [START]
        while len(found) < LIMIT and (found[-1] != END or len(found) == 1):
            logits = model(source, torch.tensor([found]), changes=changes)
            found.append(int(logits[0, -1].argmax()))
        expected.append(found)
        ids = generate(model, source, None, BEGIN, END, LIMIT, changes=changes)
        assert ids[0].tolist() == found
    assert len({tuple(found) for found in expected}) > 1


def test_a_batch_decodes_with_a_variant_as_its_sentences_one_by_one(model: Transformer) -> None:
    changes = swapped(model, Swap(variant="entmax"))
    rows = sources(4)
    width = max(row.shape[1] for row in rows)
    source = torch.cat([torch.nn.functional.pad(row, (0, width - row.shape[1])) for row in rows])
    real = torch.arange(width) < torch.tensor([[row.shape[1]] for row in rows])
    ids = generate(model, source, real, BEGIN.expand(len(rows), 1), END, LIMIT, changes=changes)
    for found, row in zip(ids.tolist(), rows, strict=True):
        one = generate(model, row, None, BEGIN, END, LIMIT, changes=changes)[0].tolist()
        assert found[: len(one)] == one
        assert set(found[len(one) :]) <= {END}


@pytest.mark.parametrize("variant", ["softmax", "scaled_dot"])
def test_without_a_cache_the_models_own_attention_writes_the_same(
    model: Transformer, variant: str
) -> None:
    changes = swapped(model, Swap(variant=variant))
    for source in sources(4):
        ids = generate(model, source, None, BEGIN, END, LIMIT)
        assert torch.equal(ids, generate(model, source, None, BEGIN, END, LIMIT, changes=changes))
