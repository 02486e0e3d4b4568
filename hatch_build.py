"""Puts the built page into the wheel, so that an installed Framescope needs no Node.

An editable install serves ``static/`` of the source tree and is left alone.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = ("static/dist", "static/templates", "static/fallback.js", "static/fallback.css")
MANIFEST = "static/dist/.vite/manifest.json"


class PageHook(BuildHookInterface[Any]):
    """Maps the page's folders to ``agent/_static``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folders to the wheel.

        Args:
            version: ``standard`` or ``editable``.
            build_data: what hatchling packs.

        Raises:
            SystemExit: the page was not built, or its last build failed.
        """
        if version == "editable":
            return
        root = Path(self.root)
        if not (root / MANIFEST).is_file() or (root / "static/dist/.error").exists():
            raise SystemExit(
                f"expected a built page ({MANIFEST}), found none that is whole: run "
                "`python3 run.py --build-only`, then build the wheel again"
            )
        for part in BUILT:
            target = f"agent/_static/{part.removeprefix('static/')}"
            build_data["force_include"][part] = target
