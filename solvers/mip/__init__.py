"""Mixed-integer programming for every problem that offers the view `Linear`."""
