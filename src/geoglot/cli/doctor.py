"""geoglot doctor: what is installed, and what to do about what is missing."""

from dataclasses import asdict

import click

from geoglot.cli import shared


@click.command()
@shared.short
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Say what works on this machine, and what to do about the rest.

    Example: geoglot doctor --json
    """
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
