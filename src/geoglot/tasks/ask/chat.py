"""Language models that speak the OpenAI chat protocol: hosted ones, and Ollama, vLLM or llama.cpp on one's own machine.

One request: POST {base}/chat/completions with model, messages and temperature 0. A server that is busy (429, 5xx) is
asked again a few times; nothing that came back is ever run here, and the key goes into the request and nowhere else.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit, urlunsplit

from geoglot.aliases import Progress
from geoglot.errors import AnswerError, InputError, MissingExtraError
from geoglot.settings import load_settings
from geoglot.tasks.ask.plan import Message

_BUSY = {408, 429, 500, 502, 503, 504}
_LONGEST_WAIT = 20.0
_LONGEST_REPLY = 200_000  # bytes
_GRACE = 0.5  # seconds more than a reply may take, for what the waiting itself takes
_TOKENS = 700  # a program is short


@runtime_checkable
class Chat(Protocol):
    """A language model that answers messages."""

    name: str

    def reply(self, messages: Sequence[Message]) -> str:
        """What the model says next; AnswerError where it says nothing."""
        ...


@dataclass(frozen=True)
class Endpoint:
    """Where an OpenAI-compatible server is, and how patient to be."""

    url: str = field(repr=False)
    """Base URL, such as http://localhost:11434/v1."""
    model: str
    key: str = field(default="", repr=False)
    seconds: float = 60.0
    """For one reply."""
    tries: int = 3

    @property
    def shown(self) -> str:
        """The address without a user and a password, for people and logs."""
        return urlunsplit(urlsplit(self.url)._replace(netloc=urlsplit(self.url).netloc.rpartition("@")[2]))

    @property
    def login(self) -> tuple[str, str] | None:
        """User and password, where the address holds them."""
        parts = urlsplit(self.url)
        return (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None

    def hidden(self, text: str) -> str:
        """A text of the server, without the secrets that it may say again."""
        for secret in (self.key, *(self.login or ())):
            text = text.replace(secret, "***") if secret else text
        return text

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise InputError(f"the address of a language model begins with http:// or https://, not {self.shown!r}")
        try:
            urlsplit(self.url).port  # noqa: B018  it is checked when it is read
        except ValueError as error:
            raise InputError(f"this is no address of a language model: {error}") from None
        if not self.model:
            raise InputError("name the language model: --llm-model, or GEOGLOT_LLM_MODEL")


class OpenAIChat:
    """A chat over HTTP."""

    def __init__(self, endpoint: Endpoint, sleep: Callable[[float], None] = time.sleep) -> None:
        try:
            import httpx2
        except ImportError as error:
            raise MissingExtraError("httpx2", "ask") from error
        self._httpx, self._sleep, self._endpoint = httpx2, sleep, endpoint
        self.name = endpoint.model
        # Packed, a small reply could be any amount of text.
        headers = {"Accept-Encoding": "identity"}
        headers |= {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
        # A redirect could lead the key elsewhere.
        self._url = f"{endpoint.shown.rstrip('/')}/chat/completions"
        self._client = httpx2.Client(
            auth=endpoint.login, headers=headers, timeout=endpoint.seconds, follow_redirects=False
        )

    def __enter__(self) -> OpenAIChat:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def reply(self, messages: Sequence[Message]) -> str:
        """The first choice's text; busy servers are asked again after a while."""
        body = {
            "model": self._endpoint.model,
            "messages": [{"role": one.role, "content": one.content} for one in messages],
            "temperature": 0,
            "max_tokens": _TOKENS,
            "seed": 0,
        }
        for attempt in range(1, self._endpoint.tries + 1):
            status, text, wait = self._post(body)
            if status == 200:
                return self._endpoint.hidden(_content(text))
            if status not in _BUSY or attempt == self._endpoint.tries:
                raise AnswerError(
                    f"the language model's server answered {status}: {_short(self._endpoint.hidden(text))}"
                )
            self._sleep(min(wait if wait is not None else 0.5 * 2**attempt, _LONGEST_WAIT))
        raise AnswerError("the language model's server gave no reply")

    def _post(self, body: dict[str, Any]) -> tuple[int, str, float | None]:
        """`_read`, which is left behind where it does not end: a server may send headers for ever."""
        results: list[Any] = []

        def read() -> None:
            try:
                results.append(self._read(body))
            except Exception as error:  # noqa: BLE001  raised below, in the thread that asked
                results.append(error)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        thread.join(self._endpoint.seconds + _GRACE)
        if not results:
            raise AnswerError(self._slow())
        if isinstance(results[0], Exception):
            raise results[0]
        found: tuple[int, str, float | None] = results[0]
        return found

    def _read(self, body: dict[str, Any]) -> tuple[int, str, float | None]:
        """Status, text, and the wait that a busy server asks for; the whole reply within the time limit."""
        httpx2, deadline = self._httpx, time.monotonic() + self._endpoint.seconds
        read, size = [], 0
        try:
            with self._client.stream("POST", self._url, json=body) as reply:
                if reply.headers.get("content-encoding", "identity").lower() != "identity":
                    raise AnswerError("the language model's reply is packed, which nobody asked for")
                for block in reply.iter_raw():
                    read.append(block)
                    size += len(block)
                    if size > _LONGEST_REPLY:
                        raise AnswerError("the language model's reply is longer than a program can be")
                    if time.monotonic() > deadline:
                        raise AnswerError(self._slow())
                return reply.status_code, b"".join(read).decode("utf-8", "replace"), _retry_after(reply.headers)
        except httpx2.TimeoutException as error:
            raise AnswerError(self._slow()) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise AnswerError(
                f"no reply from the language model at {self._endpoint.shown} ({type(error).__name__}); "
                "is the server running? --planner rules needs none"
            ) from error

    def _slow(self) -> str:
        return f"the language model took more than {self._endpoint.seconds:g} s; GEOGLOT_LLM_SECONDS allows more"


def chat_of(
    url: str | None = None, model: str | None = None, *, device: str | None = None, progress: Progress | None = None
) -> Chat:
    """The chat that flags or the environment name (GEOGLOT_LLM_URL, _MODEL, _KEY, _SECONDS); InputError without one.

    Without an address a model that lies on this disk is loaded; one that is named here goes before the environment's
    address. `device` and `progress` are for such a one.
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


def _content(text: str) -> str:
    try:
        content = json.loads(text)["choices"][0]["message"]["content"]
        if not isinstance(content, str | None):
            raise TypeError(f"content is a {type(content).__name__}")
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise AnswerError(f"the server's reply is not of the chat protocol: {_short(text)}") from error
    if not content or not content.strip():
        raise AnswerError("the language model said nothing")
    if any("\ud800" <= char <= "\udfff" for char in content):  # halves of characters, which JSON can spell
        raise AnswerError(f"the language model's reply holds what is no character: {_short(content)}")
    return content


def _retry_after(headers: Any) -> float | None:
    value = headers.get("retry-after", "").strip()
    return float(value) if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", value) else None


def _short(text: str) -> str:
    plain = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return plain[:200] or "nothing"
