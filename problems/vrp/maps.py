"""Routes for other tools: a table of stops, GeoJSON, and a map with drivers' sheets as one HTML file."""

from __future__ import annotations

import html
from typing import Any, NamedTuple

import numpy as np

from redwood.errors import FitError
from redwood.problems.vrp.checks import NumberedRoute, numbered
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.map_labels import placed_labels
from redwood.problems.vrp.reasons import described
from redwood.problems.vrp.roads import Metric
from redwood.problems.vrp.route_names import route_colours
from redwood.problems.vrp.routes import Route, Routes
from redwood.problems.vrp.schedule import places_of, route_distance
from redwood.problems.vrp.sheets import sheets
from redwood.problems.vrp.times import moment

WIDTH, HEIGHT, MARGIN = 900.0, 700.0, 30.0
"""Size of the map in pixels."""
STYLE = (
    "body{font:14px sans-serif;max-width:60em;margin:1em auto}td,th{padding:.1em 1em .1em 0;text-align:left}"
    "h2{font-size:1.1em}h2 span{display:inline-block;width:1em;height:1em;margin-right:.5em;vertical-align:-.1em}"
    "body{padding:0 1em}section{overflow-x:auto}@media print{section{break-before:page}}"
)


LONGEST_DETOUR = 3.0
"""Scale of distances up to which it is taken for that of roads to straight lines, and not for another unit."""


def stops(solution: Routes) -> list[dict[str, Any]]:
    """Return one mapping a stop: route and position from 1, vehicle, name, and arrival and loads where they are told.

    Where any vehicle reloads, reloads are stops under their depot's name, and each stop has the number of its trip.
    """
    rows, by_trips = [], any(route.reloads for route in solution.routes)
    for number, route in enumerate(solution.routes, 1):
        for position, (trip, name, arrival, load) in enumerate(_visits(route), 1):
            row: dict[str, Any] = {"route": number, "position": position, "vehicle": route.vehicle, "name": name}
            row |= ({"trip": trip} if by_trips else {}) | {"arrival": arrival}
            loads: list[float | None] = [*load] or [None]
            keys = ["load"] if len(loads) == 1 else [f"load {k}" for k in range(1, len(loads) + 1)]
            rows.append(row | dict(zip(keys, loads, strict=True)))
    return rows


def _visits(route: Route) -> list[tuple[int, str, float | None, list[float]]]:
    """Return trip, name, arrival and load of each stop of a route, in order; a reload begins its trip."""
    arrivals: list[float | None] = [*route.arrivals] or [None] * len(route.customers)
    loads: list[list[float]] = route.loads or [[] for _ in route.customers]
    told = list(zip(route.customers, arrivals, loads, strict=True))
    found: list[tuple[int, str, float | None, list[float]]] = []
    for trip, (begin, customers) in enumerate(zip([None, *route.reloads], route.trips, strict=True), 1):
        found += [] if begin is None else [(trip, begin.depot, begin.arrival, begin.load)]
        done = 0 if begin is None else begin.after
        found += [(trip, *visit) for visit in told[done : done + len(customers)]]
    return found


def geojson(instance: VRPInstance, solution: Routes) -> dict[str, Any]:
    """Return routes as lines and places as points, with names, vehicles, arrivals and reasons as their properties.

    Raises
    ------
    FitError
        Where the places have no longitudes and latitudes, in which GeoJSON measures.
    """
    if not instance.roads.geographic:
        raise FitError("GeoJSON holds longitudes and latitudes, and the places have none; give lon and lat.")
    told = described(instance, solution)
    points = np.asarray(instance.roads.coords)
    features = [
        _feature("Point", points[k].tolist(), {"kind": "depot", "name": name}) for k, name in enumerate(instance.depots)
    ]
    for route, row in zip(numbered(instance, told), told.routes, strict=True):
        walk = points[places_of(instance, instance.vehicles[route.kind], route.stops)].tolist()
        about = {"kind": "route", "vehicle": row.vehicle, "start": row.start, "end": row.end}
        features.append(_feature("LineString", walk, about))
    for stop in stops(told):
        kind = "customer" if stop["name"] in instance.numbers else "reload"
        features.append(_feature("Point", _place(instance, stop["name"]), {"kind": kind, **stop}))
    for name, why in told.left_out.items():
        features.append(_feature("Point", _place(instance, name), {"kind": "left out", "name": name, "reason": why}))
    return {"type": "FeatureCollection", "features": features}


