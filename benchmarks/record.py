"""What does recording every step cost? The recorded forward against the plain one.

Steps whose place the next line overwrites, or that no later line reads (raw scores, exponentials,
probabilities), are recorded as the way to compute them; "all read" packs a Trace and reads every
number of it.

Both run the same model of the en-zh size with random weights; the plain one keeps nothing and sends
its queries, keys and values through torch's fused scaled_dot_product_attention. One thread, taken
in turns in one process; the processor's time is the measure, so that a busy machine matters little.

    nice -n -5 python -m benchmarks.record
"""

import argparse
import statistics
import time
from collections.abc import Callable
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional

from attnviz.attention import core
from attnviz.attention.masks.causal import causal
from attnviz.attention.variant import Parts
from attnviz.config import ModelConfig
from attnviz.model.transformer import Transformer
from attnviz.recorder import SILENT, Recorder
from attnviz.trace import Trace

CONFIG = ModelConfig(
    kind="encoder-decoder",
    d_vocab=6000,
    d_model=256,
    d_mlp=1024,
    n_ctx=512,
    n_heads=8,
    n_kv_heads=8,
    n_layers=3,
)
AIM = 1.15


def fused(
    q_BHTK: Tensor,
    k_BGSK: Tensor,
    v_BGSE: Tensor,
    allowed: Tensor | None,
    parts: Parts,
    rec: Recorder,
) -> Tensor:
    """The data path as one torch kernel: z BHTE and no step between."""
    return functional.scaled_dot_product_attention(
        q_BHTK, k_BGSK, v_BGSE, attn_mask=allowed, is_causal=parts.allow is causal
    )


def plain(model: Transformer, ids_1T: Tensor) -> Tensor:
    with mock.patch.object(core, "attend", fused):
        return model(ids_1T, ids_1T, rec=SILENT)


def recorded(model: Transformer, ids_1T: Tensor) -> Recorder:
    rec = Recorder()
    model(ids_1T, ids_1T, rec=rec)
    return rec


def packed(model: Transformer, ids_1T: Tensor) -> Trace:
    return Trace.of(recorded(model, ids_1T))


def all_read(model: Transformer, ids_1T: Tensor) -> Trace:
    trace = packed(model, ids_1T)
    for kept in trace.values():
        _ = kept.value
    return trace


def in_turns(
    calls: list[Callable[[Transformer, Tensor], object]],
    model: Transformer,
    ids_1T: Tensor,
    seconds: float,
) -> list[tuple[float, float]]:
    """Median (processor, wall) milliseconds of each call, all taken in turns for `seconds`."""
    times: list[list[tuple[float, float]]] = [[] for _ in calls]
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds or len(times[0]) < 7:
        for call, taken in zip(calls, times, strict=True):
            cpu, wall = time.thread_time(), time.perf_counter()
            result = call(model, ids_1T)
            taken.append((time.thread_time() - cpu, time.perf_counter() - wall))
            del result
    return [tuple(1000 * statistics.median(t) for t in zip(*taken, strict=True)) for taken in times]  # type: ignore[misc]


def kept_bytes(trace: Trace) -> int:
    """Memory that the trace holds on to, each storage counted once; a derived step takes none
    before it is read."""
    here = (
        kept for kept in trace.values() if isinstance(kept.found, Tensor) or "value" in vars(kept)
    )
    storages = (kept.value.untyped_storage() for kept in here)
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=6.0, help="time spent at each length")
    options.add_argument("--lengths", type=int, nargs="+", default=[16, 32, 64, 128, 256, 512])
    args = options.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Transformer(CONFIG).eval().requires_grad_(False)
    print(
        "T = S   plain CPU ms (wall)   recorded CPU ms (wall)   "
        f"ratio (aim {AIM})"
        "   with Trace.of   all read   kept MB (all read)"
    )
    for length in args.lengths:
        ids_1T = torch.randint(CONFIG.d_vocab, (1, length))
        with torch.inference_mode():
            trace = packed(model, ids_1T)
            difference = (trace["logits"].value - plain(model, ids_1T)[0]).abs().max().item()
            assert difference < 1e-4, f"the two forwards differ by {difference}"
            megabytes, whole = kept_bytes(trace) / 1e6, kept_bytes(all_read(model, ids_1T)) / 1e6
            del trace
            (cpu, wall), (rec_cpu, rec_wall), (trace_cpu, _), (read_cpu, _) = in_turns(
                [plain, recorded, packed, all_read], model, ids_1T, args.seconds
            )
        print(
            f"{length:5d}   {cpu:12.2f} ({wall:.2f})   {rec_cpu:15.2f} ({rec_wall:.2f})"
            f"   {rec_cpu / cpu:16.2f}   {trace_cpu / cpu:13.2f}   {read_cpu / cpu:8.2f}"
            f"   {megabytes:7.1f} ({whole:.1f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
