"""Lists lose the erased entity's lines, other reports go whole, the rest stays as it is."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jinja2 import Environment

from batch.privacy.reports import erase_reports, named_reports
from batch.privacy.sought import Sought
from reports.files import write_text
from reports.spreadsheet import SpreadsheetWriter
from reports.terminal import one_line, visible, visible_json

SOUGHT = Sought(("7590-VHVEG",), ("customer", "entity"))


def reports(folder: Path) -> Path:
    audits = folder / "audits"
    audits.mkdir(parents=True)
    (folder / "retention-1.csv").write_text(
        'entity,score,reasons\r\n7590-VHVEG,0.9,"a; b"\r\n1111-AAAAA,0.8,"c, d"\r\n'
    )
    rows = pa.table({"entity": ["7590-VHVEG", "1111-AAAAA"], "score": [0.9, 0.8]})
    pq.write_table(rows, folder / "retention-1.parquet")
    (audits / "p1.html").write_text("<td>7590-VHVEG</td>")
    (audits / "p1.json").write_text('{"entity":"7590-VHVEG"}')
    (audits / "p1.txt").write_text("score 0.9")  # of the same audit
    (audits / "p2.html").write_text("<td>1111-AAAAA</td>")
    (folder / "parity.json").write_text('{"differences":[{"entity":"7590-VHVEG"}]}')
    (folder / "chart.png").write_bytes(b"\x89PNG7590-VHVEG")
    return folder


def test_every_report_that_names_the_entity_is_found(tmp_path: Path) -> None:
    folder = reports(tmp_path / "reports")
    names = {path.name for path in named_reports(folder, SOUGHT)}
    lists = {"retention-1.csv", "retention-1.parquet"}
    assert names == {*lists, "p1.html", "p1.json", "p1.txt", "parity.json"}
    assert named_reports(tmp_path / "none", SOUGHT) == []


def test_lists_keep_their_other_lines_and_other_reports_go(tmp_path: Path) -> None:
    folder = reports(tmp_path / "reports")
    assert len(erase_reports(folder, SOUGHT)) == 6
    remaining_lines = (folder / "retention-1.csv").read_bytes()
    assert remaining_lines == b'entity,score,reasons\r\n1111-AAAAA,0.8,"c, d"\r\n'
    table = pq.read_table(folder / "retention-1.parquet")
    assert table.to_pylist() == [{"entity": "1111-AAAAA", "score": 0.8}]
    assert [path.name for path in sorted((folder / "audits").iterdir())] == ["p2.html"]
    assert erase_reports(folder, SOUGHT) == []


@pytest.mark.parametrize(
    "entity", ["=1+1+1;a", "'quoted-id", "a\x1b[2J-\u202eb", "a<b>&\"c'd", "a\nb-cdef"]
)
def test_an_id_is_found_however_lists_pages_and_texts_write_it(tmp_path: Path, entity: str) -> None:
    with (tmp_path / "list.csv").open("w", newline="") as file:
        writer = SpreadsheetWriter(file, ["entity", "score"])
        for cell in (entity, "other; =1"):
            writer.write([cell, 0.5])
    write_text(tmp_path / "audit.txt", f"entity  {one_line(entity)}\n")
    write_text(tmp_path / "rows.json", visible_json(json.dumps({"x": entity}, ensure_ascii=False)))
    template = Environment(autoescape=True, finalize=visible).from_string("<td>{{ value }}</td>")
    write_text(tmp_path / "page.html", template.render(value=entity))
    sought = Sought((entity,), ("entity",))
    assert len(erase_reports(tmp_path, sought)) == 4
    (remaining_report,) = tmp_path.iterdir()
    with remaining_report.open(newline="") as lines:
        assert [row[0] for row in csv.reader(lines)] == ["entity", "other; =1"]