def _feature(kind: str, coordinates: Any, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


def _place(instance: VRPInstance, name: str) -> Any:
    return np.asarray(instance.roads.coords)[_number(instance, name)].tolist()


def _number(instance: VRPInstance, name: str) -> int:
    """Return the number of a place, depots first."""
    return instance.depots.index(name) if name in instance.depots else len(instance.depots) + instance.numbers[name]


def html_map(instance: VRPInstance, solution: Routes) -> str:
    """Return a page with the routes as a drawing, and below it a sheet for each driver, printed on a page of its own.

    Raises
    ------
    FitError
        Where the places have no coordinates.
    """
    if instance.roads.coords is None:
        raise FitError("the instance has matrices and no coordinates, so there is no map.")
    told = described(instance, solution)
    routes, shown, pages = numbered(instance, told), _screen(instance), sheets(instance, told)
    colours = route_colours(instance, routes)
    lines = [_line(instance, route, shown, colour) for route, colour in zip(routes, colours, strict=True)]
    marks = [_Mark(k, name, name, _depot_words(instance, told, name), "black") for k, name in enumerate(instance.depots)]
    for page, colour in zip(pages, colours, strict=True):
        for row in page:
            if (name := row["name"]) in instance.numbers:
                words = f"stop {row['stop']} of {row['vehicle']}, arrival {_cell(row['arrival'])}"
                marks.append(_Mark(_number(instance, name), name, f"{row['stop']} {name}", words, colour))
    for name, why in told.left_out.items():
        marks.append(_Mark(_number(instance, name), name, name, f"left out: {why}", "white"))
    title = html.escape(instance.name or "Routes")
    drawn = "".join(lines) + _drawn(marks, shown, len(instance.depots))
    drawing = f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img">{drawn}</svg>'
    lengths = [route_distance(instance, instance.vehicles[route.kind], route.stops) for route in routes]
    told_lengths = [_length(instance, length) for length in lengths]
    tables = "".join(map(_sheet, [instance] * len(pages), pages, colours, told_lengths))
    out = "".join(f"<li>{html.escape(f'{name}: {why}')}</li>" for name, why in told.left_out.items())
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title}</h1><p>{_total(instance, lengths)}</p>{drawing}{tables}"
        + (f"<h2>Left out</h2><ul>{out}</ul>" if out else "")
        + "</html>\n"
    )


def _depot_words(instance: VRPInstance, told: Routes, name: str) -> str:
    """Return what happens at a depot: when which routes reload there."""
    reloads = [
        f"route {number} reloads at {moment(instance.time_unit, reload.arrival or 0.0)}"
        for number, route in enumerate(told.routes, 1)
        for reload in route.reloads
        if reload.depot == name
    ]
    return ", ".join(["depot", *reloads])


def _screen(instance: VRPInstance) -> Any:
    """Return the places [P, 2] in pixels, north up, with the right aspect for longitudes and latitudes."""
    points = np.array(instance.roads.coords, dtype=np.float64)
    if instance.roads.geographic:
        points[:, 0] *= np.cos(np.radians(points[:, 1].mean()))
    low, span = points.min(axis=0), np.maximum(np.ptp(points, axis=0), 1e-12)
    scale = min((WIDTH - 2 * MARGIN) / span[0], (HEIGHT - 2 * MARGIN) / span[1])
    moved = MARGIN + scale * (points - low)
    moved[:, 1] = HEIGHT - moved[:, 1]
    return moved


