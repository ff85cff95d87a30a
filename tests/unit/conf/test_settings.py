"""Settings: what wins, what is refused and how it is said."""

from pathlib import Path

import pytest

from conf.describe import describe
from conf.errors import Problem, SettingsError
from conf.settings import load_settings

SASL = (
    "kafka.security_protocol=SASL_SSL",
    "kafka.sasl_mechanism=PLAIN",
    "kafka.sasl_username=everscore",
)
PASSWORD = {"EVERSCORE__KAFKA__SASL_PASSWORD": "hunter2"}


def problems_of(*overrides: str, env: str = "local", **environ: str) -> dict[str, Problem]:
    with pytest.raises(SettingsError) as error:
        load_settings(env, overrides=overrides, environ=environ)
    assert error.value.exit_code == 2
    return {problem.path: problem for problem in error.value.problems}


def own_file(folder: Path, text: str) -> str:
    path = folder / "own.toml"
    local = Path(__file__).parents[3] / "conf" / "local.toml"
    path.write_text(local.read_text() + text)
    return str(path)


@pytest.mark.parametrize("env", ["local", "cluster"])
def test_every_environment_of_the_project_is_valid(env: str) -> None:
    assert load_settings(env, environ={}).scenarios["churn"] == "scenarios.churn.scenario"


def test_override_beats_variable_beats_file() -> None:
    environ = {"EVERSCORE__KAFKA__PARTITIONS": "8", "EVERSCORE__HBASE__REGIONS": "16"}
    settings = load_settings("local", overrides=["kafka.partitions=12"], environ=environ)
    assert settings.kafka.partitions == 12
    assert settings.hbase.regions == 16
    assert settings.kafka.replication_factor == 1


def test_a_spark_property_is_one_setting_whatever_its_dots() -> None:
    settings = load_settings("local", overrides=["spark.conf.spark.ui.enabled=true"], environ={})
    assert settings.spark.conf["spark.ui.enabled"] == "true"
    assert settings.spark.conf["spark.locality.wait"] == "0"


def test_wrong_values_are_refused_together_with_path_and_expectation() -> None:
    problems = problems_of("kafka.partitions=0", "hbase.regions=many", "stream.starting=now")
    assert problems["kafka.partitions"].given == "0"
    assert "greater than 0" in problems["kafka.partitions"].expected
    assert "partitions of each topic" in problems["kafka.partitions"].expected
    assert "valid integer" in problems["hbase.regions"].expected
    assert "'earliest' or 'latest'" in problems["stream.starting"].expected
    assert problems["stream.starting"].source == "--set"


def test_unknown_setting_suggests_the_closest() -> None:
    assert "kafka.partitions?" in problems_of("kafka.particions=3")["kafka.particions"].expected
    assert "hbase.regions" in problems_of("kafka.regions=3")["kafka.regions"].expected


def test_unknown_variable_is_refused_like_an_unknown_setting() -> None:
    problems = problems_of(EVERSCORE__KAFKA__PARTITION="3")
    assert problems["kafka.partition"].source == "EVERSCORE__KAFKA__PARTITION"


def test_a_file_is_typed_strictly(tmp_path: Path) -> None:
    problems = problems_of(env=own_file(tmp_path, '\n[hbase]\nregions = "4"\n'))
    assert problems["hbase.regions"].given == "4"
    assert problems["hbase.regions"].source.endswith("own.toml")


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    (problem,) = problems_of(env=own_file(tmp_path, "\nkafka = = 3\n")).values()
    assert "not valid TOML" in problem.expected


def test_secret_in_a_file_is_refused_and_not_shown(tmp_path: Path) -> None:
    problems = problems_of(env=own_file(tmp_path, '\n[kafka]\nsasl_password = "hunter2"\n'))
    assert "EVERSCORE__KAFKA__SASL_PASSWORD" in problems["kafka.sasl_password"].expected
    assert "hunter2" not in str(problems["kafka.sasl_password"])


def test_secret_on_the_command_line_is_refused_and_not_shown() -> None:
    problems = problems_of("kafka.sasl_password=hunter2", "kafka.sasl_pasword=hunter2")
    assert "hunter2" not in " ".join(map(str, problems.values()))
    assert len(problems) == 2


def test_secret_from_the_environment_is_masked_when_printed() -> None:
    settings = load_settings("local", overrides=SASL, environ=PASSWORD)
    assert settings.kafka.sasl_password is not None
    assert settings.kafka.sasl_password.get_secret_value() == "hunter2"
    assert "hunter2" not in describe(settings) + repr(settings)


def test_password_in_a_url_and_in_a_spark_property_is_masked() -> None:
    overrides = [
        "mlflow.tracking_uri=postgresql://me:hunter2@db/mlflow",
        "spark.conf.spark.hadoop.fs.s3a.secret.key=hunter2",
    ]
    description = describe(load_settings("local", overrides=overrides, environ={}))
    assert "hunter2" not in description
    assert "postgresql://me:********@db/mlflow" in description


def test_sasl_needs_a_name_and_a_password() -> None:
    problems = problems_of("kafka.security_protocol=SASL_SSL")
    assert {"kafka.sasl_mechanism", "kafka.sasl_username", "kafka.sasl_password"} == set(problems)


def test_without_a_platform_every_address_is_needed() -> None:
    problems = problems_of("kafka.bootstrap_servers=", "hbase.thrift_port=0", env="cluster")
    assert set(problems) == {"kafka.bootstrap_servers", "hbase.thrift_port"}
    assert "platform.run_dir is not set" in problems["hbase.thrift_port"].expected


def test_run_dir_moves_everything_that_names_it() -> None:
    settings = load_settings("local", environ={"EVERSCORE_RUN_DIR": "/tmp/elsewhere"})
    assert settings.platform.run_dir == Path("/tmp/elsewhere")
    assert settings.mlflow.tracking_uri == "sqlite:////tmp/elsewhere/mlflow.db"
    assert settings.stream.checkpoint_root == "/tmp/elsewhere/checkpoints"


def test_run_dir_of_this_machine_does_not_reach_a_cluster() -> None:
    settings = load_settings("cluster", environ={"EVERSCORE_RUN_DIR": "/tmp/elsewhere"})
    assert settings.platform.run_dir is None


def test_run_dir_placeholder_without_a_run_dir_is_refused() -> None:
    problems = problems_of("stream.checkpoint_root={platform.run_dir}/x", env="cluster")
    assert "platform.run_dir is not set" in problems["stream.checkpoint_root"].expected


def test_unknown_environment_lists_the_known() -> None:
    assert "cluster, local" in problems_of(env="lokal")["--env"].expected


def test_override_without_a_value_is_refused() -> None:
    assert "kafka.partitions=4" in problems_of("kafka.partitions")["--set"].expected


def test_spark_property_as_a_variable_is_refused() -> None:
    problems = problems_of(EVERSCORE__SPARK__CONF__SPARK_UI="x")
    assert "--set spark.conf.NAME" in problems["spark.conf"].expected


def test_a_run_folder_is_quoted_in_uris_and_nowhere_else() -> None:
    folder = "/runs/Käufer #1 ?%41"
    settings = load_settings("local", environ={"EVERSCORE_RUN_DIR": folder})
    assert settings.mlflow.tracking_uri == (
        "sqlite:////runs/K%C3%A4ufer%20%231%20%3F%2541/mlflow.db"
    )
    assert settings.mlflow.artifact_root == f"{folder}/artifacts"
    assert settings.delta.root == f"{folder}/delta"
    assert settings.platform.run_dir == Path(folder)
