"""Labelled texts come from CSV files or a zip; the test part is never trained on."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from attnviz.pretrained import Bundle
from attnviz.tokenizer import Tokenizer
from attnviz.training.corpus import held_out, read_labelled
from attnviz.training.stage import Stage
from attnviz.training.tasks.classification import Classification, LabelledTexts, written

STAGE = Stage(steps=1, warmup=1, cooldown=1, learning_rate=1.0, dropout=0.0)
CSV = Classification(train="train.csv", test="test.csv", names={"yes": "likes"})
ZIP = Classification(train="films.zip", test="films.zip", names={"pos": "good", "neg": "bad"})


def test_two_files_are_the_two_parts(folder: Path) -> None:
    train, dev = (CSV.labelled(folder, part) for part in ("train", "dev"))
    assert (len(train), len(dev)) == (60, 40)
    assert train[0] == ("I read books.", "no")
    for text, label in train + dev:
        assert label == ("likes" if "like" in text else "no")
    assert CSV.labels(folder) == ("likes", "no")
    assert CSV.texts(folder) == [text for text, _ in train]


def test_of_one_file_every_tenth_text_or_so_is_kept_back_by_itself_alone(folder: Path) -> None:
    raw = read_labelled(folder / "films.zip")
    train, dev = (ZIP.labelled(folder, part) for part in ("train", "dev"))
    assert Counter(train + dev) == Counter(
        (written(text), {"pos": "good", "neg": "bad"}[label]) for text, label in raw
    )
    assert len(raw) == 141
    assert 5 < len(dev) < 30
    assert dev == [
        (written(text), {"pos": "good", "neg": "bad"}[label])
        for text, label in raw
        if held_out(text, 10)
    ]
    assert ZIP.labels(folder) == ("bad", "good")


def test_a_zip_of_lines_is_read_with_its_accents_and_without_empty_lines(folder: Path) -> None:
    raw = read_labelled(folder / "films.zip")
    assert raw[0] == ("a caf\xe9 , i liked it .", "pos")
    assert {label for _, label in raw} == {"pos", "neg"}
    assert all(text for text, _ in raw)


def test_a_csv_field_may_hold_commas_quotes_and_lines(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b'text,label\r\n"a, ""b""\nc",x\r\nplain,y\r\n')
    assert read_labelled(file) == [('a, "b" c', "x"), ("plain", "y")]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("it 's good , really !", "it 's good, really!"),
        ("a ( b ) c [ d ] 5 %", "a (b) c [d] 5%"),
        ("see https://t.co/aB1 and http://x.y now", "see and now"),
        ("  so   so  ", "so so"),
    ],
)
def test_a_text_is_written_as_people_do(raw: str, expected: str) -> None:
    assert written(raw) == expected


def rows(data: LabelledTexts, stage: Stage | None, seed: int = 1) -> list[tuple[tuple, int]]:
    found = []
    for batch in data.batches(200, seed, stage):
        assert batch.source is not None
        assert batch.real is not None
        assert batch.target is None
        assert batch.labels.shape == (len(batch.source), 1)
        assert torch.equal(batch.real, batch.source != data.tokenizer.pad)
        for read, real, label in zip(batch.source, batch.real, batch.labels, strict=True):
            found.append((tuple(read[real].tolist()), int(label)))
    return found


def test_every_text_is_read_whole_for_scoring_with_the_number_of_its_label(
    folder: Path, masking: Tokenizer
) -> None:
    data = CSV.corpus(folder, "dev", masking, 40)
    expected = Counter(
        ((*masking.encode(text).ids, masking.end), CSV.labels(folder).index(label))
        for text, label in CSV.labelled(folder, "dev")
    )
    assert Counter(rows(data, None)) == expected
    assert {label for _, label in rows(data, None)} == {0, 1}


def test_a_tenth_of_the_tokens_is_left_out_in_training_only(masking: Tokenizer) -> None:
    text = "They like the red apples, today."
    ids = masking.encode(text).ids
    data = LabelledTexts([(text, 0)] * 300, masking, 60, dropped=0.1)
    assert set(rows(data, None)) == {((*ids, masking.end), 0)}
    found = [read for read, _ in rows(data, STAGE)]
    assert all(read[-1] == masking.end for read in found)
    left = sum(len(read) - 1 for read in found) / (300 * len(ids))
    assert left == pytest.approx(0.9, abs=0.02)
    for read in found:
        rest = iter(ids)
        assert all(token in rest for token in read[:-1]), "the order stays"


def test_a_text_that_is_too_long_is_cut_and_keeps_its_end(masking: Tokenizer) -> None:
    data = LabelledTexts([("I read books " * 30, 3)], masking, 9, dropped=0.0)
    ((read, label),) = rows(data, STAGE)
    assert (len(read), read[-1], label) == (9, masking.end, 3)
    assert read[:-1] == masking.encode("I read books " * 30).ids[:8]


def test_the_same_seed_gives_the_same_batches(folder: Path, masking: Tokenizer) -> None:
    data = CSV.corpus(folder, "train", masking, 40)
    assert rows(data, STAGE, 1) == rows(data, STAGE, 1)
    assert rows(data, STAGE, 1) != rows(data, STAGE, 2)


def test_accuracy_is_the_share_of_texts_that_get_their_label_one_by_one(
    make_bundle: Callable[..., Bundle], masking_file: Path, folder: Path
) -> None:
    choices = {"kind": "encoder-only", "body": "gru", "n_slots": 1, "n_ctx": 40, "d_mlp": 0}
    bundle = make_bundle(masking_file, labels=CSV.labels(folder), **choices)
    right, t, dev = 0, bundle.tokenizer, CSV.labelled(folder, "dev")
    for text, label in dev:
        logits = bundle.model(torch.tensor([[*t.encode(text).ids, t.end]]))
        right += bundle.labels[int(logits.argmax())] == label
    assert 0 < right < len(dev)
    assert CSV.scores(bundle, folder) == {"accuracy": round(100 * right / len(dev), 2), "texts": 40}
