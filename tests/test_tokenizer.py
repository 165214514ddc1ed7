"""Text to tokens and back; every token knows its place in the text."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attnviz.tokenizer import Tokenizer, clean
from attnviz.trace import Tokens

texts = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=40),
    st.text("ab ,.天气很好，。！🙂👩‍🚀é́\u0301שלום\u200f▁<2zh>", max_size=40),
)


@pytest.fixture(scope="session")
def masking(masking_file: Path) -> Tokenizer:
    return Tokenizer(masking_file)


@pytest.fixture(scope="session")
def folded(folded_file: Path) -> Tokenizer:
    return Tokenizer(folded_file)


def of_text(tokens: Tokens) -> list[tuple[str, tuple[int, int]]]:
    return [(p, s) for p, s in zip(tokens.pieces, tokens.spans, strict=True) if s is not None]


def test_control_characters_become_spaces() -> None:
    assert clean("a\tb\nc\x00d\x1be\x85f") == "a b c d e f"


def test_spaces_are_one_and_none_at_the_ends() -> None:
    assert clean("  a \u3000 b\u2028c\xa0 ") == "a b c"


def test_letters_are_composed() -> None:
    assert clean("cafe\u0301") == "caf\u00e9"


def test_full_width_punctuation_is_kept() -> None:
    text = "“你好”，世界！（真的？）：①ｅ"
    assert clean(text) == text


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert clean("a\ud83db") == "a?b"


@given(texts)
def test_a_cleaned_text_is_clean(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert "  " not in cleaned
    assert cleaned == cleaned.strip()


@given(texts)
@example("a𠀀b")
@example("天 气")
def test_spans_cut_the_text_without_gap_or_overlap(tokenizer: Tokenizer, text: str) -> None:
    tokens = tokenizer.encode(text)
    end = 0
    for piece, span in of_text(tokens):
        assert span[0] == end
        end = span[1]
        if not piece.startswith("<0x"):
            shown = tokens.text[slice(*span)]
            assert piece in (shown, f" {shown}")
    assert end == len(tokens.text)
    assert tokens.text == clean(text)


@given(texts)
def test_a_character_of_several_bytes_belongs_to_its_last_byte(
    tokenizer: Tokenizer, text: str
) -> None:
    tokens = tokenizer.encode(text)
    pending = b""
    for piece, (begin, end) in of_text(tokens):
        if piece.startswith("<0x"):
            pending += bytes([int(piece[3:5], 16)])
        if end > begin:
            shown = tokens.text[begin:end]
            assert not pending or pending.decode() == shown
            pending = b""
    assert not pending


@given(texts)
def test_any_text_comes_back_from_its_tokens(tokenizer: Tokenizer, text: str) -> None:
    tokens = tokenizer.encode(text, [tokenizer.start], [tokenizer.end])
    assert tokenizer.decode(tokens.ids) == tokens.text
    assert tokenizer.tokens(tokens.ids).text == tokens.text


@given(texts, st.integers(0, 2**31 - 1))
def test_decoded_tokens_are_those_that_were_encoded(
    tokenizer: Tokenizer, text: str, seed: int
) -> None:
    read = tokenizer.encode(text, [tokenizer.start])
    written = tokenizer.tokens(read.ids)
    assert written.spans == read.spans
    assert written.special == read.special


@given(st.lists(st.integers(0, 320), max_size=12))
def test_any_ids_have_spans_that_cut_their_text(tokenizer: Tokenizer, ids: list[int]) -> None:
    tokens = tokenizer.tokens(ids)
    spans = [span for _, span in of_text(tokens)]
    assert len(tokens.spans) == len(ids)
    assert [begin for begin, _ in spans] == [0, *(end for _, end in spans)][: len(spans)]
    assert not spans or spans[-1][1] == len(tokens.text)


def test_a_typed_direction_is_plain_text(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode("<2zh> <s> </s> <pad> <0x41>")
    assert not any(tokens.special)
    assert not set(tokens.ids) & {*tokenizer.directions.values(), tokenizer.end, tokenizer.pad}
    assert tokenizer.decode(tokens.ids) == "<2zh> <s> </s> <pad> <0x41>"


def test_added_tokens_are_special_and_have_no_place_in_the_text(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode("green tea", [tokenizer.directions["zh"]], [tokenizer.end])
    assert (tokens.pieces[0], tokens.pieces[-1]) == ("<2zh>", "</s>")
    assert (tokens.spans[0], tokens.spans[-1]) == (None, None)
    assert (tokens.special[0], tokens.special[1], tokens.special[-1]) == (True, False, True)
    assert tokenizer.decode(tokens.ids) == "green tea"


def test_a_limit_cuts_the_text_at_its_end_and_keeps_the_added_tokens(tokenizer: Tokenizer) -> None:
    whole = tokenizer.encode("They like the red apples, today.", [4], [3])
    cut = tokenizer.encode("They like the red apples, today.", [4], [3], limit=6)
    assert len(whole) > 6
    assert cut.ids == (*whole.ids[:5], 3)
    assert cut.text == whole.text


def test_the_special_tokens_are_where_the_model_was_trained_to_find_them(
    tokenizer: Tokenizer,
) -> None:
    assert (tokenizer.pad, tokenizer.start, tokenizer.end) == (0, 2, 3)
    assert tokenizer.directions == {"en": 4, "zh": 5}
    assert tokenizer.size == 321


@pytest.mark.parametrize(
    ("text", "to"), [("green tea", "zh"), ("绿茶", "en"), ("tea 茶", "en"), ("123", "zh")]
)
def test_a_text_goes_into_the_language_it_is_not_in(
    tokenizer: Tokenizer, text: str, to: str
) -> None:
    assert tokenizer.other_language(text) == to


def test_sampled_pieces_are_another_cut_of_the_same_text(tokenizer: Tokenizer) -> None:
    text = "They like the red apples, today."
    cuts = {tuple(tokenizer.sample(text, 0.1)) for _ in range(20)}
    assert len(cuts) > 1
    assert {tokenizer.decode(cut) for cut in cuts} == {text}


def test_without_smoothness_the_best_cut_is_taken(tokenizer: Tokenizer) -> None:
    text = "They like the red apples, today."
    assert tuple(tokenizer.sample(text, None)) == tokenizer.encode(text).ids


# hidden tokens


def shown(tokens: Tokens) -> list[str]:
    """The part of the text that each token stands for."""
    return [tokens.text[slice(*span)] for _, span in of_text(tokens)]


def test_only_a_model_that_was_trained_to_tell_hidden_tokens_has_a_mask(
    tokenizer: Tokenizer, masking: Tokenizer
) -> None:
    assert tokenizer.mask is None
    assert masking.mask is not None
    assert masking.piece(masking.mask) == "<mask>"
    assert len(tokenizer.encode("<mask>")) > 1


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("I like <mask> tea", [" <mask>"]),
        ("<mask> like tea", ["<mask>"]),
        ("I like <mask>", [" <mask>"]),
        ("I <mask> <mask> tea", [" <mask>", " <mask>"]),
        ("<mask><mask> tea", ["<mask>", "<mask>"]),
        ("tea<mask>, today.", ["<mask>"]),
        ("绿茶<mask>好 <mask>", ["<mask>", " <mask>"]),
        ("<mask>", ["<mask>"]),
    ],
)
def test_a_typed_mask_is_one_token_and_the_space_before_it_is_part_of_it(
    masking: Tokenizer, text: str, places: list[str]
) -> None:
    tokens = masking.encode(text)
    hidden = [i for i, token in enumerate(tokens.ids) if token == masking.mask]
    assert [shown(tokens)[i] for i in hidden] == places
    assert [tokens.special[i] for i in hidden] == [False] * len(places)
    assert "".join(shown(tokens)) == tokens.text == text
    for i in hidden:
        assert i == 0 or tokens.pieces[i - 1] != " "


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_typed_mask_is_what_training_hides(masking: Tokenizer, place: int) -> None:
    """The ids are those of the whole text with one word's piece replaced."""
    words = ["We", "like", "fresh", "bread"]
    whole = [token for word in words for token in masking.encode(word).ids]
    assert masking.encode(" ".join(words)).ids == tuple(whole), "no piece spans two words"
    before = [token for word in words[:place] for token in masking.encode(word).ids]
    after = [token for word in words[place + 1 :] for token in masking.encode(word).ids]
    words[place] = "<mask>"
    assert masking.encode(" ".join(words)).ids == (*before, masking.mask, *after)


