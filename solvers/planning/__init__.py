"""Planning: policies for problems of repeated joint actions."""
