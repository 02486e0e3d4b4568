"""Code that came with a run from another installation: told apart, and never run.

A pinned replay of such a run uses what is installed here, where that is the same by hash. Prompts
count as code: a template can call what it is given.
"""

from agent.core.errors import Conflict
from agent.core.revisions import Manifest
from agent.core.runs import Run
from agent.runtime.library import Library

CODE = ("node", "shared", "prompt")
"""Parts of a revision that are run."""


def missing(library: Library, manifest: Manifest) -> list[str]:
    """Name the parts of ``manifest`` that would be run and are not installed here as they were."""
    installed = library.installed()
    code = (part for part in manifest.parts if part.partition(":")[0] in CODE)
    return sorted(part for part in code if installed.get(part) != manifest.parts[part])


def own_code(library: Library, run: Run, manifest: Manifest) -> None:
    """Refuse to run what came with ``run`` from elsewhere, unless all of it is installed here.

    Raises:
        Conflict: naming what is not.
    """
    lacking = missing(library, manifest) if run.imported_from else []
    if lacking:
        raise Conflict(
            f"run {run.run_id} came from another installation, and this one does not have the code "
            f"that it ran ({', '.join(lacking[:8])}{', …' if len(lacking) > 8 else ''}); what came "
            "with it is shown and never run. Install the same version and workspace, or replay it "
            "against the code that is here, without --pinned"
        )