def test_a_limit_counts_a_mask_as_one_token(masking: Tokenizer) -> None:
    assert masking.encode("<mask> <mask> <mask>", limit=2).ids == (masking.mask,) * 2


@given(texts)
def test_spans_cut_a_text_with_masks_without_gap_or_overlap(masking: Tokenizer, text: str) -> None:
    tokens = masking.encode(f"{text} <mask> {text[::-1]}<mask>")
    assert "".join(shown(tokens)) == tokens.text
    assert tokens.ids.count(masking.mask) >= 2


# folded letters


@pytest.mark.parametrize("text", ["WE LIKE Green TEA", "My SISTER", "we READ, Today."])
def test_a_folded_text_is_read_in_small_letters_and_its_spans_show_what_was_typed(
    folded: Tokenizer, text: str
) -> None:
    tokens = folded.encode(text)
    assert tokens.text == text
    assert tokens.ids == folded.encode(text.lower()).ids
    assert "".join(shown(tokens)) == text
    for (piece, _), part in zip(of_text(tokens), shown(tokens), strict=True):
        assert piece.startswith("<0x") or piece.strip() == part.strip().lower()


@given(texts)
@example("Straße İstanbul ﬁne Ａ")
@example("ﬁ ½ km ① … Ǆ ﷺ")
@example("a\u200bb \u200b c\u200b")
@example("ΑΣ ＴＥＡ ﬄ㌀")
def test_spans_of_a_folded_text_point_into_the_cleaned_text(folded: Tokenizer, text: str) -> None:
    tokens = folded.encode(text)
    assert tokens.text == clean(text)
    end = 0
    for _, (begin, last) in of_text(tokens):
        assert begin == end <= last
        end = last
    assert end == len(tokens.text)


def test_a_letter_that_is_folded_into_several_belongs_to_the_last_of_them(
    folded: Tokenizer,
) -> None:
    tokens = folded.encode("ﬁne…")
    letters = "".join(piece.strip() for piece in tokens.pieces if not piece.startswith("<0x"))
    assert letters == "fine..." or letters in "fine..."
    parts = [part for part in shown(tokens) if part]
    assert "".join(parts) == "ﬁne…"
    assert any(part.startswith("ﬁ") for part in parts)
    assert parts[-1] == "…"
