"""Which names and origins are ours."""

from pathlib import Path

import pytest

from agent.web.config import WebConfig, hosts, origins


def config(**settings) -> WebConfig:
    return WebConfig(**{"port": 8000, "static_dir": Path("static"), "version": "1", **settings})


LOCAL = {"127.0.0.1:8000", "localhost:8000", "[::1]:8000"}


def test_loopback_is_the_default():
    assert hosts(config()) == LOCAL
    assert origins(config()) == {f"http://{host}" for host in LOCAL}


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ({"host": "192.0.2.1"}, {"192.0.2.1:8000"}),
        ({"host": "2001:db8::1"}, {"[2001:db8::1]:8000"}),
        ({"host": "0.0.0.0"}, set()),
        ({"host": "::"}, set()),
        ({"host": "Box.Lan"}, {"box.lan:8000"}),
        ({"allowed_hosts": ("Box.Lan:1",)}, {"box.lan:1"}),
        ({"public_url": "https://debug.example"}, {"debug.example", "debug.example:443"}),
        ({"public_url": "https://debug.example:8443/x"}, {"debug.example:8443"}),
        ({"public_url": "http://debug.example"}, {"debug.example", "debug.example:80"}),
        ({"public_url": "not a url"}, set()),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_more_hosts(settings, more):
    assert hosts(config(**settings)) == LOCAL | more


def test_port_80_needs_no_port():
    assert {"127.0.0.1", "localhost", "[::1]", "localhost:80"} <= hosts(config(port=80))


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"host": "0.0.0.0"}, "http://127.0.0.1:8000"),
        ({"host": "::1"}, "http://[::1]:8000"),
        ({"public_url": "https://debug.example/"}, "https://debug.example"),
    ],
    ids=str,
)
def test_where_a_person_opens_the_page(settings, url):
    assert config(**settings).url == url
