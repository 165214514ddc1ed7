"""(bundle, text, edits) -> Trace: what is recorded is what the model computed for this text."""

import string
from collections.abc import Callable

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

import attnviz
from attnviz.error import InputError
from attnviz.model.generate import generate, greedy
from attnviz.pretrained import Bundle
from attnviz.tokenizer import clean
from attnviz.trace import Tokens, Trace

MakeBundle = Callable[..., Bundle]
TEXT = "I like green tea"


@pytest.fixture(scope="session")
def wide(make_bundle: MakeBundle) -> Bundle:
    """With room for a whole sentence."""
    return make_bundle(n_ctx=60)


@pytest.fixture(scope="session")
def decoder(make_bundle: MakeBundle) -> Bundle:
    return make_bundle(kind="decoder-only", n_ctx=60)


@pytest.fixture(scope="session")
def encoder(make_bundle: MakeBundle) -> Bundle:
    return make_bundle(kind="encoder-only", n_ctx=60)


def test_the_decoded_target_is_the_argmax_of_the_recorded_logits(wide: Bundle) -> None:
    trace = attnviz.run(wide, TEXT)
    assert trace.target is not None
    best = trace["logits"].value.argmax(-1).tolist()
    assert list(trace.target.ids[1:]) == best[: len(trace.target) - 1]
    assert trace.target.ids[0] == wide.tokenizer.start
    assert trace.facts["finished"] == (best[-1] == wide.tokenizer.end)


@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-4), (torch.float64, 1e-10)])
def test_the_recorded_logits_are_those_of_cached_decoding(
    make_bundle: MakeBundle, dtype: torch.dtype, close: float
) -> None:
    bundle = make_bundle(n_ctx=60)
    bundle.model.to(dtype)  # type: ignore[attr-defined]
    trace = attnviz.run(bundle, TEXT, to="zh")
    assert trace.source is not None
    assert trace.target is not None
    source, t = torch.tensor([trace.source.ids]), bundle.tokenizer
    seen: list[torch.Tensor] = []

    def watching(logits_BV: torch.Tensor) -> torch.Tensor:
        seen.append(logits_BV[0])
        return greedy(logits_BV)

    generate(
        bundle.model,
        source,
        None,
        torch.tensor([[t.start]]),
        t.end,
        len(trace.target) + 1,
        watching,
    )
    recorded = trace["logits"].value[: len(seen)]
    torch.testing.assert_close(recorded, torch.stack(seen), atol=close, rtol=close)
    assert trace.facts["dtype"] == str(dtype).removeprefix("torch.")


def test_a_forced_target_is_what_the_decoder_reads(wide: Bundle) -> None:
    trace = attnviz.run(wide, TEXT, "我喜欢绿茶", to="zh")
    assert trace.target == wide.tokenizer.encode("我喜欢绿茶", [wide.tokenizer.start])
    assert trace.output == "我喜欢绿茶"
    ids = torch.tensor([trace.source.ids]), torch.tensor([trace.target.ids])  # type: ignore
    assert torch.equal(trace["logits"].value, wide.model(*ids)[0])


def test_the_source_begins_with_its_direction_and_ends_with_the_end(wide: Bundle) -> None:
    for to, first in wide.tokenizer.directions.items():
        trace = attnviz.run(wide, TEXT, "x", to=to)
        assert trace.source is not None
        assert (trace.source.ids[0], trace.source.ids[-1]) == (first, wide.tokenizer.end)
        assert trace.facts["to"] == to


def test_a_direction_that_is_typed_changes_no_direction(wide: Bundle) -> None:
    trace = attnviz.run(wide, f"<2en> {TEXT}", "x", to="zh")
    assert trace.source is not None
    assert [i for i in trace.source.ids if i in wide.tokenizer.directions.values()] == [5]


def test_a_decoder_reads_the_text_and_answers_with_the_next_token(decoder: Bundle) -> None:
    trace = attnviz.run(decoder, TEXT)
    assert trace.source is None
    assert trace.target is not None
    assert trace.target.text == TEXT
    assert trace.output == decoder.tokenizer.piece(int(trace["logits"].value[-1].argmax())).strip()


def test_an_encoder_reads_the_text_on_the_source_side(encoder: Bundle) -> None:
    trace = attnviz.run(encoder, TEXT)
    assert trace.target is None
    assert trace.source is not None
    assert trace["logits"].value.shape == (len(trace.source), 321)


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u3000\xa0", "\x00\x07"])
def test_a_text_without_a_character_is_refused_in_one_sentence(wide: Bundle, text: str) -> None:
    with pytest.raises(InputError, match=r"^The text is empty: type a sentence\.$") as caught:
        attnviz.run(wide, text)
    assert caught.value.code == "empty"


def test_an_unknown_language_lists_the_known_ones(wide: Bundle) -> None:
    with pytest.raises(InputError, match="the model writes en, zh, not 'fr'") as caught:
        attnviz.run(wide, TEXT, to="fr")
    assert (caught.value.code, caught.value.facts["to"]) == ("language", "fr")


