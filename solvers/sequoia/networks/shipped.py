"""The networks of arms that Redwood ships, one a domain, found by name."""

from __future__ import annotations

from pathlib import Path

from redwood.errors import OptionError, suggestion
from redwood.planning.contract import Policy

FOLDER = Path(__file__).parents[1] / "weights"


def shipped() -> list[str]:
    """Return the names of the shipped networks: domains of `redwood.generate`."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def network_at(place: str) -> Policy:
    """Return the policy in a file, or the one that is shipped for a domain.

    Raises
    ------
    OptionError
        Where a name without a suffix is not that of a shipped one.
    SolutionError
        Where the file holds no policy.
    """
    from redwood.planning.files import load_policy

    if place in shipped():
        return load_policy(FOLDER / f"{place}.safetensors")
    if not Path(place).suffix:
        names = shipped()
        raise OptionError(f"no network {place!r} is shipped (there are {', '.join(names)}).{suggestion(place, names)}")
    return load_policy(place)
