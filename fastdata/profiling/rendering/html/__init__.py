"""A profile as one HTML file that needs no network, no script and no other file."""

from fastdata.profiling.rendering.html.page import render

__all__ = ["render"]