def test_a_text_that_fits_is_not_cut(wide: Bundle) -> None:
    assert attnviz.run(wide, TEXT, "我").facts["cut"] == {"source": 0, "target": 0}


def test_a_text_that_is_too_long_is_cut_and_the_trace_says_how_many_characters(
    wide: Bundle,
) -> None:
    text = string.ascii_lowercase * 4
    trace = attnviz.run(wide, text, f"我{text}")
    for side, tokens, whole in (
        ("source", trace.source, text),
        ("target", trace.target, f"我{text}"),
    ):
        assert tokens is not None
        assert len(tokens) == 60
        left_out = trace.facts["cut"][side]
        assert left_out > 0
        assert wide.tokenizer.decode(tokens.ids) == whole[: len(whole) - left_out]


def test_an_edit_is_recorded_and_changes_the_output(wide: Bundle) -> None:
    path = "decoder.1.cross.z"
    plain = attnviz.run(wide, TEXT, "我喜欢", to="zh")
    edited = attnviz.run(wide, TEXT, "我喜欢", to="zh", edits={path: torch.zeros_like})
    assert not edited[path].value.any()
    assert not torch.allclose(edited["logits"].value, plain["logits"].value)
    earlier = "decoder.0.cross.z"
    assert torch.equal(edited[earlier].value, plain[earlier].value)


def test_an_edit_of_a_step_that_is_not_there_is_refused(wide: Bundle) -> None:
    with pytest.raises(KeyError, match=r"no step 'decoder.7.cross.z'; known are encoder\.embed"):
        attnviz.run(wide, TEXT, "我", edits={"decoder.7.cross.z": torch.zeros_like})


def test_a_run_leaves_the_bundle_as_it_was(wide: Bundle) -> None:
    before = {name: value.clone() for name, value in wide.weights.items()}
    first = attnviz.run(wide, TEXT)
    attnviz.run(wide, "红苹果", edits={"encoder.0.self.z": torch.zeros_like})
    again = attnviz.run(wide, TEXT)
    assert all(torch.equal(first[path].value, again[path].value) for path in first)
    assert all(torch.equal(before[n], v) for n, v in wide.weights.items())


def test_a_trace_of_a_run_survives_saving(wide: Bundle, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path_factory.mktemp("trace") / "a.npz"
    trace = attnviz.run(wide, "天气 🙂 is nice", "很好")
    trace.save(file)
    loaded = Trace.load(file)
    assert (loaded.source, loaded.target, loaded.output) == (trace.source, trace.target, "很好")
    assert loaded.facts == trace.facts
    assert all(torch.equal(loaded[path].value, trace[path].value) for path in trace)


# any text at all

short = st.text(st.characters(exclude_categories=()), max_size=30)
texts = st.builds(lambda text, n: (text * n)[:10_000], short, st.sampled_from([1, 1, 1, 9, 999]))


def check_tokens(tokens: Tokens | None) -> None:
    assert tokens is not None
    assert len(tokens.pieces) == len(tokens.ids) == len(tokens.spans) == len(tokens.special)
    spans = [span for span in tokens.spans if span is not None]
    assert [begin for begin, _ in spans] == [0, *(end for _, end in spans)][: len(spans)]
    assert all(begin <= end <= len(tokens.text) for begin, end in spans)


@settings(max_examples=500)
@given(text=texts)
@example("👩‍👩‍👧‍👦 family " * 900)
@example("שלום \u202eעולם\u202c مرحبا")
@example("\ud800")
@example("e\u0301" * 300)
@example(" \u2028\u2029 ")
@example("\u200b")
def test_any_text_runs_or_is_refused_as_empty(bundle: Bundle, text: str) -> None:
    if not clean(text):
        with pytest.raises(InputError, match="The text is empty"):
            attnviz.run(bundle, text)
        return
    trace = attnviz.run(bundle, text)
    check_tokens(trace.source)
    check_tokens(trace.target)
    for path, kept in trace.items():
        assert kept.value.isfinite().all() or path.endswith(".masked"), path
        if path.endswith(".pattern"):
            sums = kept.value.sum(-1)
            torch.testing.assert_close(sums, torch.ones_like(sums), atol=1e-5, rtol=0)


@settings(max_examples=50)
@given(target=texts)
def test_any_target_can_be_forced(bundle: Bundle, target: str) -> None:
    trace = attnviz.run(bundle, TEXT, target)
    check_tokens(trace.target)
    if clean(target):
        assert trace.output == clean(target)


# the built-in model


def test_the_built_in_model_translates_into_the_other_script(en_zh: Bundle) -> None:
    chinese = attnviz.run(en_zh, "The weather is nice today.")
    assert any("\u4e00" <= c <= "\u9fff" for c in chinese.output)
    english = attnviz.run(en_zh, "今天天气很好。")
    assert english.output.isascii()
    assert english.output
    assert chinese.facts["finished"]
