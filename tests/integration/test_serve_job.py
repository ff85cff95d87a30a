"""The job `serve` on a real platform: says where it listens, answers its keys, ends at SIGTERM."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from local.endpoints import Endpoints
from stores.hbase.connection import HBaseStore

CHECKOUT = Path(__file__).resolve().parents[2]


def test_service_answers_its_keys_and_ends_at_sigterm(
    platform: Endpoints, run_dir: Path, store: HBaseStore, tmp_path: Path
) -> None:
    overrides = [
        f"serving.keys_file={tmp_path / 'keys.toml'}",
        f"hbase.namespace={store.namespace}",
    ]
    options = [option for override in overrides for option in ("--set", override)]
    environ = {**os.environ, "EVERSCORE_RUN_DIR": str(run_dir)}
    key = output_of(["--new-key", "tests", "--role", "agent", *options], environ).strip()
    assert key.startswith("evs_")
    process = subprocess.Popen(
        [sys.executable, "-m", "jobs", "serve", "--scenario", "churn", "--port", "0", *options],
        cwd=CHECKOUT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip().removesuffix("/desk")
        assert address.startswith("http://127.0.0.1:")
        with httpx.Client(base_url=address, timeout=30.0) as client:
            assert client.get("/v2/health/live").json() == {"live": True}
            ready = client.get("/v2/health/ready")
            # No model is deployed in this namespace, and there is no topic of churn.
            assert (ready.status_code, "model of churn" in ready.json()["failing"]) == (503, True)
            assert client.get("/openapi.json").status_code == 401
            document = client.get("/openapi.json", headers={"X-API-Key": key})
            assert document.json()["info"]["title"] == "Everscore"
            script = client.get("/static/htmx.js")
            assert script.headers["content-type"].startswith("text/javascript")
            assert "htmx" in script.text
            assert client.get("/login").status_code == 200
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 143, stderr
    assert '"route": "/openapi.json", "status": 200' in stderr
    assert "Traceback" not in stderr
    assert key not in stderr


def output_of(arguments: list[str], environ: Mapping[str, str]) -> Any:
    command = [sys.executable, "-m", "jobs", "serve", *arguments]
    return subprocess.run(
        command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=True, timeout=60
    ).stdout
