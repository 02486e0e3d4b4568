"""The local token, its file, and the codes made from it."""

import stat

import pytest

from agent.adapters.auth.local import LocalAuth
from agent.adapters.auth.nobody import NoAuth
from agent.adapters.auth.once import OneTime
from agent.adapters.auth.tokens import load_or_create
from agent.core.principal import Principal

pytestmark = pytest.mark.anyio


class Clock:
    seconds = 0.0
    made = 0

    def monotonic(self) -> float:
        return self.seconds

    def now_ms(self) -> int:
        return 0

    def random(self) -> float:
        return 0.0

    def token(self, size: int) -> str:
        self.made += 1
        return f"{self.made:0{2 * size}x}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_token_is_made_once_and_only_its_owner_reads_it(tmp_path):
    path = tmp_path / "token"
    made = iter(["first", "second"])
    assert load_or_create(path, lambda: next(made)) == "first"
    assert mode(path) == 0o600
    path.chmod(0o644)
    assert load_or_create(path, lambda: next(made)) == "first"
    assert mode(path) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["token"]


def test_an_empty_token_file_is_filled(tmp_path):
    path = tmp_path / "token"
    path.write_text("\n")
    assert load_or_create(path, lambda: "new") == "new"
    assert mode(path) == 0o600


def test_the_second_of_two_starts_takes_the_first_ones_token(tmp_path):
    path = tmp_path / "token"

    def slow() -> str:
        path.write_text("winner")
        return "loser"

    assert load_or_create(path, slow) == "winner"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "secre",
        "secrett",
        "SECRET",
        " secret",
        "secret\n",
        "s\u00e9cret",
        "\x00",
        "secret" * 9999,
    ],
)
async def test_no_other_token_is_good(clock, token):
    assert await LocalAuth("secret", clock).verify(token) is None


async def test_the_token_is_good(clock):
    assert await LocalAuth("secret", clock).verify("secret", "anything") == Principal()
    assert await LocalAuth("s\u00e9cret", clock).verify("s\u00e9cret") == Principal()


def test_an_empty_token_is_refused_at_the_start(clock):
    with pytest.raises(ValueError, match="empty"):
        LocalAuth("", clock)


def test_the_cookie_hides_the_token_and_belongs_to_one_name(clock):
    auth = LocalAuth("secret", clock)
    value = auth.cookie("framescope_1")
    assert "secret" not in value
    assert auth.verify_cookie("framescope_1", value) == Principal()
    assert auth.verify_cookie("framescope_2", value) is None
    assert LocalAuth("other", clock).verify_cookie("framescope_1", value) is None
    assert LocalAuth("secret", clock).verify_cookie("framescope_1", value) == Principal()


def test_a_code_works_once_and_in_time(clock):
    codes = OneTime[str](10, clock.monotonic, lambda: clock.token(2))
    first, second = codes.issue("a"), codes.issue("b")
    assert codes.redeem(first) == "a"
    assert codes.redeem(first) is None
    clock.seconds = 10
    assert codes.redeem(second) is None
    assert codes.redeem("never") is None


def test_codes_do_not_pile_up(clock):
    codes = OneTime[int](10, clock.monotonic, lambda: clock.token(2), keep=2)
    made = [codes.issue(n) for n in range(3)]
    assert [codes.redeem(code) for code in made] == [None, 1, 2]


def test_tickets_and_codes_are_not_the_same(clock):
    auth = LocalAuth("secret", clock)
    ticket, code = auth.issue_ticket(Principal()), auth.issue_code()
    assert auth.redeem_code(ticket) is None
    assert auth.redeem_ticket(code) is None
    assert auth.redeem_ticket(ticket) == Principal()
    assert auth.redeem_code(code) == Principal()


async def test_without_authentication_everybody_is_the_user():
    auth = NoAuth()
    assert await auth.verify("x") == auth.redeem_ticket("x") == auth.redeem_code("x") == Principal()
    assert auth.verify_cookie("a", auth.cookie("a")) == Principal()
    assert auth.issue_ticket(Principal())
    assert auth.issue_code()
