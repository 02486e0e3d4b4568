"""Where a request comes from and whom it wants: Host, Origin, Sec-Fetch-Site.

A foreign page in the user's browser can send requests to a local port, and by DNS rebinding even
under a name of its own. So the Host must be one of ours, an Origin must be one of ours exactly, and
where the browser says that another site caused a request, only opening a page is allowed. Programs
send none of these headers but Host; they go on to the credential check.
"""

from starlette.datastructures import Headers

from agent.core.errors import Forbidden, Misdirected


def check_host(headers: Headers, hosts: frozenset[str]) -> None:
    """Refuse a request for a host that is not ours.

    Raises:
        Misdirected: no, several or a foreign ``Host``.
    """
    values = headers.getlist("host")
    if len(values) != 1 or values[0].lower() not in hosts:
        came = values[0][:100] if len(values) == 1 else f"{len(values)} Host headers"
        raise Misdirected(
            f"this server does not answer for {came!r}; add it to the setting `allowed_hosts` "
            "if it should"
        )


def check_origin(headers: Headers, origins: frozenset[str], *, page: bool) -> None:
    """Refuse what another site's page caused.

    Args:
        headers: of the request.
        origins: whose pages may talk to us.
        page: the route is one that a person opens, and it is being opened.

    Raises:
        Forbidden: a foreign ``Origin``, or a foreign site by ``Sec-Fetch-Site``.
    """
    given = headers.getlist("origin")
    if given:
        if len(given) != 1 or given[0] not in origins:
            raise Forbidden(
                f"pages of {', '.join(given)[:100]!r} may not talk to this server; add the origin "
                "to the setting `allowed_origins` if it should"
            )
        return
    site = headers.get("sec-fetch-site", "none")
    opening = page and headers.get("sec-fetch-mode") == "navigate"
    if site not in ("same-origin", "none") and not opening:
        raise Forbidden(f"a page of another site asked for this (Sec-Fetch-Site: {site[:40]!r})")
