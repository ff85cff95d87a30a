"""HTML pages for people, whole in one file: nothing is loaded from the network."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.terminal import visible


def page(template: str, values: Mapping[str, Any]) -> str:
    """The page of reports/templates/`template` with `values`, which are escaped."""
    return environment_of("reports").get_template(template).render(values)


@cache
def environment_of(package: str) -> Environment:
    """Templates of the folder `templates` of `package`, in which every value is escaped."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["percent"] = percent
    return environment


def _shown(value: Any) -> Any:
    """Texts of events can neither reorder nor hide what stands beside them; markup is ours."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def percent(share: float) -> str:
    """A share of 0 to 1 as for example 12.3%."""
    return f"{100.0 * share:.1f}%"
