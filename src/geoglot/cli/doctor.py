"""geoglot doctor: what is installed, what to do about what is missing, and the precision that pays on this machine."""

from dataclasses import asdict

import click

from geoglot.cli import shared
from geoglot.figures import format_number


@click.command()
@click.option(
    "--measure", metavar="MODEL", help="Instead, measure this model on the processor in each precision; half a minute."
)
@shared.short
@click.pass_context
def command(ctx: click.Context, measure: str | None, as_json: bool) -> None:
    """Say what works on this machine, and what to do about the rest.

    With --measure, say how fast a CLIP or a GRAFT computes in float32, bfloat16 and int8, what share that is of the
    processor's rate for one large product, how near its vectors stay, and which precision to take.

    Example: geoglot doctor --json
    """
    if measure is not None:
        return _measure(measure, as_json)
    from geoglot.doctor import examine

    checks = examine()
    ok = all(check.ok or not check.essential for check in checks)
    width = max(len(check.name) for check in checks)
    rows = [f"{'ok' if check.ok else '--'}  {check.name:<{width}}  {check.found}" for check in checks]
    advice = [f"{check.name}: {check.advice}" for check in checks if not check.ok]
    verdict = "geoglot has everything it needs" if ok else "geoglot cannot work yet"
    text = "\n".join([*rows, "", *advice, verdict])
    shared.emit({"ok": ok, "checks": [asdict(check) for check in checks]}, as_json, text)
    ctx.exit(0 if ok else 1)


def _measure(model: str, as_json: bool) -> None:
    from geoglot.tasks.precisions import advise, measure_precisions

    found = measure_precisions(model)
    rows = [("precision", "tiles/s", "against float32", "of the product's rate", "cosine with float32")]
    rows += [
        (each.precision, format_number(each.tiles_per_second), f"{each.gain:.2f} x", f"{each.share:.0%}",
         f"{each.cosine:.4f}")
        for each in found
    ]  # fmt: skip
    advice = advise(found)
    document = {"model": model, "precisions": [asdict(each) for each in found], "advice": asdict(advice)}
    shared.emit(document, as_json, "\n".join([*shared.table(rows, others=str.rjust), "", advice.said]))
