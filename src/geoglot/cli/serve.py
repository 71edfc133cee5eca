"""geoglot serve: the map, in a browser on this machine."""

from __future__ import annotations

import secrets
import socket
import webbrowser

import click

from geoglot.cli import shared
from geoglot.errors import InputError, MissingExtraError

_SHORTEST = 16  # letters of a token that others might guess
_STEPS = 20  # ports after the first that are tried


@click.command()
@click.argument("sources", nargs=-1)
@click.option("--model", default="mini", show_default=True, help="Name or folder of the model that reads words.")
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True, help="The first that is free.")
@click.option("--public", is_flag=True, help="Let other machines ask, too; needs GEOGLOT_SERVE_TOKEN.")
@click.option("--prefix", default="", help="Path under which a proxy shows the map, such as /user/me/proxy/8765.")
@click.option("--basemap", help="Address of a base map, https://.../{z}/{x}/{y}.png. Default: land that is built in.")
@click.option("--no-browser", is_flag=True, help="Print the address and open nothing.")
@shared.verbose
def command(
    sources: tuple[str, ...], model: str, port: int, public: bool, prefix: str, basemap: str | None, no_browser: bool
) -> None:
    """Show SOURCES on a map: rasters, folders of pictures, archives. Type words, see them, correct them, keep them.

    Everything runs on this machine, and works without a network. The address holds a secret token: who has it may ask.
    Work that was going on when the map was stopped goes on when it is started again with the same SOURCES.

    Example: geoglot serve scene.tif archive/
    """
    run(sources, model=model, port=port, public=public, prefix=prefix, basemap=basemap, browser=not no_browser)


def run(
    sources: tuple[str, ...], *, model: str = "mini", port: int = 8765, public: bool = False, prefix: str = "",
    basemap: str | None = None, browser: bool = True,
) -> None:  # fmt: skip
    """Serve until the user stops it."""
    try:
        import uvicorn

        from geoglot.app.server import Serve, create_app
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "serve") from error
    from geoglot.app.guard import Rules
    from geoglot.settings import load_settings

    settings = load_settings()
    token = settings.serve_token or secrets.token_urlsafe(24)
    if len(token) < _SHORTEST:
        raise InputError(f"GEOGLOT_SERVE_TOKEN must have at least {_SHORTEST} letters")
    if public and not settings.serve_token:
        raise InputError(
            "--public lets other machines ask: choose the token that they must know, in GEOGLOT_SERVE_TOKEN"
        )
    prefix = f"/{prefix.strip('/')}" if prefix.strip("/") else ""
    app = create_app(
        Serve(sources, Rules(token, public, prefix, settings.serve_upload_mb * 2**20), model, basemap), settings
    )
    listening = _listen("0.0.0.0" if public else "127.0.0.1", port)
    port = listening.getsockname()[1]
    address = f"http://127.0.0.1:{port}/?token={token}"
    click.echo(f"the map is at      {address}")
    click.echo(f"for QGIS and GDAL  http://127.0.0.1:{port}/key/{token}/ogc/  (STAC: .../stac/, samgeo: .../samgeo/)")
    if public:
        click.echo(
            "public: everybody who can reach this machine and knows the token may see the sources and run jobs",
            err=True,
        )
    if browser:
        webbrowser.open(address)
    config = uvicorn.Config(app, log_level="warning", server_header=False, timeout_graceful_shutdown=3)
    uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    """A socket on the first free port from `port` on."""
    for number in range(port, min(port + _STEPS, 65536)):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, number))
        except OSError:
            listening.close()
            continue
        listening.listen(128)
        return listening
    raise InputError(f"no port from {port} to {port + _STEPS - 1} is free; give another: --port")
