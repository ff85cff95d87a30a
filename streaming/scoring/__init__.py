"""The scoring pass and what it reads: models in use, features of second entities."""