def _line(instance: VRPInstance, route: NumberedRoute, shown: Any, colour: str) -> str:
    walk = shown[places_of(instance, instance.vehicles[route.kind], route.stops)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in walk)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


class _Mark(NamedTuple):
    """A place of the map: its number, its name, its label, what is said where the mouse is, and its colour."""

    place: int
    name: str
    label: str
    words: str
    fill: str


def _drawn(marks: list[_Mark], shown: Any, depots: int) -> str:
    """Return marks, depots as squares, with their labels where there is room; all have their words."""
    points = np.array([shown[mark.place] for mark in marks])
    labels = placed_labels(points, [mark.label for mark in marks], WIDTH, HEIGHT)
    parts = []
    for mark, (x, y), label in zip(marks, points.tolist(), labels, strict=True):
        if mark.place < depots:
            shape = f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" fill="{mark.fill}"/>'
        else:
            shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{mark.fill}" stroke="black"/>'
        if label is not None:
            anchor = ' text-anchor="end"' if label.ends else ""
            shape += f'<text x="{label.x:.1f}"{anchor} y="{label.y:.1f}" font-size="11">{html.escape(mark.label)}</text>'
        parts.append(f"<g><title>{html.escape(f'{mark.name}: {mark.words}')}</title>{shape}</g>")
    return "".join(parts)


def _length(instance: VRPInstance, length: float) -> str:
    """Return a length, in km where it is over the ground and the scale can be that of detours, else without a unit."""
    over_ground = instance.roads.metric is Metric.GREAT_CIRCLE and 1.0 <= instance.roads.scale <= LONGEST_DETOUR
    return f"{length:.1f} km" if over_ground else f"distance {length:.6g}"


def _total(instance: VRPInstance, lengths: list[float]) -> str:
    """Return how many routes there are, how long they are together, and what that is measured by."""
    if not lengths:
        return "No routes."
    count = "1 route" if len(lengths) == 1 else f"{len(lengths)} routes"
    scale = "" if instance.roads.scale == 1.0 else f" times {instance.roads.scale:g}"
    measured = f"Distances are straight lines{scale}." if instance.roads.distances is None else "Lines show no streets."
    return f"{count}, {_length(instance, sum(lengths))}. {measured}"


def _sheet(instance: VRPInstance, page: list[dict[str, Any]], colour: str, length: str) -> str:
    """Return the sheet of a driver; names are links to a street map where places have longitudes and latitudes."""
    keys = [
        key for key in page[0] if key not in ("route", "vehicle") and any(row[key] not in (None, 0.0, "") for row in page)
    ]
    head = "".join(f"<th>{key}</th>" for key in keys)
    rows = []
    for place, row in enumerate(page):
        name = _link(instance, row["name"])
        if row["name"] in instance.depots and 0 < place < len(page) - 1:
            name += " (load again)"
        cells = [name if key == "name" else html.escape(_cell(row[key])) for key in keys]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    title = f'<span style="background:{colour}"></span>Route {page[0]["route"]}: {html.escape(page[0]["vehicle"])}, {length}'
    return f"<section><h2>{title}</h2><table><tr>{head}</tr>{''.join(rows)}</table></section>"


def _link(instance: VRPInstance, name: str) -> str:
    text = html.escape(name)
    if not instance.roads.geographic:
        return text
    lon, lat = _place(instance, name)
    return (
        f'<a href="https://www.openstreetmap.org/?mlat={lat:.6f}&amp;mlon={lon:.6f}#map=17/{lat:.6f}/{lon:.6f}">{text}</a>'
    )


def _cell(value: Any) -> str:
    """Return an entry as text: nothing where there is none, several loads with plus signs."""
    if isinstance(value, list):
        return " + ".join(_cell(one) for one in value)
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
