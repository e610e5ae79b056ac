"""What the hub gets: one block of values, and its last piece of configuration, which never keeps it from starting."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rendering import CHART, MINIMAL, ROOT, merged, named, of_kind, rendered, template

HERE = Path(__file__).resolve().parent


def mounted(folder: Path, policy: dict[str, Any] | None = None, values: dict[str, Any] | None = None) -> Path:
    """Write what the hub finds at /etc/jupyterhub-quota into *folder*."""
    given = merged(values or {}, {"policy": merged({"default": "unlimited"}, policy or {})})
    objects = rendered(given)
    for name, part, keys in (
        ("jupyterhub-quota-hub", "hub", ("settings.json", "jupyterhub_config.py")),
        ("jupyterhub-quota-policy", "policy", ("policy.yaml",)),
    ):
        (folder / part).mkdir(parents=True, exist_ok=True)
        for key in keys:
            text = named(objects, "ConfigMap", name)["data"][key]
            (folder / part / key).write_text(text.replace("/etc/jupyterhub-quota", str(folder)))
    return folder


def launch(folder: Path, *, broken: str = "") -> dict[str, Any]:
    """Return what comes of a launch; with *broken*, our package is what that text says."""
    before = folder / "before"
    before.mkdir()
    if broken:
        (before / "jupyterhub_quota_hook.py").write_text(broken)
    done = subprocess.run(
        [sys.executable, HERE / "launching.py", folder],
        env=os.environ | {"PYTHONPATH": str(before)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout) | {"log": done.stderr}


def block_for(values: dict[str, Any]) -> dict[str, Any]:
    """Return the block of values that the notes print."""
    notes = template(values, command=("install", "--dry-run=client")).stdout.partition("NOTES:")[2]
    found = notes[notes.index("# What the jupyterhub chart needs") : notes.index("Where jupyterhub and this chart")]
    return dict(yaml.safe_load(found))


class TestLoaded:
    """Our code can be imported."""

    def test_quotas_are_set_up(self, tmp_path: Path):
        """With what the chart says, on the spawner's own section, after the hub's own hooks."""
        told = launch(mounted(tmp_path))

        assert 1 == told["loaded"]
        assert ["SimpleLocalProcessSpawnerWithProgress", "Spawner"] == told["section"]
        assert {
            "policy_file": f"{tmp_path}/policy/policy.yaml",
            "ledger_url": "http://jupyterhub-quota-prometheus:9090",
            "ledger_username_file": f"{tmp_path}/prometheus/username",
            "ledger_password_file": f"{tmp_path}/prometheus/password",
        }.items() <= told["settings"].items()

    def test_what_the_hub_sets_itself_counts(self, tmp_path: Path):
        """The chart does not overwrite a setting that stands in the hub's own configuration."""
        assert "2.5" == launch(mounted(tmp_path))["settings"]["timeout_seconds"]

    def test_our_folder_comes_last(self, tmp_path: Path):
        """So that the hub's own packages win: the folder of this very Python."""
        folder = f"{tmp_path}/code/{sys.version_info.major}.{sys.version_info.minor}"

        assert folder == launch(mounted(tmp_path))["path"]

    def test_an_external_prometheus(self, tmp_path: Path):
        """Its address, and the namespace of this hub's pods; no credential where none is given."""
        external = yaml.safe_load((CHART / "ci" / "open-external-values.yaml").read_text())
        values = merged(external, {"prometheus": {"auth": {"existingSecret": ""}}})
        told = launch(mounted(tmp_path, values=values))["settings"]

        assert ("http://prometheus.monitoring.svc:9090", "jhub") == (told["ledger_url"], told["ledger_namespace"])
        assert not {"ledger_username_file", "ledger_password_file"} & set(told)


BROKEN = {
    "missing": "raise ModuleNotFoundError('jupyterhub_quota_hook')",
    "for another Python": "def f(: pass",
    "at odds with a library": "raise TypeError('pydantic')",
}


