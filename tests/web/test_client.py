from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import httpx2
import pytest

from geoglot.errors import ServiceError, SourceError
from geoglot.web.client import RequestPolicy, WebClient
from geoglot.web.redaction import unsigned
from geoglot.web.response import BusyError, Response, RetryableError, TooLargeError
from geoglot.web.retry import Retry
from geoglot.web.transports import AllowedHosts, Deadline, WholeBody
from peers.http import Fault, Peer, Reply, Request, peer

QUICK = RequestPolicy(per_second=1000.0, retries=2, timeout_s=0.3, wait_s=0.01)
SECRET = "do-not-tell"


def answer(request: Request) -> Reply:
    if request.path == "/away":
        return Reply(b"", status=302, headers={"Location": request.query.get("to", "/away")})
    if request.path == "/none":
        return Reply(b"no such thing", "text/plain", 404)
    return Reply(b'{"a": 1}')


@pytest.fixture
def there() -> Iterator[Peer]:
    with peer(answer) as one:
        yield one


@pytest.fixture
def web() -> Iterator[WebClient]:
    one = WebClient({"127.0.0.1"}, QUICK, (SECRET,))
    yield one
    one.close()


KINDS = ("time-out", "reset", "429", "500", "503", "truncated body", "wrong content type", "empty body")


@pytest.mark.parametrize("kind", KINDS)
def test_what_fails_for_now_is_tried_again(there: Peer, web: WebClient, kind: str) -> None:
    there.order(Fault(kind))
    assert web.json(f"{there.url}/x") == {"a": 1}
    assert there.served == [kind] and len(there.requests) == 2


def test_what_goes_on_failing_is_told(there: Peer, web: WebClient) -> None:
    there.order(*[Fault("500", at=number) for number in range(3)])
    with pytest.raises(ServiceError, match=r"failed 3 times \(HTTP 500\); run the same again later"):
        web.json(f"{there.url}/x")


def test_a_date_to_wait_for_is_told_by_the_clock_of_the_service(there: Peer, web: WebClient) -> None:
    waited: list[float] = []
    web.sleep = waited.append
    there.order(Fault("429 until a date"))  # a second from now, by a clock that is three hours late
    assert web.json(f"{there.url}/x") == {"a": 1}
    assert 0.0 <= max(waited) <= 1.5


def test_a_long_wait_is_left_to_the_next_run(web: WebClient) -> None:
    with (
        peer(lambda request: Reply(b"", "text/plain", 429, {"Retry-After": "3600"})) as one,
        pytest.raises(ServiceError, match="left alone for 3600 s"),
    ):
        web.json(f"{one.url}/x")


def test_what_will_not_get_better_is_not_tried_again(there: Peer, web: WebClient) -> None:
    with pytest.raises(SourceError, match="HTTP 404: no such thing"):
        web.json(f"{there.url}/none")
    assert len(there.requests) == 1


@pytest.mark.parametrize(
    "to", ["http://localhost:1/x", "http://169.254.169.254/latest", "file:///etc/passwd", "ftp://a/b"]
)
def test_no_host_is_asked_that_nobody_named(there: Peer, web: WebClient, to: str) -> None:
    for url in (to, f"{there.url}/away?to={to}"):
        with pytest.raises(SourceError, match="the recipe does not allow"):
            web.json(url)


@pytest.mark.parametrize("address", ["http://[bad/x", "http://127.0.0.1:a-port/x", "http://127.0.0.1\x00/x", ""])
def test_what_is_no_address_is_no_crash(there: Peer, web: WebClient, address: str) -> None:
    with pytest.raises(SourceError):
        web.json(address)
    with pytest.raises(SourceError), peer(lambda request: Reply(b"", status=302, headers={"Location": to})) as one:
        to = address.replace("\x00", "%00") or "http://[also-bad"
        web.json(f"{one.url}/y")


def test_an_answer_that_drips_for_ever_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoglot.web.client._MOST_TIMEOUTS", 0)
    web = WebClient({"127.0.0.1"}, QUICK)
    endless = peer(lambda request: Reply(b"x" * 4_000_000))
    with endless as one, pytest.raises(ServiceError, match="an answer that does not end"):
        web.json(f"{one.url}/x")
    web.close()


def test_a_long_refusal_is_read_no_further_than_its_first_words(web: WebClient) -> None:
    with peer(lambda request: Reply(b"no " * 20_000_000, "text/plain", 404)) as one:
        with pytest.raises(SourceError, match="HTTP 404: no no") as caught:
            web.json(f"{one.url}/x")
        assert len(str(caught.value)) < 300


