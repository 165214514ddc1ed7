"""Each kind of model runs by its own rules: it writes on, tells hidden tokens, names the text, or
writes from slots."""

import string
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import attnviz
from attnviz.error import InputError
from attnviz.model.decision import Decision
from attnviz.pretrained import Bundle
from attnviz.trace import Trace

MakeBundle = Callable[..., Bundle]
TEXT = "I like green tea"

# a decoder alone that writes on


@pytest.fixture(scope="module")
def writer(make_bundle: MakeBundle, masking_file: Path) -> Iterator[Bundle]:
    """A decoder in float64 whose unembedding is not its embedding, so that no token calls for
    itself."""
    bundle = make_bundle(masking_file, kind="decoder-only", position="rope", n_ctx=30)
    bundle.model.double()  # type: ignore[attr-defined]
    make = torch.Generator().manual_seed(2)
    W_U = torch.randn(bundle.weights["embed.W_E"].shape, dtype=torch.float64, generator=make)
    W_U[bundle.tokenizer.end] *= 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle.model.embed, "unembed", lambda x: x @ W_U.T)  # type: ignore
        yield bundle


def ids(trace: Trace) -> tuple[int, ...]:
    assert trace.target is not None
    return trace.target.ids


def test_a_decoder_writes_as_many_tokens_as_are_wanted_each_the_likeliest(writer: Bundle) -> None:
    trace = attnviz.run(writer, TEXT, n_new=7)
    prompt = writer.tokenizer.encode(TEXT, [writer.tokenizer.start]).ids
    assert trace.facts["prompt"] == len(prompt)
    assert ids(trace)[: len(prompt)] == prompt
    assert len(ids(trace)) == len(prompt) + 7
    best = trace["logits"].value.argmax(-1).tolist()
    assert list(ids(trace)[len(prompt) :]) == best[len(prompt) - 1 : -1]
    assert len(set(best)) > 3
    assert trace.target is not None
    assert trace.output == trace.target.text
    assert trace.output.startswith(TEXT)
    assert trace.facts["finished"] is False
    assert trace.source is None


def test_writing_stops_where_there_is_no_more_room(writer: Bundle) -> None:
    trace = attnviz.run(writer, TEXT, n_new=1000)
    assert len(ids(trace)) == 30
    assert ids(trace)[: len(ids(attnviz.run(writer, TEXT, n_new=3)))] == ids(
        attnviz.run(writer, TEXT, n_new=3)
    )


