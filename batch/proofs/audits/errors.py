"""Why there is nothing to audit, said so that the reader knows what to do."""


class NothingToAudit(RuntimeError):
    """There is no prediction to audit; its subclasses say why."""

    exit_code = 4


class NoSuchPrediction(NothingToAudit):
    """The archive has no such prediction; says how far it reaches."""


class EntityUnknown(NothingToAudit):
    """The archive has no event of the entity."""


class EventSuppressed(NothingToAudit):
    """The event was folded, but no prediction was made; says why."""


class EventRefused(NothingToAudit):
    """The event was a dead letter; says why."""
