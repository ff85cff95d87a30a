"""What storing images costs: puts and gets of the attachment table, and bytes of the archive.

Starts a platform of its own, unless one is named.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from typer import Option

from bench.image_files import image_text, noisy_image
from features.images.pixels import PNG, Grey
from jobs.wiring.table_making import local_table
from local.endpoints import Endpoints, read_endpoints
from local.servers.platform import Platform, down, up
from local.tables import create_tables
from stores.hbase.attachments import AttachmentPlace, StoredAttachment
from stores.hbase.connection import HBaseStore
from stores.hbase.tables import table_specs


def main(
    images: Annotated[int, Option(min=100)] = 5_000,
    side: Annotated[int, Option(min=8, help="Of the images, in pixels.")] = 64,
    run_dir: Annotated[Path | None, Option(help="Of a running platform.")] = None,
) -> None:
    """Print rates, each for one connection, and bytes per event."""
    greys = [Grey(noisy_image(side, number)) for number in range(images)]
    attachments = [
        StoredAttachment(
            digest=grey.digest,
            stored=grey.png(),
            media_type=PNG,
            entity=f"c{number:08d}",
            partition=0,
            position=number,
            event_ms=number,
        )
        for number, grey in enumerate(greys)
    ]
    size = sum(len(one.stored) for one in attachments) / images
    print(f"{images:,} images of {side} x {side} pixels, {size:,.0f} bytes each as PNG")
    with _platform(run_dir) as endpoints:
        host, port = endpoints.hbase_thrift_host, endpoints.hbase_thrift_port
        place = AttachmentPlace(HBaseStore(host, port, f"bench{time.time_ns()}", 60.0), 60.0)
        specs = table_specs("bench", regions=4, state_versions=1, has_attachments=True)
        create_tables(endpoints, [local_table(place.store.namespace, spec) for spec in specs[-1:]])
        table, digests = place.table(), [one.digest for one in attachments]
        parts = [attachments[at : at + 500] for at in range(0, images, 500)]
        _timed("put, new", images, lambda: [table.put("bench", part) for part in parts])
        _timed("put, known", images, lambda: [table.put("bench", part) for part in parts])
        _timed("get, 32 at once", images, lambda: table.contents(digests))
        _timed("get, one by one", images, lambda: [table.contents([one]) for one in digests])
        _timed("known", images, lambda: table.known(digests))
    inline = [b'{"image":"%s"}' % image_text(one.stored).encode() for one in attachments]
    referring = [b'{"image":"sha256:%s"}' % digest.encode() for digest in digests]
    for name, values in (("inline", inline), ("by reference", referring)):
        print(f"archive, {name:12} {_archived(values) / images:8,.0f} bytes per event")


def _timed(name: str, count: int, action: Callable[[], object]) -> None:
    began = time.perf_counter()
    action()
    print(f"{name:16} {count / (time.perf_counter() - began):10,.0f} per second")


def _archived(values: list[bytes]) -> int:
    """Bytes of `values` as Delta's files hold them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "part.parquet"
        pq.write_table(
            pa.table({"value": pa.array(values, pa.binary())}), file, compression="snappy"
        )
        return file.stat().st_size


@contextmanager
def _platform(run_dir: Path | None) -> Iterator[Endpoints]:
    if run_dir is not None:
        yield read_endpoints(run_dir)
        return
    with tempfile.TemporaryDirectory(prefix="everscore-attachments-") as folder:
        platform = Platform(Path(folder), die_with_parent=True)
        try:
            yield up(platform)
        finally:
            down(platform)


if __name__ == "__main__":
    typer.run(main)