def test_redirects_end(there: Peer, web: WebClient) -> None:
    assert web.json(f"{there.url}/away?to=/x") == {"a": 1}
    with pytest.raises(SourceError, match="redirects more than"):
        web.json(f"{there.url}/away")


def test_hosts_may_be_all_below_one() -> None:
    web = WebClient({"*.example.org"})
    assert web.allows("https://a.example.org/x") and not web.allows("https://example.org.evil.net/x")
    web.close()


def test_requests_keep_their_pace(there: Peer) -> None:
    web = WebClient({"127.0.0.1"}, RequestPolicy(per_second=20.0, retries=0))
    start = time.monotonic()
    for _ in range(5):
        web.json(f"{there.url}/x")
    assert time.monotonic() - start >= 0.19
    web.close()


def test_secrets_are_in_no_message_and_no_log(there: Peer, web: WebClient, caplog: pytest.LogCaptureFixture) -> None:
    url = f"{there.url}/none?api_key={SECRET}&sig=theirs&page=2"
    with caplog.at_level(logging.DEBUG), pytest.raises(SourceError) as caught:
        web.fetch(url, lambda got: got.body, headers={"Authorization": SECRET})
    said = str(caught.value) + caplog.text
    assert SECRET not in said and "theirs" not in said and "page=2" in str(caught.value)


def test_urls_lose_what_signs_them_and_nothing_else() -> None:
    assert unsigned("https://a/b.tif?x=1&sig=2&se=3") == "https://a/b.tif?x=1"
    assert unsigned("https://a/b?X-Amz-Signature=1&X-Amz-Date=2") == "https://a/b"
    assert unsigned("https://a/b?v=a%20b") == "https://a/b?v=a%20b"


def test_headers_go_to_the_first_host_alone(there: Peer, web: WebClient) -> None:
    web.json(f"{there.url}/away?to=/x", headers={"Authorization": SECRET})
    assert [request.headers.get("authorization") for request in there.requests] == [SECRET, None]


def test_the_network_can_be_a_function_and_a_picture_that_stays_broken_is_left() -> None:
    sent: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200, headers={"Content-Type": "image/png"}, content=b"half")

    def read(response: Response) -> bytes:
        raise RetryableError("cut short")

    web = WebClient({"example.org"}, QUICK, network=httpx2.MockTransport(answer))
    with pytest.raises(SourceError, match=r"not a picture that can be read \(cut short\)"):
        web.fetch("https://example.org/a.png", read)
    assert [str(one.url) for one in sent] == ["https://example.org/a.png"] * 2
    assert web.fetch("https://example.org/a.png", lambda got: got.content_type, params={"size": 3}) == "image/png"
    assert str(sent[-1].url).endswith("?size=3") and sent[-1].headers["User-Agent"] == "geoglot"
    web.close()


@pytest.mark.parametrize("until", ["7", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "soon", ""])
def test_a_retry_after_that_is_no_date_is_not_waited_for(until: str) -> None:
    network = httpx2.MockTransport(lambda request: httpx2.Response(503, headers={"Retry-After": until}))
    waits: list[float] = []
    with pytest.raises(BusyError, match="HTTP 503"):
        Retry(network, 1, lambda request, attempt, asked: asked, waits.append).handle_request(
            httpx2.Request("GET", "https://example.org")
        )
    assert waits == [7.0 if until == "7" else 0.0]


def test_each_layer_adds_one_rule() -> None:
    calls: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        calls.append(str(request.url))
        return httpx2.Response(503, headers={"Retry-After": "7"})

    waits: list[float] = []
    network = httpx2.MockTransport(answer)
    retry = Retry(network, 2, lambda request, attempt, asked: attempt + asked, waits.append)
    with pytest.raises(BusyError, match="HTTP 503"):
        retry.handle_request(httpx2.Request("GET", "https://example.org"))
    assert (len(calls), waits) == (3, [7.0, 8.0])
    with pytest.raises(ServiceError, match="the recipe does not allow"):
        AllowedHosts(network, {"example.org"}).handle_request(httpx2.Request("GET", "https://example.com"))
    with pytest.raises(TooLargeError):
        WholeBody(httpx2.MockTransport(lambda request: httpx2.Response(200, content=b"1234")), 3, 1.0).handle_request(
            httpx2.Request("GET", "https://example.org")
        )
    assert len(calls) == 3
    slow = Deadline(httpx2.MockTransport(lambda request: time.sleep(0.3) or httpx2.Response(200)), 0.05)
    with pytest.raises(httpx2.ReadTimeout):
        slow.handle_request(httpx2.Request("GET", "https://example.org"))
