"""A run that was killed goes on as if it had not been; the loss falls."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from attnviz import pretrained
from attnviz.tokenizer import Tokenizer
from attnviz.training import loop
from attnviz.training import recipe as recipes
from attnviz.training.batch import IGNORE, Batch
from attnviz.training.loop import Run
from attnviz.training.recipe import Recipe
from attnviz.training.stage import Stage
from attnviz.training.tasks.translation import PLAIN, Mix, Pairs


def test_the_rate_rises_stays_and_falls_to_zero_in_every_stage(recipe: Recipe) -> None:
    first, second = recipe.stages
    rates = [stage.rate(place) for stage, place in map(recipe.stage, range(recipe.steps + 1))]
    shares = [1 / 2, *[1] * 5, 2 / 3, 1 / 3]
    assert rates[:8] == pytest.approx([first.learning_rate * share for share in shares])
    shares = [*[1] * 3, 3 / 4, 1 / 2, 1 / 4, 0]
    assert rates[8:] == pytest.approx([second.learning_rate * share for share in shares])


def test_the_loss_of_a_batch_does_not_count_padding(run: Run, data: Pairs) -> None:
    batch = next(iter(data.batches(500, 0)))
    assert (batch.labels == IGNORE).any()
    found = loop.loss(run.average, batch, 0.0).item()
    total, count = 0.0, 0
    logits = run.average(batch.source, batch.target, batch.real)
    for i, row in enumerate(batch.labels.tolist()):
        for t, label in enumerate(row):
            if label != IGNORE:
                total -= logits[i, t].log_softmax(-1)[label].item()
                count += 1
    assert found == pytest.approx(total / count, rel=0.01)  # the training runs in bfloat16


class KilledError(Exception):
    pass


@pytest.mark.parametrize(("killed_at", "saved"), [(6, 4), (10, 8), (13, 12)])
def test_a_killed_run_goes_on_bit_for_bit(
    killed_at: int,
    saved: int,
    data: Pairs,
    recipe: Recipe,
    tokenizer: Tokenizer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(name: str) -> Run:
        (tmp_path / name).mkdir(exist_ok=True)
        fresh = Pairs(data.pairs, data.languages, tokenizer, n_ctx=40)
        return Run(recipe, fresh, fresh, tmp_path / name, "cpu")

    whole = start("whole")
    whole.finish(save_every=4)
    assert whole.epoch >= 2, "the test must cross the border of an epoch"

    update = Run._update

    def dying(run: Run, batch: Batch) -> float:
        if run.step == killed_at:
            raise KilledError
        return update(run, batch)

    monkeypatch.setattr(Run, "_update", dying)
    cut = start("cut")
    with pytest.raises(KilledError):
        cut.finish(save_every=4)
    monkeypatch.setattr(Run, "_update", update)
    resumed = start("cut")
    assert resumed.step == saved
    resumed.finish(save_every=4)

    assert (resumed.step, resumed.epoch, resumed.skip) == (whole.step, whole.epoch, whole.skip)
    for name in ("model", "average"):
        expected = getattr(whole, name).state_dict()
        for key, value in getattr(resumed, name).state_dict().items():
            assert torch.equal(value, expected[key]), f"{name}: {key}"


def test_a_stage_sets_dropout_and_paraphrases(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, float, float, int]] = []
    batches = Pairs.mixed

    def watching(corpus: Pairs, size: int, seed: int, mix: Mix = PLAIN):
        seen.append((run.step, run.model.dropout.p, mix.paraphrased, len(mix.paraphrases)))
        return batches(corpus, size, seed, mix)

    monkeypatch.setattr(Pairs, "mixed", watching)
    run.finish(save_every=1000)
    first, second = run.recipe.stages
    border = [entry for entry in seen if entry[0] == first.steps]
    assert seen[0] == (0, first.dropout, 0.0, 0)
    assert border == [(first.steps, second.dropout, 0.5, 2)]
    assert {entry[1:] for entry in seen if entry[0] < first.steps} == {(first.dropout, 0.0, 0)}


def test_a_run_whose_paraphrases_are_gone_does_not_make_others(run: Run) -> None:
    run.step = run.recipe.stages[0].steps + 1
    with pytest.raises(FileNotFoundError, match="paraphrases-0"):
        next(run._batches())


def test_a_kill_while_saving_leaves_the_last_checkpoint_whole(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.save()
    whole = run.checkpoint.read_bytes()

    def dying(state: object, file: Path) -> None:
        file.write_bytes(b"half")
        raise KilledError

    monkeypatch.setattr(torch, "save", dying)
    with pytest.raises(KilledError):
        run.save()
    assert run.checkpoint.read_bytes() == whole


def test_a_finished_run_does_nothing_more(data: Pairs, recipe: Recipe, tmp_path: Path) -> None:
    short = replace(recipe, stages=(replace(recipe.stages[0], steps=2),))
    done = Run(short, data, data, tmp_path, "cpu").finish()
    again = Run(short, data, data, tmp_path, "cpu").finish()
    for key, value in again.state_dict().items():
        assert torch.equal(value, done.state_dict()[key])


def test_the_loss_falls_on_a_copy_task(
    recipe: Recipe, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    words = ["tea", "books", "apples", "绿茶", "面包", "书"]
    copies = [(a + b, a + b) for a in words for b in words]
    data = Pairs(copies, ("en", "zh"), tokenizer, n_ctx=40)
    stage = Stage(steps=60, warmup=5, cooldown=20, dropout=0.0, learning_rate=1e-2)
    longer = replace(recipe, stages=(stage,))
    run = Run(longer, data, data, tmp_path, "cpu")
    before = run.dev_loss()
    run.finish(save_every=1000)
    assert run.dev_loss() < before / 2


def test_the_recipe_of_the_built_in_model_describes_its_weights() -> None:
    folder = pretrained.BUILT_IN / "en-zh"
    found = recipes.read(folder)
    assert isinstance(found, Recipe)
    assert found.name == "en-zh"
    assert found.model == pretrained._config(folder / pretrained.CONFIG)


def test_a_folder_without_a_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no recipe: .*recipe\.py is missing"):
        recipes.read(tmp_path)
