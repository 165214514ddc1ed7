"""Hidden tokens are chosen by chance, most of them hidden; only they are to be told."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from attnviz.pretrained import Bundle
from attnviz.tokenizer import Tokenizer
from attnviz.training.batch import IGNORE, Batch
from attnviz.training.corpus import held_out
from attnviz.training.stage import Stage
from attnviz.training.tasks import language
from attnviz.training.tasks.masking import Masked, Masking, sentences

STAGE = Stage(steps=1, warmup=1, cooldown=1, learning_rate=1.0, dropout=0.0)


@pytest.fixture
def data(texts: list[str], masking: Tokenizer) -> Masked:
    return Masked(texts, masking, 60)


def rows(batches: Iterator[Batch]) -> list[tuple[list[int], list[int]]]:
    """(read, labels) of every text, padding left out."""
    found = []
    for batch in batches:
        assert batch.source is not None
        assert batch.real is not None
        assert batch.target is None
        for read, real, told in zip(batch.source, batch.real, batch.labels, strict=True):
            n = int(real.sum())
            assert real[:n].all(), "padding stands at the end"
            assert (told[n:] == IGNORE).all()
            found.append((read[:n].tolist(), told[:n].tolist()))
    return found


def whole(read: list[int], told: list[int]) -> tuple[int, ...]:
    """The text that was there before."""
    pairs = zip(read, told, strict=True)
    return tuple(token if label == IGNORE else label for token, label in pairs)


def test_labels_are_what_was_there_and_stand_at_chosen_places_only(
    data: Masked, masking: Tokenizer
) -> None:
    expected = Counter((*masking.encode(text).ids, masking.end) for text in data.texts)
    found = rows(data.batches(300, 5, STAGE))
    assert Counter(whole(*row) for row in found) == expected
    for read, told in found:
        chosen = [i for i, label in enumerate(told) if label != IGNORE]
        assert len(chosen) == max(1, round(0.15 * (len(read) - 1)))
        hidden = {i for i, token in enumerate(read) if token == masking.mask}
        assert hidden <= set(chosen)


def test_the_token_at_the_end_is_never_hidden(data: Masked, masking: Tokenizer) -> None:
    for seed in range(20):
        for read, told in rows(data.batches(300, seed, STAGE)):
            assert (read[-1], told[-1]) == (masking.end, IGNORE)


def test_of_ten_chosen_places_eight_are_hidden_one_is_another_token_and_one_stays(
    data: Masked, masking: Tokenizer
) -> None:
    fates: Counter[str] = Counter()
    for seed in range(25):
        for read, told in rows(data.batches(300, seed, STAGE)):
            for token, label in zip(read, told, strict=True):
                if label != IGNORE:
                    stays = "stays" if token == label else "other"
                    fates["hidden" if token == masking.mask else stays] += 1
    n = sum(fates.values())
    assert n > 3000
    assert fates["hidden"] / n == pytest.approx(0.8, abs=0.03)
    assert fates["other"] / n == pytest.approx(0.1, abs=0.03)
    assert fates["stays"] / n == pytest.approx(0.1, abs=0.03)


def test_another_token_is_one_that_stands_in_texts(data: Masked, masking: Tokenizer) -> None:
    for seed in range(20):
        for read, _ in rows(data.batches(300, seed, STAGE)):
            assert not any(masking.is_special(token) for token in read[:-1])


def test_other_tokens_are_hidden_in_every_epoch_and_the_same_by_the_same_seed(
    data: Masked,
) -> None:
    def made(seed: int) -> list[list[list[int]]]:
        return [batch.labels.tolist() for batch in data.batches(300, seed, STAGE, 0.3)]

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_a_text_that_is_too_long_keeps_its_end(texts: list[str], masking: Tokenizer) -> None:
    for read, told in rows(Masked(texts, masking, 7).batches(300, 0)):
        assert len(read) <= 7
        assert read[-1] == masking.end
        assert any(label != IGNORE for label in told)


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ("One day. Two days! Three?", ["One day.", "Two days!", "Three?"]),
        ('"Hi!" Tom said. "Go." "No."', ['"Hi!"', "Tom said.", '"Go."', '"No."']),
        ("It was 3.5 miles. and on", ["It was 3.5 miles. and on"]),
        ("“Oh!” She ran.", ["“Oh!”", "She ran."]),
        ("alone", ["alone"]),
    ],
)
def test_a_story_is_cut_into_its_sentences(story: str, expected: list[str]) -> None:
    assert sentences(story) == expected


def test_stories_are_read_some_sentences_at_a_time(folder: Path) -> None:
    task = Masking(together=2)
    found = task.texts(folder)
    stories = [sentences(story) for story in language.texts(folder, "train")["stories"]]
    two = [" ".join(many[i : i + 2]) for many in stories for i in (0, 2) if many[i : i + 2]]
    kept = language.texts(folder, "train")["sentences"]
    assert Counter(found) == Counter([*kept, *two])
    dev = task._texts(folder, "dev")
    assert all(map(held_out, language.texts(folder, "dev")["sentences"]))
    assert set(language.texts(folder, "dev")["sentences"]) <= set(dev)
    assert task.symbols == ("<mask>",)


def test_a_model_that_knows_every_text_by_heart_tells_all_hidden_pieces(
    make_bundle: Callable[..., Bundle],
    masking_file: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = make_bundle(masking_file, kind="encoder-only", n_ctx=60)
    t, task = bundle.tokenizer, Masking()
    known = [[*t.encode(text).ids, t.end][-60:] for text in task._texts(folder, "dev")]
    asked = iter(known)

    def told(read: torch.Tensor) -> torch.Tensor:
        row = next(asked)
        hidden = read[0] == t.mask
        assert int(hidden.sum()) == max(1, round(0.15 * (len(row) - 1)))
        assert torch.equal(read[0][~hidden], torch.tensor(row)[~hidden])
        return torch.nn.functional.one_hot(torch.tensor([row]), t.size).double()

    monkeypatch.setattr(bundle.model, "forward", told)
    found = task.scores(bundle, folder)
    n = sum(max(1, round(0.15 * (len(row) - 1))) for row in known)
    assert found == {"told-first": 100, "told-five": 100, "hidden": n}
