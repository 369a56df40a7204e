"""Capacitated vehicle routing: the cheapest routes from one depot that serve every customer once."""
