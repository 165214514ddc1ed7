"""Scores are sacreBLEU's own; many sentences translate as each alone."""

from collections.abc import Callable

import pytest
import sacrebleu

from attnviz.pretrained import Bundle
from attnviz.training import quality

PAIRS = [
    ("早上好", "Good morning to you, my friend!"),
    ("我读书", "I read the old book every day."),
    ("早上好", "A good morning, my dear friend."),
    ("她走了", "She has gone home before us."),
    ("我读书", "Every day I read a book."),
    ("早上好", "Good day."),
]
ANSWERS = {
    "早上好": "Good morning, my dear friend!",
    "我读书": "I read a book every day.",
    "她走了": "She went home before us.",
}


def answers(texts: list[str]) -> list[str]:
    return [ANSWERS[text] for text in texts]


def test_bleu_is_sacrebleus_with_all_references_of_a_source() -> None:
    references = [
        ["Good morning to you, my friend!", "I read the old book every day.", PAIRS[3][1]],
        ["A good morning, my dear friend.", "Every day I read a book.", None],
        ["Good day.", None, None],
    ]
    expected = sacrebleu.corpus_bleu(list(ANSWERS.values()), references)  # type: ignore[arg-type]
    found = quality.bleu(PAIRS, "en", answers)
    assert found.score == pytest.approx(expected.score, abs=1e-9)
    assert found.counts == expected.counts
    assert 0 < found.score < 100


def test_chinese_is_scored_by_character() -> None:
    pairs = [("Good morning.", "早上好，我的朋友。"), ("Tea is nice.", "茶很好喝。")]
    guess = ["早上好，亲爱的朋友。", "茶非常好喝。"]
    references = [[reference for _, reference in pairs]]
    expected = sacrebleu.corpus_bleu(guess, references, tokenize="zh")
    assert quality.bleu(pairs, "zh", lambda _: guess).score == pytest.approx(expected.score)


def test_a_perfect_translation_scores_a_hundred() -> None:
    pairs = [PAIRS[3], ("我们", "We are here, all of us.")]
    answers_ = dict(pairs)
    found = quality.bleu(pairs, "en", lambda texts: [answers_[text] for text in texts])
    assert found.score == pytest.approx(100)


@pytest.mark.parametrize("to", ["zh", "en"])
def test_many_sentences_translate_as_each_alone(
    make_bundle: Callable[..., Bundle], to: str
) -> None:
    bundle = make_bundle(n_ctx=30)
    bundle.model.double()  # type: ignore[attr-defined]
    texts = ["tea", "I like the red apples", "绿茶", "We read books, today.", "a", "新鲜面包。"]
    together = quality.translate(bundle.model, bundle.tokenizer, texts, to, size=4)
    alone = [quality.translate(bundle.model, bundle.tokenizer, [text], to)[0] for text in texts]
    assert together == alone
    assert len(set(together)) > 1


def test_both_ways_scores_each_language_with_its_own_references(bundle: Bundle) -> None:
    scores = quality.both_ways(
        bundle.model, bundle.tokenizer, [("tea", "茶"), ("bread", "面包")], ("en", "zh")
    )
    assert set(scores) == {"en", "zh"}
    assert scores["zh"].ref_len == 3
    assert scores["en"].ref_len == 2
