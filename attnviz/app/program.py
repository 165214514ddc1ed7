""" "Show me the code": the lines of Python that make this trace, and from it the chosen cell."""

from collections.abc import Sequence

from attnviz import rule
from attnviz.analysis.derivation import Derivation
from attnviz.app.session import Request
from attnviz.figures.snippet import snippet
from attnviz.model.decision import GREEDY
from attnviz.trace import Trace


def program(lines: Sequence[str], trace: Trace, found: Derivation) -> str | None:
    """A program that prints the chosen cell of the trace that `lines` make; None for a step that is
    given from outside."""
    if found.node is None:
        return None
    kept = found.kept
    sources = {name: _source(trace, given) for name, given in kept.inputs.items()}
    used = {name: code for name, code in sources.items() if name in found.given}
    sizes = {x: rule.extent(x, found.node, found.given) for x in rule.summed(found.node)}
    return snippet(lines, found.node, used, found.at, kept.path, sizes)


def run_lines(request: Request) -> list[str]:
    """The lines that make the trace which answers `request`."""
    to = f', to="{request.to}"' if request.to else ""
    target = f", {request.target!r}" if request.target else ""
    put = ""
    if request.put:
        given = f", parameters={dict(request.put.values)}" if request.put.values else ""
        put = f', variant="{request.put.name}", where="{request.where}"{given}'
    written = f", n_new={request.write}" if request.write else ""
    seed = f", seed={request.draw}" if request.draw else ""
    how = f", decision=attnviz.{request.decision}" if request.decision != GREEDY else ""
    lines = [
        f'bundle = attnviz.load("{request.model}")',
        f"trace = attnviz.run(bundle, {request.text!r}{target}{to}{put}{written}{seed}{how})",
    ]
    if request.switches and request.switches.variants:
        built = []
        for name, values in request.switches.variants.items():
            given = ", ".join(f"{k}={v}" for k, v in values.items())
            built.append(f'known["{name}"].build({given})')
        lines.insert(0, "from attnviz.attention.parts import combine")
        lines.append("known = attnviz.variants()")
        lines.append(f"parts = combine({', '.join(built)})")
        changes = f', changes={{"{request.switches.attention}": parts}}'
        lines.append(f"trace = attnviz.run(bundle, {request.text!r}, trace{to}{put}{how}{changes})")
    return lines


def _source(trace: Trace, given: str | float) -> str:
    """The code of an operand: a step, without its axes of one place, a weight, or a number."""
    if not isinstance(given, str):
        return repr(given)
    if given not in trace:
        return f'trace.weights["{given}"]'
    alone = trace[given].step.axes.split()[-1:] == ["1"]
    return f'trace["{given}"].value' + (".squeeze(-1)" if alone else "")
