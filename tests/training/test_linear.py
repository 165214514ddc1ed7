"""The linear baseline learns from words and from letters, and its score is a plain share."""

import math
from itertools import pairwise

import pytest

from attnviz.training import linear

CARD = ["my card is late", "where is the card", "the new card came", "a card that I lost"]
CASH = ["the cash machine ate it", "no cash for me", "my cash is gone", "more cash please"]
TRAIN = [(text, "card") for text in CARD * 4] + [(text, "cash") for text in CASH * 3]


def test_accuracy_is_the_share_labelled_as_the_test_part_says() -> None:
    test = [("I want a card", "card"), ("I want cash", "cash"), ("cash", "cash")]
    assert linear.accuracy(TRAIN, test) == 1
    assert linear.accuracy(TRAIN, [*test, ("the card", "cash")]) == 3 / 4


def test_letters_decide_where_no_word_is_known() -> None:
    test = [("cardholders", "card"), ("cashless", "cash"), ("mycardd", "card")]
    words = dict(linear.features().transformer_list)["words"]
    assert words.fit([text for text, _ in TRAIN]).transform([t for t, _ in test]).nnz == 0
    assert linear.accuracy(TRAIN, test) == 1


def test_pairs_of_words_decide_where_words_alone_cannot() -> None:
    train = [("not bad but good", "praise"), ("not good but bad", "blame")] * 11
    assert linear.accuracy(train, [("not bad", "praise"), ("not good", "blame")]) == 1


def test_words_are_weighed_as_the_formula_says() -> None:
    texts = ["tea tea tea coffee", "coffee water", "water water milk tea tea", "milk"]
    words = dict(linear.features().transformer_list)["words"]
    found = words.fit_transform(texts).toarray()
    terms = [text.split() + [f"{a} {b}" for a, b in pairwise(text.split())] for text in texts]
    for row, own in enumerate(terms):
        raw = {
            term: (1 + math.log(own.count(term)))
            * (1 + math.log((1 + len(texts)) / (1 + sum(term in other for other in terms))))
            for term in set(own)
        }
        norm = math.sqrt(sum(value**2 for value in raw.values()))
        for term, column in words.vocabulary_.items():
            assert found[row, column] == pytest.approx(raw.get(term, 0) / norm, abs=1e-12)


def test_the_penalty_is_one_of_those_tried_and_the_same_every_time() -> None:
    chosen = linear.penalty(TRAIN)
    assert chosen in linear.PENALTIES
    assert chosen == linear.penalty(TRAIN)
