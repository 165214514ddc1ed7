"""The training loop: resumable, logged, averaged.

Everything that a resumed run needs stands in one checkpoint, and beside it what a task made for a
stage (paraphrases). Batches depend on the seed and the epoch alone and dropout on the seed and the
step, so a run that was killed goes on as if it had not been.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from attnviz.model.transformer import Transformer
from attnviz.training import workers
from attnviz.training.batch import IGNORE, Batch
from attnviz.training.recipe import Recipe
from attnviz.training.stage import Stage
from attnviz.training.task import Corpus


def loss(model: nn.Module, batch: Batch, smoothing: float) -> Tensor:
    """Cross-entropy a label, padding left out; in bfloat16 where the processor is built for it."""
    device = next(model.parameters()).device
    inputs = (batch.source, batch.target, batch.real)
    with torch.autocast(device.type, torch.bfloat16, enabled=_has_bfloat16(device.type)):
        logits = model(*(x if x is None else x.to(device) for x in inputs))
    labels = batch.labels.to(device).flatten()
    return nn.functional.cross_entropy(
        logits.float().flatten(0, 1), labels, ignore_index=IGNORE, label_smoothing=smoothing
    )


def _has_bfloat16(device: str) -> bool:
    return device == "cuda" or (device == "cpu" and torch.cpu._is_avx512_bf16_supported())


@dataclass
class Run:
    """One training run in `folder`: model, its running average, optimizer, place in the data."""

    recipe: Recipe
    train: Corpus
    dev: Corpus
    folder: Path
    device: str
    model: Transformer = field(init=False)
    average: Transformer = field(init=False)
    step: int = 0
    epoch: int = 0
    skip: int = 0

    def __post_init__(self) -> None:
        workers.join()
        torch.manual_seed(self.recipe.seed)
        self.model = Transformer(self.recipe.model).to(self.device)
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            betas=(0.9, 0.98),
            weight_decay=self.recipe.weight_decay,
            fused=True,
        )
        if self.checkpoint.is_file():
            self._restore(torch.load(self.checkpoint, self.device, weights_only=True))

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def finish(self, save_every: int = 250) -> Transformer:
        """Train to the recipe's last step; return the averaged model."""
        first = workers.RANK == 0
        log = SummaryWriter(str(self.folder / "log"), purge_step=self.step) if first else None
        bar = tqdm(total=self.recipe.steps, initial=self.step, unit="step", disable=not first)
        dev = float("nan")
        for batch in self._batches():
            value = self._update(batch)
            bar.update()
            if log is None:
                continue
            speed = workers.COUNT * batch.n_tokens * (bar.format_dict["rate"] or 0)
            if self.step % save_every == 0:
                self.save()
                dev = self.dev_loss()
                log.add_scalar("loss/dev", dev, self.step)
            bar.set_postfix_str(
                f"epoch {self.epoch}, loss {value:.3f}, dev {dev:.3f}, {speed:.0f} tokens/s"
            )
            log.add_scalar("loss/train", value, self.step)
            log.add_scalar("learning rate", self.optimizer.param_groups[0]["lr"], self.step)
        if log is not None:
            self.save()
            log.close()
        bar.close()
        workers.wait()
        return self.average

    def _batches(self) -> Iterator[Batch]:
        """This worker's share of the batches from here to the recipe's last step."""
        while self.step < self.recipe.steps:
            stage, place = self.recipe.stage(self.step)
            self._enter(stage, place)
            seed, epoch = self.recipe.seed * 1000 + self.epoch, self.epoch
            about = (self.recipe.batch_tokens, seed, stage, self.recipe.alpha)
            batches = list(self.train.batches(*about))
            usable = len(batches) // workers.COUNT * workers.COUNT
            mine = batches[workers.RANK : usable : workers.COUNT]
            for batch in islice(mine, self.skip, None):
                yield batch
                if self.epoch > epoch or self.step >= self.recipe.steps:
                    break
            else:
                self.epoch, self.skip = self.epoch + 1, 0

    def _enter(self, stage: Stage, place: int) -> None:
        """Set what a stage sets, and let the data prepare what it asks for."""
        for module in self.model.modules():
            if isinstance(module, nn.Dropout):
                module.p = stage.dropout
        self.train.enter(stage, place, self.average, self.folder)

    def _update(self, batch: Batch) -> float:
        stage, place = self.recipe.stage(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = stage.rate(place)
        torch.manual_seed((self.recipe.seed << 32) + self.step * workers.COUNT + workers.RANK)
        self.model.train()
        value = loss(self.model, batch, self.recipe.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()
        workers.average_gradients(self.model)
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.step, self.skip = self.step + 1, self.skip + 1
        if place + 1 == stage.steps:  # a stage begins with an epoch
            self.epoch, self.skip = self.epoch + 1, 0
        decay = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            means, news = list(self.average.parameters()), list(self.model.parameters())
            torch._foreach_lerp_(means, news, 1 - decay)  # type: ignore
        return value.item()

    @torch.inference_mode()
    def dev_loss(self) -> float:
        """Cross-entropy a label of the averaged model on the dev part."""
        total, count = 0.0, 0
        for batch in self.dev.batches(self.recipe.batch_tokens, 0):
            n = int((batch.labels != IGNORE).sum())
            total += loss(self.average, batch, 0.0).item() * n
            count += n
        return total / count

    def save(self) -> None:
        """Write the checkpoint; a kill while writing leaves the previous one whole."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "place": {"step": self.step, "epoch": self.epoch, "skip": self.skip},
        }
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.checkpoint)

    def _restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.epoch, self.skip = state["place"].values()
