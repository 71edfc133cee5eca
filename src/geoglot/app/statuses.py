"""One table from errors to statuses of HTTP, and the shape in which they are told."""

from geoglot.app.children import Fault
from geoglot.app.guard import TooLarge
from geoglot.app.jobs import BusyError
from geoglot.app.samgeo import NotOffered
from geoglot.app.workspace import UnknownId
from geoglot.errors import ChildError, GeoglotError, InputError, LimitError, MissingExtraError, OutputError, SourceError

STATUSES: dict[type[Exception], int] = {
    UnknownId: 404,
    TooLarge: 413,
    InputError: 400,
    LimitError: 503,
    ChildError: 503,
    SourceError: 422,
    OutputError: 507,
    BusyError: 429,
    NotOffered: 501,
    MissingExtraError: 501,
    Fault: 500,
    GeoglotError: 400,
}


def status_of(error: Exception) -> int:
    """The status of an error: that of the nearest class above it in the table."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def tell(error: Exception) -> dict[str, dict[str, str]]:
    """An error as JSON."""
    known = isinstance(error, GeoglotError)
    message = str(error) if known else "the body is too large" if isinstance(error, TooLarge) else "a fault of geoglot"
    return {"error": {"kind": type(error).__name__, "message": message}}
