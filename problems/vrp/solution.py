"""Answers to a rich vehicle routing problem, which can be looked at in other tools."""

from __future__ import annotations

from typing import Any

from redwood.errors import MissingDependencyError
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.maps import geojson, html_map, stops
from redwood.problems.vrp.routes import Routes
from redwood.problems.vrp.sheets import sheets


class VRPSolution(Routes):
    """The routes of the vehicles, and who is left out why (see `Routes`); they become a table of stops, GeoJSON or a map."""

    def to_frame(self, instance: VRPInstance | None = None) -> Any:
        """Return a pandas frame with one row a stop.

        Parameters
        ----------
        instance
            Where it is given, a driver's sheet: route, vehicle, stop, name, arrival, begin of service, departure, delivery,
            pickup and load, from leaving the depot to the way back (`redwood.problems.vrp.sheets.sheets`). Otherwise route,
            position, vehicle, name, and arrival and load where the solution tells them, all as numbers.

        Raises
        ------
        MissingDependencyError
            Where pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingDependencyError("to_frame needs pandas, which is not installed: pip install pandas.") from error
        if instance is None:
            return pandas.DataFrame(stops(self))
        return pandas.DataFrame([row for sheet in sheets(instance, self) for row in sheet])

    def to_geojson(self, instance: VRPInstance) -> dict[str, Any]:
        """Return routes as lines and places as points, as `redwood.problems.vrp.maps.geojson` has them."""
        return geojson(instance, self)

    def to_html(self, instance: VRPInstance) -> str:
        """Return a page with a map and a table of stops, as `redwood.problems.vrp.maps.html_map` has them."""
        return html_map(instance, self)
