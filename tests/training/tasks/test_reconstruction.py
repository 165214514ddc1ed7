"""An autoencoder's target is its source; the decoder does not see all that it has written."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from attnviz.pretrained import Bundle
from attnviz.tokenizer import Tokenizer
from attnviz.training.batch import IGNORE
from attnviz.training.corpus import held_out, read_sentences
from attnviz.training.stage import Stage
from attnviz.training.tasks.language import SENTENCES
from attnviz.training.tasks.reconstruction import Copies, Reconstruction

STAGE = Stage(steps=1, warmup=1, cooldown=1, learning_rate=1.0, dropout=0.0)


def rows(data: Copies, stage: Stage | None, seed: int = 1) -> list[tuple[tuple[int, ...], ...]]:
    """(source, target, labels) of every text, padding left out."""
    found = []
    for batch in data.batches(300, seed, stage):
        assert batch.source is not None
        assert batch.target is not None
        assert batch.real is not None
        assert batch.source.numel() + batch.target.numel() <= 300
        for source, real, target, labels in zip(
            batch.source, batch.real, batch.target, batch.labels, strict=True
        ):
            n = int(real.sum())
            assert (labels[n:] == IGNORE).all()
            assert (target[n:] == data.tokenizer.pad).all()
            found.append(tuple(tuple(x[:n].tolist()) for x in (source, target, labels)))
    return found


def test_the_labels_are_the_source_and_the_target_is_one_step_behind(
    texts: list[str], masking: Tokenizer
) -> None:
    found = rows(Copies(texts, masking, 60, blind=0.5), None)
    expected = Counter((*masking.encode(text).ids, masking.end) for text in texts)
    assert Counter(source for source, *_ in found) == expected
    for source, target, labels in found:
        assert labels == source
        assert target == (masking.start, *source[:-1])


def test_in_training_the_decoder_does_not_see_a_share_of_what_it_wrote(
    texts: list[str], masking: Tokenizer
) -> None:
    blind = total = 0
    for seed in range(9):
        for source, target, labels in rows(Copies(texts, masking, 60, 0.3), STAGE, seed):
            assert labels == source
            assert target[0] == masking.start
            for seen, token in zip(target[1:], source, strict=False):
                assert seen in (token, masking.unknown)
                blind, total = blind + (seen == masking.unknown), total + 1
    assert blind / total == pytest.approx(0.3, abs=0.02)


def test_a_text_that_does_not_fit_is_left_out(texts: list[str], masking: Tokenizer) -> None:
    found = rows(Copies(texts, masking, 9, 0.0), STAGE)
    fitting = [text for text in texts if len(masking.encode(text)) < 9]
    assert 0 < len(fitting) < len(texts)
    assert len(found) == len(fitting)


def test_the_same_seed_gives_the_same_batches(texts: list[str], masking: Tokenizer) -> None:
    data = Copies(texts, masking, 60, 0.3)
    assert rows(data, STAGE, 1) == rows(data, STAGE, 1)
    assert rows(data, STAGE, 1) != rows(data, STAGE, 2)


def test_the_parts_are_told_apart_by_the_text_alone(folder: Path, masking: Tokenizer) -> None:
    task, every = Reconstruction(), read_sentences(folder / SENTENCES)
    train, dev = (task.corpus(folder, part, masking, 40).texts for part in ("train", "dev"))
    assert train == task.texts(folder) == [text for text in every if not held_out(text)]
    assert dev == [text for text in every if held_out(text)]
    assert dev


def test_scores_count_the_texts_that_come_back_whole(
    make_bundle: Callable[..., Bundle],
    masking_file: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = make_bundle(masking_file, n_slots=3, n_ctx=40)
    task, t = Reconstruction(), bundle.tokenizer
    dev = task.corpus(folder, "dev", t, 40).texts

    def copied(model: object, source: torch.Tensor, real: torch.Tensor, *_: object) -> torch.Tensor:
        """Everything comes back, but for what ends in an exclamation mark."""
        wrong = t.encode("tea").ids[-1]
        rows = [
            [t.start, *([wrong] if t.decode(row).endswith("!") else row)] for row in source.tolist()
        ]
        width = max(map(len, rows))
        return torch.tensor([[*row, *[t.end] * (width - len(row))] for row in rows])

    monkeypatch.setattr("attnviz.training.quality.generate", copied)
    whole = sum(not text.endswith("!") for text in dev)
    assert 0 < whole < len(dev)
    found = task.scores(bundle, folder)
    assert (found["whole"], found["texts"]) == (round(100 * whole / len(dev), 2), len(dev))
    assert 0 < found["bleu-self"] < 100
