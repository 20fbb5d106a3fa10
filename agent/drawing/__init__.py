"""Drawings of the station's wiring: for a terminal, and for a page."""
