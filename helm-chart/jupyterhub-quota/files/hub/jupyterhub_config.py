"""
Let the hub check quotas: its last piece of configuration, run from `hub.extraConfig`.

Our packages lie in a folder that an init container filled, one for each version of Python. They are appended to the
path, so that the hub's own packages win. If they cannot be imported all the same, the hub starts without them: the
policy's `when_unknown` then governs launches, and log, metric and alert say so.

Standard library, JupyterHub and what it depends on only.
"""


def _jupyterhub_quota(c, folder="/etc/jupyterhub-quota", code="/opt/jupyterhub-quota"):  # noqa: PLR0915 - one name in all
    """Set up quotas in the configuration *c*. All of the hub's configuration shares its names, so ours stay in here."""
    import inspect  # noqa: PLC0415
    import json  # noqa: PLC0415
    import re  # noqa: PLC0415
    import sys  # noqa: PLC0415
    from html import escape  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    import jupyterhub  # noqa: PLC0415
    from prometheus_client import Counter, Gauge  # noqa: PLC0415
    from tornado import web  # noqa: PLC0415
    from traitlets.log import get_logger  # noqa: PLC0415
    from traitlets.utils.importstring import import_item  # noqa: PLC0415

    log = get_logger()  # the hub's own
    loaded = Gauge("jupyterhub_quota_hook_loaded", "1 if launches are checked, 0 if our code could not be imported.")
    settings = json.loads(Path(folder, "hub", "settings.json").read_text(encoding="utf-8"))
    sys.path.append(f"{code}/{sys.version_info.major}.{sys.version_info.minor}")
    try:
        from jupyterhub_quota_hook import setup  # noqa: PLC0415
    except Exception:  # whatever is wrong with the code, the hub starts
        log.exception(
            "Quotas are not checked: jupyterhub-quota cannot be imported on Python %s. The policy's when_unknown "
            "decides on launches. Is the init container 'jupyterhub-quota' there, and from the version of the chart?",
            sys.version.split()[0],
        )
    else:
        for name, value in settings.items():
            # What was set before, in the hub's own configuration, counts.
            if name not in c.JupyterHubQuota:
                c.JupyterHubQuota[name] = value
        setup(c)
        loaded.set(1)
        return

    launches = Counter(
        "jupyterhub_quota_unchecked_launches", "Launches while our code could not be imported.", ["outcome"]
    )
    for outcome in ("allowed", "refused"):
        launches.labels(outcome)
    sentence = "How much you have used is not known at the moment, so this server cannot start. Please try again later."

    def policy():
        """The policy as far as it can be read; what cannot be read refuses."""
        try:
            import yaml  # noqa: PLC0415

            found = yaml.safe_load(Path(settings["policy_file"]).read_text(encoding="utf-8"))
            return found if isinstance(found, dict) else {}
        except Exception as error:  # noqa: BLE001 - not to be known is no reason to end
            log.error("The quota policy cannot be read: %s", error)
            return {}

    def may_start(user):
        """Whether a server of *user* starts although nothing is known."""
        rules = policy()
        exempt = rules.get("exempt") or {}
        return (
            rules.get("at_launch", "refuse") != "refuse"
            or rules.get("when_unknown", "refuse") == "allow"
            or user.name in (exempt.get("users") or ())
            or bool({group.name for group in user.groups} & set(exempt.get("groups") or ()))
        )

    spawner = c.JupyterHub.get("spawner_class", "jupyterhub.spawner.LocalProcessSpawner")
    spawner_class = import_item(spawner) if isinstance(spawner, str) and "." in spawner else spawner
    sections = [cls.__name__ for cls in getattr(spawner_class, "__mro__", ())] or ["KubeSpawner", "Spawner"]
    earlier = next((c[name].pre_spawn_hook for name in sections if name in c and "pre_spawn_hook" in c[name]), None)

    async def before_start(spawner):
        if earlier is not None:
            result = earlier(spawner)
            if inspect.isawaitable(result):
                await result
        allowed = may_start(spawner.user)
        launches.labels("allowed" if allowed else "refused").inc()
        log.warning("A server of %s %s unchecked", spawner.user.name, "starts" if allowed else "does not start,")
        if allowed:
            return
        contact = re.sub(r"\s+", " ", str(policy().get("contact") or ""))
        told = f"{sentence} {contact}".strip()
        if jupyterhub.version_info < (6,):
            # JupyterHub 5 would end itself after several in a row.
            spawner.consecutive_failure_limit = 0
            if spawner.handler is not None:
                counts = spawner.handler.settings
                counts["failure_count"] = counts.get("failure_count", 0) - 1
        refusal = web.HTTPError(403, told, reason="quota")
        refusal.jupyterhub_message = told
        refusal.jupyterhub_html_message = f"<p>{escape(told)}</p>"
        raise refusal

    c[sections[0]].pre_spawn_hook = before_start


_jupyterhub_quota(c)  # noqa: F821 - the hub's configuration
del _jupyterhub_quota
