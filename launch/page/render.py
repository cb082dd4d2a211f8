"""A page's text from its template and content; whatever comes from logs is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jinja2
from markupsafe import Markup
from plotly.graph_objects import Figure
from plotly.io.json import to_json_plotly

from launch.page.script import scripts, text_of


def rendered(template: str, name: str, content: Mapping[str, Any]) -> str:
    """Return a page; name: its title."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(text_of),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = _figure
    made = scripts()
    return environment.get_template(template).render(
        **content,
        name=name,
        policy=made.policy,
        style=Markup(text_of("page.css")),
        script=Markup(made.own),
        library=made.library,
    )


def _figure(figure: Figure) -> Markup:
    """A figure as JSON that may stand in a script element: nothing in it can end one."""
    text = to_json_plotly(figure.to_dict() | {"layout": _layout(figure)})
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _layout(figure: Figure) -> dict[str, Any]:
    layout: dict[str, Any] = figure.to_dict()["layout"]
    layout.pop("template", None)  # the page's style decides
    return layout
