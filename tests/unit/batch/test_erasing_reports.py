"""Lists lose the erased entity's lines, other reports go whole, the rest stays as it is."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from batch.erasing_reports import erase_reports, named_reports
from batch.sought import Sought

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
    left = (folder / "retention-1.csv").read_bytes()
    assert left == b'entity,score,reasons\r\n1111-AAAAA,0.8,"c, d"\r\n'
    table = pq.read_table(folder / "retention-1.parquet")
    assert table.to_pylist() == [{"entity": "1111-AAAAA", "score": 0.8}]
    assert [path.name for path in sorted((folder / "audits").iterdir())] == ["p2.html"]
    assert erase_reports(folder, SOUGHT) == []
