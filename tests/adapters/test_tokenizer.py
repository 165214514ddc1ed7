"""Foreign tokens read as text, and know their place in it."""

import json
import shutil
from itertools import pairwise
from typing import Any

import pytest
import sentencepiece
from transformers import AutoTokenizer

from attnviz import adapters
from attnviz.adapters import slow
from attnviz.tokenizer import clean

MIXED = "Nobody  reads 今天的书, naïve “readers”… unbelievable!\t😀 end"
NAMES = {"byte-level": "gpt2", "word-piece": "bert", "unigram": "t5"}


@pytest.fixture(params=list(NAMES))
def pair(request: pytest.FixtureRequest, make_case: Any) -> tuple[str, Any, Any]:
    """What it is, ours, and transformers' own."""
    case = make_case(NAMES[request.param])
    return request.param, case.bundle.tokenizer, AutoTokenizer.from_pretrained(case.folder)


@pytest.mark.parametrize("text", [MIXED, "One.", "今天天气很好，我们读书。"])
def test_the_ids_are_those_of_transformers(pair: Any, text: str) -> None:
    _, ours, theirs = pair
    found = ours.source(text, 512)
    assert list(found.ids) == theirs(clean(text))["input_ids"]
    assert list(ours.encode(text).ids) == theirs(clean(text), add_special_tokens=False)["input_ids"]


def test_special_tokens_stand_for_no_text_and_others_for_all_of_it(pair: Any) -> None:
    _, ours, _ = pair
    found = ours.source(MIXED, 512)
    for span, special in zip(found.spans, found.special, strict=True):
        assert (span is None) == special
    covered = {i for span in found.spans if span for i in range(*span)}
    left_out = {c for i, c in enumerate(found.text) if i not in covered}
    assert left_out <= {" "}


def test_spans_go_forward_and_never_overlap(pair: Any) -> None:
    found = pair[1].source(MIXED, 512)
    spans = [span for span in found.spans if span]
    assert all(a[0] <= a[1] <= b[0] for a, b in pairwise(spans))
    assert spans[-1][1] == len(found.text)


def test_a_text_that_does_not_fit_is_cut_at_its_end_and_keeps_its_special_tokens(pair: Any) -> None:
    kind, ours, _ = pair
    whole, cut = ours.source(MIXED, 512), ours.source(MIXED, 9)
    assert len(cut) == 9
    after = {"byte-level": 0, "word-piece": 1, "unigram": 1}[kind]
    assert cut.ids[: 9 - after] == whole.ids[: 9 - after]
    assert cut.ids[9 - after :] == whole.ids[len(whole) - after :]


def test_pieces_carry_no_marks(pair: Any) -> None:
    kind, ours, _ = pair
    found = ours.source(MIXED, 512)
    words = [p for p, special in zip(found.pieces, found.special, strict=True) if not special]
    assert not any(mark in piece for piece in words for mark in ("##", "Ġ", "▁", "Â"))
    joined = "".join(words)
    if kind != "word-piece":
        assert joined.startswith((" Nobody reads", "Nobody reads"))


def test_chinese_reads_right_where_its_bytes_are_whole(make_case: Any) -> None:
    found = make_case("gpt2").bundle.tokenizer.source("我们读书 today", 512)
    assert "".join(found.pieces).endswith(" today")
    read = "".join(found.pieces).removesuffix(" today")
    raw = b""
    while read:  # what is no whole character is written as its byte
        if read.startswith("<0x"):
            raw, read = raw + bytes([int(read[3:5], 16)]), read[6:]
        else:
            raw, read = raw + read[0].encode(), read[1:]
    assert raw.decode() == "我们读书"


def test_a_word_begins_where_the_text_has_a_space(make_case: Any) -> None:
    found = make_case("bert").bundle.tokenizer.source("Nobody rereads, window!", 512)
    starts = [p for p in found.pieces if p.startswith(" ")]
    assert [p.strip()[0] for p in starts] == ["N", "r", "w"]
    assert "".join(p for p, s in zip(found.pieces, found.special, strict=True) if not s) == (
        " Nobody rereads, window!"
    )


