"""A client for language models that speak the OpenAI chat protocol: hosted ones, Ollama, vLLM or llama.cpp.

Each reply is one request, POST {base}/chat/completions with temperature 0. A busy server (429, 5xx) is asked again a
few times. No code in a reply runs here, and the key appears in the request only.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from geoglot.aliases import Progress
from geoglot.errors import AnswerError, InputError
from geoglot.settings import load_settings
from geoglot.tasks.ask.plan import Message
from geoglot.web.client import check_httpx2
from geoglot.web.redaction import redact
from geoglot.web.response import BusyError, RetryableError, TooLargeError

if TYPE_CHECKING:
    import httpx2

_JSON = {"Content-Type": "application/json"}
_LONGEST_WAIT = 20.0
_LONGEST_REPLY = 200_000  # bytes
_GRACE = 0.5  # seconds that the deadline is later than the time-outs of httpx2, which say more
_TOKENS = 700  # a program is short


class NoReplyError(AnswerError):
    """The server of a language model cannot be reached, is late or refuses: it says nothing about the question."""


@runtime_checkable
class Chat(Protocol):
    """A language model that answers messages."""

    name: str

    def reply(self, messages: Sequence[Message]) -> str:
        """Return the next message of the model; AnswerError if it gives none."""


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible server."""

    url: str = field(repr=False)
    """Base URL, such as http://localhost:11434/v1."""
    model: str
    key: str = field(default="", repr=False)
    seconds: float = 60.0
    """The time limit of one reply."""
    tries: int = 3

    def __post_init__(self) -> None:
        try:
            urlsplit(self.url).port  # noqa: B018  reading it checks it
        except ValueError as error:
            raise InputError(f"this is not a valid address of a language model: {error}") from None
        if not self.url.startswith(("http://", "https://")) or not urlsplit(self.url).hostname:
            raise InputError(f"the address of a language model must be http://HOST or https://HOST, got {self.shown!r}")
        for what, text in (("address", self.url), ("key", self.key)):
            if not (text.isascii() and text.isprintable()):  # a header can hold nothing else
                raise InputError(f"the {what} of a language model must consist of printable ASCII characters")
        if not self.model:
            raise InputError("name the language model: --llm-model, or GEOGLOT_LLM_MODEL")

    @property
    def shown(self) -> str:
        """The address without user and password."""
        return urlunsplit(urlsplit(self.url)._replace(netloc=urlsplit(self.url).netloc.rpartition("@")[2]))

    @property
    def login(self) -> tuple[str, str] | None:
        """User and password from the address."""
        parts = urlsplit(self.url)
        return (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None

    def redact(self, text: str) -> str:
        """Remove the key, user and password, which a server may repeat, also as they are sent and as in the address."""
        login = self.login or ("", "")
        sent = b64encode(":".join(login).encode()).decode() if self.login else ""
        return redact(text, (self.key, sent, *login, *(quote(part, safe="") for part in login)))


class OpenAIChat(AbstractContextManager["OpenAIChat"]):
    """A chat over HTTP. `network` sends the requests in place of the network, such as an `httpx2.MockTransport`."""

    def __init__(
        self,
        endpoint: Endpoint,
        sleep: Callable[[float], None] = time.sleep,
        network: httpx2.BaseTransport | None = None,
    ) -> None:
        check_httpx2("ask")
        from geoglot.web.retry import Retry
        from geoglot.web.transports import Deadline, Network, WholeBody

        self._endpoint, self._network, self.name = endpoint, network, endpoint.model
        self._url = f"{endpoint.shown.rstrip('/')}/chat/completions"
        body = WholeBody(Network(self._connect), _LONGEST_REPLY, endpoint.seconds)

        def pause(request: httpx2.Request, attempt: int, asked: float) -> float:
            return min(asked or 2.0**attempt, _LONGEST_WAIT)

        whole = Deadline(body, endpoint.seconds + _GRACE)
        self._transport = Retry(whole, endpoint.tries - 1, pause, sleep, (RetryableError,))

    def __exit__(self, *_: object) -> None:
        self._transport.close()

    def reply(self, messages: Sequence[Message]) -> str:
        import httpx2

        end = self._endpoint
        body = {
            "model": end.model,
            "messages": [asdict(message) for message in messages],
            "temperature": 0,
            "max_tokens": _TOKENS,
            "seed": 0,
        }
        try:
            request = httpx2.Request("POST", self._url, content=json.dumps(body), headers=_JSON)
            response = self._transport.handle_request(request)
        except BusyError as error:
            response = error.response
        except TooLargeError as error:
            raise AnswerError("the language model's reply is longer than a program can be") from error
        except httpx2.TimeoutException as error:
            raise NoReplyError(
                f"the language model took more than {end.seconds:g} s; GEOGLOT_LLM_SECONDS allows more"
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NoReplyError(
                f"no reply from the language model at {end.shown} ({type(error).__name__}); "
                "is the server running? --planner rules needs none"
            ) from error
        text = response.content.decode("utf-8", "replace")
        printable = "".join(char if char.isprintable() else " " for char in end.redact(text))
        shown = " ".join(printable.split())[:200] or "nothing"
        if response.status_code != 200:
            raise NoReplyError(f"the language model's server answered {response.status_code}: {shown}")
        return end.redact(_content(text, shown))

    def _connect(self) -> httpx2.Client:
        import httpx2

        def check_plain(response: httpx2.Response) -> None:
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise AnswerError("the language model's server compressed its reply, which it was asked not to do")

        # A small reply, if it is compressed, could hold any amount of text.
        headers = {"Accept-Encoding": "identity"}
        headers |= {"Authorization": f"Bearer {self._endpoint.key}"} if self._endpoint.key else {}
        return httpx2.Client(
            auth=self._endpoint.login, headers=headers, timeout=self._endpoint.seconds, transport=self._network,
            event_hooks={"response": [check_plain]},
        )  # fmt: skip


def chat_of(
    url: str | None = None, model: str | None = None, *, device: str | None = None, progress: Progress | None = None
) -> Chat:
    """Open the language model of a server, or load one from this disk; InputError if neither is named.

    The defaults come from the environment: GEOGLOT_LLM_URL, _MODEL, _KEY and _SECONDS. A `model` on this disk is used
    even if GEOGLOT_LLM_URL is set. `device` and `progress` are for a model on this disk.
    """
    from geoglot.tasks.ask.local_llm import LocalChat, is_local

    settings = load_settings()
    name = model or settings.llm_model
    address = url or ("" if model and is_local(model) else settings.llm_url)
    if address:
        return OpenAIChat(Endpoint(address, name, settings.llm_key, settings.llm_seconds))
    if name:
        return LocalChat(name, device=device, progress=progress)
    raise InputError(
        "no language model is named: --llm-model FOLDER or FILE.gguf for one on this disk, --llm-url "
        "http://localhost:11434/v1 --llm-model NAME for a server of your own, or GEOGLOT_LLM_URL, GEOGLOT_LLM_MODEL "
        "and GEOGLOT_LLM_KEY"
    )


def _content(text: str, shown: str) -> str:
    try:
        content = json.loads(text)["choices"][0]["message"]["content"]
        if not isinstance(content, str | None):
            raise TypeError(f"content is a {type(content).__name__}")
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise AnswerError(f"the server's reply does not follow the chat protocol: {shown}") from error
    if not content or not content.strip():
        raise AnswerError("the language model's reply is empty")
    if any("\ud800" <= char <= "\udfff" for char in content):  # surrogates, which JSON can spell
        raise AnswerError(f"the language model's reply holds half a character: {shown}")
    return content