def test_a_text_that_ends_is_finished_and_its_end_is_not_shown(
    writer: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = writer.tokenizer
    steps = iter([*t.encode("green tea").ids, t.end])

    def answered(x_BTD: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(*x_BTD.shape[:2], t.size, dtype=torch.float64)
        logits[:, -1, next(steps, t.end)] = 1
        return logits

    monkeypatch.setattr(writer.model.embed, "unembed", answered)  # type: ignore[attr-defined]
    trace = attnviz.run(writer, TEXT, n_new=12)
    assert trace.facts["finished"] is True
    assert trace.output == f"{TEXT} green tea"
    assert t.end not in ids(trace)


def test_the_same_seed_writes_the_same_and_another_writes_something_else(writer: Bundle) -> None:
    warm = {"n_new": 9, "decision": Decision(temperature=1.5)}
    found = [ids(attnviz.run(writer, TEXT, seed=seed, **warm)) for seed in (1, 1, 2, 3)]
    assert found[0] == found[1]
    assert len(set(found)) == 3
    prompt = ids(attnviz.run(writer, TEXT))
    assert {row[: len(prompt)] for row in found} == {prompt}


def test_a_seed_draws_only_what_the_decision_leaves(writer: Bundle) -> None:
    greedy_ = ids(attnviz.run(writer, TEXT, n_new=9))
    for decision in (Decision(top_k=1), Decision(top_p=1e-9), Decision(temperature=1e-6)):
        assert ids(attnviz.run(writer, TEXT, n_new=9, seed=5, decision=decision)) == greedy_
    for seed in range(5):
        decision = Decision(temperature=2.0, top_k=3)
        trace = attnviz.run(writer, TEXT, n_new=9, seed=seed, decision=decision)
        prompt = trace.facts["prompt"]
        for t in range(prompt, len(ids(trace))):
            assert trace["final"].value[t - 1, ids(trace)[t]] > 0


def test_a_seed_draws_a_translation_too(bundle: Bundle) -> None:
    hot = Decision(temperature=30.0)
    found = [ids(attnviz.run(bundle, "tea", to="zh", seed=s, decision=hot)) for s in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


def test_a_forced_text_goes_on_after_the_prompt(writer: Bundle) -> None:
    trace = attnviz.run(writer, TEXT, "read books", n_new=5)
    t = writer.tokenizer
    prompt = t.encode(TEXT, [t.start]).ids
    assert ids(trace) == (*prompt, *t.encode("read books").ids)
    assert trace.output == f"{TEXT} read books"
    assert trace.facts["prompt"] == len(prompt)
    assert trace.target is not None
    assert (
        "".join(trace.output[slice(*span)] for span in trace.target.spans if span) == trace.output
    )
    assert trace.facts["cut"] == {"source": 0, "target": 0}


def test_a_forced_text_that_does_not_fit_after_the_prompt_is_cut_and_that_is_said(
    writer: Bundle,
) -> None:
    more = string.ascii_lowercase * 2
    trace = attnviz.run(writer, TEXT, more)
    assert len(ids(trace)) == 30
    left_out = trace.facts["cut"]["target"]
    assert left_out > 0
    whole = f"{TEXT} {more}"
    assert writer.tokenizer.decode(ids(trace)) == whole[: len(whole) - left_out]


@pytest.mark.parametrize("n_new", [0, 6])
def test_forcing_what_an_earlier_run_wrote_gives_the_same_numbers(
    writer: Bundle, n_new: int
) -> None:
    first = attnviz.run(writer, TEXT, n_new=n_new, seed=4)
    again = attnviz.run(writer, TEXT, first)
    assert again.target == first.target
    assert all(torch.equal(again[path].value, first[path].value) for path in first)
    assert again.output == first.output
    told = ("prompt", "finished")
    assert [again.facts[name] for name in told] == [first.facts[name] for name in told]


def test_a_variant_writes_what_its_own_logits_say(writer: Bundle) -> None:
    trace = attnviz.run(writer, TEXT, n_new=8, variant="sliding_window", parameters={"window": 2})
    best = trace["logits"].value.argmax(-1).tolist()
    prompt = trace.facts["prompt"]
    assert list(ids(trace)[prompt:]) == best[prompt - 1 : -1]
    assert ids(trace) != ids(attnviz.run(writer, TEXT, n_new=8))


# hidden tokens


@pytest.fixture(scope="module")
def guesser(make_bundle: MakeBundle, masking_file: Path) -> Bundle:
    return make_bundle(masking_file, kind="encoder-only", position="learned", n_ctx=30)


@pytest.mark.parametrize(
    "text", ["I like <mask> tea", "<mask> like <mask>, today.", "绿茶<mask>", "<mask>"]
)
def test_the_answer_is_the_likeliest_token_at_every_hidden_place(
    guesser: Bundle, text: str
) -> None:
    trace = attnviz.run(guesser, text)
    assert trace.source is not None
    hidden = [i for i, piece in enumerate(trace.source.pieces) if piece == "<mask>"]
    assert trace.facts["hidden"] == hidden
    assert len(hidden) == text.count("<mask>")
    best = trace["logits"].value.argmax(-1)[hidden].tolist()
    assert trace.output == " ".join(guesser.tokenizer.piece(i).strip() for i in best)
    assert trace.source.text == text


def test_a_text_with_nothing_hidden_asks_nothing(guesser: Bundle, make_bundle: MakeBundle) -> None:
    without = make_bundle(kind="encoder-only", n_ctx=40)
    for bundle, text in ((guesser, TEXT), (without, "I like <mask> tea")):
        trace = attnviz.run(bundle, text)
        assert trace.facts["hidden"] == []
        assert trace.output == ""


# names, slots and other bodies

LABELS = ("bad", "good", "so-so")


@pytest.fixture(scope="module", params=["lstm", "gru", "cnn", "transformer"])
def namer(request: pytest.FixtureRequest, make_bundle: MakeBundle, masking_file: Path) -> Bundle:
    choices = {"body": request.param, "n_slots": 1, "d_mlp": 0, "labels": LABELS, "n_ctx": 30}
    return make_bundle(masking_file, kind="encoder-only", **choices)


def test_a_classifier_answers_with_the_likeliest_label(namer: Bundle) -> None:
    texts = [TEXT, "We forget the red apples, today.", "绿茶", "books books books", "x y z"]
    for trace in (attnviz.run(namer, text) for text in texts):
        (row,) = trace["logits"].value.tolist()
        assert trace.output == LABELS[row.index(max(row))]
        assert trace.facts["labels"] == list(LABELS)
        assert trace.target is None
        assert trace.slots is not None
        assert trace.slots.pieces == (" q1",)
        assert trace.source is not None
        assert trace["pool.0.cross.pattern"].value.shape == (3, 1, len(trace.source))


def test_an_edit_of_the_pools_pattern_changes_what_is_said_of_the_labels(namer: Bundle) -> None:
    path = "pool.0.cross.pattern"
    plain = attnviz.run(namer, TEXT)
    edited = attnviz.run(namer, TEXT, edits={path: lambda x: torch.full_like(x, 1 / x.shape[-1])})
    assert not torch.allclose(edited["logits"].value, plain["logits"].value)
    assert not torch.equal(edited[path].value, plain[path].value)


def alone(trace: Trace, attention: str, variant: str) -> torch.Tensor:
    """The pattern of a variant on the queries and keys that this attention has in the trace."""
    q, k, v = (trace[f"{attention}.{name}"].value[None] for name in "qkv")
    return attnviz.attend(variant, q, k, v)["pattern"].value


def test_a_variant_takes_the_place_of_the_pools_attention(namer: Bundle) -> None:
    plain = attnviz.run(namer, TEXT)
    trace = attnviz.run(namer, TEXT, variant="sigmoid", where="pool.0.cross")
    assert trace.facts["changed"] == ["pool.0.cross"]
    found = trace["pool.0.cross.pattern"].value
    torch.testing.assert_close(found, alone(trace, "pool.0.cross", "sigmoid"))
    assert not torch.equal(trace["logits"].value, plain["logits"].value)
    assert torch.equal(trace["encoder.norm"].value, plain["encoder.norm"].value)
    one = attnviz.run(namer, TEXT, variant="sigmoid", where="pool.0.cross.2")
    for head, expected in enumerate((plain, plain, trace)):
        expected_TS = expected["pool.0.cross.pattern"].value[head]
        assert torch.equal(one["pool.0.cross.pattern"].value[head], expected_TS)


@pytest.fixture(scope="module")
def recurrent(make_bundle: MakeBundle) -> Bundle:
    """A translator of the first kind: recurrences, one attention head."""
    choices = {"n_heads": 1, "n_kv_heads": 1, "position": "none", "d_mlp": 0, "n_ctx": 40}
    return make_bundle(body="gru", **choices)


def test_a_recurrent_translator_writes_the_argmax_of_its_recorded_logits(
    recurrent: Bundle,
) -> None:
    trace = attnviz.run(recurrent, TEXT, to="zh")
    best = trace["logits"].value.argmax(-1).tolist()
    assert list(ids(trace)[1:]) == best[: len(ids(trace)) - 1]
    assert not any(".self." in path for path in trace)
    assert trace.slots is None


def test_a_variant_takes_the_place_of_a_recurrent_decoders_attention(recurrent: Bundle) -> None:
    plain = attnviz.run(recurrent, TEXT, "我喜欢", to="zh")
    for where in ("decoder.0.cross", "decoder.0", "*.0.*.0"):
        trace = attnviz.run(recurrent, TEXT, "我喜欢", to="zh", variant="entmax", where=where)
        assert trace.facts["changed"] == ["decoder.0.cross"]
        found = trace["decoder.0.cross.pattern"].value
        torch.testing.assert_close(found, alone(trace, "decoder.0.cross", "entmax"))
        assert not torch.equal(trace["logits"].value, plain["logits"].value)
        states = "decoder.0.gru.states"
        assert torch.equal(trace[states].value, plain[states].value)
    with pytest.raises(InputError, match=r"has no attention 'encoder'; it has decoder\.0\.cross"):
        attnviz.run(recurrent, TEXT, variant="entmax", where="encoder")


@pytest.fixture(scope="module")
def copier(make_bundle: MakeBundle, masking_file: Path) -> Bundle:
    return make_bundle(masking_file, n_slots=4, position="learned", n_ctx=30)


def test_an_autoencoder_writes_from_its_slots(copier: Bundle) -> None:
    trace = attnviz.run(copier, TEXT)
    assert trace.slots is not None
    assert trace.slots.pieces == (" q1", " q2", " q3", " q4")
    assert trace.slots.spans == (None,) * 4
    assert trace.source is not None
    n_source, n_target = len(trace.source), len(ids(trace))
    assert trace["pool.0.cross.pattern"].value.shape == (3, 4, n_source)
    assert trace["decoder.1.cross.pattern"].value.shape == (3, n_target, 4)
    best = trace["logits"].value.argmax(-1).tolist()
    assert list(ids(trace)[1:]) == best[: n_target - 1]
    assert trace.facts["to"] is None


def test_what_a_slot_looks_at_changes_what_an_autoencoder_says(copier: Bundle) -> None:
    plain = attnviz.run(copier, TEXT, TEXT)

    def elsewhere(pattern_BHTS: torch.Tensor) -> torch.Tensor:
        pattern_BHTS[:, :, 2] = torch.eye(pattern_BHTS.shape[-1])[1]
        return pattern_BHTS

    edited = attnviz.run(copier, TEXT, TEXT, edits={"pool.0.cross.pattern": elsewhere})
    assert not torch.allclose(edited["logits"].value, plain["logits"].value)
    v = plain["pool.0.cross.v"].value
    torch.testing.assert_close(edited["pool.0.cross.z"].value[:, 2], v[:, 1])
    others = [0, 1, 3]
    before, after = (trace["pool.norm"].value for trace in (plain, edited))
    torch.testing.assert_close(after[others], before[others])


def test_a_trace_with_slots_survives_saving(copier: Bundle, namer: Bundle, tmp_path: Path) -> None:
    for bundle in (copier, namer):
        trace = attnviz.run(bundle, TEXT)
        trace.save(tmp_path / "a.npz")
        loaded = Trace.load(tmp_path / "a.npz")
        assert loaded.slots == trace.slots
        assert loaded.slots is not None
        assert (loaded.source, loaded.target) == (trace.source, trace.target)
        assert loaded.facts == trace.facts
        assert all(torch.equal(loaded[path].value, trace[path].value) for path in trace)