def test_written_ids_read_back_as_their_text(pair: Any) -> None:
    _, ours, theirs = pair
    ids = ours.source("Nobody reads the books.", 512).ids
    found = ours.tokens(ids)
    assert found.text == ours.decode(ids)
    assert "".join(found.text.split()) == "Nobodyreadsthebooks."
    spans = [span for span in found.spans if span]
    assert spans[0][0] == 0
    assert spans[-1][1] == len(found.text)
    assert len(theirs) == ours.size


@pytest.fixture(scope="module")
def marian(make_case: Any, pairs: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Ours of a MarianTokenizer as its authors save it: two SentencePiece models, one list."""
    folder = tmp_path_factory.mktemp("marian") / "opus"
    shutil.copytree(make_case("marian").folder, folder)
    (folder / "tokenizer.json").unlink()
    names: dict[str, int] = {"<pad>": 0, "</s>": 1, "<unk>": 2}
    for side, texts in (("source", [a for a, _ in pairs]), ("target", [b for _, b in pairs])):
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_prefix=str(folder / side),
            vocab_size=60,
            hard_vocab_limit=False,
            minloglevel=2,
        )
        (folder / f"{side}.model").rename(folder / f"{side}.spm")
        made = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{side}.spm"))
        for i in range(3, made.get_piece_size()):
            names.setdefault(made.id_to_piece(i), len(names))
    (folder / "vocab.json").write_text(json.dumps(names))
    about = {"tokenizer_class": "MarianTokenizer", "separate_vocabs": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(about))
    return adapters.load(folder, "cpu").tokenizer


def test_a_tokenizer_in_python_finds_its_tokens_in_the_text(marian: Any) -> None:
    found = marian.source("They read books,  today. 🦄 They", 512)
    assert found.text == "They read books, today. 🦄 They"
    for piece, span, special in zip(found.pieces, found.spans, found.special, strict=True):
        assert special == (span is None)
        if span and piece.strip() and piece.strip() in found.text:
            assert found.text[slice(*span)] == piece.strip()
    assert [p.strip() for p in found.pieces][-1] == "</s>"
    assert any(found.text[slice(*span)].strip() == "🦄" for span in found.spans if span)


def test_a_target_is_cut_by_the_targets_own_pieces(marian: Any) -> None:
    found = marian.encode("我们读书", [marian.start], limit=20)
    assert found.ids[0] == 0
    assert 2 not in found.ids  # nothing unknown
    assert marian.decode(found.ids) == "我们读书"
    assert marian.tokens(found.ids).text == "我们读书"
    assert marian.tokens(found.ids).spans[-1][1] == 4


def test_a_hidden_token_is_written_as_in_our_own_models(make_case: Any) -> None:
    bert = make_case("bert").bundle.tokenizer
    found = bert.source("Nobody <mask> the books.", 512)
    place = found.ids.index(bert.mask)
    assert found.text[slice(*found.spans[place])] == "[MASK]"
    assert not found.special[place]
    assert make_case("gpt2").bundle.tokenizer.mask is None


def test_start_and_end_are_the_models_own(make_case: Any) -> None:
    bart, t5 = (make_case(name).bundle.tokenizer for name in ("bart", "t5"))
    assert (bart.start, bart.end, bart.pad) == (1, 1, 0)
    assert (t5.start, t5.end, t5.pad) == (0, 1, 0)
    assert t5.directions == {}
    assert t5.is_special(0)
    assert not t5.is_special(2)


def test_a_token_that_is_not_in_the_text_goes_up_to_the_next_that_is() -> None:
    names = ["▁", "The", "y", "▁read", "▁", "<unk>", "▁bo", "oks", "</s>"]
    spans = slow.found(names, [0] * 8 + [1], "They read 🦄🦄 books")
    assert spans == [(0, 0), (0, 3), (3, 4), (5, 9), (9, 9), (9, 12), (13, 15), (15, 18), (18, 18)]
    assert slow.found(["▁a", "▁<unk>"], [0, 0], "a 🦄")[-1] == (1, 3)
