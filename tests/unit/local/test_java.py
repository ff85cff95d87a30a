"""The command line of a server takes further options from the environment."""

from pathlib import Path

from local.java import OPTIONS_VARIABLE, server


def test_further_options_of_the_environment_come_before_the_class(tmp_path: Path) -> None:
    def words(environ: dict[str, str]) -> list[str]:
        return server("Main", classpath=["x"], heap_mb=64, crash_folder=tmp_path, environ=environ)

    plain = words({})
    longer = words({OPTIONS_VARIABLE: "-XX:TieredStopAtLevel=1 '-Dname=a b'"})
    assert longer == [*plain[:-3], "-XX:TieredStopAtLevel=1", "-Dname=a b", *plain[-3:]]
