"""The page on which a browser scores, and the files that only it needs."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from serving.access.roles import Allowed, Principal
from serving.device.routes import DEVICE_ROLES, Devices, devices_of
from serving.device.web_files import COMMAND, VERSION, WebFiles, WebFilesMissing, media_type
from serving.pages.html import html_page
from serving.parts import DeskEntry

ENTRY = DeskEntry(key="device", path="/desk/{scenario}/device", roles=DEVICE_ROLES)
WORKER = "device-worker.js"
# What the script shows, in the language of the page.
SCRIPT_TEXTS = (
    "checking",
    "ready",
    "ready_stored",
    "offline",
    "insecure",
    "key_over",
    "never_loaded",
    "not_ready",
    "too_old",
    "clock_set_back",
    "golden_differs",
    "golden_equal",
    "damaged_graph",
    "failed",
    "missing",
    "result_version",
    "sent",
    "kept",
    "no_answer",
)


def page_router(devices: Mapping[str, Devices], web_files: WebFiles) -> APIRouter:
    """`/desk/{scenario}/device`, its service worker, and onnxruntime-web's files."""
    routes = APIRouter(prefix="/desk/{scenario}/device", tags=["pages"])
    allowed = Depends(Allowed(*DEVICE_ROLES))

    @routes.get("", response_class=HTMLResponse, summary="Score in this browser, also offline")
    def page(
        scenario: str, request: Request, caller: Annotated[Principal, allowed]
    ) -> HTMLResponse:
        devices_of(devices, scenario)
        path = f"/desk/{quote(scenario, safe='')}/device"
        values = {
            "missing": web_files.problem(),
            "command": COMMAND,
            "script_texts": SCRIPT_TEXTS,
            "runtime_url": f"{path}/onnxruntime/{VERSION}/",
            "worker_url": f"{path}/worker.js",
            "scope_path": path,
        }
        return html_page(request, "device.html", values)

    @routes.get("/worker.js", response_class=Response, summary="What opens the page offline")
    def worker(scenario: str, caller: Annotated[Principal, allowed]) -> Response:
        devices_of(devices, scenario)
        script = files("serving").joinpath("static", WORKER).read_bytes()
        headers = {
            "Service-Worker-Allowed": f"/desk/{quote(scenario, safe='')}/device",
            "Cache-Control": "no-cache",
        }
        return Response(script, media_type="text/javascript", headers=headers)

    @routes.get(
        "/onnxruntime/{version}/{name}",
        response_class=Response,
        summary="A file of onnxruntime-web",
    )
    def runtime(
        scenario: str, version: str, name: str, caller: Annotated[Principal, allowed]
    ) -> Response:
        devices_of(devices, scenario)
        if version != VERSION:
            raise HTTPException(404, f"there is version {VERSION} only")
        try:
            content = web_files.path(name).read_bytes()
        except WebFilesMissing as error:
            raise HTTPException(404, str(error)) from None
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return Response(content, media_type=media_type(name), headers=headers)

    return routes
