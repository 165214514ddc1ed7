"""The command line: a thin shell over the public names."""

import argparse
import sys
from pathlib import Path


def _train(args: argparse.Namespace) -> None:
    import torch

    from attnviz import pretrained
    from attnviz.training import command

    torch.set_num_threads(args.threads)
    folder = pretrained.BUILT_IN / args.name
    command.train(folder, args.data, args.runs / args.name, pretrained.choose_device(args.device))


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="attnviz", description="See how attention works.")
    commands = top.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train a built-in model from its recipe")
    train.add_argument("name")
    train.add_argument("--data", type=Path, required=True)
    train.add_argument("--runs", type=Path, default=Path("runs"))
    train.add_argument("--device")
    train.add_argument("--threads", type=int, default=1)
    train.set_defaults(call=_train)
    return top


def main() -> int:
    args = parser().parse_args()
    args.call(args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
