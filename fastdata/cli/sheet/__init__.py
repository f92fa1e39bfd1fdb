"""One HTML page that shows a pack at a glance: collected as records, rendered, written."""

from fastdata.cli.sheet.writing import write_sheet

__all__ = ["write_sheet"]
