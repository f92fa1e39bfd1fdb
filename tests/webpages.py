"""Reads HTML files as strictly as their tests need."""

from __future__ import annotations

import html.parser

__all__ = ["Page"]


class Page(html.parser.HTMLParser):
    """Counts elements, and fails where tags do not match."""

    LEAVES = frozenset(
        {"meta", "img", "input", "tr", "td", "th", "dt", "dd", "li", "path", "line", "br"}
    )

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.LEAVES:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.LEAVES:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]
