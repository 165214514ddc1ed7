"""A linear classifier of counted words: what a neural one is measured against.

TF-IDF of words and letters into a support vector machine, a strong baseline on short texts (Wang
and Manning 2012, "Baselines and Bigrams", P12-2018).
"""

from collections.abc import Sequence

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import FeatureUnion
from sklearn.svm import LinearSVC

Example = tuple[str, str]

PENALTIES = (0.1, 0.25, 0.5, 1.0, 2.0)


def accuracy(train: Sequence[Example], test: Sequence[Example]) -> float:
    """Share of `test` (text, label) that a machine trained on `train` labels right, 0 .. 1. Its
    penalty C is chosen on a tenth of `train`; `test` is only counted."""
    c = penalty(train)
    return _right(train, test, [c])[c]


def penalty(train: Sequence[Example]) -> float:
    """The C, of `PENALTIES`, that does best on a tenth of `train` after training on the rest; of
    equals the smallest."""
    labels = [label for _, label in train]
    split = StratifiedShuffleSplit(1, test_size=0.1, random_state=0)
    kept, tried = next(split.split(labels, labels))
    right = _right([train[i] for i in kept], [train[i] for i in tried], PENALTIES)
    return max(right, key=lambda c: (right[c], -c))


def features() -> FeatureUnion:
    """Words and pairs of words, and letters inside words, both weighed by 1 + log count."""
    return FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)),
            ("letters", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)),
        ]
    )


def _right(
    train: Sequence[Example], test: Sequence[Example], penalties: Sequence[float]
) -> dict[float, float]:
    """Accuracy on `test` for every C."""
    made = features()
    train_NF = made.fit_transform([text for text, _ in train])
    test_NF = made.transform([text for text, _ in test])
    labels, expected = ([label for _, label in part] for part in (train, test))
    return {
        c: LinearSVC(C=c, random_state=0).fit(train_NF, labels).score(test_NF, expected)
        for c in penalties
    }
