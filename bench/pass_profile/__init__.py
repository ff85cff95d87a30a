"""CPU of the scoring pass per event and stage, without Spark."""
