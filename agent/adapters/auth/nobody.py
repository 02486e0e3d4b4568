"""No authentication (``--no-auth``): everybody on this machine is the user.

Host and Origin checks stay on; they are the guard's business, not this module's.
"""

from agent.core.principal import Principal


class NoAuth:
    """Lets everybody in who got past the guard's other checks."""

    mode = "none"

    def __init__(self) -> None:
        self._user = Principal()

    async def verify(self, token: str, access_token: str = "") -> Principal | None:
        """Accept; credentials are ignored, never refused."""
        del token, access_token
        return self._user

    def cookie(self, name: str) -> str:
        """Return a value that means nothing."""
        del name
        return "none"

    def verify_cookie(self, name: str, value: str) -> Principal | None:
        """Accept."""
        del name, value
        return self._user

    def issue_ticket(self, principal: Principal) -> str:
        """Return a ticket that means nothing."""
        del principal
        return "none"

    def redeem_ticket(self, ticket: str) -> Principal | None:
        """Accept."""
        del ticket
        return self._user

    def issue_code(self) -> str:
        """Return a code that means nothing."""
        return "none"

    def redeem_code(self, code: str) -> Principal | None:
        """Accept."""
        del code
        return self._user
