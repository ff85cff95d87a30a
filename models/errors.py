"""What can be wrong with a stored model; workers keep scoring with the last good one."""


class ModelUnusable(RuntimeError):
    """A stored model cannot score; its subclasses say why."""

    exit_code = 4


class ModelMissing(ModelUnusable):
    """There are no model files where the deployment record points."""


class ModelCorrupt(ModelUnusable):
    """The files are not the ones that were deployed, or cannot be read."""


class ModelUntrusted(ModelUnusable):
    """The file holds types that are not on the allow-list; nothing of it was loaded."""


class ModelNeedsFeatures(ModelUnusable):
    """The model was trained on columns that the scenario does not have."""
