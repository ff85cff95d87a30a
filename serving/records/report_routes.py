"""Quality figures, and the pages that jobs have written, over HTTP."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Path, Response

from serving.access.roles import Allowed, Principal, Role
from serving.records.report_files import ReportAbsent, ReportDamaged, ReportFiles
from serving.rows.named import of_scenario

Reader = Annotated[Principal, Depends(Allowed(Role.SCIENTIST, Role.OPERATOR, Role.AUDITOR))]
# The pages are whole in one file, with styles and scripts of their own. As a sandbox they have no
# origin: their scripts can neither read our cookies nor call us.
_SANDBOX = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-scripts"
)


def router(files: Mapping[str, ReportFiles]) -> APIRouter:
    """The operations; `files` by the name of the scenario."""
    routes = APIRouter(tags=["quality and reports"])

    @routes.get("/v1/{scenario}/quality")
    def quality(scenario: str, caller: Reader) -> Response:
        """What the newest run of `monitor` has measured, the newest period first, with its age."""
        try:
            figures = of_scenario(files, scenario).quality(datetime.now(UTC))
        except ReportAbsent as error:
            raise HTTPException(404, str(error)) from None
        except ReportDamaged as error:
            raise HTTPException(503, str(error)) from None
        return Response(msgspec.json.encode(figures), media_type="application/json")

    @routes.get("/v1/{scenario}/reports/{name}")
    def report(
        scenario: str, name: Annotated[str, Path(max_length=40)], caller: Reader
    ) -> Response:
        """A page that `monitor` has written: `quality`, or `drift-NNNN` of a period."""
        return _page(lambda: of_scenario(files, scenario).page(name))

    @routes.get("/v1/{scenario}/audits/{prediction_id}")
    def audit_page(
        scenario: str, prediction_id: Annotated[str, Path(max_length=300)], caller: Reader
    ) -> Response:
        """The page of a prediction that was audited."""
        return _page(lambda: of_scenario(files, scenario).audit(prediction_id))

    return routes


def _page(read: Callable[[], bytes]) -> Response:
    try:
        html = read()
    except ReportAbsent as error:
        raise HTTPException(404, str(error)) from None
    headers = {"Content-Security-Policy": _SANDBOX, "Cache-Control": "private, no-store"}
    return Response(html, media_type="text/html", headers=headers)
