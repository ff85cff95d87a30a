"""What can be wrong with Kafka and its topics."""


class KafkaDown(ConnectionError):
    """Kafka does not answer or does not acknowledge; the message names the servers."""

    exit_code = 3


class TopicMissing(RuntimeError):
    """Kafka answers, but lacks topics; the message names them and the job that creates them."""

    exit_code = 4
