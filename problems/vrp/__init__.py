"""Rich vehicle routing: windows, fleets, depots, pickups, prizes and limits in one problem."""
