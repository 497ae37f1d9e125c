"""HTML and SVG as a tree of elements: every text and attribute is escaped by the serializer.

No markup is ever put together from strings, so nothing that a reason, a column or a description
holds can become markup.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, TypeAlias
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Child", "Element", "code", "document", "el", "prose"]

Element: TypeAlias = ET.Element
Child: TypeAlias = "str | Element | Iterable[Child] | None"

# What no HTML text may hold: control characters, and halves of what UTF-16 writes in two.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_MARKED = re.compile(r"``(?P<code>[^`]+)``|:\w+:`~?(?:[\w.]*\.)?(?P<ref>\w+)`")


def el(tag: str, *children: Child, **attributes: str | float | bool | None) -> Element:
    """Make an element.

    Parameters
    ----------
    tag
        Its name.
    children
        Texts, elements, and iterables of both; None is nothing.
    attributes
        ``class_`` and ``for_`` for those that are words of Python; ``data_find`` is ``data-find``.
        None and False are left out, and True is an attribute without a value.

    Examples
    --------
    >>> ET.tostring(el("p", "a < b", el("b", "!"), class_="note"), encoding="unicode")
    '<p class="note">a &lt; b<b>!</b></p>'
    """
    element = ET.Element(tag)
    for name, value in attributes.items():
        if value is not None and value is not False:
            text = "" if value is True else str(value)
            element.set(name.rstrip("_").replace("_", "-"), _shown(text))
    _append(element, children)
    return element


def _append(element: Element, children: Child) -> None:
    if children is None:
        return
    if isinstance(children, str):
        text = _shown(children)
        if len(element):
            element[-1].tail = (element[-1].tail or "") + text
        else:
            element.text = (element.text or "") + text
    elif isinstance(children, ET.Element):
        element.append(children)
    else:
        for child in children:
            _append(element, child)


def _shown(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")  # as every HTML parser reads them
    return _UNSHOWABLE.sub("\ufffd", lines)


def code(text: str) -> Element:
    """A name as code; it reads in its own direction, whatever stands around it."""
    return el("code", text, dir="auto")


def prose(text: str) -> list[Child]:
    """A docstring's sentence, with what it marks as code.

    >>> [ET.tostring(part, encoding="unicode") for part in prose("``done``")]
    ['<code dir="auto">done</code>']
    """
    parts: list[Child] = []
    end = 0
    for match in _MARKED.finditer(text):
        parts += [text[end : match.start()], code(match["code"] or match["ref"])]
        end = match.end()
    return [part for part in [*parts, text[end:]] if part != ""]


def document(*, title: str, head: Child, content: Child) -> str:
    """The whole page: one file that asks for nothing else.

    Style and script are in it, and its content security policy allows these two and nothing more:
    not one request can leave, whatever is in the texts.
    """
    folder = Path(__file__).parent
    style, script, page = (
        (folder / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js", "html")
    )
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return Template(page).substitute(
        policy=policy,
        title=_inside(el("title", title)),
        style=style,
        script=script,
        head=_inside(el("div", head)),
        content=_inside(el("div", content)),
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _inside(element: Element) -> str:
    """What stands in an element."""
    whole = ET.tostring(element, encoding="unicode", method="html")
    return whole[whole.index(">") + 1 : whole.rindex("<")]
