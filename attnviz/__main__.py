"""The command line: a thin shell over the public names."""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attnviz
from attnviz import pretrained
from attnviz.attention import catalogue


def _run(args: argparse.Namespace) -> None:
    if args.seed is not None and not args.write:
        raise ValueError("--seed draws what --write asks for: give both")
    bundle = attnviz.load(args.model, args.device)
    about = {"variant": args.variant, "where": args.where, "n_new": args.write, "seed": args.seed}
    about["decision"] = attnviz.Decision(temperature=args.temperature)
    trace = attnviz.run(bundle, args.text, args.target, to=args.to, **about)
    print(trace.output)
    for path, kept in trace.items():
        print(f"{path:<28} {kept.axes:<6} {'x'.join(map(str, kept.value.shape))}")
    if args.save:
        trace.save(args.save)
        print(f"saved {len(trace)} steps to {args.save}")


def _models(args: argparse.Namespace) -> None:
    """For each a line of name, architecture, task and size, one of scores, and what other methods
    reach."""
    from attnviz.app import about
    from attnviz.app.text import text

    words = text("en")
    for one in map(pretrained.summary, attnviz.models()):
        task, size = words(f"task-{one.task}"), about.size(words, one.n_parameters)
        print(f"{one.name:<22} {about.architecture(words, one.config)}; {task}; {size}")
        for line in about.lines(words, one.measured):
            print(f"{'':<22} {line}")


def _variants(args: argparse.Namespace) -> None:
    """A line for each: name, title, what it takes, paper, oracle."""
    group = ""
    for name, variant in attnviz.variants().items():
        if group != catalogue.group(name):
            group = catalogue.group(name)
            print(f"\n{group}")
        oracle = f"{variant.oracle.title} to {variant.oracle.error:.0e}" if variant.oracle else ""
        print(f"  {name:<22} {variant.title['en']:<38} {', '.join(variant.knobs)}")
        print(f"  {'':<22} {variant.paper}; matches {oracle}")
    print(f"\n{len(attnviz.variants())} variants")


def _app(args: argparse.Namespace) -> None:
    script = Path(__file__).parent.parent / "streamlit_app.py"
    command = [sys.executable, "-m", "streamlit", "run", str(script), *args.rest]
    raise SystemExit(subprocess.call(command, cwd=script.parent))


def _train(args: argparse.Namespace) -> None:
    from attnviz.training import command

    command.train(_folder(args.name), args.data, args.runs / args.name, _device(args), args.threads)


def _evaluate(args: argparse.Namespace) -> None:
    from attnviz.app import about
    from attnviz.app.text import text
    from attnviz.training import command

    found = command.evaluate(_folder(args.name), args.data, _device(args), save=args.save)
    for line in about.lines(text("en"), found):
        print(line)


def _folder(name: str) -> Path:
    return pretrained.BUILT_IN / name


def _device(args: argparse.Namespace) -> str:
    return pretrained.choose_device(args.device)


def _device_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--device", help="cuda, mps or cpu; by default the first there is")


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="attnviz", description="See how attention works.")
    commands = top.add_subparsers(dest="command", required=True)

    def add(name: str, call: Callable[[argparse.Namespace], None], about: str):
        command = commands.add_parser(name, help=about, description=about)
        command.set_defaults(call=call)
        return command

    run = add("run", _run, "run a model on a text and list every step")
    run.add_argument("text")
    run.add_argument("--model", default="en-zh", help="a built-in name or a folder")
    run.add_argument("--target", help="force this output text")
    run.add_argument("--to", help="language to translate into: zh or en")
    run.add_argument("--write", type=int, default=0, help="how many tokens a decoder writes on")
    run.add_argument("--seed", type=int, help="with --write: tokens drawn by chance")
    run.add_argument("--temperature", type=float, default=1.0, help="of that chance")
    run.add_argument("--variant", help="run with this attention in place of the model's own")
    run.add_argument("--where", default="*", help='in which attentions: "decoder.*.cross", say')
    run.add_argument("--save", type=Path, help="write the trace to this .npz file")
    _device_option(run)
    add("models", _models, "list the built-in models")
    add("variants", _variants, "list the attention variants")
    add("app", _app, "open the app; further options go to streamlit run")
    train = add("train", _train, "train a built-in model from its recipe")
    train.add_argument("--runs", type=Path, default=Path("runs"), help="checkpoints and log")
    train.add_argument("--threads", type=int, default=1, help="processor threads of a worker")
    evaluate = add("evaluate", _evaluate, "score a built-in model on the held-out part of its data")
    evaluate.add_argument("--save", action="store_true", help="write scores.json beside the model")
    for command in (train, evaluate):
        command.add_argument("name")
        command.add_argument("--data", type=Path, required=True, metavar="DIR")
        _device_option(command)
    return top


def main() -> int:
    """Run the command line; a mistake in the input is one sentence and exit status 2."""
    known = parser()
    args, args.rest = known.parse_known_args()
    if args.rest and args.call is not _app:
        known.error(f"unknown arguments: {' '.join(args.rest)}")
    try:
        args.call(args)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has seen enough
        return 0
    except (ValueError, OSError) as error:
        print(f"attnviz: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        wanted = "attnviz/training/requirements.txt"
        print(f"attnviz: {error.name} is missing: pip install -r {wanted}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
