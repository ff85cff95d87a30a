"""Write a registered version as ONNX or PMML for other software, compared with the version."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from batch.exchange.exported import exported
from jobs.launcher.run import Service, job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.wiring.model_versions import CHAMPION, model_version
from local.cache import cache_dir
from models.formats.parity import check_parity
from models.registry.versions import load_version
from scenarios.contract.probe_set import probe_rows

SPARK = False


def main(
    scenario: ScenarioOption,
    to: Annotated[Literal["onnx", "pmml"], Option(help="The format to write.")],
    output: Annotated[Path, Option(help="The file to write; its folder must exist.")],
    version: Annotated[str, Option(help="A registered version, or champion.")] = CHAMPION,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Convert, compare, write nothing.")] = False,
) -> None:
    needs: tuple[Service, ...] = ("hbase",) if version == CHAMPION else ()
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=needs
    ) as run:
        declared = run.scenario
        registered = model_version(run.settings, scenario, version)
        model = load_version(
            registered,
            available_features=declared.feature_names,
            cache_dir=cache_dir() / "models",
        )
        result = exported(model, probe_rows(declared), to=to)
        name = f"{registered.name} version {registered.version}"
        line = f"parity of {name} and its {to}: {result.parity.sentence}"
        run.console.print(line, markup=False, highlight=False, soft_wrap=True)
        check_parity(result.parity, what=f"{name} and its {to}")
        if dry_run:
            return
        output.write_bytes(result.content)
        run.console.print(
            f"written to {output} ({len(result.content):,} bytes)",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


app = job_app(
    main,
    doc=__doc__,
    example="./spark-submit.sh export_model --scenario churn --to onnx --output churn.onnx",
)
