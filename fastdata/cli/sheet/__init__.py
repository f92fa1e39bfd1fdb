"""One HTML page that shows a pack at a glance: collected as records, then rendered."""

from fastdata.cli.sheet.collect import collect
from fastdata.cli.sheet.page import render

__all__ = ["collect", "render"]
