"""What every HTML file of fastdata has in common: one file, no network, light and dark."""

from __future__ import annotations

import html
from importlib import resources

__all__ = ["document", "escape", "read_style"]

# Even a name that slipped through unescaped could then load and run nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def escape(value: object) -> str:
    """`value` as text that is safe between tags and in quoted attributes."""
    # Lone surrogates stand for undecodable bytes of a file name; UTF-8 cannot hold them.
    escaped = str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    return html.escape(escaped)


def read_style(package: str, name: str) -> str:
    """The text of a style sheet.

    Args:
        package: In whose folder it lies.
        name: Of the file.
    """
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def document(title: str, *, style: str, body: str) -> str:
    """A whole page, to be written as UTF-8.

    Args:
        title: As plain text.
        style: Sheet to follow ``base.css``, whose colours and elements it may use.
        body: HTML.
    """
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f"<style>{read_style(__package__, 'base.css')}{style}</style></head>"
        f"<body>{body}</body></html>\n"
    )
