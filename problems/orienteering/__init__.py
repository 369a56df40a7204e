"""Orienteering: the highest sum of prizes on a path of bounded length."""
