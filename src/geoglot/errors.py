"""Every exception that geoglot raises on purpose. Each message says what to do next."""

from geoglot.installation import install_command, packages_of
from geoglot.legible import message_of, visible

NO_PIXEL = "no pixel of the scene is valid; check --bands and --nodata"


class GeoglotError(Exception):
    """The base class; the command line prints the message and exits with `exit_code`."""

    exit_code = 1
    keeps_lines = False
    """Whether a message may have several lines of any length."""

    def __init__(self, message: object = "") -> None:
        """What the message repeats of a file or a service may be long, and hold control characters."""
        super().__init__(visible(str(message)) if self.keeps_lines else message_of(message))


class InputError(GeoglotError):
    """An argument, option or file of the caller cannot be used."""

    exit_code = 2


class ClassesError(InputError):
    """The class names are missing, empty or repeated."""


class GridError(InputError):
    """Coordinates on Earth cannot be computed: a transform has no inverse, or a CRS no transformation to metres."""


class OutsideError(InputError):
    """The area of interest lies outside the scene."""


class SourceError(GeoglotError):
    """A source cannot be opened: there is no such file, it is not an image, or its driver is not allowed."""


class EmptyError(SourceError):
    """No pixel of a source is valid."""

    def __init__(self) -> None:
        super().__init__(NO_PIXEL)


class ReadError(SourceError):
    """One window of an opened source could not be read; the rest may be fine."""


class ServiceError(SourceError):
    """A service on the network does not answer as it should; the same request may succeed later."""


class ChildError(GeoglotError):
    """A child process that reads a file reached a limit, failed or crashed; see `bounded`."""


class ModelError(GeoglotError):
    """A model cannot be found, does not match its card, or lacks an ability that the call needs."""


class ConvertError(ModelError):
    """A foreign checkpoint does not fit the architecture; the message names the keys."""


class OutputError(GeoglotError):
    """A result cannot be written: no such folder, a full disk, an unknown format."""


class AnswerError(GeoglotError):
    """A question has no answer: it cannot be understood, or its program failed.

    The last line of the message says why; those before it show where the program failed, for who mends it.
    """

    keeps_lines = True


class LimitError(AnswerError):
    """A program needs more time, memory, calls or pixels than it may have."""


class MissingExtraError(GeoglotError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        command = install_command(*packages_of(extra))
        super().__init__(f"{package} is not installed; install the packages of geoglot[{extra}] with: {command}")
