"""Paraphrases stand in for sources, never for targets, and are made once."""

from pathlib import Path

import pytest

from attnviz.model.transformer import Transformer
from attnviz.training import paraphrase
from attnviz.training.loop import Run
from attnviz.training.tasks.translation import Mix, Pairs

LANGUAGES = ("en", "zh")


@pytest.fixture
def model(run: Run) -> Transformer:
    return run.average


def write(model: Transformer, data: Pairs, folder: Path) -> None:
    paraphrase.write(model, data.tokenizer, data.pairs, LANGUAGES, folder)


def test_every_pair_has_its_paraphrases_and_they_differ_by_chance(model, data, tmp_path) -> None:
    write(model, data, tmp_path)
    first, second = paraphrase.read(data.pairs, tmp_path)
    assert len(first) == len(second) == len(data.pairs)
    assert first != second
    assert paraphrase.make(model, data.tokenizer, data.pairs, LANGUAGES, seed=0) == first, (
        "the same seed, the same paraphrases"
    )


def test_paraphrases_that_are_there_are_not_made_again(model, data, tmp_path, monkeypatch) -> None:
    write(model, data, tmp_path)
    found = paraphrase.read(data.pairs, tmp_path)
    (tmp_path / "paraphrases-1.tsv").unlink()  # as if killed between the two
    monkeypatch.setattr(paraphrase, "make", lambda *_, seed: [(str(seed), "")] * 10)
    write(model, data, tmp_path)
    assert paraphrase.read(data.pairs, tmp_path) == [found[0], [("1", "")] * 10]


def test_paraphrases_of_other_pairs_are_refused(model, data, pairs, tmp_path) -> None:
    write(model, data, tmp_path)
    with pytest.raises(ValueError, match="holds 10 paraphrases, but there are 5 pairs"):
        paraphrase.read(pairs[:5], tmp_path)


def test_a_text_is_paraphrased_from_its_partner(model, data, tmp_path, monkeypatch) -> None:
    def reversed_text(model, tokenizer, texts, to, choose):
        return [f"{to}:{text[::-1]}" for text in texts]

    monkeypatch.setattr(paraphrase, "translate", reversed_text)
    expected = [(f"en:{b[::-1]}", f"zh:{a[::-1]}") for a, b in data.pairs]
    assert paraphrase.make(model, data.tokenizer, data.pairs, LANGUAGES, seed=0) == expected


def test_only_sources_are_replaced_about_as_often_as_asked(data: Pairs) -> None:
    others = [[("#", "#")] * len(data.pairs), [("", "")] * len(data.pairs)]
    tokenizer, replaced, total = data.tokenizer, 0, 0
    targets = {text for pair in data.pairs for text in pair}
    for seed in range(40):
        for batch in data.mixed(300, seed, Mix(paraphrased=0.5, paraphrases=others)):
            assert batch.source is not None
            assert batch.target is not None
            for source, target in zip(batch.source.tolist(), batch.target.tolist(), strict=True):
                assert tokenizer.decode(target) in targets
                replaced += tokenizer.decode(source).strip() == "#"
                total += 1
    assert 0.2 < replaced / total < 0.3  # half of the half: the other paraphrase is empty
