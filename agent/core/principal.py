"""Who is asking, once a credential was found to be good."""

import msgspec

from agent.core.json import Json

ANONYMOUS = "anonymous"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """The user behind a request or a socket."""

    identity: str = ANONYMOUS
    """``name``, else ``preferred_username``, else ``anonymous``."""
    claims: Json = None
    """Everything the identity provider said; ``None`` for the local token."""
