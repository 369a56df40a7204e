"""The rich vehicle routing problem: the authority on its instances, routes and costs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.budget import Sense
from redwood.problem import Problem
from redwood.problems.vrp import files, generators
from redwood.problems.vrp.checks import cost, numbered, violations
from redwood.problems.vrp.fields import assemble, roads_of
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.limits import check_instance
from redwood.problems.vrp.reasons import described
from redwood.problems.vrp.remarks import remarks
from redwood.problems.vrp.repair_suggestions import repair_suggestions
from redwood.problems.vrp.solution import VRPSolution
from redwood.views.bound import Bound
from redwood.views.linear import Linear

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class VRP(Problem[VRPInstance, VRPSolution]):
    """Find routes for a fleet that serve customers within every limit, at the least cost.

    There are one or several depots, types of vehicles with capacities, shifts, greatest durations and distances, and
    customers with deliveries, pickups, service times, time windows, release times and skills; some may be optional with a
    prize, alternatives of each other, or ends of a shipment. A vehicle may reload at some depots in the middle of a route:
    it leaves there what it has picked up and takes the deliveries of its next trip, so loads, releases, shipments and
    linehauls are matters of a trip, times and distances of the whole route. A vehicle waits where it is early. The cost is
    the sum over routes of fixed cost, distance times its cost and duration times its cost, plus the prizes of customers
    left out; waiting costs as duration, and `waiting_cost` besides. For re-planning, beginnings of routes can be fixed, and
    a customer can have a price that is due where its vehicle is of another type than planned. With the objective
    ``"fewest-vehicles"`` each vehicle costs `VRPInstance.vehicle_price` more, which exceeds the cost of any routes, so fewer
    vehicles always win.
    """

    name = "vrp"
    measure = "customers"
    sense = Sense.MIN
    solution_type = VRPSolution
    views: ClassVar = {
        Linear: "redwood.problems.vrp.linear:VRPLinear",
        Bound: "redwood.problems.vrp.bound:VRPBound",
    }
    variants = generators.VARIANTS
    suffix = ".json"
    other_suffixes = (".vrp", ".txt")
    solution_suffix = ".sol"

    def make(
        self,
        *,
        customers: Any,
        depots: Any = None,
        vehicles: Any = None,
        distances: Any = None,
        durations: Any = None,
        metric: str | None = None,
        rounding: str = "none",
        scale: float = 1.0,
        speed: Any = None,
        time_unit: str | None = None,
        shipments: Any = None,
        groups: Any = None,
        prefixes: Any = None,
        linehauls_first: bool = False,
        objective: str = "cost",
        name: str = "",
        best_known: float | None = None,
    ) -> VRPInstance:
        """Return a validated instance.

        A table is a list of mappings, a mapping of columns, a pandas frame, or the path of a CSV file with a head.

        Parameters
        ----------
        customers
            Table with the columns name, x and y or lon and lat, delivery (or demand), pickup, service, ready and due (or
            window, or windows, a list of [first, last]), release, prize, required, skills, group, planned (the type of
            vehicle that was to serve it) and change_price (what another type costs); all may be missing.
            How long service takes may be told as ``service minutes`` or ``service hours``.
            Loads may be lists, one number a dimension. A customer with a prize is optional unless required says otherwise.
        depots
            Table with name, x and y or lon and lat, ready and due (or window), and reload_time (how long a reload takes
            there), or the names of rows of the customers' table; by default its rows whose name begins with "depot".
        vehicles
            Table with name, number (by default any), capacity, fixed_cost, distance_cost (by default 1), duration_cost,
            waiting_cost, shift, max_duration, max_distance, start, end (a depot, by default the start; ``None`` or "none"
            for routes that end at their last customer), skills, profile, allowed (a list of customers), reload_depots (a
            list of depots where it may empty and load anew in the middle of a route) and max_reloads (by default any).
        distances, durations
            Matrices [places, places], depots first, or frames with the names as labels, in any order; or mappings from
            profiles, such as van and bike, to these. Durations are by default distances over speed.
        metric
            ``"euclidean"``, ``"great-circle"`` (km) or ``"matrix"``; by default what the columns say.
        rounding
            Of distances by coordinates: ``"none"``, ``"nearest"``, ``"down"`` or ``"one-decimal"``.
        scale
            By which these distances are multiplied before.
        speed
            Distance in a unit of time, a number or a mapping from profiles to numbers; by default 1.
        time_unit
            What a time of 1 is: ``"hours"``, ``"minutes"``, ``"seconds"`` or ``"none"``. Times may then be texts such as
            07:30, windows and shifts texts such as 07:30-11:00, and are told so. By default hours where there are
            longitudes and latitudes and a speed of 2 or more, and none elsewhere.
        shipments
            Table with pickup and delivery (names of customers) and amount.
        groups
            Mapping from groups of customers to whether one of the group must be served, by default yes.
        prefixes
            Table with vehicle and customers (a list): a route of that vehicle begins with them, whatever comes behind.
        linehauls_first
            Whether on each route all deliveries come before the first pickup.
        objective
            ``"cost"`` or ``"fewest-vehicles"``.
        """
        made = assemble(
            customers,
            depots,
            vehicles,
            shipments,
            groups,
            prefixes,
            lambda coords, geographic, places: roads_of(
                coords,
                geographic,
                places,
                distances=distances,
                durations=durations,
                metric=metric,
                rounding=rounding,
                scale=scale,
                speed=speed,
            ),
            time_unit,
            speed,
        )
        instance = dataclasses.replace(
            made, linehauls_first=bool(linehauls_first), objective=objective, name=name, best_known=best_known
        )
        self.validate(instance)
        return instance

    def generate(self, size: int, rng: np.random.Generator, *, variant: str = "plain") -> VRPInstance:
        """Return a random instance with ``size`` customers.

        Parameters
        ----------
        variant
            ``plain``: one depot and one type of vehicle with a capacity; ``windows``: time windows and service times as
            Solomon has them; ``depots``: several depots and a greatest duration; ``fleet``: types of vehicles with costs
            of their own; ``pickups``: deliveries and pickups on the same routes; ``shipments``: goods from customer to
            customer within time windows; ``prizes``: optional customers with prizes within time windows; ``reloads``: so few
            vehicles that each makes about three trips, with reloads at two depots.
        """
        return self.make(**generators.draw(variant, size, rng), name=f"vrp-{variant}-{size}")

    def validate(self, instance: VRPInstance) -> None:
        """Raise `InstanceError` where the data break a rule, or where it is plain that no routes can serve everyone."""
        check_instance(instance)

    def objective(self, instance: VRPInstance, solution: VRPSolution) -> float:
        """Return the cost, plus the price of each vehicle where the fewest are asked for."""
        routes = numbered(instance, solution)
        return cost(instance, routes) + instance.vehicle_price * len(routes)

    def violations(self, instance: VRPInstance, solution: VRPSolution) -> list[str]:
        """Return the customers, routes and vehicles that break a rule, each in words."""
        return violations(instance, solution)

    def repair_suggestions(self, instance: VRPInstance, solution: VRPSolution) -> list[str]:
        """Return for each required customer that is not served where it fits best, or why nowhere."""
        return repair_suggestions(instance, solution)

    def remarks(self, instance: VRPInstance) -> list[str]:
        """Return who need not be served and cannot be, and customers too many for the fleet of whom no two share a route."""
        return remarks(instance)

    def described(self, instance: VRPInstance, solution: VRPSolution) -> VRPSolution:
        """Return the solution with its times and loads, and the reason for each customer that is left out."""
        return described(instance, solution)

    def parse(self, text: str, name: str, *, rounding: str | None = None, objective: str | None = None) -> VRPInstance:
        """Return the instance of a file's text; its form (JSON, VRPLIB, Solomon, Cordeau, Li and Lim) is recognised.

        Parameters
        ----------
        text, name
            The content of the file, and what the instance is called that has no name of its own.
        rounding
            What becomes of a VRPLIB file's numbers, as in PyVRP: ``"none"`` (the default), ``"round"``, ``"trunc"``,
            ``"dimacs"`` (times 10, truncated) or ``"exact"`` (times 1,000, rounded).
        objective
            ``"cost"`` or ``"fewest-vehicles"``; by default what a JSON file says, else cost.
        """
        return files.parse_instance(self, text, name, rounding, objective)

    def format(self, instance: VRPInstance) -> str:
        """Return the instance as JSON."""
        return files.format_instance(instance)

    def format_as(self, instance: VRPInstance, suffix: str) -> str:
        """Return the instance as VRPLIB text (``.vrp``) or as Solomon's (``.txt``); places are numbered in both."""
        return files.format_as(instance, suffix)

    def parse_solution(self, text: str, instance: VRPInstance) -> VRPSolution:
        """Return the routes of a ``.sol`` text, in which names stand for customers and routes for vehicles, in order."""
        return files.parse_solution(text, instance)

    def format_solution(self, instance: VRPInstance, solution: VRPSolution) -> str:
        """Return a ``.sol`` text."""
        return files.format_solution(instance, solution, self.objective(instance, solution))

    def plot(self, instance: VRPInstance, solution: VRPSolution | None, axes: Axes) -> None:
        """Draw places and routes, one colour a route with its vehicle, load and times in the legend."""
        from redwood.problems.vrp.picture import draw

        draw(instance, solution, axes)
