"""Several processes training one model: each takes a share of the batches, gradients are averaged.

Started by `torchrun --nproc-per-node N -m attnviz train ...`; a plain start is one worker.
"""

import os

import torch
import torch.distributed as dist
from torch import nn

RANK = int(os.environ.get("RANK", "0"))
COUNT = int(os.environ.get("WORLD_SIZE", "1"))


def join() -> None:
    """Meet the other workers, where there are any."""
    if COUNT > 1 and not dist.is_initialized():
        dist.init_process_group("gloo")


def wait() -> None:
    """Go on when every worker has come this far."""
    if COUNT > 1:
        dist.barrier()


def average_gradients(model: nn.Module) -> None:
    """Give every worker the mean of all workers' gradients, in one message."""
    if COUNT == 1:
        return
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    dist.all_reduce(flat)
    flat /= COUNT
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))
