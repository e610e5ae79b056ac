"""Put the progress log on whatever spawner class a hub uses."""

from importlib.metadata import entry_points
from importlib.resources import files

from traitlets.config import Config
from traitlets.utils.importstring import import_item

from .config import SpawnProgress
from .mixin import SpawnProgressMixin

_DEFAULT = "jupyterhub.spawner.LocalProcessSpawner"


def setup(c: Config) -> None:
    """
    Make the hub that *c* configures say in plain words what happens while a server starts.

    To be called last in `jupyterhub_config.py`, after the spawner class has been chosen: wraps whatever
    `c.JupyterHub.spawner_class` is, a class, the name of an entry point or a dotted path. Settings of
    `c.KubeSpawner`, or of a class of your own, stay in force. Calling it again changes nothing.

    Raises:
        RulesError: the rules in `c.SpawnProgress` cannot be used.
    """
    SpawnProgress(config=c).table()
    hub = c.JupyterHub
    hub.spawner_class = with_progress(_resolved(hub.spawner_class if "spawner_class" in hub else _DEFAULT))
    templates = str(files(__package__).joinpath("templates"))
    paths = hub.template_paths
    if isinstance(paths, list):
        if templates not in paths:
            paths.append(templates)
    elif templates not in paths.to_dict().get("prepend", []):
        paths.prepend([templates])


def with_progress(spawner_class: type) -> type:
    """Return *spawner_class* with the progress log; itself, if it has that already."""
    if issubclass(spawner_class, SpawnProgressMixin):
        return spawner_class
    return type(
        f"{spawner_class.__name__}WithProgress",
        (_mixin_for(spawner_class), spawner_class),
        {"__module__": spawner_class.__module__, "__doc__": spawner_class.__doc__},
    )


def _resolved(spawner_class: type | str) -> type:
    if not isinstance(spawner_class, str):
        return spawner_class
    for entry_point in entry_points(group="jupyterhub.spawners"):
        if entry_point.name.lower() == spawner_class.lower():
            found: type = entry_point.load()
            return found
    imported: type = import_item(spawner_class)
    return imported


def _mixin_for(spawner_class: type) -> type:
    if ("kubespawner.spawner", "KubeSpawner") not in {(cls.__module__, cls.__name__) for cls in spawner_class.__mro__}:
        return SpawnProgressMixin
    from .kube import KubeSpawnProgressMixin  # noqa: PLC0415 - KubeSpawner need not be installed

    return KubeSpawnProgressMixin
