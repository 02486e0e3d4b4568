"""What the doors ask of whoever checks credentials; ``agent/adapters/auth`` answers."""

from typing import Protocol

from agent.core.principal import Principal


class Auth(Protocol):
    """Checks credentials and issues the short-lived ones. All comparisons take constant time."""

    @property
    def mode(self) -> str:
        """``local`` or ``none``."""
        ...

    async def verify(self, token: str, access_token: str = "") -> Principal | None:
        """Check a bearer token; ``None`` when it is not valid."""
        ...

    def cookie(self, name: str) -> str:
        """Return the value of the cookie called ``name``."""
        ...

    def verify_cookie(self, name: str, value: str) -> Principal | None:
        """Check a cookie's value."""
        ...

    def issue_ticket(self, principal: Principal) -> str:
        """Make a single-use ticket for one socket."""
        ...

    def redeem_ticket(self, ticket: str) -> Principal | None:
        """Use a ticket up."""
        ...

    def issue_code(self) -> str:
        """Make a single-use launch code."""
        ...

    def redeem_code(self, code: str) -> Principal | None:
        """Use a launch code up."""
        ...
