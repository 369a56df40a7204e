"""Answers to a rich vehicle routing problem, which can be looked at in other tools."""

from __future__ import annotations

from typing import Any

from redwood.errors import MissingDependencyError
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.maps import geojson, html_map, stops
from redwood.problems.vrp.routes import Routes


class VRPSolution(Routes):
    """The routes of the vehicles, and who is left out why (see `Routes`); they become a table of stops, GeoJSON or a map."""

    def to_frame(self) -> Any:
        """Return a pandas frame with one row a stop: route, position, vehicle, name, and arrival and load where told.

        Raises
        ------
        MissingDependencyError
            Where pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingDependencyError("to_frame needs pandas, which is not installed: pip install pandas.") from error
        return pandas.DataFrame(stops(self))

    def to_geojson(self, instance: VRPInstance) -> dict[str, Any]:
        """Return routes as lines and places as points, as `redwood.problems.vrp.maps.geojson` has them."""
        return geojson(instance, self)

    def to_html(self, instance: VRPInstance) -> str:
        """Return a page with a map and a table of stops, as `redwood.problems.vrp.maps.html_map` has them."""
        return html_map(instance, self)
