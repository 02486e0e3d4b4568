"""One user with one token: the default on a machine of one's own.

The cookie holds no token: it is derived from it and from the cookie's own name, which holds the
port. Browsers send cookies of ``localhost`` to every port, so another program on this machine may
see it, but learns nothing that opens another server, nor the token itself.
"""

import hashlib
import hmac

from agent.adapters.auth.once import OneTime
from agent.core.principal import Principal
from agent.engine.ports import Clock

TICKET_SECONDS = 30.0
CODE_SECONDS = 600.0


class LocalAuth:
    """Checks the local token and what was made from it.

    Args:
        token: the secret.
        clock: for expiry and random codes.
    """

    mode = "local"

    def __init__(self, token: str, clock: Clock) -> None:
        if not token:
            msg = "the local token is empty: give --token a value or leave it out"
            raise ValueError(msg)
        self._token = token.encode()
        self._user = Principal()
        self._tickets = OneTime[Principal](TICKET_SECONDS, clock.monotonic, lambda: clock.token(32))
        self._codes = OneTime[Principal](CODE_SECONDS, clock.monotonic, lambda: clock.token(32))

    async def verify(self, token: str, access_token: str = "") -> Principal | None:
        """Check a bearer token; ``access_token`` means nothing here."""
        del access_token
        return self._user if _same(token.encode(), self._token) else None

    def cookie(self, name: str) -> str:
        """Return the value of the cookie called ``name``."""
        return hmac.new(self._token, b"cookie:" + name.encode(), hashlib.sha256).hexdigest()

    def verify_cookie(self, name: str, value: str) -> Principal | None:
        """Check a cookie's value."""
        return self._user if _same(value.encode(), self.cookie(name).encode()) else None

    def issue_ticket(self, principal: Principal) -> str:
        """Make a single-use ticket for one socket, valid for 30 s."""
        return self._tickets.issue(principal)

    def redeem_ticket(self, ticket: str) -> Principal | None:
        """Use a ticket up."""
        return self._tickets.redeem(ticket)

    def issue_code(self) -> str:
        """Make a single-use launch code, valid for 10 minutes."""
        return self._codes.issue(self._user)

    def redeem_code(self, code: str) -> Principal | None:
        """Use a launch code up."""
        return self._codes.redeem(code)


def _same(given: bytes, known: bytes) -> bool:
    """Compare in constant time; digests hide the length, too."""
    return hmac.compare_digest(hashlib.sha256(given).digest(), hashlib.sha256(known).digest())
