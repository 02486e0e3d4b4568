"""Clients go where configuration says, with the key for that place, and never to metadata services."""

import logging
from contextlib import aclosing

import pytest

from agent import net
from agent.core.errors import BadInput

pytestmark = pytest.mark.anyio
KEY = "sk-canary-0123456789"


@pytest.mark.parametrize(
    ("given", "url", "host", "local"),
    [
        ("https://api.example.com/v1/", "https://api.example.com/v1", "api.example.com", False),
        ("http://LOCALHOST:11434/v1", "http://LOCALHOST:11434/v1", "localhost:11434", True),
        ("http://[::1]:8080", "http://[::1]:8080", "[::1]:8080", True),
        ("http://127.1/v1", "http://127.1/v1", "127.1", True),
        ("http://my_box:8000//", "http://my_box:8000", "my_box:8000", False),
        ("https://10.0.0.7/api", "https://10.0.0.7/api", "10.0.0.7", False),
        ("https://x.example/v1?version=2", "https://x.example/v1?version=2", "x.example", False),
    ],
)
def test_a_base_url_is_read(given: str, url: str, host: str, local: bool) -> None:
    target = net.target(given, setting="S")
    assert (target.url, target.host, target.local) == (url, host, local)


def test_a_query_of_the_base_stays_at_the_end() -> None:
    target = net.target("https://x.example/v1?version=2", setting="S")
    assert target.join("chat/completions") == "https://x.example/v1/chat/completions?version=2"


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.169.254.",
        "169.254.43518",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "[fd00:ec2::254]",
        "[fd20:ce::254]",
        "[fe80::a9fe:a9fe]",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "metadata.google.internal",
        "Metadata.Google.Internal.",
        "metadata.goog",
        "metadata",
        "instance-data",
    ],
)
def test_metadata_services_are_refused_in_every_spelling(host: str) -> None:
    with pytest.raises(BadInput, match=r"AGENT_X: .*metadata service"):
        net.target(f"http://{host}:80/latest", setting="AGENT_X")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com/v1",
        "file:///etc/passwd",
        "ftp://example.com",
        "unix:/run/x.sock",
        "http://",
        "http://:80/",
        "http://exa mple.com",
        "http://example.com\n/v1",
        "http://example.com\\@169.254.169.254/",
        "http://ｅxample.com",
        "http://169%2e254.169.254/",
        "http://example..com",
        f"http://{'a' * 64}.com",
        "http://example.com:99999/",
        "http://example.com:x/",
        "http://example.com/#top",
        "http://[fe80::1%25eth0]/",
        "http://[nonsense]/",
    ],
)
def test_what_is_no_base_url_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(BadInput, match=r"AGENT_X: expected a URL such as 'https://"):
        net.target(url, setting="AGENT_X")


def test_a_key_inside_the_url_is_refused_unseen() -> None:
    with pytest.raises(BadInput) as caught:
        net.target(f"https://user:{KEY}@example.com/v1", setting="AGENT_X")
    assert KEY not in str(caught.value)


class Echo:
    """A transport that notes what it was given."""

    def __init__(self) -> None:
        self.keys: list[str | None] = []

    async def handle_async_request(self, request: net.Request) -> net.Response:
        self.keys.append(request.headers.get("authorization"))
        return net.stream(307, {"location": "http://other.example/"}, self._nothing())

    async def _nothing(self):
        yield b""

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("https://api.example.com/v1/x", True),
        ("https://API.example.com:443/other", True),
        ("http://api.example.com/v1/x", False),
        ("http://api.example.com:443/v1/x", False),
        ("https://api.example.com:8443/v1/x", False),
        ("https://api.example.com.evil.example/v1/x", False),
        ("https://evil.example/?https://api.example.com", False),
    ],
)
async def test_a_key_goes_to_its_origin_only_and_redirects_nowhere(url: str, signed: bool) -> None:
    echo = Echo()
    to = net.target("https://api.example.com/v1", setting="S")
    async with aclosing(net.client(to, key=KEY, transport=echo)) as client:
        response = await client.get(url)
    assert echo.keys == [f"Bearer {KEY}" if signed else None]
    assert response.status_code == 307


async def test_the_request_log_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    to = net.target("https://api.example.com/v1?tenant=secret", setting="S")
    async with aclosing(net.client(to, transport=Echo())) as client:
        await client.get(to.join("x"))
    assert caplog.records == []


@pytest.mark.parametrize(
    ("url", "proxied"),
    [
        ("https://api.example.com/v1", True),
        ("http://api.example.com/v1", False),
        ("https://localhost/v1", False),
        ("http://127.0.0.1/v1", False),
    ],
)
async def test_proxies_of_the_environment_never_see_a_key(
    url: str, proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with net.client(net.target(url, setting="S")) as client:
        mounts = [transport for transport in client._mounts.values() if transport is not None]
    assert bool(mounts) == proxied


async def test_a_head_is_bounded() -> None:
    async def endless():
        while True:
            yield b"xyz"

    response = net.stream(200, {}, endless())
    assert await net.head(response, 7) == b"xyzxyzx"
    await response.aclose()


def test_every_name_it_promises_is_there_and_no_other() -> None:
    assert all(getattr(net, name) is not None for name in net.__all__)
    with pytest.raises(AttributeError):
        _ = net.Cookies  # type: ignore[attr-defined]