class TestNotLoaded:
    """Our code cannot be imported: the hub starts, the policy decides, and everybody is told."""

    @pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
    def test_the_hub_starts(self, tmp_path: Path, broken: str):
        """Whatever the reason; the log says it, and the metric is 0."""
        told = launch(mounted(tmp_path), broken=broken)

        assert 0 == told["loaded"]
        assert "Quotas are not checked: jupyterhub-quota cannot be imported on Python 3." in told["log"]

    def test_launches_are_refused(self, tmp_path: Path):
        """By default: a 403 that reads well everywhere, with the policy's own contact, escaped."""
        told = launch(mounted(tmp_path, {"contact": "Ask <b>us</b>, 100%"}), broken=BROKEN["missing"])
        sentence = (
            "How much you have used is not known at the moment, so this server cannot start. Please try again later."
        )

        assert {
            "status": 403,
            "log": f"{sentence} Ask <b>us</b>, 100%%",
            "text": f"{sentence} Ask <b>us</b>, 100%",
            "html": f"<p>{sentence} Ask &lt;b&gt;us&lt;/b&gt;, 100%</p>",
        } == told["refused"]
        assert {"allowed": 0, "refused": 1} == told["counts"]

    @pytest.mark.parametrize(
        "policy",
        [
            {"when_unknown": "allow"},
            {"at_launch": "warn"},
            {"at_launch": "ignore"},
            {"exempt": {"users": ["ann"]}},
            {"exempt": {"groups": ["staff"]}},
        ],
        ids=str,
    )
    def test_or_start_where_the_policy_says_so(self, tmp_path: Path, policy: dict[str, Any]):
        """Counted as well."""
        told = launch(mounted(tmp_path, policy), broken=BROKEN["missing"])

        assert (None, {"allowed": 1, "refused": 0}) == (told["refused"], told["counts"])

    def test_a_policy_that_cannot_be_read_refuses(self, tmp_path: Path):
        """What is not known allows nothing."""
        folder = mounted(tmp_path, {"when_unknown": "allow"})
        (folder / "policy" / "policy.yaml").write_text("when_unknown: [")

        assert launch(folder, broken=BROKEN["missing"])["refused"]

    def test_the_hubs_own_hook_still_runs(self, tmp_path: Path):
        """First, as it does with our code."""
        assert ["ann"] == launch(mounted(tmp_path), broken=BROKEN["missing"])["earlier"]


class TestBlock:
    """The values for the jupyterhub chart."""

    @pytest.fixture
    def block(self) -> dict[str, Any]:
        """What the notes print."""
        return block_for(MINIMAL)

    def test_stopping_servers_takes_a_scope(self):
        """Which is in the block only then."""
        stopping = block_for(merged(MINIMAL, {"policy": {"while_running": "stop"}}))

        assert "delete:servers" in stopping["hub"]["loadRoles"]["quota"]["scopes"]

    def test_it_is_the_documented_one(self, block: dict[str, Any]):
        """Word for word, but for the version of the image."""
        page = (ROOT / "docs" / "chart.md").read_text()
        start = page.index("# What the jupyterhub chart needs")
        documented = yaml.safe_load(page[start : page.index("```", start)])
        for each in (block, documented):
            (container,) = each["hub"]["initContainers"]
            container["image"] = container["image"].rpartition(":")[0]

        assert documented == block

    def test_it_names_what_the_chart_makes(self, block: dict[str, Any]):
        """Objects and their keys."""
        objects = rendered()
        made = {each["metadata"]["name"]: each.get("data", {}) for each in of_kind(objects, "ConfigMap", "Secret")}
        volumes = {each["name"]: each for each in block["hub"]["extraVolumes"]}
        for source in volumes["jupyterhub-quota"]["projected"]["sources"]:
            ((kind, each),) = source.items()
            optional = each.get("optional", False)
            assert optional or {item["key"] for item in each["items"]} <= set(made[each["name"]]), kind
        services = {each["metadata"]["name"] for each in of_kind(objects, "Service")}

        assert block["hub"]["services"]["quota"]["url"].removeprefix("http://") in services
        assert set(volumes) == {each["name"] for each in block["hub"]["extraVolumeMounts"]}

    def test_its_piece_of_configuration_comes_last(self, block: dict[str, Any]):
        """The jupyterhub chart sorts by key, and what is in it is Python."""
        ((key, text),) = block["hub"]["extraConfig"].items()
        compile(text, key, "exec")

        assert key > "z"

    def test_the_next_chart_to_be_installed_takes_it(self, block: dict[str, Any]):
        """Only keys of `hub`, which its schema knows, and the init container is as restricted as our own pods."""
        assert {"hub"} == set(block)
        (container,) = block["hub"]["initContainers"]
        context = container["securityContext"]

        assert {"drop": ["ALL"]} == context["capabilities"]
        assert (True, False, True) == (
            context["runAsNonRoot"],
            context["allowPrivilegeEscalation"],
            context["readOnlyRootFilesystem"],
        )

    def test_no_role_can_do_more_than_it_says(self, block: dict[str, Any]):
        """The page reads names, groups and servers; it stops them only where the policy says so."""
        roles = {name: set(role["scopes"]) for name, role in block["hub"]["loadRoles"].items()}

        assert {"list:users", "read:users:name", "read:users:groups", "read:servers"} == roles["quota"]
        assert {"read:metrics", "custom:jupyterhub-quota:read-metrics", "access:services!service=quota"} == (
            roles["quota-metrics"]
        )
